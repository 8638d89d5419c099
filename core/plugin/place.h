/* SPDX-License-Identifier: MIT */
/* Where this tkit lies: an installed tree that may have been moved, or a build tree. */
#ifndef PLUGIN_PLACE_H
#define PLUGIN_PLACE_H

#include "util/err.h"

/* Absolute path of the running libtkit into buf (PATH_MAX bytes), "" if unknown. */
void place_own(char *buf);

/* The directory of `path`, a slash and `tail`; NULL when memory is short or path has no slash. */
char *place_beside(const char *path, const char *tail);

/*
 * The directory `name` of tkit's own data (templates, conformance): ${datadir}/tkit/NAME or
 * ${libdir}/tkit/NAME of this tree, else NAME in the build tree. Returns 0 with *ret_dir (to be
 * freed) or -ENOENT.
 */
int place_data(const char *name, char **ret_dir, struct err *err);

#endif
