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
	size_t helpless;    /* used, and in no source */
};

/* The source of a file: under its own name, or of a library anywhere it could be. */
int fix_find_source(const struct fix *f, const char *name, int library, char *out, struct stat *st);
int fix_is_elf(const struct fix *f, const char *name); /* canonical, in the sources */
int fix_write(struct fix *f);

#endif
