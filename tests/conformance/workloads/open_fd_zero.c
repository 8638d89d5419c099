// SPDX-License-Identifier: MIT
/* The result of the open is descriptor 0, which is success. */
#include "workload.h"

static void setup(void)
{
	make_file("file", "");
}

static void run(void)
{
	must(close(0));
	if (expect(open(at("file"), O_RDONLY), .op = "open", .abs = at("file"), .times = 1) != 0)
		wl_broken("the descriptor is not 0");
}
