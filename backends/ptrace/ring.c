// SPDX-License-Identifier: MIT
/*
 * io_uring: what a ring is asked to do passes ptrace by. So the first requests that are handed
 * to a ring count as a loss, once per ring and process; a ring whose requests the kernel fetches
 * by itself (SQPOLL) counts when it is made.
 */
#include "ptrace.h"

#include <linux/io_uring.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <procmem.h>

static uint64_t bit_of(int64_t fd)
{
	return 1ull << (fd >= 0 && fd < 63 ? fd : 63);
}

static void tell(struct pt *pt, struct pt_tracee *t, int64_t fd)
{
	if (!t->proc || pt->passing || pt->detaching || (t->proc->rings_told & bit_of(fd)))
		return;
	t->proc->rings_told |= bit_of(fd);
	pt_lose(pt, TKIT_LOSS_UNSEEN,
		"requests to an io_uring, whatever they are, are not seen by ptrace; "
		"--backend ebpf sees them");
}

/* io_uring_setup, io_uring_enter: whether the exit matters. */
bool pt_ring_enter(struct pt_tracee *t)
{
	const struct pt_call *call = &t->call;

	if (call->nr == PT_NR_IO_URING_SETUP)
		return true;
	return call->nr == PT_NR_IO_URING_ENTER && (uint32_t)call->args[1] && t->proc &&
	       !(t->proc->rings_told & bit_of((int32_t)call->args[0]));
}

/* ... and their exits. */
void pt_ring_exit(struct pt *pt, struct pt_tracee *t, int64_t ret)
{
	const struct pt_call *call = &t->call;
	struct io_uring_params params;

	if (call->nr == PT_NR_IO_URING_ENTER) {
		if (ret > 0)
			tell(pt, t, (int32_t)call->args[0]);
		return;
	}
	if (ret < 0 || !t->proc)
		return;
	t->proc->rings_told &= ~bit_of(ret); /* another ring had this number */
	if (procmem_read(t->tid, call->args[1], &params, sizeof(params)) < 0 ||
	    (params.flags & IORING_SETUP_SQPOLL))
		tell(pt, t, ret);
}

struct scan {
	struct pt *pt;
	struct pt_tracee *t;
};

static bool has_thread(pid_t pid, int fd)
{
	char path[64], line[128];
	bool found = false;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/fdinfo/%d", pid, fd);
	f = fopen(path, "re");
	while (f && !found && fgets(line, sizeof(line), f))
		found = strncmp(line, "SqThread:", 9) == 0 && strtol(line + 9, NULL, 10) > 0;
	if (f)
		fclose(f);
	return found;
}

static bool look(void *arg, int fd, const char *target)
{
	struct scan *scan = arg;

	if (strcmp(target, "/dev/fuse") == 0)
		scan->pt->fuse = true; /* must not be waited for by our own lookups */
	else if (strcmp(target, "anon_inode:[io_uring]") == 0 && has_thread(scan->t->tid, fd))
		tell(scan->pt, scan->t, fd);
	return false;
}

/* The descriptors of a process that was there before the trace. */
void pt_scan_fds(struct pt *pt, struct pt_tracee *t)
{
	struct scan scan = {pt, t};

	pt_each_fd(t->tid, look, &scan);
}
