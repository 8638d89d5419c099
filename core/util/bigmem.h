/* SPDX-License-Identifier: MIT */
/*
 * Memory for large tables that are looked into here and there: with pages of 4 KiB nearly each
 * look would have the processor walk the page tables first, so what is large enough lies on
 * huge pages, where the kernel has them. Small pieces are malloc's.
 *
 * The sizes tell which is which: always hand in the size that was asked for.
 */
#ifndef UTIL_BIGMEM_H
#define UTIL_BIGMEM_H

#include <stddef.h>

#define BIGMEM_PAGE (2u << 20)        /* a huge page; where they are larger, they are not used */
#define BIGMEM_MIN  (2 * BIGMEM_PAGE) /* from here on a piece has pages of its own */

/* `size` (> 0) bytes, all zero. NULL: no memory. */
void *bigmem_zeroed(size_t size);

/*
 * Makes a piece larger, or a new one of NULL; it may move. What is new has no defined content.
 * NULL: no memory, the old piece is as it was.
 */
void *bigmem_grow(void *old, size_t old_size, size_t size);

/* NULL is fine. */
void bigmem_free(void *data, size_t size);

#endif
