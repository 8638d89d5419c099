/* SPDX-License-Identifier: MIT */
/* One typed option: parsing and printing a value. */
#ifndef PLUGIN_OPTION_H
#define PLUGIN_OPTION_H

#include <stddef.h>
#include <stdint.h>

#include <tkit/plugin.h>

#include "util/buf.h"
#include "util/err.h"

union option_value {
	int number; /* BOOL, ENUM */
	int64_t i;
	uint64_t u; /* SIZE, DURATION */
};

const char *option_type_name(uint32_t type); /* "size"; NULL for an unknown type */

/* Bytes and alignment of the field in the plugin's struct. 0 for an unknown type. */
size_t option_field_size(uint32_t type);
size_t option_field_align(uint32_t type);

/*
 * Parses and checks `text` against type and range. The cause starts with what is wrong:
 * "'8' is out of range (64K..1G)". STRING and LIST take any text and leave *ret alone.
 */
int option_parse(const struct tkit_option *option, const char *text, union option_value *ret,
		 struct err *err);

/* Is the range itself right? */
int option_check_range(const struct tkit_option *option, struct err *err);

/* Writes `text`, a valid value, in its one normal form: "8388608", "yes", "5000ns". */
void option_normal(struct buf *buf, const struct tkit_option *option, const char *text);

#endif
