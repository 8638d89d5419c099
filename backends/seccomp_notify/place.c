// SPDX-License-Identifier: MIT
/* What /proc and the memory of a waiting thread tell. */
#include "notify.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define PAGE        4096u
#define DELETED     " (deleted)"
#define DELETED_LEN (sizeof(DELETED) - 1)
#define KNOWN_NS    100000000u

/* ---- memory ---- */

/* Also where process_vm_readv(2) is refused, and from memory that is mapped for writing only. */
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

static ssize_t read_some(pid_t tid, uint64_t addr, void *buf, size_t size)
{
	struct iovec local = {.iov_base = buf, .iov_len = size};
	struct iovec remote = {.iov_base = (void *)(uintptr_t)addr, .iov_len = size};
	ssize_t n = process_vm_readv(tid, &local, 1, &remote, 1, 0);

	return n > 0 ? n : read_by_mem(tid, addr, buf, size);
}

/* All `size` bytes: 0, or -errno. */
int sn_memory(pid_t tid, uint64_t addr, void *buf, size_t size)
{
	for (size_t have = 0; have < size;) {
		ssize_t n = read_some(tid, addr + have, (char *)buf + have, size - have);

		if (n < 0)
			return (int)n;
		have += (size_t)n;
	}
	return 0;
}

/*
 * A path, up to a NUL. Never touches a page behind the one that the string ends in. Its length,
 * -ENAMETOOLONG if there is no NUL (then buf is full), -EFAULT if there is no such memory, other
 * errors if it may not be read.
 */
ssize_t sn_string(pid_t tid, uint64_t addr, char buf[PATH_MAX])
{
	size_t have = 0;

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
		n = read_some(tid, addr + have, buf + have, size);
		if (n < 0)
			return n;
		nul = memchr(buf + have, 0, (size_t)n);
		if (nul)
			return nul - buf;
		have += (size_t)n;
	}
	return -ENAMETOOLONG;
}

/* ---- places ---- */

/* `path` without the directory `prefix` before it; NULL if it does not lie below. */
static const char *strip(const char *path, const char *prefix)
{
	size_t len = strlen(prefix);

	if (len == 1)
		return path; /* "/" */
	if (strncmp(path, prefix, len) != 0)
		return NULL;
	if (!path[len])
		return "/";
	return path[len] == '/' ? path + len : NULL;
}

/* The root directory of the thread that waits. */
void sn_root_read(struct sn *sn)
{
	const char *in_target;
	struct stat root;
	char link[64];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/%d/root", sn->tid);
	n = readlink(link, sn->root_host, sizeof(sn->root_host) - 1);
	if (n <= 0 || stat(link, &root) < 0) {
		/* It is gone, or we may not look: paths are taken for what they are. */
		strcpy(sn->root_host, "/");
		sn->root_kind = SN_ROOT_SAME;
		return;
	}
	sn->root_host[n] = '\0';
	if (root.st_dev == sn->target_root.st_dev && root.st_ino == sn->target_root.st_ino) {
		sn->root_kind = SN_ROOT_SAME;
		return;
	}
	in_target = tkit_target_path(sn->target, sn->root_host);
	/* By name the target's root, yet another directory: of another mount namespace. */
	sn->root_kind = in_target && strcmp(in_target, "/") != 0 ? SN_ROOT_INSIDE : SN_ROOT_OUTSIDE;
}

/* Cuts off the kernel's mark; -ENODATA for what never had a name. */
static int cut_deleted(const char *link, struct sn_place *place, size_t *len)
{
	struct stat named, linked;

	if (*len <= DELETED_LEN ||
	    memcmp(place->host + *len - DELETED_LEN, DELETED, DELETED_LEN) != 0)
		return 0;
	if (lstat(place->host, &named) == 0 && stat(link, &linked) == 0 &&
	    named.st_dev == linked.st_dev && named.st_ino == linked.st_ino)
		return 0; /* a file that is called so */
	*len -= DELETED_LEN;
	place->host[*len] = '\0';
	if (strncmp(place->host, "/memfd:", 7) == 0)
		return -ENODATA;
	place->pflags |= TKIT_P_DELETED;
	return 0;
}

