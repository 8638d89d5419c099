/* SPDX-License-Identifier: MIT */
/* A command line in one text, taken apart without a shell. */
#ifndef SLIM_WORDS_H
#define SLIM_WORDS_H

#include "util/err.h"

/*
 * Splits at blanks; '...' is taken as it is, in "..." and outside of quotes a backslash takes
 * the next byte as it is. Nothing is expanded. *ret_words: NULL-terminated, freed with
 * words_free(). -EINVAL for an open quote or no word at all.
 */
int words_split(const char *text, char ***ret_words, struct err *err);
void words_free(char **words); /* NULL-safe */

#endif
