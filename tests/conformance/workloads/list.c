// SPDX-License-Identifier: MIT
/* Directory listings, of an empty directory, too. */
#include "workload.h"

static void setup(void)
{
	must(mkdir("empty", 0755));
	must(mkdir("full", 0755));
	make_file("full/one", "");
	make_file("full/two", "");
}

static int read_all(const char *name)
{
	DIR *dir = opendir(name);
	int count = 0;

	if (!dir)
		wl_broken("opendir %s: %s", name, strerror(errno));
	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

static void run(void)
{
	if (read_all("empty") != 2 || read_all(at("full")) != 4)
		wl_broken("wrong number of entries");
	also(.op = "open", .abs = at("empty"), .resolved = at("empty"));
	also(.op = "list", .abs = at("empty"));
	also(.op = "open", .abs = at("full"));
	also(.op = "list", .abs = at("full"));
	/* libc may look at what it opened. */
	also(.op = "stat", .abs = at("empty"), .maybe = true);
	also(.op = "stat", .abs = at("full"), .maybe = true);
}
