// SPDX-License-Identifier: MIT
#include "util/shebang.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "util/bytes.h"

static bool blank(char c)
{
	return c == ' ' || c == '\t';
}

int shebang_parse(const char *head, size_t size, struct shebang *ret_shebang)
{
	size_t end, at, name;
	bool nul;
	const char *p;

	if (size > SHEBANG_SIZE)
		size = SHEBANG_SIZE;
	if (size < 2 || head[0] != '#' || head[1] != '!')
		return -ENOEXEC;
	p = memchr(head, '\n', size);
	end = p ? (size_t)(p - head) : size;
	/* A file shorter than the kernel's buffer ends in NUL bytes there. */
	p = memchr(head, '\0', end);
	nul = p != NULL;
	if (nul)
		end = (size_t)(p - head);
	at = 2;
	while (at < end && blank(head[at]))
		at++;
	name = at;
	while (at < end && !blank(head[at]))
		at++;
	/* No end of the name within the buffer: it may be cut, and the kernel refuses it. */
	if (at == name || at == SHEBANG_SIZE)
		return -ENOEXEC;
	ret_shebang->interp = BYTES(head + name, at - name);
	while (at < end && blank(head[at]))
		at++;
	/* With no newline the kernel's own last byte is cut off. */
	if (end == SHEBANG_SIZE)
		end--;
	while (!nul && end > at && blank(head[end - 1]))
		end--;
	ret_shebang->arg = BYTES(at < end ? head + at : NULL, at < end ? end - at : 0);
	return 0;
}
