// SPDX-License-Identifier: MIT
/* A directory whose own path is longer than any path may be: reached step by step. */
#include "workload.h"

#define LEVELS 2400

static void setup(void)
{
	for (int i = 0; i < LEVELS; i++) {
		must(mkdir("d", 0755));
		must(chdir("d"));
	}
	make_file("leaf", "");
}

static void run(void)
{
	static char step[LEVELS + 1], deep[PATH_MAX + 2 * LEVELS];
	size_t len = strlen(wl_dir);

	for (int i = 0; i < LEVELS / 2; i++)
		memcpy(step + 2 * i, "d/", 2);
	step[LEVELS - 1] = '\0';
	memcpy(deep, wl_dir, len + 1);
	/* Who cannot tell so long a path must count it. */
	wl_may_lose("truncated");
	wl_may_lose("unreadable");
	for (int i = 0; i < 2; i++) {
		deep[len++] = '/';
		memcpy(deep + len, step, LEVELS);
		len += LEVELS - 1;
		expect(chdir(step), .op = "chdir", .abs = deep, .requested = step);
	}
	memcpy(deep + len, "/leaf", 6);
	expect(open("leaf", O_RDONLY), .op = "open", .abs = deep, .requested = "leaf",
	       .resolved = deep);
}
