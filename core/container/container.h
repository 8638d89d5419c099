/* SPDX-License-Identifier: MIT */
/*
 * Containers, as the host sees them: which process is a container's first one, which
 * control group holds it, what it is called. Read from /proc, from the OCI runtime's state
 * and from the engines' own files; no daemon is asked.
 */
#ifndef CONTAINER_CONTAINER_H
#define CONTAINER_CONTAINER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "util/err.h"

/* Strings are never NULL; "" = unknown. Freed with container_done(). */
struct container {
	char *id;           /* as the engine gave it; 64 hex digits as a rule */
	char *name;         /* "web" */
	char *image;        /* "nginx:1.25", as it was asked for */
	char *image_digest; /* "sha256:..." of the image's configuration */
	char *engine;       /* "docker", "podman", "containerd" */
	char *cgroup;       /* its directory in a cgroup file system */
	char *bundle;       /* the OCI runtime's directory for it, with config.json */
	pid_t init;         /* its first process, as tkit sees it */
	bool started;       /* by container_from_state(): it does not wait for `start` any more */
};

void container_done(struct container *container); /* NULL-safe */

/*
 * The running container of that id (or a unique beginning of at least 4 characters) or
 * name. -ESRCH with the names that there are, when there is none.
 */
int container_find(const char *word, struct container *ret, struct err *err);

/*
 * The container `id` of an OCI runtime (runc, crun, youki) whose state directory is `root`
 * (NULL: the runtime's default), created but not necessarily started.
 */
int container_from_state(const char *root, const char *id, struct container *ret, struct err *err);

/* Calls fn for each running container until it returns nonzero, and returns that. */
int container_each(int (*fn)(void *arg, const struct container *container), void *arg);

/* ---- parts, for tests ---- */

/*
 * The container that a line of /proc/PID/cgroup names: the last component with 64 hex
 * digits in it. Length of the path up to and with that component in *ret_path, the digits in
 * `id`. False if there is none.
 */
bool container_id_in_cgroup(const char *path, size_t *ret_path, char id[65]);

/*
 * The directory of process `pid`'s control group in a mounted hierarchy: cgroup v2 where
 * the process is in one that is not the root, else v1. Caller frees. -ENOENT if it is in
 * none.
 */
int container_cgroup_dir(pid_t pid, char **ret_dir, struct err *err);

/*
 * The same from the text of /proc/PID/cgroup and of /proc/self/mountinfo, which are both
 * changed.
 */
int container_cgroup_in(char *groups, char *mounts, char **ret_dir, struct err *err);

/*
 * The directory of this process's own group in the hierarchy that the directory `like` lies in.
 * Caller frees. -ENOENT if it cannot be told.
 */
int container_cgroup_own(const char *like, char **ret_dir, struct err *err);

/*
 * Whether a container has a control group of its own, for an engine's helper (this process) that is
 * to trace it: -ENOENT if this process is in the same one, with whatever the engine has there.
 */
int container_is_apart(const struct container *container, struct err *err);

/* The id in the text of /proc/PID/cgroup, which is changed. False if there is none. */
bool container_id_in_groups(char *groups, char id[65]);

/*
 * Where a path in the file system of a device ("8:1") is to be found here: below a mount of it. The
 * path itself, if none is seen. Caller frees; NULL: no memory.
 */
char *container_host_path(const char *device, const char *path);

/* Fills in name, image, image_digest, engine and bundle as far as files tell. */
void container_describe(struct container *container);

/*
 * The same for one that the runtime is about to create from container->bundle: there is no first
 * process yet, and this one was started by the engine in the runtime's place.
 */
void container_describe_planned(struct container *container);

#endif
