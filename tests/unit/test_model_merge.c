// SPDX-License-Identifier: MIT
/* Merging: in any order and grouping, through files or not, the model is the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "feed.h"
#include "plugin/ctx.h"
#include "util/buf.h"

#define RUNS 4

static char dir[] = "/tmp/tkit-test-XXXXXX";

static int make_dir(void **state)
{
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	char name[64];

	for (char c = 'a'; c <= 'z'; c++) {
		snprintf(name, sizeof(name), "%s/%c", dir, c);
		unlink(name);
	}
	return rmdir(dir);
}

static const char *file(char c)
{
	static char names[26][64];

	snprintf(names[c - 'a'], sizeof(names[0]), "%s/%c", dir, c);
	return names[c - 'a'];
}

static void dump_bytes(struct buf *out, const char *label, struct tkit_bytes text)
{
	buf_printf(out, " %s=", label);
	buf_escaped(out, text);
}

static void dump_path(struct buf *out, const struct tkit_model *m, const struct tkit_path *path)
{
	const struct tkit_access *a;

	buf_escaped(out, path->name);
	buf_printf(out, " state=%x runs=%u first=%llu\n", path->state, path->runs,
		   (unsigned long long)path->first_ns);
	for (size_t i = 0; (a = tkit_model_access(m, path, i)); i++) {
		buf_printf(out, "  op=%u via=%u err=%d prog=%u pf=%x nf=%u run=%u fl=%llx", a->op,
			   a->via, a->err, a->program, a->pflags, a->nofollow_all, a->first_run,
			   (unsigned long long)a->flags);
		buf_printf(out, " n=%llu t=%llu..%llu pid=%d runs=%u or=%u",
			   (unsigned long long)a->count, (unsigned long long)a->first_ns,
			   (unsigned long long)a->last_ns, a->first_pid, a->runs, a->origin);
		dump_bytes(out, "req", a->requested);
		dump_bytes(out, "base", a->base);
		dump_bytes(out, "root", a->root);
		dump_bytes(out, "res", a->resolved);
		buf_char(out, '\n');
	}
}

/* Everything that the public functions tell of a model. */
static char *dump(struct tkit_model *m)
{
	struct buf out = BUF_INIT;

	buf_printf(&out, "complete=%d caps=%llx\n", tkit_model_complete(m),
		   (unsigned long long)tkit_model_caps(m));
	for (int r = 0; r < TKIT_LOSS_COUNT_; r++)
		buf_printf(&out, "%s=%llu ", tkit_loss_name(r),
			   (unsigned long long)tkit_model_losses(m, r));
	for (int r = 0; r < TKIT_PATHLESS_COUNT_; r++)
		buf_printf(&out, "\n%s=%llu/%llu", tkit_pathless_name(r),
			   (unsigned long long)tkit_model_pathless(m, r, 0),
			   (unsigned long long)tkit_model_pathless(m, r, 1));
	for (size_t i = 0; i < tkit_model_run_count(m); i++)
		buf_printf(&out, "\nrun %u complete=%u id=%02x argv=%s",
			   tkit_model_run(m, i)->index, tkit_model_run(m, i)->complete,
			   tkit_model_run(m, i)->info->id[0], tkit_model_run(m, i)->info->argv[0]);
	for (size_t i = 0; i < tkit_model_program_count(m); i++) {
		const struct tkit_program *p = tkit_model_program(m, i);

		buf_printf(&out, "\nprogram n=%llu parent=%u", (unsigned long long)p->processes,
			   p->parent);
		dump_bytes(&out, "exe", p->exe);
		dump_bytes(&out, "comm", p->comm);
	}
	buf_char(&out, '\n');
	for (size_t i = 0; i < tkit_model_path_count(m); i++)
		dump_path(&out, m, tkit_model_path(m, i));
	buf_char(&out, '\0');
	assert_false(out.failed);
	model_free(m);
	return out.data;
}

static int put_frame(void *arg, const void *frame, size_t size)
{
	return fwrite(frame, 1, size, arg) == size ? 0 : -EIO;
}

/* Writes and frees the model. */
static void save(struct tkit_model *m, char name)
{
	struct tkit_ctx ctx = CTX_INIT("test");
	struct err err = ERR_INIT;
	struct tkit_trace_writer *writer;
	FILE *f = fopen(file(name), "we");

	assert_non_null(f);
	assert_int_equal(tkit_trace_writer_new(&ctx, NULL, put_frame, f, &writer), 0);
	assert_int_equal(model_write(m, writer, &err), 0);
	tkit_trace_writer_free(writer);
	assert_int_equal(fclose(f), 0);
	model_free(m);
	ctx_done(&ctx);
}

/* The model of some files, by their letters. */
static struct tkit_model *load(const char *names)
{
	struct model_builder *builder;
	struct tkit_model *m;
	struct err err = ERR_INIT;

	assert_int_equal(model_builder_new(&builder, &err), 0);
	for (; *names; names++)
		if (model_builder_add_file(builder, file(*names), NULL, NULL, &err) < 0)
			fail_msg("%s", err_text(&err));
	assert_int_equal(model_builder_finish(builder, &m, &err), 0);
	model_builder_free(builder);
	return m;
}

