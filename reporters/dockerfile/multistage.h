/* SPDX-License-Identifier: MIT */
/* A stage of a Dockerfile in which files of an image are collected, with all that they are. */
#ifndef DOCKERFILE_MULTISTAGE_H
#define DOCKERFILE_MULTISTAGE_H

#include "dockerfile.h"

#define MULTISTAGE_INTO 32

/*
 * Adds the stage "source" for the entries of the closure whose byte in `only` is set, or all with
 * only == NULL. `into` becomes the name of the folder that has them. 1 if the image's own tools do
 * it, where engines mount over /etc/hosts and the like; 0 if another image's do; or -errno with a
 * cause.
 */
int multistage_collect(struct job *job, const unsigned char *only, struct text *text,
		       char into[MULTISTAGE_INTO]);

/* Adds the line that copies them. */
void multistage_copy(const char *into, struct text *text);

#endif
