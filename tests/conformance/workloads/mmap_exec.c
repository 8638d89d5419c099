// SPDX-License-Identifier: MIT
/* Code that is mapped from a file and called, with the descriptor closed and the name gone. */
#include "workload.h"

#include <sys/mman.h>

static void setup(void)
{
#if defined(__x86_64__)
	static const unsigned char code[] = {0xb8, 7, 0, 0, 0, 0xc3}; /* return 7 */
#elif defined(__aarch64__)
	static const unsigned int code[] = {0x528000e0, 0xd65f03c0};
#else
#error "write two instructions"
#endif
	int fd = must(open("code", O_WRONLY | O_CREAT | O_CLOEXEC, 0644));

	must(write(fd, code, sizeof(code)));
	must(close(fd));
}

static void run(void)
{
	int fd = (int)expect(open("code", O_RDONLY | O_CLOEXEC), .op = "open", .abs = at("code"),
			     .resolved = at("code"), .times = 1);
	int (*call)(void) = must(mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd, 0));

	must(close(fd));
	expect(unlink("code"), .op = "unlink", .abs = at("code"));
	if (call() != 7)
		wl_broken("the code does something else");
}
