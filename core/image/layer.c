// SPDX-License-Identifier: MIT
/*
 * The closure as a layer: a pax tar of the same bytes for the same input. Directories
 * first, then symlinks, then the rest, so that every member's parents are there whatever
 * unpacks it; each path once, under its canonical name.
 */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "image/closure.h"
#include "image/layer_priv.h"

#define XATTR_SIZE 65536 /* the kernel's limit for the list and for a value */

int layer_fail(struct layer *l, int rc, const struct tkit_closure_entry *entry, const char *what)
{
	buf_clear(&l->text);
	buf_escaped(&l->text, entry->path);
	buf_char(&l->text, '\0');
	return tkit_fail(l->ctx, rc, "%s %s", what, l->text.failed ? "a file" : l->text.data);
}

int layer_tar_fail(struct layer *l)
{
	int err = l->failed ? -l->failed : archive_errno(l->tar);

	return tkit_fail(l->ctx, err > 0 ? -err : -EIO, "writing the layer");
}

/*
 * What must not travel: labels of the machine that holds the root, signatures bound to
 * an inode, and an overlay's own notes. Everything else does.
 */
static bool xattr_stays(const char *name)
{
	return strcmp(name, "security.selinux") == 0 || strcmp(name, "security.evm") == 0 ||
	       strncmp(name, "trusted.overlay.", 16) == 0 ||
	       strncmp(name, "user.overlay.", 13) == 0;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int add_xattrs(struct layer *l, const struct tkit_closure_entry *entry)
{
	struct tkit_rootfs *fs = l->closure->fs;
	long size = fs->ops->listxattr(fs, entry->path, l->list, XATTR_SIZE - 1);
	const char *names[512];
	size_t count = 0;

	if (size < 0)
		return layer_fail(l, (int)size, entry, "listing the extended attributes of");
	l->list[size] = '\0';
	for (const char *p = l->list; p < l->list + size; p += strlen(p) + 1) {
		if (xattr_stays(p))
			continue;
		if (count == sizeof(names) / sizeof(names[0]))
			return layer_fail(l, -E2BIG, entry, "too many extended attributes on");
		names[count++] = p;
	}
	qsort(names, count, sizeof(names[0]), by_text);
	for (size_t i = 0; i < count; i++) {
		long n = fs->ops->getxattr(fs, entry->path, names[i], l->data, XATTR_SIZE);

		if (n < 0)
			return layer_fail(l, (int)n, entry, "reading an extended attribute of");
		archive_entry_xattr_add_entry(l->member, names[i], l->data, (size_t)n);
	}
	return 0;
}

/*
 * "usr/bin/ls" for "/usr/bin/ls", "./" for the root, but what libarchive makes of that in mtree
 * nobody reads, itself included. NUL-terminated, in l->text.
 */
static const char *member_name(struct layer *l, struct tkit_bytes path)
{
	buf_clear(&l->text);
	if (path.len == 1)
		buf_str(&l->text, l->out->format == LAYER_MTREE ? "." : "./");
	else
		buf_add(&l->text, path.ptr + 1, path.len - 1);
	buf_char(&l->text, '\0');
	return l->text.failed ? NULL : l->text.data;
}

static int write_header(struct layer *l, const struct tkit_closure_entry *entry, uint32_t first)
{
	const struct stat *st = &entry->st;
	struct archive_entry *m = archive_entry_clear(l->member);
	const char *name = member_name(l, entry->path);
	int rc;

	if (!name)
		return tkit_fail(l->ctx, -ENOMEM, "writing the layer");
	archive_entry_copy_pathname(m, name);
	archive_entry_set_filetype(m, st->st_mode & S_IFMT);
	archive_entry_set_perm(m, st->st_mode & 07777);
	archive_entry_set_uid(m, st->st_uid);
	archive_entry_set_gid(m, st->st_gid);
	archive_entry_set_mtime(m, st->st_mtim.tv_sec, st->st_mtim.tv_nsec);
	archive_entry_set_size(m, 0);
	archive_entry_set_nlink(m, l->links[entry - l->closure->entries]);
	if (S_ISLNK(st->st_mode)) {
		/* rootfs keeps targets with a NUL byte behind them */
		archive_entry_copy_symlink(m, entry->target.ptr);
	} else if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode)) {
		archive_entry_set_rdev(m, st->st_rdev);
	} else if (first != CLOSURE_NO_LINK) {
		name = member_name(l, l->closure->entries[first].path);
		if (!name)
			return tkit_fail(l->ctx, -ENOMEM, "writing the layer");
		archive_entry_copy_hardlink(m, name);
	} else if (S_ISREG(st->st_mode)) {
		archive_entry_set_size(m, st->st_size);
	}
	if (first == CLOSURE_NO_LINK && !entry->made) {
		rc = add_xattrs(l, entry);
		if (rc < 0)
			return rc;
	}
	return archive_write_header(l->tar, m) == ARCHIVE_OK && !l->failed ? 0 : layer_tar_fail(l);
}

