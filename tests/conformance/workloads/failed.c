// SPDX-License-Identifier: MIT
/* Lookups that fail, each for its own reason, by open and by stat. */
#include "workload.h"

static void setup(void)
{
	char name[NAME_MAX + 1];

	must(mkdir("closed", 0700));
	make_file("closed/file", "");
	make_file("file", "");
	must(chmod("closed", 0));
	must(symlink("loop", "loop"));
	memset(name, 'x', sizeof(name) - 1);
	name[NAME_MAX] = '\0';
}

static void run(void)
{
	char name[NAME_MAX + 2];
	struct stat st;

	memset(name, 'x', sizeof(name) - 1);
	name[NAME_MAX + 1] = '\0';
	wl_drop_root();
	expect(open("none", O_RDONLY), .op = "open", .abs = at("none"), .err = ENOENT);
	expect(open("none/deeper", O_RDONLY), .op = "open", .abs = at("none/deeper"),
	       .err = ENOENT);
	expect(open("file/below", O_RDONLY), .op = "open", .abs = at("file/below"), .err = ENOTDIR);
	expect(open("file", O_RDONLY | O_DIRECTORY), .op = "open", .abs = at("file"),
	       .err = ENOTDIR);
	expect(open("closed/file", O_RDONLY), .op = "open", .abs = at("closed/file"),
	       .err = EACCES);
	expect(stat("closed/file", &st), .op = "stat", .abs = at("closed/file"), .err = EACCES);
	expect(open("loop", O_RDONLY), .op = "open", .abs = at("loop"), .err = ELOOP);
	expect(stat("loop/x", &st), .op = "stat", .abs = at("loop/x"), .err = ELOOP);
	expect(open(name, O_RDONLY), .op = "open", .abs = at(name), .requested = name,
	       .err = ENAMETOOLONG);
	expect(open("", O_RDONLY), .op = "open", .abs = NULL, .requested = "", .err = ENOENT);
	expect(open(".", O_RDWR), .op = "open", .abs = at(""), .err = EISDIR);
}
