// SPDX-License-Identifier: MIT
/* A static program, by its name and through a symlink. */
#include "workload.h"

#include "programs.h"

static void setup(void)
{
	copy_program("exit0", "program");
	must(symlink("program", "link"));
}

static void run(void)
{
	spawn("./program", NULL);
	also(.op = "exec", .abs = at("program"), .requested = "./program",
	     .resolved = at("program"));
	spawn(at("link"), NULL);
	also(.op = "exec", .abs = at("link"), .resolved = at("program"));
}
