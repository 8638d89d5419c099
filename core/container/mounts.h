/* SPDX-License-Identifier: MIT */
/*
 * What is mounted in a container: the kernel's table says where, the bundle of the OCI runtime
 * (config.json) what the engine meant by it.
 */
#ifndef CONTAINER_MOUNTS_H
#define CONTAINER_MOUNTS_H

#include <sys/types.h>

#include <tkit/sink.h>

#include "container/json.h"

struct container_mounts {
	struct tkit_mount_info *list; /* sorted by destination, each of them once */
	uint32_t count;
};

void container_mounts_done(struct container_mounts *mounts);

/*
 * Reads them of process `init`. `root`: where the container's root directory is as the process
 * still sees it (in a hook); NULL = its own root. `id`, `bundle`: "" = unknown; a bundle that
 * cannot be read costs names, not mounts. 0 or -errno.
 */
int container_mounts_read(pid_t init, const char *root, const char *id, const char *bundle,
			  struct container_mounts *ret);

/* The same before there is a process: what the bundle's config.json says is going to be mounted. */
int container_mounts_planned(const char *id, const char *bundle, struct container_mounts *ret);

/* ---- parts, for tests ---- */

/* The same from the text of mountinfo, which is cut, and the bundle's config.json (or NULL).
 * root_fd: to look at the mount points; -1 = do not. */
int container_mounts_parse(char *mountinfo, const char *root, const char *id, const json_t *config,
			   int root_fd, struct container_mounts *ret);

#endif
