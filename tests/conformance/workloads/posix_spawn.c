// SPDX-License-Identifier: MIT
/* posix_spawn(3) with file actions, and a failing one. */
#include "workload.h"

#include <spawn.h>

#include "programs.h"

static void setup(void)
{
	copy_program("exit0", "program");
	make_file("input", "");
}

static void run(void)
{
	posix_spawn_file_actions_t actions;
	char *argv[] = {"program", NULL};
	pid_t pid;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "input", O_RDONLY, 0);
	if (posix_spawn(&pid, at("program"), &actions, NULL, argv, environ))
		wl_broken("posix_spawn failed");
	wl_wait(pid);
	also(.op = "open", .abs = at("input"));
	also(.op = "exec", .abs = at("program"));
	if (posix_spawn(&pid, "none", NULL, NULL, argv, environ) != ENOENT)
		wl_broken("posix_spawn of nothing");
	also(.op = "exec", .abs = at("none"), .err = ENOENT);
}
