/* SPDX-License-Identifier: MIT */
/* One Record of proto/tkit.proto in memory. */
#ifndef TRACE_RECORD_H
#define TRACE_RECORD_H

#include "tkit.pb-c.h"
#include "trace/arena.h"

struct record {
	struct arena memory; /* of all that the record points to */
	ProtobufCAllocator allocator;
	Tkit__Record__KindCase kind;
	Tkit__Record *message; /* header or footer; NULL for most blocks */
	Tkit__Block block;
};

/* A record must stay where it is from here on. */
void record_init(struct record *record);
void record_done(struct record *record);

/* Forgets the one before. Borrows from `data`, which is untrusted. 0, -EBADMSG, -ENOMEM. */
int record_unpack(struct record *record, const uint8_t *data, size_t size);

#endif
