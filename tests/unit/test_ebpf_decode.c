// SPDX-License-Identifier: MIT
/* The ebpf backend's user-space side, without a kernel: records in, events out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plugin/ctx.h"

#include "../../backends/ebpf/decode.c"
#include "../../backends/ebpf/exec.c"
#include "../../backends/ebpf/fold.c"
#include "../../backends/ebpf/inside.c"
#include "../../backends/ebpf/magic.c"
#include "../../backends/ebpf/proc.c"
#include "../../backends/ebpf/track.c"

struct seen {
	int count;
	struct tkit_event last;
	char abs[8192], base[8192], resolved[8192];
	uint64_t losses;
};

static void copy(char *out, size_t room, struct tkit_bytes bytes)
{
	size_t n = bytes.len < room - 1 ? bytes.len : room - 1;

	if (n)
		memcpy(out, bytes.ptr, n);
	out[n] = 0;
}

static int on_event(void *session, const struct tkit_event *event)
{
	struct seen *seen = session;
	char abs[8192];
	long len = tkit_event_abs(event, abs, sizeof(abs));

	if (event->type == TKIT_EVENT_LOSS) {
		seen->losses += event->count;
		return 0;
	}
	seen->count++;
	seen->last = *event;
	copy(seen->abs, sizeof(seen->abs), (struct tkit_bytes){abs, len > 0 ? (size_t)len : 0});
	copy(seen->base, sizeof(seen->base),
	     event->valid & TKIT_V_BASE ? event->base : (struct tkit_bytes){NULL, 0});
	copy(seen->resolved, sizeof(seen->resolved),
	     event->valid & TKIT_V_RESOLVED ? event->resolved : (struct tkit_bytes){NULL, 0});
	return 0;
}

static const struct ctx_session_ops session_ops = {.emit = on_event};

struct fixture {
	struct seen seen;
	struct tkit_ctx ctx;
	struct tkit_target target;
	struct ebpf e;
	union {
		struct ebpf_event ev;
		char room[sizeof(struct ebpf_event) + EBPF_DATA_MAX];
	} u;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	f->ctx =
		(struct tkit_ctx){.name = "ebpf", .session_ops = &session_ops, .session = &f->seen};
	f->target = (struct tkit_target){.size = sizeof(f->target),
					 .kind = TKIT_TARGET_COMMAND,
					 .root_fd = open("/", O_PATH | O_CLOEXEC),
					 .root = "/"};
	f->e.ctx = &f->ctx;
	f->e.target = &f->target;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	table_done(&f->e.dirs);
	table_done(&f->e.processes);
	table_done(&f->e.requests);
	fold_done(&f->e);
	close(f->target.root_fd);
	ctx_done(&f->ctx);
	free(f);
	return 0;
}

/* Adds bytes to the record's data; returns where they are. */
static unsigned short put(struct ebpf_event *ev, const void *data, size_t len)
{
	unsigned short off = (unsigned short)ev->len;

	memcpy(ev->data + off, data, len);
	ev->len += (unsigned int)len;
	return off;
}

static void put_name(struct ebpf_event *ev, int idx, const char *name)
{
	ev->strings[idx].len = (unsigned short)strlen(name);
	ev->strings[idx].off = put(ev, name, strlen(name) + 1);
	ev->strings[idx].flags = EBPF_S_PRESENT;
}

#define put_walk(ev, which, names, inside)                                     \
	do {                                                                   \
		struct ebpf_walk *w_ = &(ev)->walks[which];                    \
		w_->len = sizeof(names) - 1;                                   \
		w_->off = put(ev, names, w_->len);                             \
		w_->mark = (unsigned short)(inside);                           \
		w_->flags = EBPF_W_DONE | ((inside) >= 0 ? EBPF_W_INSIDE : 0); \
	} while (0)

