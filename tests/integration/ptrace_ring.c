// SPDX-License-Identifier: MIT
/* Makes an io_uring and uses it or not. usage: ptrace_ring unused|used|polled; 77: there is none */
#include <linux/io_uring.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct io_uring_params p = {
		.flags = argc > 1 && !strcmp(argv[1], "polled") ? IORING_SETUP_SQPOLL : 0};
	long fd = syscall(SYS_io_uring_setup, 4, &p);
	unsigned int *array;
	char *sq;

	if (fd < 0)
		return 77;
	if (argc < 2 || strcmp(argv[1], "used"))
		return 0;
	sq = mmap(NULL, p.sq_off.array + p.sq_entries * 4, PROT_READ | PROT_WRITE, MAP_SHARED,
		  (int)fd, IORING_OFF_SQ_RING);
	if (sq == MAP_FAILED)
		return 1;
	array = (unsigned int *)(sq + p.sq_off.array);
	array[0] = array[1] = 0; /* zeroed requests: IORING_OP_NOP */
	for (int i = 0; i < 2; i++) {
		__atomic_add_fetch((unsigned int *)(sq + p.sq_off.tail), 1, __ATOMIC_RELEASE);
		if (syscall(SYS_io_uring_enter, fd, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) != 1)
			return 1;
	}
	return 0;
}
