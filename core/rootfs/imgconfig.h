/* SPDX-License-Identifier: MIT */
/*
 * An image's configuration: read from JSON in the sandbox to a list of records, which the
 * parent checks and keeps as the public struct tkit_image_config.
 *
 * A record is u16 key, u32 length, that many bytes, none of them NUL, and a NUL.
 */
#ifndef ROOTFS_IMGCONFIG_H
#define ROOTFS_IMGCONFIG_H

#include <jansson.h>

#include <tkit/image.h>

#include "util/buf.h"
#include "util/err.h"

/* Adds the records of a config file's JSON. 0 or -errno with the cause. */
int imgconfig_from_json(const json_t *config, struct buf *records, struct err *err);

/* Adds the name under which the archive has the image. */
void imgconfig_add_name(struct buf *records, const char *name);

struct imgconfig; /* what tkit_image_config points into */

/* Takes the records over. 0, -EBADMSG, -ENOMEM. Freed with imgconfig_free(). */
int imgconfig_new(struct buf *records, struct imgconfig **ret_config);
void imgconfig_free(struct imgconfig *config); /* NULL-safe */
const struct tkit_image_config *imgconfig_get(const struct imgconfig *config);

#endif