static struct ebpf_event *record(struct fixture *f, int type, int nr, long long ret)
{
	memset(&f->u, 0, sizeof(f->u));
	f->u.ev.version = EBPF_VERSION;
	f->u.ev.type = (unsigned char)type;
	f->u.ev.facts = 1;
	f->u.ev.nr = nr;
	f->u.ev.ret = ret;
	f->u.ev.pid = f->u.ev.tid = 10;
	f->u.ev.fs = 1000;
	f->u.ev.kind = EBPF_KIND_PATH;
	return &f->u.ev;
}

static void test_open(void **state)
{
	struct fixture *f = *state;
	struct ebpf_event *ev = record(f, EBPF_ACCESS, 257, 3);

	ev->kind = EBPF_KIND_OPEN;
	ev->flags = O_CREAT | O_WRONLY;
	ev->bits = EBPF_E_FILE | EBPF_E_CREATED;
	ev->inodes[0] = (struct ebpf_inode){.ino = 7, .dev = 8 << 20 | 1, .mode = 0100644};
	put_name(ev, 0, "x/y");
	put_walk(ev, EBPF_WALK_BASE, "b\0a\0", 4);
	put_walk(ev, EBPF_WALK_RESOLVED, "y\0z\0", 4);
	assert_int_equal(decode_record(&f->e, ev), 0);
	assert_int_equal(f->seen.count, 1);
	assert_int_equal(f->seen.last.op, TKIT_OP_OPEN);
	assert_string_equal(f->seen.abs, "/a/b/x/y");
	assert_string_equal(f->seen.resolved, "/z/y");
	assert_int_equal(f->seen.last.dev, makedev(8, 1));
	assert_true(f->seen.last.valid & TKIT_V_CREATED);
	assert_true(f->seen.last.pflags & TKIT_P_CREATED);
	assert_int_equal(f->e.consumed, 1);
}

static struct fold_counted counted(uint64_t a, uint64_t b, uint64_t count, uint64_t last)
{
	return (struct fold_counted){{a, b}, {count, last}};
}

/* What the kernel counted is told once more, of each map by itself. */
static void test_repeats(void **state)
{
	struct fixture *f = *state;
	struct fold_counted list[3];

	for (unsigned int i = 0; i < 3000; i++) {
		struct ebpf_event *ev = record(f, EBPF_ACCESS, 262, -2);
		char name[16];

		snprintf(name, sizeof(name), "/n%u", i);
		put_name(ev, 0, name);
		ev->bits = EBPF_E_FOLD | (i % 2 ? EBPF_E_FOLD_ODD : 0);
		ev->fold.a = i / 2 * 0x9e3779b97f4a7c15ull;
		ev->fold.b = i / 2;
		ev->ts = i;
		assert_int_equal(decode_record(&f->e, ev), 0);
	}
	assert_int_equal(f->seen.count, 3000);
	list[0] = counted(700 * 0x9e3779b97f4a7c15ull, 700, 5, 9000);
	list[1] = counted(0, 0, 1, 8000);
	list[2] = counted(12345, 1, 3, 7000); /* nobody knows what that was */
	fold_tell(&f->e, 1, list, 3);
	assert_int_equal(f->seen.count, 3002);
	assert_string_equal(f->seen.abs, "/n1401");
	assert_int_equal(f->seen.last.count, 5);
	assert_int_equal(f->seen.last.ts_ns, 9000);
	assert_int_equal(f->seen.last.err, ENOENT);
	assert_true(f->seen.last.pflags & TKIT_P_REPEAT);
	assert_int_equal(f->seen.losses, 3);
	assert_int_equal(f->e.fold.repeats, 9);
	assert_int_equal(f->e.fold.told, 2);
	/* The other map's are as they were. */
	list[0] = counted(700 * 0x9e3779b97f4a7c15ull, 700, 2, 1);
	fold_tell(&f->e, 0, list, 1);
	assert_string_equal(f->seen.abs, "/n1400");
	assert_int_equal(f->seen.last.ts_ns, 1400); /* not before the first one */
}

