// SPDX-License-Identifier: MIT
/* truncate(2). */
#include "workload.h"

static void setup(void)
{
	make_file("a", "1234");
	make_file("b", "1234");
}

static void run(void)
{
	expect(truncate(at("a"), 1), .op = "truncate", .abs = at("a"));
	expect(truncate("b", 0), .op = "truncate", .abs = at("b"), .requested = "b");
	expect(truncate("none", 0), .op = "truncate", .abs = at("none"), .err = ENOENT);
}
