// SPDX-License-Identifier: MIT
/* A library that is searched for: not in the first place, then found and mapped. */
#include "workload.h"

#include <dlfcn.h>

#include "programs.h"

static void setup(void)
{
	must(mkdir("empty", 0755));
	must(mkdir("full", 0755));
	copy_program("library", "full/library.so");
	copy_program("library", "other.so");
	copy_program("dynamic", "program");
}

static void run(void)
{
	char *env[2] = {NULL, NULL}, *argv[] = {"program", NULL};
	pid_t pid;

	if (dlopen(at("none.so"), RTLD_NOW))
		wl_broken("dlopen of nothing");
	also(.op = "open", .abs = at("none.so"), .err = ENOENT);
	if (!dlopen("./other.so", RTLD_NOW))
		wl_broken("dlopen: %s", dlerror());
	also(.op = "open", .abs = at("other.so"), .requested = "./other.so",
	     .resolved = at("other.so"));

	pid = (pid_t)must(fork());
	if (pid == 0) {
		/* The library is loaded under its bare name. */
		if (asprintf(&env[0], "LD_LIBRARY_PATH=%s:%s", at("empty"), at("full")) < 0)
			_exit(99);
		must(setenv("LD_LIBRARY_PATH", strchr(env[0], '=') + 1, 1));
		must(setenv("LD_PRELOAD", "library.so", 1));
		execve("./program", argv, environ);
		_exit(errno);
	}
	wl_wait(pid);
	also(.op = "exec", .abs = at("program"));
	also(.op = "open", .abs = at("empty/library.so"), .err = ENOENT);
	also(.op = "open", .abs = at("full/library.so"), .resolved = at("full/library.so"));
	/* ld.so looks at what it opened, at the two directories, and for ones for the processor. */
	also(.op = "stat", .abs = at("other.so"), .maybe = true);
	also(.op = "stat", .abs = at("full/library.so"), .maybe = true);
	also(.op = "open", .abs = at("empty/"), .prefix = true, .err = ENOENT, .maybe = true);
	also(.op = "open", .abs = at("full/"), .prefix = true, .err = ENOENT, .maybe = true);
	also(.op = "stat", .abs = at("empty"), .prefix = true, .err = ENOENT, .maybe = true);
	also(.op = "stat", .abs = at("full"), .prefix = true, .err = ENOENT, .maybe = true);
	also(.op = "stat", .abs = at("empty"), .maybe = true);
	also(.op = "stat", .abs = at("full"), .maybe = true);
}
