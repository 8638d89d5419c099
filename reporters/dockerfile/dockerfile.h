/* SPDX-License-Identifier: MIT */
#ifndef DOCKERFILE_DOCKERFILE_H
#define DOCKERFILE_DOCKERFILE_H

#include <tkit/image.h>
#include <tkit/plugin.h>

#include "text.h"

enum format { FORMAT_IMAGE, FORMAT_LIST };

struct options {
	int format;
	struct tkit_option_list entrypoint;
	struct tkit_option_list cmd;
	const char *workdir;
	const char *user;
	struct tkit_option_list env;
	struct tkit_option_list expose;
	struct tkit_option_list label;
	const char *stopsignal;
	struct tkit_option_list include;
	struct tkit_option_list exclude;
	int keep_listed;
	int users;
};

/* Writes the Dockerfile's text. 0 or -errno with a recorded cause. */
int command_write(struct tkit_ctx *ctx, const struct options *options,
		  const struct tkit_model *model, const struct tkit_closure *closure,
		  struct text *text);

#endif
