/* SPDX-License-Identifier: MIT */
/* "Did you mean": the nearest of some names. */
#ifndef UTIL_SUGGEST_H
#define UTIL_SUGGEST_H

#include <stddef.h>

/* The name with the smallest edit distance to `word`, NULL if none is near enough to help. */
const char *suggest(const char *word, const char *const *names, size_t count);

#endif
