/* SPDX-License-Identifier: MIT */
/* tkit why and tkit why-not: one path, and all that is known of it. */
#ifndef CLI_WHY_H
#define CLI_WHY_H

#include <tkit/image.h>

#include "cli/cli.h"
#include "model/model.h"
#include "util/buf.h"
#include "util/bytes.h"

struct why {
	struct tkit_model *model;
	struct tkit_rootfs *root;     /* NULL = none given */
	struct tkit_closure *closure; /* with a root */
	struct tkit_closure_options options;
	struct tkit_bytes path; /* as given, absolute */
	struct buf canonical;   /* in the root, of what is there; empty = not there */
	struct buf links;       /* NUL-terminated: symlinks on the way */
	struct buf out;
};

/* The answers; both return the exit status. */
int why_tell(struct why *why);
int why_not_tell(struct why *why);

/* 1 if the path of the model leads to what is asked for: by its name, the root or the kernel. */
bool why_is_it(const struct why *why, const struct tkit_path *path);
void why_put(struct why *why, struct tkit_bytes name); /* escaped */
void why_put_program(struct why *why, uint32_t index);
void why_put_accesses(struct why *why, const struct tkit_path *path);
/* What it is, whose, and by way of which symlinks. */
void why_put_place(struct why *why);

/* What was mounted where the path is; NULL: nothing. */
const struct tkit_mount_info *why_mount(const struct why *why);
/* The entry of the image that it leads to; NULL: none, or no root. */
const struct tkit_closure_entry *why_entry(const struct why *why);

#endif
