/* SPDX-License-Identifier: MIT */
/* The name of a container's trace: made from a template, and no other container's. */
#ifndef CONTAINER_TRACE_NAME_H
#define CONTAINER_TRACE_NAME_H

#include "container/container.h"
#include "util/buf.h"

/*
 * The file name for a container: {id} (first 12 digits), {fullid}, {name}, {image}, {time}
 * (as trace_time()). Other bytes than letters, digits, "._-" become "_". Caller frees. -EINVAL for
 * an unknown field.
 */
int trace_name(const char *template, const struct container *container, char **ret,
	       struct err *err);

/*
 * Makes an empty file of that name, which the trace is to replace. If there is one already, *name
 * becomes "NAME-2.tkit" and so on. 0 or -errno.
 */
int trace_name_take(int dir_fd, char **name, struct err *err);

/* Removes it, if it is empty still. */
void trace_name_drop(int dir_fd, const char *name);

/* Adds the time: UTC, 20260131T235959.123456. */
void trace_time(struct buf *out);

#endif
