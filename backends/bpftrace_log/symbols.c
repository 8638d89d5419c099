// SPDX-License-Identifier: MIT
/* The names that strace prints for flags and errors. */
#include "import.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static const struct {
	const char *name;
	uint64_t value;
} flags[] = {
#define F(name)                         \
	{                               \
#name, (uint64_t)(name) \
	}
	F(O_RDONLY),
	F(O_WRONLY),
	F(O_RDWR),
	F(O_CREAT),
	F(O_EXCL),
	F(O_NOCTTY),
	F(O_TRUNC),
	F(O_APPEND),
	F(O_NONBLOCK),
	F(O_DSYNC),
	F(O_ASYNC),
	F(O_DIRECT),
	F(O_DIRECTORY),
	F(O_NOFOLLOW),
	F(O_NOATIME),
	F(O_CLOEXEC),
	F(O_SYNC),
	F(O_PATH),
	F(O_TMPFILE),
	F(AT_SYMLINK_NOFOLLOW),
	F(AT_REMOVEDIR),
	F(AT_SYMLINK_FOLLOW),
	F(AT_NO_AUTOMOUNT),
	F(AT_EMPTY_PATH),
	F(AT_EACCESS),
	F(R_OK),
	F(W_OK),
	F(X_OK),
	F(F_OK),
#undef F
	{"O_LARGEFILE", 0100000},
};

static uint64_t one(const char *text, size_t len)
{
	if (len && text[0] >= '0' && text[0] <= '9') {
		int base = 10;
		uint64_t value = 0;
		size_t i = 0;

		if (len > 2 && text[0] == '0' && text[1] == 'x') {
			base = 16;
			i = 2;
		} else if (text[0] == '0') {
			base = 8;
		}
		for (; i < len && i < 20; i++) {
			char c = text[i];
			int digit = c >= '0' && c <= '9'   ? c - '0'
				    : c >= 'a' && c <= 'f' ? c - 'a' + 10
							   : 99;

			if (digit >= base)
				break;
			value = value * (unsigned int)base + (unsigned int)digit;
		}
		return value;
	}
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (strlen(flags[i].name) == len && !memcmp(flags[i].name, text, len))
			return flags[i].value;
	return 0;
}

uint64_t symbols_value(const char *text, size_t len)
{
	uint64_t value = 0;
	size_t start = 0;

	for (size_t i = 0; i <= len; i++)
		if (i == len || text[i] == '|') {
			value |= one(text + start, i - start);
			start = i + 1;
		}
	return value;
}

int symbols_errno(const char *text, size_t len)
{
	for (int err = 1; err < 134; err++) {
		const char *name = tkit_errno_name(err);

		if (name && strlen(name) == len && !memcmp(name, text, len))
			return err;
	}
	return 0;
}
