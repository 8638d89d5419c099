/* SPDX-License-Identifier: MIT */
/*
 * What every conformance workload shares.
 *
 * A workload is one small program, called twice by the runner, each time in the fresh
 * directory DIR:
 *
 *	workload DIR setup    not traced: makes the files that the accesses need
 *	workload DIR run      traced: makes the accesses, and says on stdout what it did
 *
 * `run` prints one JSON object a line for each access that must be in the trace. Since paths
 * are bytes, a character U+0000..U+00FF in a string stands for one byte. Fields:
 *
 *	op         as in `tkit dump`
 *	abs        absolute path; null: the event must have none; left out: whatever it is
 *	errno      0 or the error that the call returned
 *	requested  the bytes that were passed
 *	resolved   where the kernel ended up
 *	late       the bytes that stood there when the call returned, where they are others: some
 *	           backends read names on entry and some on exit, and the runner knows which
 *	created    whether this open made the file
 *	prefix     `abs` is only the beginning of the path
 *	thread     made by a thread that is not the main one
 *	maybe      need not be seen, but is no invention either
 *	times      exactly so often, repeats that were folded into one event included
 *	needs      names of capabilities (TKIT_CAN_*) without which a backend is blind for it
 *
 * or {"may_lose": REASON} (wl_may_lose): a loss for this reason may be counted, and if it was, what
 * is announced after it may be missing.
 *
 * The runner adds the capabilities that follow from the fields. An O_PATH open needs REQUESTED: it
 * opens nothing, so that only who sees calls can see it. Exit status 0: all calls did
 * what the workload expected; 77 with a reason on stderr: cannot run here; 99: broken.
 */
#ifndef WORKLOAD_H
#define WORKLOAD_H

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

/* Each workload defines these two. The working directory is wl_dir. */
static void setup(void);
static void run(void);

static const char *wl_dir; /* absolute, no symlink in it */

struct expected {
	const char *op;
	const char *abs; /* NULL: the event must have no absolute path */
	int err;
	const char *requested;
	const char *late;
	const char *resolved;
	const char *needs; /* "IO_URING COMPAT32" */
	int created;       /* 1: made by this call, -1: was there before, 0: not said */
	int times;
	bool any_abs, prefix, thread, maybe;
};

#define ANY_ERROR (-1) /* .err: however the call ends, the trace must say the same */

__attribute__((unused, noreturn, format(printf, 1, 2))) static void wl_broken(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vdprintf(2, fmt, ap);
	va_end(ap);
	dprintf(2, "\n");
	_exit(99);
}

__attribute__((unused, noreturn)) static void wl_skip(const char *reason)
{
	dprintf(2, "%s\n", reason);
	_exit(77);
}

/* For setup and for calls that are no part of what is tested. */
#define must(call)                                                                      \
	({                                                                              \
		__auto_type wl_value = (call);                                          \
		if (wl_value == (__typeof__(wl_value))-1)                               \
			wl_broken("line %d: %s: %s", __LINE__, #call, strerror(errno)); \
		wl_value;                                                               \
	})

/* DIR/name. Never freed: a workload lives for a moment. */
__attribute__((unused)) static char *at(const char *name)
{
	char *path;

	if (asprintf(&path, "%s%s%s", wl_dir, *name ? "/" : "", name) < 0)
		wl_broken("out of memory");
	return path;
}

__attribute__((unused)) static void make_file(const char *name, const char *content)
{
	int fd = must(open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));

	must(write(fd, content, strlen(content)));
	must(close(fd));
}

struct wl_text {
	size_t len;
	char text[65536];
};

