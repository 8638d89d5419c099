// SPDX-License-Identifier: MIT
#include "util/bigmem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static size_t round_up(size_t size)
{
	return (size + BIGMEM_PAGE - 1) & ~(size_t)(BIGMEM_PAGE - 1);
}

/* An address range that begins at a huge page; nothing is there yet. NULL: no room. */
static char *reserve(size_t size)
{
	size_t whole = size + BIGMEM_PAGE, before;
	char *p = whole < size ? MAP_FAILED
			       : mmap(NULL, whole, PROT_READ | PROT_WRITE,
				      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	before = round_up((uintptr_t)p) - (uintptr_t)p;
	if (before)
		munmap(p, before);
	munmap(p + before + size, whole - before - size);
	/* Where it is refused, small pages do as well. */
	madvise(p + before, size, MADV_HUGEPAGE);
	return p + before;
}

static void *big_new(size_t size)
{
	return size > SIZE_MAX - 2 * BIGMEM_PAGE ? NULL : reserve(round_up(size));
}

void *bigmem_zeroed(size_t size)
{
	return size < BIGMEM_MIN ? calloc(1, size) : big_new(size);
}

void *bigmem_grow(void *old, size_t old_size, size_t size)
{
	char *data;

	if (size < BIGMEM_MIN)
		return realloc(old, size);
	if (old && old_size >= BIGMEM_MIN && round_up(old_size) == round_up(size))
		return old;
	data = big_new(size);
	if (!data || !old)
		return data;
	if (old_size < BIGMEM_MIN) {
		memcpy(data, old, old_size);
		free(old);
		return data;
	}
	/* The pages move, not what is on them; and they keep their alignment, so they stay huge. */
	if (mremap(old, round_up(old_size), round_up(size), MREMAP_MAYMOVE | MREMAP_FIXED, data) ==
	    MAP_FAILED) {
		munmap(data, round_up(size));
		return NULL;
	}
	return data;
}

void bigmem_free(void *data, size_t size)
{
	if (size < BIGMEM_MIN)
		free(data);
	else if (data)
		munmap(data, round_up(size));
}
