// SPDX-License-Identifier: MIT
/* Two names of which one is the beginning of the other. */
#include "workload.h"

static void setup(void)
{
	make_file("abs.so", "");
	make_file("abs.so.1", "");
	make_file("stat", "");
	make_file("stat.more", "");
}

static void run(void)
{
	struct stat st;

	expect(open(at("abs.so"), O_RDONLY), .op = "open", .abs = at("abs.so"));
	expect(open(at("abs.so.1"), O_RDONLY), .op = "open", .abs = at("abs.so.1"));
	expect(stat(at("stat"), &st), .op = "stat", .abs = at("stat"));
	expect(open(at("stat.more"), O_RDONLY), .op = "open", .abs = at("stat.more"));
}
