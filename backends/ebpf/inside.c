// SPDX-License-Identifier: MIT
/* Looking at files from user space, inside a root directory. */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ebpf.h"

/* Opens an absolute path in a directory taken as root. Returns -errno. */
int inside_open(int root_fd, struct tkit_bytes path, uint64_t flags)
{
	struct open_how how = {.flags = flags | O_CLOEXEC | (flags & O_PATH ? 0 : O_NONBLOCK),
			       .resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS};
	char name[EBPF_PATH_MAX];
	long fd;

	if (path.len >= sizeof(name))
		return -ENAMETOOLONG;
	memcpy(name, path.ptr, path.len);
	name[path.len] = 0;
	fd = syscall(SYS_openat2, root_fd, name, &how, sizeof(how));
	return fd < 0 ? -errno : (int)fd;
}

/* The path of an open file in the target's root, in buf; empty if it has none. */
struct tkit_bytes inside_path(const struct ebpf *e, int fd, char *buf, size_t size)
{
	const char *path;
	char link[64];
	struct stat st;
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, buf, size - 1);
	if (n <= 0 || n >= (ssize_t)size - 1 || fstat(fd, &st) || !st.st_nlink)
		return (struct tkit_bytes){NULL, 0};
	buf[n] = 0;
	path = tkit_target_path(e->target, buf);
	return (struct tkit_bytes){path, path ? strlen(path) : 0};
}