static void test_roots(void **state)
{
	struct fixture *f = *state;
	struct ebpf_event *ev = record(f, EBPF_ACCESS, 262, 0);

	/* The target's root is /srv/r: what is above it does not show. */
	put_name(ev, 0, "f");
	put_walk(ev, EBPF_WALK_BASE, "d\0r\0srv\0", 2);
	decode_record(&f->e, ev);
	assert_string_equal(f->seen.abs, "/d/f");
	/* The root itself. */
	ev = record(f, EBPF_ACCESS, 262, 0);
	put_name(ev, 0, "f");
	put_walk(ev, EBPF_WALK_BASE, "r\0srv\0", 0);
	decode_record(&f->e, ev);
	assert_string_equal(f->seen.abs, "/f");
	/* Outside: no base, so no absolute path. */
	ev = record(f, EBPF_ACCESS, 262, -2);
	put_name(ev, 0, "f");
	put_walk(ev, EBPF_WALK_BASE, "etc\0", -1);
	decode_record(&f->e, ev);
	assert_string_equal(f->seen.abs, "");
	assert_int_equal(f->seen.last.err, ENOENT);
	assert_true(f->seen.last.pflags & TKIT_P_OUTSIDE_ROOT);
}

/* A relative chdir starts where the process was before, which only user space knows. */
static void test_chdir(void **state)
{
	struct fixture *f = *state;
	struct ebpf_event *ev = record(f, EBPF_STATE, 0, 0);

	put_walk(ev, EBPF_WALK_BASE, "a\0", 2);
	decode_record(&f->e, ev);
	for (int i = 0; i < 2; i++) {
		ev = record(f, EBPF_ACCESS, 80, 0);
		ev->kind = EBPF_KIND_CHDIR;
		ev->bits = EBPF_E_OLD_CWD;
		put_name(ev, 0, "b");
		if (i == 0)
			put_walk(ev, EBPF_WALK_RESOLVED, "b\0a\0", 4);
		else
			put_walk(ev, EBPF_WALK_RESOLVED, "b\0b\0a\0", 6);
		decode_record(&f->e, ev);
		assert_string_equal(f->seen.base, i ? "/a/b" : "/a");
	}
	/* After a loss it is not known any more. */
	ev->lost_seq = 1;
	decode_record(&f->e, ev);
	assert_false(f->seen.last.valid & TKIT_V_BASE);
	assert_string_equal(f->seen.abs, "");
}

static void test_unreadable(void **state)
{
	struct fixture *f = *state;
	struct ebpf_event *ev = record(f, EBPF_ACCESS, 257, -14);

	ev->strings[0].flags = EBPF_S_PRESENT | EBPF_S_UNREADABLE;
	decode_record(&f->e, ev);
	assert_true(f->seen.last.pflags & TKIT_P_UNREADABLE);
	assert_int_equal(f->seen.losses, 0); /* nothing was accessed */
	ev->ret = 3;
	decode_record(&f->e, ev);
	assert_int_equal(f->seen.losses, 1);
	assert_int_equal(f->e.emitted + f->e.lost, f->e.consumed + f->e.extra);
}

/* Records are the kernel's, but a wrong length must not lead out of them. */
static void test_wild_records(void **state)
{
	struct fixture *f = *state;

	srand(1);
	for (int i = 0; i < 20000; i++) {
		size_t len = (size_t)rand() % 600;
		struct ebpf_event *ev = malloc(sizeof(*ev) + len); /* exact, for the sanitizer */

		for (size_t j = 0; j < sizeof(*ev) + len; j++)
			((unsigned char *)ev)[j] =
				(unsigned char)(rand() % 4 ? rand() % 8 : rand());
		ev->len = (unsigned int)len;
		ev->type = (unsigned char)(rand() % 9);
		ev->nr = rand() % 512;
		for (int w = 0; w < EBPF_WALK_COUNT; w++) {
			ev->walks[w].len = (unsigned short)(rand() % 700);
			ev->walks[w].off = (unsigned short)(rand() % 300);
		}
		decode_record(&f->e, ev);
		free(ev);
	}
	assert_true(f->seen.count > 1000);
}

