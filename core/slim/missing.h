/* SPDX-License-Identifier: MIT */
/* What a small image lacks, by the look-ups that failed in it. */
#ifndef SLIM_MISSING_H
#define SLIM_MISSING_H

#include <stdbool.h>
#include <stddef.h>

#include <tkit/model.h>

#include "util/err.h"
#include "util/intern.h"

/* Names, each once, in order of arrival; NUL-terminated in `names`. */
struct missing {
	struct intern names;
	size_t unseen; /* of them, such as the original's trace did not see in use */
};

void missing_init(struct missing *missing);
void missing_done(struct missing *missing);

/* The i-th name; NULL past the end. */
const char *missing_name(const struct missing *missing, size_t i);

/*
 * Look-ups that failed (ENOENT, ENOTDIR) in the run `after`, of names that `source` has and
 * `image` has not. `before` is the trace of the original image. Without `source`: of names
 * that were there in `before`.
 */
int missing_from_run(const struct tkit_model *before, const struct tkit_model *after,
		     struct tkit_rootfs *source, struct tkit_rootfs *image,
		     struct missing *missing);

/* What the traced runs used, and `image` has not. With `source` only what that has. */
int missing_from_image(const struct tkit_model *before, struct tkit_rootfs *source,
		       struct tkit_rootfs *image, struct missing *missing);

#endif
