// SPDX-License-Identifier: MIT
/*
 * What is known of threads from one call to the next, and why it is still true.
 *
 * A directory /proc/TID that is held open, and its file `comm`, stand for the task that had the
 * number, not for the number: once that task has been reaped, reading gives ESRCH. So one read of
 * `comm` at each call tells the thread's present name, and that what was kept is of this thread and
 * not of an earlier one with its number. Kept are
 *
 * - the process: a thread stays in its own. (A thread that executes in the place of its leader
 *   takes the leader's number, and stays in the process.)
 * - the program: what it was called at the first call after an exec. Each exec is asked about;
 *   what the thread that makes it runs is read again at its next call, which comes after the exec.
 *   Only where another thread than the leader executes, the next call under the leader's number
 *   can be of before the exec or of after it: the program of such processes is read at each call
 *   from then on.
 *
 * What is kept during a call whose answer the kernel does not take (its thread was killed, the
 * number may be another's by then) is forgotten: sn_thread_forget().
 */
#include "notify.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static void release(struct sn_thread *t)
{
	if (!t->tid)
		return;
	if (t->dir >= 0)
		close(t->dir);
	if (t->comm >= 0)
		close(t->comm);
	free(t->exe);
	memset(t, 0, sizeof(*t));
}

void sn_threads_release(struct sn *sn)
{
	for (size_t i = 0; i < SN_THREADS; i++)
		release(&sn->threads[i]);
	release(&sn->stray);
	sn->thread = NULL;
}

/* The thread's name now. False: there is no such thread any more, or it cannot be read. */
static bool read_comm(struct sn *sn, int fd)
{
	ssize_t n = fd < 0 ? -1 : pread(fd, sn->comm, sizeof(sn->comm), 0);

	sn->comm_len = n > 0 ? (size_t)n - (sn->comm[n - 1] == '\n') : 0;
	return n > 0;
}

/* The number after "Tgid:" in status; -errno if it cannot be read. */
static pid_t read_tgid(int dir)
{
	int fd = openat(dir, "status", O_RDONLY | O_CLOEXEC);
	char text[2048];
	const char *at;
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return -ESRCH;
	text[n] = '\0';
	at = strstr(text, "\nTgid:"); /* a newline in the name is escaped */
	return at ? (pid_t)strtol(at + 6, NULL, 10) : -ESRCH;
}

/* Only the first thread of a process has a pidfd of this kind; status takes eight times as long. */
static pid_t read_process(pid_t tid, int dir)
{
	int fd = (int)syscall(SYS_pidfd_open, tid, 0);

	if (fd < 0)
		return read_tgid(dir);
	close(fd);
	return tid;
}

static int open_thread(pid_t tid, struct sn_thread *t)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d", tid);
	t->comm = -1;
	t->dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (t->dir >= 0)
		t->comm = openat(t->dir, "comm", O_RDONLY | O_CLOEXEC);
	return t->comm < 0 ? -errno : 0;
}

/* Makes *t what is known of the thread that waits. 0, or -errno: it is not there, or hidden. */
static int take_up(struct sn *sn, struct sn_thread *t)
{
	int rc;

	release(t);
	rc = open_thread(sn->tid, t);
	t->tid = sn->tid; /* from here on there is something to release */
	if (rc == 0)
		rc = read_comm(sn, t->comm) ? read_process(sn->tid, t->dir) : -ESRCH;
	if (rc < 0) {
		release(t);
		return rc;
	}
	t->pid = rc;
	return 0;
}

struct sn_thread *sn_thread(struct sn *sn)
{
	struct sn_thread *t = &sn->threads[(size_t)sn->tid % SN_THREADS];
	int rc;

	if (sn->thread)
		return sn->thread;
	if (t->tid != sn->tid || !read_comm(sn, t->comm)) {
		rc = take_up(sn, t);
		if (rc == -EMFILE || rc == -ENFILE) {
			sn_threads_release(sn);
			rc = take_up(sn, t);
		}
		if (rc < 0) { /* all is asked for by its number, and not kept */
			release(&sn->stray);
			sn->comm_len = 0;
			t = &sn->stray;
			*t = (struct sn_thread){.tid = sn->tid, .dir = -1, .comm = -1};
		}
	}
	sn->thread = t;
	sn_root_read(sn);
	return t;
}

void sn_thread_forget(struct sn *sn)
{
	if (sn->thread)
		release(sn->thread);
	sn->thread = NULL;
	sn->root_seen.known = false;
}

/* ---- the program ---- */

#define SET_BITS (sizeof(((struct sn *)NULL)->thread_execs) * 8)
#define SET_WORD 64

static bool is_in_doubt(const struct sn *sn, const struct sn_thread *t)
{
	size_t bit = (size_t)t->pid % SET_BITS;

	return !t->pid || (sn->thread_execs[bit / SET_WORD] >> (bit % SET_WORD) & 1);
}

void sn_thread_exe(struct sn *sn)
{
	struct sn_thread *t = sn_thread(sn);
	struct sn_place place;
	int rc;

	if (t->exe_known && t->exe_root == sn->root_kind && !is_in_doubt(sn, t))
		return;
	free(t->exe);
	t->exe = NULL;
	rc = sn_place_read(sn, "exe", &place);
	if (rc == 0)
		t->exe = malloc(place.len);
	if (t->exe) {
		memcpy(t->exe, place.path, place.len);
		t->exe_len = place.len;
	}
	t->exe_root = sn->root_kind;
	/* What may not be read now may be readable at the next call. */
	t->exe_known = t->exe || rc == -ENODATA;
}

void sn_thread_execs(struct sn *sn)
{
	struct sn_thread *t = sn_thread(sn);
	size_t bit = (size_t)t->pid % SET_BITS;

	t->exe_known = false;
	if (!t->pid)
		memset(sn->thread_execs, 0xff, sizeof(sn->thread_execs));
	else if (t->pid != t->tid)
		sn->thread_execs[bit / SET_WORD] |= 1ull << (bit % SET_WORD);
}
