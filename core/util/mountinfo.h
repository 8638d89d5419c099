/* SPDX-License-Identifier: MIT */
/* The kernel's table of mounts: /proc/PID/mountinfo, proc(5). */
#ifndef UTIL_MOUNTINFO_H
#define UTIL_MOUNTINFO_H

#include <stdbool.h>
#include <stdint.h>

/* One line; strings are parts of the text that was read, with escapes undone. */
struct mountinfo {
	unsigned int id;
	const char *device;  /* "8:1" */
	const char *root;    /* what of the file system is mounted: a path in it */
	const char *point;   /* where */
	const char *options; /* "ro,nosuid": of this mount */
	const char *type;    /* "ext4" */
	const char *source;  /* "/dev/sda1", "tmpfs" */
	const char *super;   /* options of the file system */
};

/* The next line of *text, which is cut and moved on; lines that make no sense are passed over.
 * False at the end. */
bool mountinfo_next(char **text, struct mountinfo *ret);

/* A word of a list with commas. */
bool mountinfo_has(const char *options, const char *word);

#endif
