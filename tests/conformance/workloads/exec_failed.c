// SPDX-License-Identifier: MIT
/* Execs that fail: no file, no permission, no format, a directory. */
#include "workload.h"

static void setup(void)
{
	must(mkdir("dir", 0755));
	make_file("plain", "text");
	make_file("bad", "\177ELF and no more");
	must(chmod("bad", 0755));
}

static void run(void)
{
	char *argv[] = {"x", NULL};

	expect(execv("none", argv), .op = "exec", .abs = at("none"), .err = ENOENT);
	expect(execv(at("plain"), argv), .op = "exec", .abs = at("plain"), .err = EACCES);
	expect(execv("bad", argv), .op = "exec", .abs = at("bad"), .err = ENOEXEC);
	expect(execv("dir", argv), .op = "exec", .abs = at("dir"), .err = EACCES);
}