/* A path that the kernel made with bpf_d_path() is taken as it is. */
static void test_d_path(void **state)
{
	struct fixture *f = *state;
	struct ebpf_event *ev = record(f, EBPF_ACCESS, 257, 3);

	ev->kind = EBPF_KIND_OPEN;
	ev->bits = EBPF_E_FILE;
	put_name(ev, 0, "/a/link");
	put_walk(ev, EBPF_WALK_RESOLVED, "/a/b", 0);
	ev->walks[EBPF_WALK_RESOLVED].flags |= EBPF_W_PATH;
	decode_record(&f->e, ev);
	assert_string_equal(f->seen.resolved, "/a/b");
	assert_false(f->seen.last.pflags & TKIT_P_OUTSIDE_ROOT);
}

/* 32-bit calls have numbers and flags of their own. */
static void test_compat(void **state)
{
	struct fixture *f = *state;
	struct ebpf_event *ev = record(f, EBPF_ACCESS, 5, -2); /* open; x86-64: fstat */

	ev->kind = EBPF_KIND_OPEN;
	ev->bits = EBPF_E_COMPAT;
	ev->flags = O_CREAT | O_EXCL;
	put_name(ev, 0, "/f");
	decode_record(&f->e, ev);
	assert_int_equal(f->seen.count, 1);
	assert_int_equal(f->seen.last.op, TKIT_OP_OPEN);
	assert_int_equal(f->seen.last.via, TKIT_VIA_COMPAT32);
	assert_int_equal(f->seen.last.arch, TKIT_ARCH_I386);
	assert_int_equal(f->seen.last.sysno, 5);
	assert_int_equal(f->seen.last.flags, O_CREAT | O_EXCL);
	assert_int_equal(f->seen.last.err, ENOENT);
	assert_string_equal(f->seen.abs, "/f");
	/* lstat64 does not follow: by the i386 table. By the x86-64 one 196 is flistxattr. */
	ev = record(f, EBPF_ACCESS, 196, 0);
	ev->bits = EBPF_E_COMPAT;
	put_name(ev, 0, "/f");
	decode_record(&f->e, ev);
	assert_int_equal(f->seen.last.op, TKIT_OP_STAT);
	assert_true(f->seen.last.pflags & TKIT_P_NOFOLLOW);
	/* The same number without the bit names no file. */
	ev->bits = 0;
	f->seen.count = 0;
	decode_record(&f->e, ev);
	assert_int_equal(f->seen.count, 0);
}

static struct ebpf_event *request(struct fixture *f, int opcode, const char *name)
{
	struct ebpf_event *ev = record(f, EBPF_URING, opcode, 0);

	ev->facts = 0;
	ev->request = 77;
	ev->bits = EBPF_E_URING;
	ev->kind = opcode == IORING_OP_OPENAT ? EBPF_KIND_OPEN : EBPF_KIND_PATH;
	put_name(ev, 0, name);
	put_walk(ev, EBPF_WALK_BASE, "b\0a\0", 4);
	return ev;
}

static struct ebpf_event *request_end(struct fixture *f, long long ret)
{
	struct ebpf_event *ev = record(f, EBPF_URING_END, 0, ret);

	ev->request = 77;
	return ev;
}

