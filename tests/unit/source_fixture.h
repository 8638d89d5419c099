/* SPDX-License-Identifier: MIT */
/* An archive or image written byte by byte and opened as a root. After <cmocka.h>. */
#ifndef TESTS_SOURCE_FIXTURE_H
#define TESTS_SOURCE_FIXTURE_H

#include "plugin/ctx.h"
#include "rootfs/rootfs.h"
#include "tree.h"
#include "util/cleanup.h"

#include "tar_image.h"

#define CONFIG "{\"os\":\"linux\",\"architecture\":\"amd64\"}"

struct fixture {
	struct tree tree;
	struct tkit_rootfs *fs;
	struct tkit_ctx ctx;
	struct tkit_rootfs_options options;
	struct buf layers[4], tar;
};

static inline int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	*state = f;
	f->ctx.name = "test";
	f->options.size = sizeof(f->options);
	return tree_new(&f->tree);
}

static inline int teardown(void **state)
{
	struct fixture *f = *state;

	tkit_rootfs_free(f->fs);
	for (size_t i = 0; i < 4; i++)
		buf_done(&f->layers[i]);
	buf_done(&f->tar);
	tree_done(&f->tree);
	ctx_done(&f->ctx);
	free(f);
	return 0;
}

/* Opens what is in f->tar as a file of that kind. */
static inline int open_as(struct fixture *f, const char *prefix)
{
	char source[128];

	tkit_rootfs_free(f->fs);
	f->fs = NULL;
	ctx_done(&f->ctx);
	tree_data(&f->tree, "/x.tar", f->tar.data, f->tar.size);
	snprintf(source, sizeof(source), "%s%s", prefix, tree_path(&f->tree, "/x.tar"));
	return tkit_rootfs_open(&f->ctx, source, &f->options, &f->fs);
}

static inline void open_layers(struct fixture *f, size_t count, const char *config)
{
	for (size_t i = 0; i < count; i++)
		tar_end(&f->layers[i]);
	tar_docker(&f->tar, f->layers, count, config);
	if (open_as(f, "") < 0)
		fail_msg("%s", err_text(&f->ctx.err));
	assert_non_null(tkit_rootfs_config(f->fs));
}

static inline void open_tar(struct fixture *f)
{
	tar_end(&f->tar);
	if (open_as(f, "tar:") < 0)
		fail_msg("%s", err_text(&f->ctx.err));
	assert_null(tkit_rootfs_config(f->fs));
}

static inline void refused(struct fixture *f, const char *prefix, const char *text)
{
	if (open_as(f, prefix) >= 0)
		fail_msg("opened, not: %s", text);
	if (!strstr(err_text(&f->ctx.err), text))
		fail_msg("said: %s, not: %s", err_text(&f->ctx.err), text);
	assert_null(strchr(err_text(&f->ctx.err), '\n'));
}

static inline void refused_tar(struct fixture *f, const char *text)
{
	tar_end(&f->tar);
	refused(f, "tar:", text);
	buf_clear(&f->tar);
}

/* 'd', 'f', 'l', ...; '-': not there */
static inline char type_of(struct fixture *f, const char *path)
{
	struct stat st;
	int rc = tkit_rootfs_lstat(f->fs, bytes_str(path), &st);

	if (rc < 0)
		return '-';
	return S_ISDIR(st.st_mode)   ? 'd'
	       : S_ISREG(st.st_mode) ? 'f'
	       : S_ISLNK(st.st_mode) ? 'l'
				     : '?';
}

static inline const char *text_of(struct fixture *f, const char *path)
{
	static char text[256];
	int fd = tkit_rootfs_openfile(f->fs, bytes_str(path));
	ssize_t n;

	if (fd < 0)
		return "(cannot be opened)";
	n = read(fd, text, sizeof(text) - 1);
	text[n > 0 ? n : 0] = '\0';
	close(fd);
	return text;
}

static inline struct stat stat_of(struct fixture *f, const char *path)
{
	struct stat st;

	assert_int_equal(tkit_rootfs_lstat(f->fs, bytes_str(path), &st), 0);
	return st;
}

#define ADD(n, ...) tar_add(&f->layers[n], (struct tm_){__VA_ARGS__})
#define MEMBER(...) tar_add(&f->tar, (struct tm_){__VA_ARGS__})

#endif
