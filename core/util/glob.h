/* SPDX-License-Identifier: MIT */
/* Globs over paths as bytes. */
#ifndef UTIL_GLOB_H
#define UTIL_GLOB_H

#include <stdbool.h>

#include <tkit/event.h>

/*
 * As fnmatch(3) with FNM_PATHNAME, byte by byte in no locale: `*` any bytes but a slash,
 * `?` one byte but a slash, `[a-z]`, `[!x]` one of a set (never a slash), `\x` the byte x; and `**`
 * any bytes with slashes, where the two slashes of a `/` `**` `/` may also match one. A pattern
 * without a leading slash matches nothing absolute. Quadratic at worst.
 */
bool glob_match(struct tkit_bytes pattern, struct tkit_bytes path);

/* `path` or a directory above it matches. */
bool glob_match_below(struct tkit_bytes pattern, struct tkit_bytes path);

/* Length of the directory that everything a pattern can match lies in or is: no wildcards in
 * it. The pattern's own length if it has none. */
size_t glob_literal(struct tkit_bytes pattern);

#endif