static void test_uring(void **state)
{
	struct fixture *f = *state;
	struct ebpf_event *ev;

	/* Name and base of the request, file and result of its end. */
	decode_record(&f->e, request(f, IORING_OP_OPENAT, "x"));
	assert_int_equal(f->seen.count, 0);
	ev = request_end(f, 5);
	ev->bits = EBPF_E_FILE;
	ev->inodes[0] = (struct ebpf_inode){.ino = 9, .mode = 0100644};
	put_walk(ev, EBPF_WALK_RESOLVED, "x\0b\0a\0", 6);
	decode_record(&f->e, ev);
	assert_int_equal(f->seen.count, 1);
	assert_int_equal(f->seen.last.op, TKIT_OP_OPEN);
	assert_int_equal(f->seen.last.via, TKIT_VIA_IO_URING);
	assert_int_equal(f->seen.last.sysno, IORING_OP_OPENAT);
	assert_int_equal(f->seen.last.ret, 5);
	assert_int_equal(f->seen.last.ino, 9);
	assert_string_equal(f->seen.abs, "/a/b/x");
	assert_string_equal(f->seen.resolved, "/a/b/x");
	/* A failure. */
	decode_record(&f->e, request(f, IORING_OP_STATX, "y"));
	decode_record(&f->e, request_end(f, -ENOENT));
	assert_int_equal(f->seen.last.op, TKIT_OP_STAT);
	assert_int_equal(f->seen.last.err, ENOENT);
	/* Cancelled: no event. */
	decode_record(&f->e, request(f, IORING_OP_STATX, "z"));
	ev = request_end(f, -ECANCELED);
	ev->facts = 0;
	decode_record(&f->e, ev);
	assert_int_equal(f->seen.count, 2);
	assert_int_equal(f->e.requests.count, 0);
	assert_int_equal(f->seen.losses, 0);
	/* A silent one is told when its place is used again, without a result. */
	ev = request(f, IORING_OP_UNLINKAT, "silent");
	ev->bits |= EBPF_E_SILENT;
	decode_record(&f->e, ev);
	ev = request(f, IORING_OP_STATX, "next");
	ev->bits |= EBPF_E_AGAIN;
	decode_record(&f->e, ev);
	assert_string_equal(f->seen.abs, "/a/b/silent");
	assert_false(f->seen.last.valid & TKIT_V_RET);
	assert_true(f->seen.last.valid & TKIT_V_ERR);
	assert_int_equal(f->e.emitted + f->e.lost, f->e.consumed + f->e.extra);
}

/* Each request that names a file is taken for the call of its name: by the kernel's header. */
static void test_uring_table(void **state)
{
	static const struct {
		int opcode;
		const char *call;
	} named[] = {
		{IORING_OP_OPENAT, "openat"},       {IORING_OP_STATX, "statx"},
		{IORING_OP_OPENAT2, "openat2"},     {IORING_OP_RENAMEAT, "renameat2"},
		{IORING_OP_UNLINKAT, "unlinkat"},   {IORING_OP_MKDIRAT, "mkdirat"},
		{IORING_OP_SYMLINKAT, "symlinkat"}, {IORING_OP_LINKAT, "linkat"},
		{IORING_OP_SETXATTR, "setxattr"},   {IORING_OP_GETXATTR, "getxattr"},
		{IORING_OP_CONNECT, "connect"},
	};
	size_t count = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(named) / sizeof(named[0]); i++) {
		const struct tkit_syscall *sys =
			tkit_syscall_by_nr(TKIT_ARCH_X86_64, decode_uring_nr(named[i].opcode));

		assert_non_null(sys);
		assert_string_equal(sys->name, named[i].call);
	}
	for (int op = 0; op < EBPF_URING_LIMIT; op++)
		count += decode_uring_nr(op) != 0;
	assert_int_equal(count, sizeof(named) / sizeof(named[0]));
	assert_int_equal(decode_uring_nr(-1), 0);
	assert_int_equal(decode_uring_nr(EBPF_URING_LIMIT), 0);
}

