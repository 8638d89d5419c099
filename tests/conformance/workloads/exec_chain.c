// SPDX-License-Identifier: MIT
/* Five scripts, each the next one's interpreter, and a program at the end; one more is too many. */
#include "workload.h"

#include "programs.h"

#define DEPTH 5 /* the kernel's limit */

static void setup(void)
{
	char name[16], *line;

	copy_program("exit0", "s0");
	for (int i = 1; i <= DEPTH + 1; i++) {
		snprintf(name, sizeof(name), "s%d", i - 1);
		if (asprintf(&line, "#!%s\n", at(name)) < 0)
			wl_broken("out of memory");
		snprintf(name, sizeof(name), "s%d", i);
		make_file(name, line);
		must(chmod(name, 0755));
	}
}

static void run(void)
{
	char name[16];

	spawn(at("s5"), NULL);
	also(.op = "exec", .abs = at("s5"), .requested = at("s5"));
	for (int i = 0; i < DEPTH; i++) {
		snprintf(name, sizeof(name), "s%d", i);
		also(.op = "interp", .abs = at(name), .requested = at(name));
	}
	expect(execl("s6", "s6", NULL), .op = "exec", .abs = at("s6"), .err = ELOOP);
}
