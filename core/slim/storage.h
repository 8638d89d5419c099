/* SPDX-License-Identifier: MIT */
/*
 * An image where the engine itself keeps it: the directories of its layers, mounted over each
 * other. Nothing is copied, which `docker save` and unpacking would do twice.
 */
#ifndef SLIM_STORAGE_H
#define SLIM_STORAGE_H

#include "rootfs/imgconfig.h"
#include "util/proc.h"

/*
 * Mounts the image of docker's at `point`, read-only, if docker keeps it on this machine with
 * overlay2. 1 = mounted, with its configuration in *ret_config; 0 = it cannot be had in this
 * way; -EINTR.
 */
int storage_mount(struct proc_set *procs, const char *image, const char *point,
		  struct imgconfig **ret_config);

#endif
