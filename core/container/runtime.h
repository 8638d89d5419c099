/* SPDX-License-Identifier: MIT */
/*
 * What an engine asks an OCI runtime to do, as far as tkit has to understand it: runc's
 * command line, which crun and youki share.
 */
#ifndef CONTAINER_RUNTIME_H
#define CONTAINER_RUNTIME_H

#include <stddef.h>

#include "util/err.h"

/* Strings are borrowed from argv; NULL = not given. */
struct runtime_call {
	const char *command; /* "create", "start", ... */
	const char *id;
	const char *root;   /* state directory */
	const char *bundle; /* create, run */
	const char *log;    /* file for what goes wrong: engines show what stands there */
	const char *log_format;
};

/*
 * Reads what stands behind the runtime's name (NULL-terminated). Options that are not known are
 * taken for flags without a value, as nothing but the commands above needs more.
 */
void runtime_parse(char *const *args, struct runtime_call *ret);

/* Notes a failure of tkit's own where the runtime would have, as far as possible. */
void runtime_log(const struct runtime_call *call, const char *text);

/*
 * Path of the runtime to call: `given`, else $TKIT_REAL_RUNTIME, else runc, crun or youki in
 * PATH, but never tkit itself. Caller frees.
 */
int runtime_find(const char *given, char **ret_path, struct err *err);

#endif
