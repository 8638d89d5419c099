/* SPDX-License-Identifier: MIT */
/*
 * Files that are mostly holes: read, copied and written in the time and space of their data. What
 * a hole reads as, zeros, is what everybody gets.
 */
#ifndef UTIL_HOLES_H
#define UTIL_HOLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All bytes are zero. */
bool holes_zero(const void *data, size_t size);

/*
 * Where a hole that `at` is in ends, at most `end`; `at` itself if it is in none, or if the file
 * system does not tell. Moves the position of fd.
 */
uint64_t holes_skip(int fd, uint64_t at, uint64_t end);

/*
 * Copies bytes into an empty regular file, from its position on, holes as holes. 0 or -errno;
 * -ENODATA: there are fewer.
 */
int holes_copy(int from, uint64_t offset, uint64_t size, int to);

/* Writes a stream; long runs of zeros become holes if it goes to the end of a regular file. */
struct holes_out {
	int fd;
	bool seeks;
	uint64_t zeros; /* not yet written */
};

void holes_begin(struct holes_out *out, int fd);
int holes_write(struct holes_out *out, const void *data, size_t size); /* 0 or -errno */
/* What is held back is in the file, and the position behind it. To be called last. 0 or -errno. */
int holes_end(struct holes_out *out);

#endif
