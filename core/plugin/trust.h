/* SPDX-License-Identifier: MIT */
/*
 * Whom a privileged tkit takes files from. With privileges (root, setuid, file capabilities)
 * a file counts only if nobody else can write it or put another in its place. "Nobody else"
 * is: nobody but root and those who can replace libtkit itself (the owner of a build tree
 * that root runs tkit from). Without privileges everything is trusted.
 */
#ifndef PLUGIN_TRUST_H
#define PLUGIN_TRUST_H

#include <stdbool.h>
#include <sys/stat.h>

#include "util/err.h"

bool trust_needed(void);

/*
 * Checks `st`, the state of the open file whose canonical path is `path`, and each
 * directory above it. 0 or -EPERM with the cause.
 */
int trust_check(const char *path, const struct stat *st, struct err *err);

/* The rule itself, for tests: may files with this state be trusted, if libtkit has `self`? */
bool trust_state(const struct stat *st, const struct stat *self, bool directory_above);

#endif
