/* SPDX-License-Identifier: MIT */
/*
 * Runs a root file system as a container, traced from its first instruction: by an OCI
 * runtime (runc, crun), without an engine's daemon. What the container writes goes to memory
 * and is gone with it; its network has nothing but a loopback interface.
 */
#ifndef SLIM_BOX_H
#define SLIM_BOX_H

#include <stdbool.h>

#include <tkit/image.h>

#include "slim/workdir.h"
#include "util/err.h"
#include "util/proc.h"

struct box_spec {
	const char *name;                       /* unique in the work directory: "run-1" */
	const char *lower;                      /* directories as overlay's lowerdir= takes them */
	struct tkit_rootfs *rootfs;             /* the same, to look up users */
	const struct tkit_image_config *config; /* may be NULL */
	const char *const *args;                /* instead of the image's CMD */
	size_t arg_count;
	bool read_only;
	const char *trace;   /* file for the trace; NULL: not traced */
	const char *backend; /* NULL: auto */
};

struct box {
	const struct workdir *dir;
	struct proc_set *procs;
	const struct box_spec *spec;
	char id[65];
	char *path;         /* DIR/NAME */
	char *state;        /* of the runtime */
	char *cgroup;       /* of the container, a directory */
	struct proc init;   /* with the container's output */
	struct proc tracer; /* pid 0: none */
	bool created;
};

/* Starts it. The spec must live as long as the box. On failure nothing is left running; -ENOEXEC
 * if the runtime could not start the image's command. */
int box_start(const struct workdir *dir, struct proc_set *procs, const struct box_spec *spec,
	      struct box *ret, struct err *err);

/* Starts a command in it; output in ret->out. */
int box_exec(struct box *box, char *const *argv, struct proc *ret, struct err *err);

/* Something listens in its network (TCP, UDP or unix socket). */
bool box_listens(const struct box *box);

/* Its network namespace, to be closed. -errno. */
int box_netns(const struct box *box);

/*
 * Ends it by the image's stop signal and, after `grace_ns`, by SIGKILL; waits for the trace.
 * Its output and status stay in box->init. 0, or -errno if the trace could not be ended.
 */
int box_stop(struct box *box, uint64_t grace_ns, struct err *err);

/* Deletes the container and all it wrote. NULL-safe, whatever the state. */
void box_done(struct box *box);

/* "SIGQUIT", "QUIT", "3", "SIGRTMIN+3"; SIGTERM for NULL and for what is no signal. */
int box_signal(const char *text);

#endif
