/* SPDX-License-Identifier: MIT */
#ifndef DOCKERFILE_ACCOUNTS_H
#define DOCKERFILE_ACCOUNTS_H

#include "text.h"

/*
 * For a USER by name: lines that add it and its group, as passwd(5) and group(5) have them, to an
 * image that does not know that name. Both texts are NUL-terminated, or NULL.
 */
void accounts_write(const char *passwd, const char *group, const char *user, struct text *out);

#endif
