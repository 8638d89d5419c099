/* SPDX-License-Identifier: MIT */
/* Inside of fix=: fix.c finds what is to be added, fix_write.c writes it. */
#ifndef MANIFEST_DIFF_FIX_H
#define MANIFEST_DIFF_FIX_H

#include "manifest_diff.h"

struct fix {
	struct tkit_ctx *ctx;
	const struct options *options;
	const struct tkit_model *model;
	const struct plan *plan;
	const struct result *result;
	struct tkit_rootfs *fs; /* sources; NULL = none */
	int owned;
	const char *path;   /* input.path of the new manifest */
	const char *prefix; /* "BUILDROOT" */
	struct plan added;  /* name, list, source, target */
	size_t helpless;    /* used, and in no source or not to be written down */
};

/* The source of a file: under its own name, or of a library anywhere it could be. */
int fix_find_source(const struct fix *f, const char *name, int library, char *out, struct stat *st);
int fix_is_elf(const struct fix *f, const char *name); /* canonical, in the sources */
/* Whether a manifest can hold these (the last two may be NULL); else a warning has been given. */
int fix_can_hold(const struct fix *f, const char *name, const char *source, const char *target);
int fix_write(struct fix *f);

#endif
