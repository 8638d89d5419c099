/* SPDX-License-Identifier: MIT */
/* An image's configuration as the lines of a Dockerfile. */
#ifndef DOCKERFILE_DIRECTIVES_H
#define DOCKERFILE_DIRECTIVES_H

#include "imageconf.h"

/* Adds ENV ... CMD. 0, or -errno with a recorded cause for what a Dockerfile cannot hold. */
int directives_write(struct tkit_ctx *ctx, const struct imageconf *conf, struct text *text);

#endif
