/* SPDX-License-Identifier: MIT */
/* A little root file system, a run in it, and the closure of both. After <cmocka.h>. */
#ifndef TESTS_SCENE_H
#define TESTS_SCENE_H

#include <errno.h>
#include <stdlib.h>

#include "elf_image.h"
#include "feed.h"
#include "image/closure.h"
#include "model/model.h"
#include "plugin/ctx.h"
#include "tree.h"

#define SCENE_CAPS \
	(FEED_CAPS | TKIT_CAN_REQUESTED | TKIT_CAN_CREATED | TKIT_CAN_CHANGES | TKIT_CAN_LIST)

struct scene {
	struct tree tree;
	struct feed feed;
	struct tkit_ctx ctx;
	struct tkit_rootfs *fs;
	struct tkit_model *model;
	struct tkit_closure *closure;
	struct tkit_closure_options options;
	/* set before scene_run() */
	uint64_t caps;
	const char *cwd;
	uint32_t uid;
	uint32_t target;
	const struct tkit_mount_info *mounts;
	uint32_t mount_count;
	int incomplete;
};

static inline int scene_setup(void **state)
{
	struct scene *s = calloc(1, sizeof(*s));

	*state = s;
	s->ctx.name = "test";
	s->options.size = sizeof(s->options);
	s->caps = SCENE_CAPS;
	s->cwd = "/";
	s->target = TKIT_TARGET_COMMAND;
	feed_init(&s->feed);
	return tree_new(&s->tree);
}

static inline int scene_teardown(void **state)
{
	struct scene *s = *state;

	tkit_closure_free(s->closure);
	model_free(s->model);
	tkit_rootfs_free(s->fs);
	model_builder_free(s->feed.builder);
	tree_done(&s->tree);
	ctx_done(&s->ctx);
	free(s);
	return 0;
}

/* The run begins; events follow with EV(). */
static inline struct feed *scene_run(struct scene *s)
{
	struct tkit_backend_info backend = {"test", "1", "", s->caps};
	struct tkit_run_info info = feed_info(1);
	struct err err = ERR_INIT;

	info.backends = &backend;
	info.cwd = s->cwd;
	info.uid = s->uid;
	info.target_kind = s->target;
	info.mounts = s->mounts;
	info.mount_count = s->mount_count;
	s->feed.ts = info.armed_monotonic_ns;
	assert_int_equal(model_builder_begin_run(s->feed.builder, &info, &s->feed.run, &err), 0);
	return &s->feed;
}

/* The run is over: computes the closure. */
static inline int scene_close(struct scene *s)
{
	if (s->incomplete)
		feed_lose(&s->feed, TKIT_LOSS_RING_FULL, 1);
	feed_end(&s->feed);
	s->model = feed_finish(&s->feed);
	assert_int_equal(tkit_rootfs_open_dir(&s->ctx, s->tree.dir, &s->fs), 0);
	return tkit_closure_new(&s->ctx, s->model, s->fs, &s->options, &s->closure);
}

static inline const struct tkit_closure_entry *scene_find(struct scene *s, const char *path)
{
	return tkit_closure_find(s->closure, bytes_str(path));
}

static inline int scene_absent(struct scene *s, const char *path)
{
	for (size_t i = 0; i < tkit_closure_absent_count(s->closure); i++)
		if (bytes_is(*tkit_closure_absent(s->closure, i), path))
			return 1;
	return 0;
}

#define has(s, path, why)                                                                   \
	do {                                                                                \
		const struct tkit_closure_entry *e_ = scene_find((s), (path));              \
		if (!e_)                                                                    \
			fail_msg("%s is not in", (path));                                   \
		else if (e_->reason != (why))                                               \
			fail_msg("%s is in for %s, not for %s", (path),                     \
				 tkit_reason_name((int)e_->reason), tkit_reason_name(why)); \
	} while (0)

#define hasnt(s, path)                                                                    \
	do {                                                                              \
		if (scene_find((s), (path)))                                              \
			fail_msg("%s is in: %s", (path),                                  \
				 tkit_reason_name((int)scene_find((s), (path))->reason)); \
	} while (0)

#define LIST_OF(...)                                                   \
	((struct tkit_option_list){(const char *const[]){__VA_ARGS__}, \
				   sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *)})

/* What brought the entry in, as text; static buffer. */
static inline const char *scene_because(struct scene *s, const char *path)
{
	static char text[256];
	const struct tkit_closure_entry *entry = scene_find(s, path);

	assert_non_null(entry);
	snprintf(text, sizeof(text), "%.*s", (int)entry->because.len, entry->because.ptr);
	return text;
}

/* One rule's doing. */
#define has_rule(s, path, rule)                                                \
	do {                                                                   \
		has((s), (path), TKIT_REASON_RULE);                            \
		assert_string_equal(scene_because((s), (path)), "rule=" rule); \
	} while (0)

/* An ELF file in the tree. */
static inline void scene_elf(struct scene *s, const char *path, const struct elf_spec *spec)
{
	struct elf_image elf;

	elf_image_make(&elf, spec);
	tree_data(&s->tree, path, &elf, sizeof(elf));
}

#endif
