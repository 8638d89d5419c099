// SPDX-License-Identifier: MIT
/* A regular file's bytes on their way into a layer; see layer_priv.h. */
#include <archive.h>
#include <errno.h>
#include <string.h>

#include "image/closure.h"
#include "image/layer_priv.h"

#define HOLES_TOLD (64u << 20) /* a file with so many bytes in holes is worth a warning */

static size_t piece(uint64_t size)
{
	return size < LAYER_COPY_SIZE ? (size_t)size : LAYER_COPY_SIZE;
}

static int copy_zeros(struct layer *l, uint64_t size)
{
	memset(l->data, 0, piece(size));
	for (size_t n; size; size -= n) {
		n = piece(size);
		if (archive_write_data(l->tar, l->data, n) != (la_ssize_t)n || l->failed)
			return layer_tar_fail(l);
	}
	return 0;
}

/*
 * Holes are zeros in the layer. tar has ways to tell of them, which docker reads when it loads a
 * layer, and then cannot save or push it ("could not verify layer data": 20.10, and all that use
 * tar-split).
 */
static void tell_holes(struct layer *l, const struct tkit_closure_entry *entry, uint64_t holes)
{
	if (holes < HOLES_TOLD || l->out->format != LAYER_TAR)
		return;
	buf_clear(&l->text);
	buf_escaped(&l->text, entry->path);
	buf_char(&l->text, '\0');
	tkit_log(l->ctx, TKIT_LOG_WARN,
		 "%s has %llu bytes, of which %llu are a hole; an image holds all of them "
		 "(an exclude rule leaves the file out)",
		 l->text.failed ? "a file" : l->text.data, (unsigned long long)entry->st.st_size,
		 (unsigned long long)holes);
}

/* Up to `end`; *ret_at: how far there was something to read. */
static int copy_bytes(struct layer *l, const struct tkit_closure_entry *entry,
		      const struct rootfs_content *content, uint64_t end, uint64_t *ret_at)
{
	uint64_t at = content->offset, holes = 0;
	int rc;

	while (at < end) {
		uint64_t data = holes_skip(content->fd, at, end);
		ssize_t n;

		if (data > at) {
			rc = copy_zeros(l, data - at);
			if (rc < 0)
				return rc;
			holes += data - at;
			at = data;
			continue;
		}
		n = pread(content->fd, l->data, piece(end - at), (off_t)at);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return layer_fail(l, -errno, entry, "reading");
		if (n == 0)
			break;
		if (archive_write_data(l->tar, l->data, (size_t)n) != n || l->failed)
			return layer_tar_fail(l);
		at += (uint64_t)n;
	}
	tell_holes(l, entry, holes);
	*ret_at = at;
	return 0;
}

/*
 * The run's own log or data base goes on while we look: any state of it is as good. Under further
 * names it has been told of with one size already.
 */
static bool is_written(const struct layer *l, const struct tkit_closure_entry *entry,
		       const struct rootfs_content *content)
{
	return !content->borrowed && entry->st.st_nlink == 1 &&
	       intern_find(&l->closure->written, entry->path) != INTERN_NONE;
}

int layer_copy_content(struct layer *l, const struct tkit_closure_entry *entry,
		       const struct rootfs_content *content)
{
	uint64_t at = content->offset, end = at + (uint64_t)entry->st.st_size;
	int rc;

	if (content->borrowed && end > at + content->size)
		end = at + content->size;
	rc = copy_bytes(l, entry, content, end, &at);
	if (rc < 0)
		return rc;
	/* Looked at last, so that a change while reading shows, too. */
	if (at == end && rootfs_content_is(l->closure->fs, content, &entry->st))
		return 0;
	if (is_written(l, entry, content))
		return copy_zeros(l, end - at);
	return layer_fail(
		l, -ESTALE, entry,
		"the root changes under us (stop what writes to it, or leave the file out "
		"by an exclude rule): reading");
}

int layer_open_content(struct layer *l, struct tkit_closure_entry *entry,
		       struct rootfs_content *content)
{
	int rc = rootfs_content(l->closure->fs, entry->path, content);
	struct stat now;

	if (rc < 0)
		return layer_fail(l, rc, entry, "opening");
	if (is_written(l, entry, content) && fstat(content->fd, &now) == 0 &&
	    now.st_dev == entry->st.st_dev && now.st_ino == entry->st.st_ino &&
	    S_ISREG(now.st_mode))
		entry->st = now;
	return 0;
}

int layer_write_made(struct layer *l, const struct tkit_closure_entry *entry)
{
	struct tkit_bytes text = tkit_closure_content(l->closure, entry);

	return archive_write_data(l->tar, text.ptr, text.len) == (la_ssize_t)text.len && !l->failed
		       ? 0
		       : layer_tar_fail(l);
}
