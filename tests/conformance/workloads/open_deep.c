// SPDX-License-Identifier: MIT
/* A directory with more levels than a path can have bytes for, and 1000 of them. */
#include "workload.h"

#define LEVELS 1000

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
	static char deep[4096];
	size_t len = strlen(wl_dir);

	memcpy(deep, wl_dir, len + 1);
	for (int i = 0; i < LEVELS; i++)
		len += (size_t)snprintf(deep + len, sizeof(deep) - len, "/d");
	expect(chdir(deep), .op = "chdir", .abs = deep);
	snprintf(deep + len, sizeof(deep) - len, "/leaf");
	expect(open("leaf", O_RDONLY), .op = "open", .abs = deep, .requested = "leaf",
	       .resolved = deep);
}
