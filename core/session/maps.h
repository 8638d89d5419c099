/* SPDX-License-Identifier: MIT */
/* Lines of /proc/PID/maps. */
#ifndef SESSION_MAPS_H
#define SESSION_MAPS_H

#include <stdbool.h>
#include <stdint.h>

#include <tkit/event.h>

struct maps_entry {
	uint64_t start, end;
	uint64_t dev; /* makedev(3); some file systems show another one than stat(2) does */
	uint64_t ino; /* 0: no file behind it */
	struct tkit_bytes
		name; /* as written there: a newline is "\012", and so is that text itself */
};

/* Reads one line without its newline; entry->name points into it. False: it is none. */
bool maps_parse(struct tkit_bytes line, struct maps_entry *ret_entry);

/*
 * Writes `name` with each "\012" as a newline to buf (name.len bytes suffice; not
 * NUL-terminated). Returns the length. What was meant cannot be known from the text alone.
 */
size_t maps_unescape(struct tkit_bytes name, char *buf);

#endif
