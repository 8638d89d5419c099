/* SPDX-License-Identifier: MIT */
/* The first line of a script, by the kernel's rules (fs/binfmt_script.c). */
#ifndef UTIL_SHEBANG_H
#define UTIL_SHEBANG_H

#include <tkit/event.h>

#define SHEBANG_SIZE  256 /* the kernel looks at so many bytes of a file */
#define SHEBANG_DEPTH 5   /* interpreters that may be scripts themselves */

struct shebang {
	struct tkit_bytes interp; /* as written; may be relative */
	struct tkit_bytes arg;    /* the rest of the line, trimmed; empty = none */
};

/*
 * Parses the first `size` bytes of a file (give SHEBANG_SIZE if it has them, more is
 * ignored). Returns 0 with views into `head`, -ENOEXEC if it is no script or one that the
 * kernel refuses. Pure.
 */
int shebang_parse(const char *head, size_t size, struct shebang *ret_shebang);

#endif