static void magic(struct fixture *f, int nr, long long ret, const char *name, int fd,
		  const char *expected)
{
	struct ebpf_event *ev = record(f, EBPF_ACCESS, nr, ret);

	put_name(ev, 0, name);
	ev->strings[0].flags |= EBPF_S_MAGIC;
	ev->strings[0].fd = (unsigned short)(fd < 0 ? EBPF_NO_FD : fd);
	put_walk(ev, EBPF_WALK_MAGIC, "etc\0", 4);
	decode_record(&f->e, ev);
	assert_string_equal(f->seen.resolved, expected);
}

static void test_magic(void **state)
{
	enum { STAT = 4, LSTAT = 6, READLINK = 89, MKDIR = 83, UNLINK = 87 };
	struct fixture *f = *state;
	struct stat st;

	assert_int_equal(stat("/etc/passwd", &st), 0); /* where the walk leads */
	magic(f, STAT, 0, "/proc/self/cwd/passwd", -1, "/etc/passwd");
	magic(f, STAT, 0, "/proc/10/cwd//./passwd", -1, "/etc/passwd");
	magic(f, STAT, 0, "/proc/self/task/10/cwd/passwd", -1, "/etc/passwd");
	magic(f, STAT, 0, "/proc/thread-self/fd/7/passwd", 7, "/etc/passwd");
	magic(f, STAT, 0, "/proc/self/root/etc/passwd", -1, "/etc/passwd");
	magic(f, STAT, 0, "/proc/self/cwd", -1, "/etc");
	magic(f, STAT, 0, "/proc/self/cwd/../etc/passwd", -1, "/etc/passwd");
	/* The name itself: it need not be there any more. */
	magic(f, UNLINK, 0, "/proc/self/cwd/no-such-name", -1, "/etc/no-such-name");
	magic(f, MKDIR, 0, "/proc/self/cwd/no-such-name/", -1, "/etc/no-such-name");
	magic(f, LSTAT, 0, "/proc/self/cwd/passwd", -1, "/etc/passwd");
	/* Nothing is known: the link itself, a failure, another process, another descriptor, ... */
	magic(f, READLINK, 4, "/proc/self/cwd", -1, "");
	magic(f, STAT, -ENOENT, "/proc/self/cwd/passwd", -1, "");
	magic(f, STAT, 0, "/proc/11/cwd/passwd", -1, "");
	magic(f, STAT, 0, "/proc/self/fd/8/passwd", 7, "");
	magic(f, STAT, 0, "/proc/self/task/11/cwd/passwd", -1, "");
	magic(f, STAT, 0, "/proc/self/status", -1, "");
	magic(f, STAT, 0, "/proc/self/cwd/no-such-name", -1, "");
}

static void test_table(void **state)
{
	struct table table = {0};
	bool in[512] = {false};
	size_t count = 0;

	srand(2);
	for (int i = 0; i < 20000; i++) {
		uint64_t key = (uint64_t)(rand() % 512);

		if (rand() % 2) {
			struct known *known = table_get(&table, key);

			assert_int_equal(known != NULL, key != 0);
			count += key && !in[key];
			in[key] = key != 0;
		} else {
			table_drop(&table, key);
			count -= in[key];
			in[key] = false;
		}
		assert_int_equal(table.count, count);
		key = (uint64_t)(rand() % 512);
		assert_int_equal(table_find(&table, key) != NULL, in[key]);
	}
	table_done(&table);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_open, setup, teardown),
		cmocka_unit_test_setup_teardown(test_repeats, setup, teardown),
		cmocka_unit_test_setup_teardown(test_roots, setup, teardown),
		cmocka_unit_test_setup_teardown(test_chdir, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unreadable, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wild_records, setup, teardown),
		cmocka_unit_test_setup_teardown(test_d_path, setup, teardown),
		cmocka_unit_test_setup_teardown(test_compat, setup, teardown),
		cmocka_unit_test_setup_teardown(test_uring, setup, teardown),
		cmocka_unit_test(test_uring_table),
		cmocka_unit_test_setup_teardown(test_magic, setup, teardown),
		cmocka_unit_test(test_table),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