/* A regular file that is no further name of one that is in. */
static int write_file(struct layer *l, struct tkit_closure_entry *entry)
{
	struct rootfs_content content;
	int rc;

	if (entry->made) {
		rc = write_header(l, entry, CLOSURE_NO_LINK);
		return rc < 0 ? rc : layer_write_made(l, entry);
	}
	rc = layer_open_content(l, entry, &content);
	if (rc < 0)
		return rc;
	rc = write_header(l, entry, CLOSURE_NO_LINK);
	if (rc == 0)
		rc = layer_copy_content(l, entry, &content);
	rootfs_content_done(&content);
	return rc;
}

enum pass { DIRECTORIES, SYMLINKS, OTHERS, PASSES };

static enum pass pass_of(mode_t mode)
{
	return S_ISDIR(mode) ? DIRECTORIES : S_ISLNK(mode) ? SYMLINKS : OTHERS;
}

/* How many names of a file are in: of each entry. */
static int count_links(struct layer *l)
{
	const struct tkit_closure *closure = l->closure;

	l->links = calloc(closure->count + 1, sizeof(*l->links));
	if (!l->links)
		return tkit_fail(l->ctx, -ENOMEM, "writing the layer");
	for (size_t i = 0; i < closure->count; i++)
		l->links[closure->hard_links[i] == CLOSURE_NO_LINK ? i : closure->hard_links[i]]++;
	for (size_t i = 0; i < closure->count; i++)
		if (closure->hard_links[i] != CLOSURE_NO_LINK)
			l->links[i] = l->links[closure->hard_links[i]];
	return 0;
}

static int write_all(struct layer *l)
{
	for (int pass = DIRECTORIES; pass < PASSES; pass++)
		for (size_t i = 0; i < l->closure->count; i++) {
			struct tkit_closure_entry *entry = &l->closure->entries[i];
			uint32_t first = l->closure->hard_links[i];
			int rc;

			if ((int)pass_of(entry->st.st_mode) != pass)
				continue;
			/* mtree knows each name by itself, with size and digest */
			if (l->out->format == LAYER_MTREE)
				first = CLOSURE_NO_LINK;
			if (S_ISREG(entry->st.st_mode) && first == CLOSURE_NO_LINK)
				rc = write_file(l, entry);
			else
				rc = write_header(l, entry, first);
			if (rc < 0)
				return rc;
		}
	return 0;
}

/*
 * libarchive is not told of failures: in its own failed state it neither closes nor frees
 * what it has opened.
 */
static la_ssize_t write_out(struct archive *tar, void *arg, const void *data, size_t size)
{
	struct layer *l = arg;

	(void)tar;
	if (!l->failed)
		l->failed = holes_write(&l->file, data, size);
	if (l->out->tap)
		l->out->tap(l->out->arg, data, size);
	return (la_ssize_t)size;
}

