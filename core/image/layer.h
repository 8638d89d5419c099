/* SPDX-License-Identifier: MIT */
/* A closure as a stream: a layer's tar, or its description. */
#ifndef IMAGE_LAYER_H
#define IMAGE_LAYER_H

#include <stddef.h>

#include <tkit/image.h>

enum layer_format { LAYER_TAR, LAYER_MTREE };

struct layer_output {
	int fd;
	enum layer_format format;
	/* Sees all that is written, in order; may be NULL. */
	void (*tap)(void *arg, const void *data, size_t size);
	void *arg;
};

/* 0 or -errno with a recorded cause; what was written then is not whole. */
int layer_write(struct tkit_ctx *ctx, struct tkit_closure *closure, const struct layer_output *out);

#endif
