// SPDX-License-Identifier: MIT
/* What the root file system adds to a model. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <errno.h>

#include "feed.h"
#include "plugin/ctx.h"
#include "tree.h"

#define OPEN_BITS (TKIT_PATH_EXISTED | TKIT_PATH_CREATED | TKIT_PATH_UNSURE)

static struct tree tree;

static int setup(void **state)
{
	if (tree_new(&tree) < 0)
		return -1;
	tree_dir(&tree, "/run");
	tree_dir(&tree, "/var");
	tree_dir(&tree, "/usr/lib");
	tree_link(&tree, "../run", "/var/run");
	tree_link(&tree, "usr/lib", "/lib");
	tree_file(&tree, "/usr/lib/libc.so.6", "12345");
	tree_link(&tree, "libc.so.6", "/usr/lib/libc.so");
	tree_link(&tree, "nowhere", "/dangling");
	return 0;
}

static int teardown(void **state)
{
	tree_done(&tree);
	return 0;
}

static void enrich(struct tkit_model *m)
{
	struct tkit_ctx ctx = CTX_INIT(NULL);
	struct tkit_rootfs *rootfs;
	struct err err = ERR_INIT;

	assert_int_equal(tkit_rootfs_open_dir(&ctx, tree.dir, &rootfs), 0);
	assert_int_equal(model_enrich(m, rootfs, TKIT_WANTS_NODES, &err), 0);
	assert_ptr_equal(tkit_model_rootfs(m), rootfs);
	ctx_done(&ctx);
}

static void test_nodes(void **state)
{
	const struct tkit_path *path;
	struct tkit_model *m;
	struct feed f;

	feed_init(&f);
	feed_begin(&f, 1);
	EV(&f, TKIT_OP_OPEN, "/lib/libc.so");
	EV(&f, TKIT_OP_STAT, "/dangling", .pflags = TKIT_P_NOFOLLOW);
	EV(&f, TKIT_OP_OPEN, "/gone", ENOENT);
	EV(&f, TKIT_OP_OPEN, "/../../etc/passwd");
	feed_end(&f);
	m = feed_finish(&f);
	enrich(m);
	path = feed_find(m, "/lib/libc.so");
	assert_int_equal(path->enriched, TKIT_ENRICHED_NODE);
	assert_int_equal(path->exists, 1);
	assert_true(bytes_is(path->canonical, "/usr/lib/libc.so.6"));
	assert_int_equal(path->file_size, 5);
	assert_int_equal(path->mode, S_IFREG | 0644);
	path = feed_find(m, "/dangling");
	assert_int_equal(path->exists, 1);
	assert_true(S_ISLNK(path->mode));
	assert_int_equal(feed_find(m, "/gone")->exists, 0);
	assert_int_equal(feed_find(m, "/../../etc/passwd")->exists, 0);
	model_free(m);
}

/* Made under one name, used under another, and no event that has both. */
static void test_canonical_creation(void **state)
{
	struct tkit_model *m;
	struct feed f;

	feed_init(&f);
	feed_begin(&f, 1);
	EV(&f, TKIT_OP_MKDIR, "/var/run/svc");
	EV(&f, TKIT_OP_STAT, "/run/svc/state");
	EV(&f, TKIT_OP_BIND, "/var/run/sock");
	EV(&f, TKIT_OP_CONNECT, "/run/sock");
	EV(&f, TKIT_OP_STAT, "/run/old");
	feed_end(&f);
	m = feed_finish(&f);
	assert_int_equal(feed_find(m, "/run/sock")->state & OPEN_BITS, TKIT_PATH_EXISTED);
	enrich(m);
	assert_int_equal(feed_find(m, "/run/svc/state")->state & OPEN_BITS, TKIT_PATH_CREATED);
	assert_int_equal(feed_find(m, "/run/sock")->state & OPEN_BITS, TKIT_PATH_CREATED);
	assert_int_equal(feed_find(m, "/var/run/svc")->state & OPEN_BITS, TKIT_PATH_CREATED);
	assert_int_equal(feed_find(m, "/run/old")->state & OPEN_BITS, TKIT_PATH_EXISTED);
	assert_true(tkit_model_created(m, BYTES_LIT("/run/svc/state")));
	assert_true(tkit_model_created(m, BYTES_LIT("/run/svc")));
	assert_false(tkit_model_created(m, BYTES_LIT("/run/old")));
	assert_null(tkit_model_find(m, BYTES_LIT("/run/svc")));
	model_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nodes),
		cmocka_unit_test(test_canonical_creation),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
