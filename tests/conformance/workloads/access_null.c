// SPDX-License-Identifier: MIT
/* Pointers that lead nowhere: the call fails, the program and the tracer go on. */
#include "workload.h"

static void setup(void)
{
	make_file("after", "");
}

/* Values that the compiler must not know to be bad. */
static const char *volatile nowhere = NULL;
static const char *volatile wild = (const char *)8;

static void run(void)
{
	struct stat st;

	expect(access(nowhere, R_OK), .op = "access", .abs = NULL, .err = EFAULT);
	expect(open(wild, O_RDONLY), .op = "open", .abs = NULL, .err = EFAULT);
	expect(stat(wild, &st), .op = "stat", .abs = NULL, .err = EFAULT);
	expect(open("after", O_RDONLY), .op = "open", .abs = at("after"));
}
