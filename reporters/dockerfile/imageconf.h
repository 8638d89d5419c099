/* SPDX-License-Identifier: MIT */
/*
 * The configuration of the image that is made: what options say, else what the image that the
 * files come from says, else what the traced run tells.
 */
#ifndef DOCKERFILE_IMAGECONF_H
#define DOCKERFILE_IMAGECONF_H

#include "dockerfile.h"

/* Texts that are owned. */
struct strings {
	char **items;
	size_t count;
	size_t room;
	int failed; /* memory was short */
};

void strings_add(struct strings *list, const char *text);
void strings_take(struct strings *list, char *text); /* NULL: memory was short */
void strings_done(struct strings *list);
struct tkit_option_list strings_list(const struct strings *list);

struct imageconf {
	struct tkit_image_config config; /* its lists and texts are below, or borrowed */
	size_t own_labels;               /* of config.labels that many are the source image's */
	struct strings env, entrypoint, cmd, expose, labels, texts;
};

/* What one computation has at hand. */
struct conf_job {
	struct tkit_ctx *ctx;
	const struct options *options;
	const struct tkit_model *model;
	const struct tkit_closure *closure;
	const struct tkit_run *run; /* the first that traced a command, or NULL */
	struct tkit_rootfs *rootfs;
	const struct tkit_image_config *own; /* the source's; NULL: the root is no image */
	struct imageconf *out;
};

/* 0 or -errno with a recorded cause. Freed with imageconf_done() in any case. */
int imageconf_make(struct tkit_ctx *ctx, const struct options *options,
		   const struct tkit_model *model, const struct tkit_closure *closure,
		   struct imageconf *ret_conf);
void imageconf_done(struct imageconf *conf);

/* ENTRYPOINT, CMD and WORKDIR: imageconf_command.c */
int conf_command(struct conf_job *job);

/* A program that the source image names is among what is kept. */
int conf_program_kept(const struct conf_job *job, const char *name);

#endif
