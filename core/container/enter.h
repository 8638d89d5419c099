/* SPDX-License-Identifier: MIT */
/*
 * `exec` in a container that is traced by ptrace(2): the runtime is no descendant of what is
 * traced, so it has to be traced itself before it brings a process in.
 */
#ifndef CONTAINER_ENTER_H
#define CONTAINER_ENTER_H

#include "container/container.h"

/*
 * Gets this process traced by the tracer of the container's first process, if that is traced at
 * all: goes into its control group, where the tracer looks for newcomers, waits to be seized,
 * and leaves the group again. 0 or -errno with the cause; then this process is where it was, but
 * untraced.
 */
int enter_be_traced(const struct container *c, uint64_t timeout_ns, struct err *err);

#endif
