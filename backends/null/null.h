/* SPDX-License-Identifier: MIT */
/* The accesses that the null backend makes up. */
#ifndef NULL_NULL_H
#define NULL_NULL_H

#include <tkit/event.h>

#define NULL_FIRST_PID 5000000 /* above what the kernel can give */
#define NULL_TEXT      160     /* room for the names of one access */

enum null_shape { NULL_PLAIN, NULL_BUILD }; /* order of the option's range */

struct null_shaper {
	int shape; /* enum null_shape */
	int64_t paths;
	int64_t processes;
	uint64_t random;  /* state of the generator: the same run makes the same events */
	int64_t index;    /* plain: path of the next access */
	int64_t process;  /* ... and its process */
	int64_t in_burst; /* build: accesses that the process still makes in its turn */
};

/*
 * The next access; its time is left to the caller. `text` holds its names and must live as long
 * as the event is used.
 */
void null_access(struct null_shaper *shaper, char text[NULL_TEXT], struct tkit_event *event);

#endif