static void wl_add(struct wl_text *out, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
static void wl_add(struct wl_text *out, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	out->len += (size_t)vsnprintf(out->text + out->len, sizeof(out->text) - out->len, fmt, ap);
	va_end(ap);
	if (out->len >= sizeof(out->text))
		wl_broken("expectation too long");
}

static void wl_add_string(struct wl_text *out, const char *key, const char *value)
{
	wl_add(out, ",\"%s\":\"", key);
	for (; *value; value++) {
		unsigned char c = (unsigned char)*value;

		if (c < 0x20 || c >= 0x7f || c == '"' || c == '\\')
			wl_add(out, "\\u%04x", c);
		else
			wl_add(out, "%c", c);
	}
	wl_add(out, "\"");
}

/* Prints an expectation with one write(2) and no stdio, so that it works in any process. */
__attribute__((unused)) static void wl_print(const struct expected *e)
{
	static _Thread_local struct wl_text out;

	out.len = 0;
	wl_add(&out, "{\"op\":\"%s\",\"errno\":%d", e->op, e->err);
	if (e->abs)
		wl_add_string(&out, "abs", e->abs);
	else if (!e->any_abs)
		wl_add(&out, ",\"abs\":null");
	if (e->requested)
		wl_add_string(&out, "requested", e->requested);
	if (e->late)
		wl_add_string(&out, "late", e->late);
	if (e->resolved)
		wl_add_string(&out, "resolved", e->resolved);
	if (e->needs)
		wl_add_string(&out, "needs", e->needs);
	if (e->created)
		wl_add(&out, ",\"created\":%s", e->created > 0 ? "true" : "false");
	if (e->times)
		wl_add(&out, ",\"times\":%d", e->times);
	if (e->prefix)
		wl_add(&out, ",\"prefix\":true");
	if (e->thread)
		wl_add(&out, ",\"thread\":true");
	if (e->maybe)
		wl_add(&out, ",\"maybe\":true");
	wl_add(&out, "}\n");
	if (write(1, out.text, out.len) != (ssize_t)out.len)
		_exit(99);
}

/* A call whose end nobody can see is counted as a loss by a backend that saw its beginning. */
__attribute__((unused)) static void wl_may_lose(const char *reason)
{
	dprintf(1, "{\"may_lose\":\"%s\"}\n", reason);
}

__attribute__((unused)) static long wl_check(long ret, int err, int line, const struct expected *e)
{
	struct expected said = *e;

	if (e->err == ANY_ERROR)
		said.err = ret < 0 ? err : 0;
	if ((ret < 0 ? err : 0) != said.err)
		wl_broken("line %d: %s %s: expected errno %d, got %ld (%s)", line, e->op,
			  e->abs ? e->abs : "", e->err, ret, strerror(err));
	wl_print(&said);
	return ret;
}

/*
 * Makes the call (which returns -1 and sets errno on failure), checks that it ended as
 * expected, and announces the event: expect(open(p, O_RDONLY), .op = "open", .abs = p).
 */
#define expect(call, ...)                                                            \
	({                                                                           \
		long wl_ret = (long)(call);                                          \
		int wl_err = errno;                                                  \
		wl_check(wl_ret, wl_err, __LINE__, &(struct expected){__VA_ARGS__}); \
	})

/* Announces one more event of the same call, or one that somebody else makes. */
#define also(...) wl_print(&(struct expected){__VA_ARGS__})

/* Waits for a child that must end well. */
__attribute__((unused)) static void wl_wait(pid_t pid)
{
	int status;

	must(waitpid(pid, &status, 0));
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		wl_broken("child ended with status %#x", (unsigned int)status);
}

/* Gives up root, so that permissions count. */
__attribute__((unused)) static void wl_drop_root(void)
{
	if (geteuid() != 0)
		return;
	/* By system call: libc's function signals all threads, this is one process. */
	must(syscall(SYS_setgroups, 0, NULL));
	must(syscall(SYS_setresgid, 65534, 65534, 65534));
	must(syscall(SYS_setresuid, 65534, 65534, 65534));
}

#ifndef WL_NO_MAIN
int main(int argc, char **argv)
{
	if (argc != 3 || argv[1][0] != '/')
		wl_broken("usage: workload DIR setup|run");
	wl_dir = argv[1];
	if (!strcmp(argv[2], "setup")) {
		must(chdir(wl_dir));
		setup();
	} else if (!strcmp(argv[2], "run")) {
		run(); /* the runner has made wl_dir the working directory */
	} else {
		wl_broken("unknown phase");
	}
	return 0;
}
#endif
#endif
