/* SPDX-License-Identifier: MIT */
/*
 * Where a trace goes: a file that takes its name only when the run has begun, or a pipe
 * or device that is written as it is.
 */
#ifndef SINK_FILE_PLACE_H
#define SINK_FILE_PLACE_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include <tkit/plugin.h>

struct place {
	int fd;
	int dir_fd;              /* of `name`; -1 for what is written as it is */
	const char *path;        /* as given, for messages */
	const char *name;        /* last component of `path` */
	char temp[NAME_MAX + 1]; /* name in dir_fd while it is not final; "" = none */
	uint64_t size;           /* bytes written whole */
	bool regular;
};

#define PLACE_INIT                      \
	{                               \
		.fd = -1, .dir_fd = -1, \
	}

/* Opens a place for `path` ("-": standard output). Nothing is visible under the name yet. */
int place_open(struct tkit_ctx *ctx, const char *path, struct place *place);

/* Gives the file its name, replacing an older file of that name. */
int place_publish(struct tkit_ctx *ctx, struct place *place);

/* Writes all of it. After a failure the file ends where the last whole write ended. */
int place_write(struct tkit_ctx *ctx, struct place *place, const void *data, size_t size);

/* Data to the disk; nothing for what is no file. */
int place_sync(struct tkit_ctx *ctx, struct place *place);

/* Closes; removes the file if it never got its name. */
int place_close(struct tkit_ctx *ctx, struct place *place);

#endif