static uint32_t next(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

/* One event of any kind, on few names, so that all of them meet in many ways. */
static void feed_any(struct feed *f, uint32_t *seed)
{
	static const char *const paths[] = {"/a",   "/a/b",   "/a/b/c",  "/d",
					    "/d/x", "rel",    "/l/../a", "",
					    "/e",   "/e/b/c", "/run/p",  "/\xff\n"};
	static const char *const resolved[] = {NULL, NULL, NULL, "/a/b/c", "/d/x", "/proc/7/x"};
	static const char *const exes[] = {NULL, NULL, "/bin/sh", "/bin/ls", ""};
	static const int errs[] = {0, 0, 0, ENOENT, EACCES, EEXIST};
	static const int ops[] = {TKIT_OP_OPEN,      TKIT_OP_OPEN,    TKIT_OP_STAT,
				  TKIT_OP_MKDIR,     TKIT_OP_UNLINK,  TKIT_OP_RMDIR,
				  TKIT_OP_LIST,      TKIT_OP_EXEC,    TKIT_OP_RENAME_FROM,
				  TKIT_OP_MOUNT,     TKIT_OP_SYMLINK, TKIT_OP_READLINK,
				  TKIT_OP_RENAME_TO, TKIT_OP_INTERP};
#define ANY(list) list[next(seed) % (sizeof(list) / sizeof((list)[0]))]
	struct ev ev = {.op = ANY(ops),
			.path = ANY(paths),
			.err = ANY(errs),
			.pid = 100 + (int)(next(seed) % 5),
			.exe = ANY(exes),
			.count = next(seed) % 3,
			.no_flags = next(seed) % 4 == 0,
			.flags = next(seed) % 3 ? 0 : O_CREAT};
	struct tkit_event event;

	if (!ev.err)
		ev.resolved = ANY(resolved);
	if (next(seed) % 3)
		ev.base = "/a";
	if (ev.op == TKIT_OP_OPEN && !ev.err)
		ev.created = (int)(next(seed) % 3) - 1;
	if (next(seed) % 8 == 0)
		ev.pflags = 1u << next(seed) % 9;
	ev.pflags &= ~TKIT_P_CREATED;
	if (next(seed) % 10 == 0)
		ev.path = NULL;
	event = feed_event(f, &ev);
	if (next(seed) % 12 == 0)
		event.valid &= ~TKIT_V_ERR;
	if (next(seed) % 12 == 0)
		event.valid &= ~TKIT_V_PID;
	feed_raw(f, &event);
	if (ev.op == TKIT_OP_RENAME_FROM && next(seed) % 4) {
		event.op = TKIT_OP_RENAME_TO;
		event.valid |= TKIT_V_PATH;
		event.path = bytes_str(ANY(paths));
		feed_raw(f, &event);
	}
	if (next(seed) % 10 == 0)
		feed_fork(f, 100 + (int)(next(seed) % 5), 100 + (int)(next(seed) % 5));
	if (next(seed) % 40 == 0)
		feed_lose(f, 1 + next(seed) % (TKIT_LOSS_COUNT_ - 1), 3);
}

/* The run of that number, always the same. */
static void feed_run(struct feed *f, uint32_t seed, int number)
{
	struct err err = ERR_INIT;

	seed = seed * 100 + (uint32_t)number;
	feed_begin(f, number);
	for (int i = 0; i < 120; i++)
		feed_any(f, &seed);
	if (seed % 8 == 0)
		assert_int_equal(model_builder_end_run(f->builder, f->run, NULL, &err), 0);
	else
		feed_end(f);
}

/* `order`: digits of the runs. */
static struct tkit_model *direct(uint32_t seed, const char *order)
{
	struct feed f;

	feed_init(&f);
	for (; *order; order++)
		feed_run(&f, seed, *order - '0');
	return feed_finish(&f);
}

static void check_same(const char *what, uint32_t seed, const char *want, struct tkit_model *m)
{
	char *got = dump(m);
	size_t i = 0;

	if (strcmp(want, got) != 0) {
		while (want[i] == got[i])
			i++;
		while (i && want[i - 1] != '\n')
			i--;
		fail_msg("%s, seed %u: want\n%.400s\ngot\n%.400s", what, seed, want + i, got + i);
	}
	free(got);
}

static void test_laws(void **state)
{
	for (uint32_t seed = 1; seed <= 40; seed++) {
		char *all = dump(direct(seed, "1234"));

		check_same("order", seed, all, direct(seed, "4231"));
		check_same("twice", seed, all, direct(seed, "121342"));
		for (int i = 0; i < RUNS; i++) {
			char order[] = {(char)('1' + i), 0};

			save(direct(seed, order), (char)('a' + i));
		}
		check_same("from files", seed, all, load("abcd"));
		check_same("from files, other order", seed, all, load("dbca"));
		check_same("from files, twice", seed, all, load("abacdbd"));
		save(load("ab"), 'x');
		save(load("dc"), 'y');
		check_same("(a+b)+(d+c)", seed, all, load("xy"));
		save(load("bxd"), 'z');
		check_same("c+(b+(a+b)+d)", seed, all, load("cz"));
		free(all);
	}
}

/* Of two copies of one run the better one counts, whichever comes first. */
static void test_cut_copy(void **state)
{
	struct err err = ERR_INIT;
	struct tkit_model *m;
	struct feed f;
	char *whole;

	feed_init(&f);
	feed_begin(&f, 1);
	EV(&f, TKIT_OP_OPEN, "/a");
	assert_int_equal(model_builder_end_run(f.builder, f.run, NULL, &err), 0);
	save(feed_finish(&f), 'a');
	feed_init(&f);
	feed_begin(&f, 1);
	EV(&f, TKIT_OP_OPEN, "/a");
	EV(&f, TKIT_OP_OPEN, "/b");
	feed_end(&f);
	save(feed_finish(&f), 'b');
	whole = dump(load("b"));
	check_same("cut, whole", 0, whole, load("ab"));
	check_same("whole, cut", 0, whole, load("ba"));
	free(whole);
	m = load("a");
	assert_false(tkit_model_complete(m));
	assert_int_equal(tkit_model_losses(m, TKIT_LOSS_DAMAGED), 1);
	model_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_laws),
		cmocka_unit_test(test_cut_copy),
	};

	return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