static bool all_ascii(struct tkit_bytes text)
{
	for (size_t i = 0; i < text.len; i++)
		if ((unsigned char)text.ptr[i] >= 0x80)
			return false;
	return true;
}

/* LIBARCHIVE.xattr.* would say everything twice. */
static const char *tar_options(const struct tkit_closure *closure)
{
	/*
	 * Names are bytes, whatever the locale: without this libarchive would translate
	 * them. Only where needed, because GNU tar warns of it (and reads it all the same).
	 */
	for (size_t i = 0; i < closure->count; i++)
		if (!all_ascii(closure->entries[i].path) || !all_ascii(closure->entries[i].target))
			return "hdrcharset=BINARY,xattrheader=SCHILY";
	return "xattrheader=SCHILY";
}

static int set_format(struct layer *l)
{
	if (l->out->format == LAYER_MTREE)
		/* What mtree(5) can tell, with a digest of each file. */
		return archive_write_set_format_mtree(l->tar) == ARCHIVE_OK &&
				       archive_write_set_options(l->tar,
								 "!all,sha256,type,mode,uid,"
								 "gid,size,link,time,"
								 "nlink,device") == ARCHIVE_OK
			       ? 0
			       : layer_tar_fail(l);
	if (archive_write_set_format_pax(l->tar) != ARCHIVE_OK ||
	    archive_write_set_options(l->tar, tar_options(l->closure)) != ARCHIVE_OK ||
	    archive_write_set_bytes_per_block(l->tar, LAYER_COPY_SIZE) != ARCHIVE_OK ||
	    archive_write_set_bytes_in_last_block(l->tar, 1) != ARCHIVE_OK)
		return layer_tar_fail(l);
	return 0;
}

static int start(struct layer *l)
{
	int rc;

	if (!l->tar || !l->member || !l->data || !l->list)
		return tkit_fail(l->ctx, -ENOMEM, "writing the layer");
	holes_begin(&l->file, l->out->fd);
	rc = set_format(l);
	if (rc == 0 && archive_write_open(l->tar, l, NULL, write_out, NULL) != ARCHIVE_OK)
		rc = layer_tar_fail(l);
	return rc;
}

static int end(struct layer *l)
{
	if (archive_write_close(l->tar) != ARCHIVE_OK)
		return layer_tar_fail(l);
	if (!l->failed)
		l->failed = holes_end(&l->file);
	return l->failed ? layer_tar_fail(l) : 0;
}

int layer_write(struct tkit_ctx *ctx, struct tkit_closure *closure, const struct layer_output *out)
{
	struct layer l = {.ctx = ctx,
			  .closure = closure,
			  .tar = archive_write_new(),
			  .member = archive_entry_new(),
			  .data = malloc(LAYER_COPY_SIZE),
			  .list = malloc(XATTR_SIZE),
			  .out = out};
	int rc = start(&l);

	if (rc == 0)
		rc = count_links(&l);
	if (rc == 0)
		rc = write_all(&l);
	if (rc == 0)
		rc = end(&l);
	if (rc < 0 && !l.failed) /* no end-of-archive mark on what is not whole */
		l.failed = rc;
	archive_write_free(l.tar);
	archive_entry_free(l.member);
	free(l.data);
	free(l.list);
	free(l.links);
	buf_done(&l.text);
	return rc;
}

int tkit_closure_write_tar(struct tkit_ctx *ctx, struct tkit_closure *closure, int fd)
{
	const struct layer_output out = {.fd = fd, .format = LAYER_TAR};

	return layer_write(ctx, closure, &out);
}

int tkit_closure_write_mtree(struct tkit_ctx *ctx, struct tkit_closure *closure, int fd)
{
	const struct layer_output out = {.fd = fd, .format = LAYER_MTREE};

	return layer_write(ctx, closure, &out);
}
