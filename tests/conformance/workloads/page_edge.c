// SPDX-License-Identifier: MIT
/* A path that ends right before an unmapped page, one across two pages, one that no page holds yet.
 */
#include "workload.h"

#include <sys/mman.h>

static void setup(void)
{
	make_file("edge", "");
	make_file("across", "");
	make_file("untouched", "");
	make_file("text", "untouched");
}

static void run(void)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	char *area = must(
		mmap(NULL, 3 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	int fd = (int)expect(open("text", O_RDONLY), .op = "open", .abs = at("text"));
	char *mapped;

	must(mprotect(area + 2 * page, page, PROT_NONE));
	expect(open(strcpy(area + 2 * page - 5, "edge"), O_RDONLY), .op = "open", .abs = at("edge"),
	       .requested = "edge");
	expect(open(strcpy(area + page - 3, "across"), O_RDONLY), .op = "open", .abs = at("across"),
	       .requested = "across");
	mapped = must(mmap(NULL, page, PROT_READ, MAP_PRIVATE, fd, 0));
	expect(open(mapped, O_RDONLY), .op = "open", .abs = at("untouched"),
	       .requested = "untouched");
}
