/* SPDX-License-Identifier: MIT */
/* Why output cannot be put at a place, and what to do about it. */
#ifndef CLI_OUT_ADVICE_H
#define CLI_OUT_ADVICE_H

#include "util/err.h"

/* Records that nothing can be made at `path`, with what its folder says about the error. Returns
 * rc. */
int out_denied(const char *path, int rc, struct err *err);

/*
 * What is at `path`, if there is something, can be replaced: the folder can be written to, and is
 * not one in which only owners may (as /tmp). 0, or -EACCES or -EPERM with the cause.
 */
int out_replaceable(const char *path, struct err *err);

#endif
