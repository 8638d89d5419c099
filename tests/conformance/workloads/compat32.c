// SPDX-License-Identifier: MIT
/* 32-bit system calls from a 64-bit program (int 0x80), where the kernel has them. */
#include "workload.h"

#include <setjmp.h>
#include <sys/mman.h>

static void setup(void)
{
	make_file("file", "");
}

#ifdef __x86_64__
static sigjmp_buf back;

static void no_such_gate(int number)
{
	siglongjmp(back, 1);
}

static long int80(long number, unsigned long a, unsigned long b, unsigned long c)
{
	long ret;

	__asm__ volatile("int $0x80"
			 : "=a"(ret)
			 : "a"(number), "b"(a), "c"(b), "d"(c)
			 : "memory", "r8", "r9", "r10", "r11");
	if ((int)ret < 0) {
		errno = -(int)ret;
		return -1;
	}
	return ret;
}
#endif

static void run(void)
{
#ifdef __x86_64__
	char *low = must(mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0));
	unsigned long path = (unsigned long)low;

	signal(SIGSEGV, no_such_gate);
	if (sigsetjmp(back, 1))
		wl_skip("the kernel has no 32-bit system calls");
	strcpy(low, "none");
	int80(5, path, O_RDONLY, 0);
	also(.op = "open", .abs = at("none"), .err = ENOENT, .needs = "COMPAT32");
	strcpy(low, "file");
	expect(int80(5, path, O_RDONLY, 0), .op = "open", .abs = at("file"), .resolved = at("file"),
	       .needs = "COMPAT32");
	expect(int80(33, path, R_OK, 0), .op = "access", .abs = at("file"), .needs = "COMPAT32");
#else
	wl_skip("only x86-64 has int 0x80");
#endif
}
