// SPDX-License-Identifier: MIT
/* With .. in the path, also above the root directory. */
#include "workload.h"

static void setup(void)
{
	must(mkdir("sub", 0755));
	make_file("file", "");
}

static void run(void)
{
	char *above;

	expect(open(at("sub/../file"), O_RDONLY), .op = "open", .abs = at("sub/../file"),
	       .resolved = at("file"));
	if (asprintf(&above, "/../..%s", at("file")) < 0)
		wl_broken("out of memory");
	expect(open(above, O_RDONLY), .op = "open", .abs = above, .resolved = at("file"));
}
