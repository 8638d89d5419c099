/* SPDX-License-Identifier: MIT */
/* From what a link of /proc says to a name in the target's root. */
#ifndef SESSION_HELD_NAME_H
#define SESSION_HELD_NAME_H

#include "session/held.h"

/* What is known of a file, from stat(2) or from a line of maps. */
struct identity {
	bool known;
	bool full; /* by stat */
	uint64_t dev, ino;
	uint32_t mode, links;
};

/* The file behind a link or name. Never asks a server: one that is itself traced and stopped
 * could not answer. */
struct identity identify(int at, const char *name, int flags);

/*
 * The kernel writes " (deleted)" behind a name that is gone; a name may also end like that.
 * Cuts it off if so. `dir` is that of the process in /proc.
 */
bool held_cut_deleted(int dir, char *text, size_t len, const struct identity *id);

/* Memory that looks like a file: no name leads there, and none ever did. */
bool held_is_unnamed(const struct held_scope *scope, const char *text, const struct identity *id);

/*
 * The name in the target's root, or NULL. With `foreign` the text comes from another mount
 * namespace and root directory, where it may mean another file: then it is compared.
 */
const char *held_inside(const struct held_scope *scope, bool foreign, const char *text,
			const struct identity *id);

#endif
