// SPDX-License-Identifier: MIT
/* Names of any bytes: newline, space, quotes, UTF-8, bytes that are no UTF-8, one byte, 255 bytes.
 */
#include "workload.h"

static const char *const names[] = {
	"new\nline",   "with space",  "quote\"'\\`$(x)", "tab\tbell\aesc\033[31m",
	"caf\303\251", "\377\376bad", "\355\240\200",    "x",
	" ",           "a -> b",      "<pipe>",          "[x] (deleted)"};

static void setup(void)
{
	char longest[NAME_MAX + 1];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		make_file(names[i], "");
	memset(longest, 'n', NAME_MAX);
	longest[NAME_MAX] = '\0';
	make_file(longest, "");
}

static void run(void)
{
	char longest[NAME_MAX + 1];

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		expect(open(names[i], O_RDONLY), .op = "open", .abs = at(names[i]),
		       .requested = names[i], .resolved = at(names[i]));
	memset(longest, 'n', NAME_MAX);
	longest[NAME_MAX] = '\0';
	expect(open(at(longest), O_RDONLY), .op = "open", .abs = at(longest));
	expect(open("none\n\377", O_RDONLY), .op = "open", .abs = at("none\n\377"), .err = ENOENT);
}
