// SPDX-License-Identifier: MIT
/* readlink(2) into the buffer that holds the name: the name is gone when the call returns. */
#include "workload.h"

static void setup(void)
{
	must(symlink("target-that-is-longer", "link"));
	must(symlink("t", "second-link"));
}

static void run(void)
{
	char text[64] = "link";

	expect(syscall(SYS_readlinkat, AT_FDCWD, text, text, sizeof(text)), .op = "readlink",
	       .any_abs = true, .requested = "link", .late = "target-that-is-longer");
	strcpy(text, "second-link");
	expect(syscall(SYS_readlinkat, AT_FDCWD, text, text, 1), .op = "readlink", .any_abs = true,
	       .requested = "second-link", .late = "tecond-link");
}
