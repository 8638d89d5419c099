/* SPDX-License-Identifier: MIT */
/* A root file system written out as a directory, with owners, modes, attributes and times. */
#ifndef SLIM_UNPACK_H
#define SLIM_UNPACK_H

#include <tkit/image.h>

#include "util/err.h"

/* `dir`: an empty directory that nobody else can reach; it becomes "/". Device nodes stay
 * behind. 0 or -errno with the cause. */
int unpack(struct tkit_rootfs *rootfs, int dir, struct err *err);

#endif
