/* SPDX-License-Identifier: MIT */
/*
 * Changes of a JSON text that leave all of the rest as its author wrote it: blanks, line ends,
 * numbers, escapes. The text has been parsed before: nothing is said here of one that is damaged.
 */
#ifndef CONTAINER_JSON_TEXT_H
#define CONTAINER_JSON_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "util/buf.h"

/* A member of an object, as offsets in the text. */
struct json_place {
	size_t before; /* end of the value before it, or of the brace */
	size_t key;    /* its opening quote */
	size_t value;
	size_t end;  /* behind the value */
	size_t next; /* the key that follows; 0 = none */
};

/* Where the text's object begins, which must be one: at its brace. */
size_t json_text_top(const char *text);

/* The member `name` of the object at `object`. False if it has none. */
bool json_text_find(const char *text, size_t object, const char *name, struct json_place *ret);

/*
 * Adds the text to `out`, with `member` ("\"name\": value") as the object's last one. In `member` a
 * newline is a line's end and a tab an indentation, both as the object has them, or nothing if it
 * stands in one line.
 */
void json_text_add(const char *text, size_t object, const char *member, struct buf *out);

/* Adds the text to `out`, without the member, or with another value in its place. */
void json_text_remove(const char *text, const struct json_place *place, struct buf *out);
void json_text_replace(const char *text, const struct json_place *place, const char *value,
		       struct buf *out);

#endif
