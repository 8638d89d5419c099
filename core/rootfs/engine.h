/* SPDX-License-Identifier: MIT */
/* Images of a container engine, by its own command line client: `docker save IMAGE`. */
#ifndef ROOTFS_ENGINE_H
#define ROOTFS_ENGINE_H

#include <sys/types.h>

#include "util/err.h"

struct engine_save {
	const char *program; /* borrowed */
	const char *image;
	pid_t pid;
	int out;    /* read the archive from here */
	int errors; /* file with what it said */
};

/* Starts `program save -- image`, found in PATH. 0 or -errno with the cause. */
int engine_start(struct engine_save *save, const char *program, const char *image, struct err *err);

/* Closes the pipe and waits. 0, or -errno with what the engine said as cause. */
int engine_finish(struct engine_save *save, struct err *err);

#endif
