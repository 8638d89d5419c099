/* SPDX-License-Identifier: MIT */
/* Inside of the Dockerfile's writer: command.c what a run tells, config.c what an image tells. */
#ifndef DOCKERFILE_COMMAND_H
#define DOCKERFILE_COMMAND_H

#include "dockerfile.h"

struct command {
	struct tkit_ctx *ctx;
	const struct options *options;
	const struct tkit_model *model;
	const struct tkit_closure *closure;
	const struct tkit_run *run; /* the first that traced a command, or NULL */
	struct tkit_rootfs *rootfs;
	const struct tkit_image_config *config; /* NULL: the root is no image */
	int own_command;                        /* the image's ENTRYPOINT and CMD are kept */
	struct text *text;
};

/* "DIRECTIVE value", quoted. */
int command_directive(struct command *c, const char *name, const char *value);

/* ENV and LABEL: "KEY=value", the key of those characters; NULL: what images have. */
int command_assignment(struct command *c, const char *name, const char *item, const char *charset);

/* "DIRECTIVE [JSON]" */
int command_array(struct command *c, const char *name, const char *const *items, size_t count);

/* The image has a command, and its program is among what is kept. */
int config_has_command(struct command *c);
int config_write_command(struct command *c);

/* What no option says: EXPOSE, VOLUME, LABEL, STOPSIGNAL, SHELL; HEALTHCHECK. */
int config_write_meta(struct command *c);
int config_write_health(struct command *c);

#endif
