// SPDX-License-Identifier: MIT
#include <procmem.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define PAGE  4096u
#define FIRST 256u /* bytes that are read at once: enough for nearly all paths */

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
	if (n > 0 && ret_forced)
		*ret_forced = true;
	return n;
}

int procmem_read(pid_t tid, uint64_t addr, void *buf, size_t size)
{
	for (size_t have = 0; have < size;) {
		ssize_t n = read_some(tid, addr + have, (char *)buf + have, size - have, NULL);

		if (n < 0)
			return (int)n;
		have += (size_t)n;
	}
	return 0;
}

ssize_t procmem_string(pid_t tid, uint64_t addr, char buf[PATH_MAX], bool *ret_forced)
{
	size_t have = 0;

	if (ret_forced)
		*ret_forced = false;
	if (!addr)
		return -EFAULT;
	while (have < PATH_MAX) {
		size_t size = PAGE - ((addr + have) & (PAGE - 1));
		const char *nul;
		ssize_t n;

		if (size > PATH_MAX - have)
			size = PATH_MAX - have;
		if (!have && size > FIRST)
			size = FIRST;
		n = read_some(tid, addr + have, buf + have, size, ret_forced);
		if (n < 0)
			return n;
		nul = memchr(buf + have, 0, (size_t)n);
		if (nul)
			return nul - buf;
		have += (size_t)n;
	}
	return -ENAMETOOLONG;
}
