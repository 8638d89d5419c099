// SPDX-License-Identifier: MIT
/* Reading the memory of a stopped tracee. */
#include "ptrace.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define PAGE 4096u

/*
 * By /proc/TID/mem: also where process_vm_readv(2) is refused, and from memory that is
 * mapped for writing only, which the kernel itself reads without complaint.
 */
static ssize_t read_by_mem(pid_t tid, uint64_t addr, void *buf, size_t size)
{
	char name[64];
	ssize_t n;
	int fd;

	if (!addr || addr > INT64_MAX)
		return -EFAULT;
	snprintf(name, sizeof(name), "/proc/%d/mem", tid);
	fd = open(name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = pread(fd, buf, size, (off_t)addr);
	if (n <= 0)
		n = -EFAULT;
	close(fd);
	return n;
}

static ssize_t read_some(pid_t tid, uint64_t addr, void *buf, size_t size, bool *ret_forced)
{
	struct iovec local = {.iov_base = buf, .iov_len = size};
	struct iovec remote = {.iov_base = (void *)(uintptr_t)addr, .iov_len = size};
	ssize_t n = process_vm_readv(tid, &local, 1, &remote, 1, 0);

	if (n > 0)
		return n;
	n = read_by_mem(tid, addr, buf, size);
	if (n > 0)
		*ret_forced = true;
	return n;
}

/* All `size` bytes, or -errno. */
ssize_t pt_read(pid_t tid, uint64_t addr, void *buf, size_t size)
{
	size_t have = 0;
	bool forced;

	while (have < size) {
		ssize_t n = read_some(tid, addr + have, (char *)buf + have, size - have, &forced);

		if (n < 0)
			return n;
		have += (size_t)n;
	}
	return (ssize_t)size;
}

/*
 * A path, as the kernel's getname() takes it: up to a NUL, at most PATH_MAX bytes with it.
 * Never touches a page behind the one that the string ends in. Returns its length,
 * -ENAMETOOLONG if there is no NUL (then buf is full), -EFAULT.
 */
ssize_t pt_read_string(pid_t tid, uint64_t addr, char buf[PATH_MAX], bool *ret_forced)
{
	size_t have = 0;

	*ret_forced = false;
	if (!addr)
		return -EFAULT;
	while (have < PATH_MAX) {
		size_t size = PAGE - ((addr + have) & (PAGE - 1));
		const char *nul;
		ssize_t n;

		if (size > PATH_MAX - have)
			size = PATH_MAX - have;
		if (!have && size > 256)
			size = 256; /* enough for nearly all */
		n = read_some(tid, addr + have, buf + have, size, ret_forced);
		if (n < 0)
			return -EFAULT;
		nul = memchr(buf + have, 0, (size_t)n);
		if (nul)
			return nul - buf;
		have += (size_t)n;
	}
	return -ENAMETOOLONG;
}
