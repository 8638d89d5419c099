/* SPDX-License-Identifier: MIT */
/* Writing listings and JSON to standard output. */
#ifndef CLI_PRINT_H
#define CLI_PRINT_H

#include <stdbool.h>
#include <stdint.h>

#include "util/buf.h"

/* Writes the text to standard output and frees it. Returns 0 or CLI_FAILED (said so). */
int print_out(struct buf *buf);

/*
 * JSON, on one line. Keys and items put their own commas: json_key(buf, "a"); buf_str(buf, "[");
 * json_item(buf); buf_u64(buf, 1); ...
 */
void json_item(struct buf *buf); /* a comma, unless it is the first of its array or object */
void json_key(struct buf *buf, const char *key);
void json_str(struct buf *buf, const char *key, const char *value); /* NULL: null */
void json_bool(struct buf *buf, const char *key, bool value);
void json_int(struct buf *buf, const char *key, int64_t value);

/* Pads the line that began at byte `start` of buf with spaces to `column`, at least one. */
void print_pad(struct buf *buf, size_t start, size_t column);

/* A string for people: escaped. */
void print_text(struct buf *buf, const char *text);

/* "  label             " of the two-column listings. */
void print_label(struct buf *buf, const char *label);

#endif