/* "/" of something that is no directory: mounted by itself, on a mount that hangs nowhere any more.
 */
static bool is_no_root(const char *link, const char *host)
{
	struct stat linked;

	return strcmp(host, "/") == 0 && stat(link, &linked) == 0 && !S_ISDIR(linked.st_mode);
}

static int read_place(struct sn *sn, const char *link, struct sn_place *place)
{
	ssize_t n = readlink(link, place->host, sizeof(place->host) - 1);
	size_t len;
	int rc;

	if (n < 0)
		return -errno;
	place->host[n] = '\0';
	place->pflags = 0;
	if (place->host[0] != '/' || is_no_root(link, place->host))
		return -ENODATA;
	len = (size_t)n;
	rc = cut_deleted(link, place, &len);
	if (rc < 0)
		return rc;
	if (sn->root_kind == SN_ROOT_SAME)
		place->path = strip(place->host, sn->root_host);
	else if (sn->root_kind == SN_ROOT_INSIDE)
		place->path = tkit_target_path(sn->target, place->host);
	else
		place->path = NULL;
	if (!place->path) {
		place->path = place->host;
		place->pflags |= TKIT_P_OUTSIDE_ROOT;
	}
	place->len = strlen(place->path);
	return 0;
}

/* A descriptor of the thread; AT_FDCWD is its working directory. */
int sn_place_fd(struct sn *sn, int fd, struct sn_place *place)
{
	char link[64];

	if (fd < 0 && fd != AT_FDCWD)
		return -EBADF;
	if (fd == AT_FDCWD)
		snprintf(link, sizeof(link), "/proc/%d/cwd", sn->tid);
	else
		snprintf(link, sizeof(link), "/proc/%d/fd/%d", sn->tid, fd);
	return read_place(sn, link, place);
}

/* ---- the process ---- */

static pid_t read_tgid(pid_t tid)
{
	char path[64], text[2048];
	const char *at;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/status", tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	at = strstr(text, "\nTgid:"); /* a newline in the name is escaped */
	return at ? (pid_t)strtol(at + 6, NULL, 10) : 0;
}

/* A number is not used again within a tenth of a second: that takes a whole round of them. */
static pid_t tgid(struct sn *sn)
{
	size_t slot = (size_t)sn->tid % (sizeof(sn->known) / sizeof(sn->known[0]));

	if (sn->now - sn->known_since > KNOWN_NS) {
		memset(sn->known, 0, sizeof(sn->known));
		sn->known_since = sn->now;
	}
	if (sn->known[slot].tid != sn->tid) {
		pid_t pid = read_tgid(sn->tid);

		if (!pid)
			return 0;
		sn->known[slot].tid = sn->tid;
		sn->known[slot].pid = pid;
	}
	return sn->known[slot].pid;
}

/* Process id, program, name of the thread. */
void sn_process_read(struct sn *sn)
{
	struct sn_place place;
	char path[64];
	ssize_t n = -1;
	int fd;

	sn->pid = tgid(sn);
	snprintf(path, sizeof(path), "/proc/%d/exe", sn->tid);
	sn->exe_known = read_place(sn, path, &place) == 0 && place.len < sizeof(sn->exe);
	if (sn->exe_known) {
		memcpy(sn->exe, place.path, place.len);
		sn->exe_len = place.len;
	}
	snprintf(path, sizeof(path), "/proc/%d/comm", sn->tid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, sn->comm, sizeof(sn->comm));
		close(fd);
	}
	sn->comm_len = n > 0 ? (size_t)n - (sn->comm[n - 1] == '\n') : 0;
}
