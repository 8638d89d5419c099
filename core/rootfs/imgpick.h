/* SPDX-License-Identifier: MIT */
/* Which of the images in an archive is meant. Runs in the sandbox. */
#ifndef ROOTFS_IMGPICK_H
#define ROOTFS_IMGPICK_H

#include <jansson.h>
#include <stdbool.h>

#include "util/buf.h"
#include "util/err.h"

#define IMGPICK_MAX 1024 /* images in one archive */

/* One image. JSON is borrowed. */
struct imgpick {
	const json_t *tags; /* a list of names, one name, or NULL */
	const char *digest; /* what it is known by; the same for the same image */
	const json_t *item; /* its place in the archive's list */
	char platform[64];  /* "OS/ARCHITECTURE[/VARIANT]"; "" = not known */
	bool out;           /* not this one */
};

void imgpick_platform(struct imgpick *pick, const char *os, const char *arch, const char *variant);

/*
 * Finds the one that is meant. `tag` and `platform` may be NULL; `host` decides between
 * several platforms. *ret_index, or -errno with a list of what there is.
 */
int imgpick_choose(struct imgpick *picks, size_t count, const char *tag, const char *platform,
		   const char *host, size_t *ret_index, struct err *err);

/* The first name of an image, NULL if it has none. */
const char *imgpick_name(const struct imgpick *pick);

#endif
