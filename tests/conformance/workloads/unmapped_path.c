// SPDX-License-Identifier: MIT
/* A name that has no end before memory does: the call fails, and no name may be made up. */
#include "workload.h"

#include <sys/mman.h>

static void setup(void)
{
	make_file("edge", "");
}

static void run(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *area = must(
		mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	struct stat st;
	char *endless;

	must(munmap(area + page, page));
	endless = memcpy(area + page - 4, "edge", 4);
	expect(open(endless, O_RDONLY), .op = "open", .abs = NULL, .err = EFAULT);
	expect(fstatat(AT_FDCWD, endless, &st, 0), .op = "stat", .abs = NULL, .err = EFAULT);
	expect(rename(endless, "to"), .op = "rename_from", .abs = NULL, .err = EFAULT);
	also(.op = "rename_to", .any_abs = true, .requested = "to", .err = EFAULT);
	expect(access(area + page, F_OK), .op = "access", .abs = NULL, .err = EFAULT);
}
