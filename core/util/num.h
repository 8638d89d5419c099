/* SPDX-License-Identifier: MIT */
/*
 * Numbers from text, checked: the whole text must be one number. No white space, no '+', no
 * locale. All return 0, -EINVAL (not a number of this form) or -ERANGE (too large) and leave
 * *ret untouched on failure.
 */
#ifndef UTIL_NUM_H
#define UTIL_NUM_H

#include <stdint.h>

int num_u64(const char *text, uint64_t *ret);      /* "12", "0x1f"; "010" is ten */
int num_i64(const char *text, int64_t *ret);       /* the same with an optional '-' */
int num_size(const char *text, uint64_t *ret);     /* bytes; K, M, G, T: powers of 1024 */
int num_duration(const char *text, uint64_t *ret); /* in ns; "250ms", "1.5s", "2h"; bare = s */

/* As num_i64, but only within min..max (-ERANGE outside). */
int num_int(const char *text, int min, int max, int *ret);

#endif
