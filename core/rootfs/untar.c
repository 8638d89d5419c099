// SPDX-License-Identifier: MIT
#include "rootfs/untar.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "util/bytes.h"
#include "util/cleanup.h"
#include "util/holes.h"

#define SPOOL_BUFFER (1024 * 1024)
#define TAR_BLOCK    512u

int spool_init(struct spool *spool, int fd)
{
	*spool = (struct spool){.fd = fd, .buf = malloc(SPOOL_BUFFER)};
	return spool->buf ? 0 : -ENOMEM;
}

void spool_done(struct spool *spool)
{
	free(spool->buf);
	spool->buf = NULL;
}

static int write_at(int fd, const char *data, size_t size, uint64_t at)
{
	while (size) {
		ssize_t n = pwrite(fd, data, size, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		data += n;
		size -= (size_t)n;
		at += (uint64_t)n;
	}
	return 0;
}

int spool_flush(struct spool *spool)
{
	int rc = write_at(spool->fd, spool->buf, spool->buf_size, spool->buf_at);

	spool->buf_size = 0;
	return rc;
}

static int spool_write(struct spool *spool, uint64_t at, const char *data, size_t size)
{
	int rc = 0;

	if (spool->buf_at + spool->buf_size != at || size > SPOOL_BUFFER - spool->buf_size) {
		rc = spool_flush(spool);
		spool->buf_at = at;
	}
	if (rc < 0 || size > SPOOL_BUFFER)
		return rc < 0 ? rc : write_at(spool->fd, data, size, at);
	memcpy(spool->buf + spool->buf_size, data, size);
	spool->buf_size += size;
	return 0;
}

/* One archive being read. */
struct untar {
	struct layering *l;
	const struct untar_from *from;
	const struct extent *extent;
	struct spool *spool;
	struct err *err;
	uint64_t counted; /* bytes of the unpacked archive taken off the budget */
	uint64_t end;     /* of the last content that was left where it is, padded; 0 = none */
	struct archive *tar;
	struct extent_reader reader;
	struct buf xattrs;
};

static la_ssize_t read_in(struct archive *tar, void *arg, const void **ret_data)
{
	struct untar *u = arg;
	ssize_t n;

	if (u->from->packed) {
		n = packed_read(u->from->packed, ret_data, u->err);
		if (n > 0)
			digest_add(u->from->digest, *ret_data, (size_t)n);
	} else {
		n = extent_read(&u->reader, ret_data);
	}
	if (n >= 0)
		return n;
	archive_set_error(tar, (int)-n, "reading: %s", strerror((int)-n));
	return ARCHIVE_FATAL;
}

static la_int64_t skip_in(struct archive *tar, void *arg, la_int64_t request)
{
	struct untar *u = arg;

	(void)tar;
	return u->from->packed || request < 0
		       ? 0
		       : (la_int64_t)extent_skip(&u->reader, (uint64_t)request);
}

static int fail_archive(struct untar *u)
{
	const char *text = archive_error_string(u->tar);
	int rc = archive_errno(u->tar);

	if (u->err->rc) /* of what lies below */
		return u->err->rc;
	if (rc == ENOMEM)
		return err_sys(u->err, -ENOMEM, "reading the archive");
	if (text && strcmp(text, "Unrecognized archive format") == 0)
		return err_set(u->err, -ENOMSG, "it is no tar archive");
	return err_set(u->err, -EBADMSG, "the archive is damaged or cut short: %s",
		       text ? text : "no reason given");
}

static int fail_spool(struct untar *u, int rc)
{
	return err_sys(u->err, rc, "writing to the temporary file of unpacked content");
}

static int spend(struct untar *u, uint64_t bytes)
{
	if (bytes > *u->from->budget)
		return err_set(u->err, -EFBIG,
			       "the image unpacks to more bytes than the limit allows "
			       "(--image-max-bytes)");
	*u->from->budget -= bytes;
	return 0;
}

/* What the archive itself has grown to when unpacked. */
static int spend_archive(struct untar *u)
{
	uint64_t now = (uint64_t)archive_filter_bytes(u->tar, 0);
	int rc = now > u->counted ? spend(u, now - u->counted) : 0;

	u->counted = now;
	return rc;
}

static int spool_content(struct untar *u, struct imgtree_inode *inode)
{
	uint64_t end = 0; /* of what came so far */
	const void *data;
	la_int64_t at;
	size_t size;
	int rc;

	inode->file = UNTAR_SPOOL;
	inode->offset = u->spool->end;
	while ((rc = archive_read_data_block(u->tar, &data, &size, &at)) == ARCHIVE_OK) {
		if (at < 0 || (uint64_t)at > inode->size || size > inode->size - (uint64_t)at)
			return err_set(u->err, -EBADMSG,
				       "the archive is damaged: content past a file's end");
		if ((uint64_t)at < end)
			return err_set(u->err, -EBADMSG,
				       "the archive is damaged: overlapping data");
		end = (uint64_t)at + size;
		rc = holes_zero(data, size)
			     ? 0
			     : spool_write(u->spool, inode->offset + (uint64_t)at, data, size);
		if (rc < 0)
			return fail_spool(u, rc);
		rc = spend_archive(u);
		if (rc < 0)
			return rc;
	}
	if (rc != ARCHIVE_EOF)
		return fail_archive(u);
	u->spool->end += inode->size;
	return 0;
}

static int add_content(struct untar *u, struct archive_entry *entry, struct imgtree_inode *inode)
{
	uint64_t at = (uint64_t)archive_filter_bytes(u->tar, 0);
	int rc;

	if (archive_entry_size(entry) < 0)
		return err_set(u->err, -EBADMSG, "the archive is damaged: a file of negative size");
	inode->size = (uint64_t)archive_entry_size(entry);
	if (!inode->size)
		return 0;
	rc = spend(u, inode->size);
	if (rc < 0)
		return rc;
	if (u->from->packed || u->extent->stream ||
	    archive_filter_code(u->tar, 0) != ARCHIVE_FILTER_NONE ||
	    archive_entry_sparse_count(entry) > 0)
		return spool_content(u, inode);
	/* libarchive would find out only if it read: it is told to skip. */
	if (at > u->extent->size || inode->size > u->extent->size - at)
		return err_set(u->err, -EBADMSG,
			       "the archive is damaged or cut short: a file's content is missing");
	inode->file = u->extent->file;
	inode->offset = u->extent->offset + at;
	u->end = at + (inode->size + TAR_BLOCK - 1) / TAR_BLOCK * TAR_BLOCK;
	return 0;
}

/* A size that was not the content's: there are attributes that make it a larger one. */
static int check_end(struct untar *u)
{
	uint64_t end = u->end;

	u->end = 0;
	return !end || end == (uint64_t)archive_read_header_position(u->tar)
		       ? 0
		       : err_set(u->err, -EBADMSG,
				 "the archive is damaged: a file is said to be larger than it is");
}

static bool known_xattr(const struct buf *list, struct tkit_bytes name)
{
	struct tkit_bytes all = BYTES(list->data, list->size);
	struct imgtree_xattr xattr;
	size_t at = 0;

	while (list->size && imgtree_xattr_next(all, &at, &xattr) > 0)
		if (bytes_eq(xattr.name, name))
			return true;
	return false;
}

/* Some writers say every attribute twice, in two forms: once is enough. */
static int add_xattrs(struct untar *u, struct archive_entry *entry)
{
	size_t size, names = 0, count = 0;
	const char *name;
	const void *value;

	buf_clear(&u->xattrs);
	archive_entry_xattr_reset(entry);
	while (archive_entry_xattr_next(entry, &name, &value, &size) == ARCHIVE_OK) {
		struct tkit_bytes text = bytes_str(name);

		if (known_xattr(&u->xattrs, text))
			continue;
		names += text.len + 1;
		if (!text.len || text.len > IMGTREE_NAME_MAX || size > IMGTREE_XATTR_MAX ||
		    names > IMGTREE_XATTR_MAX || ++count > IMGTREE_XATTRS_MAX)
			return err_set(u->err, -E2BIG,
				       "extended attributes that Linux cannot hold on a member");
		imgtree_xattr_put(&u->xattrs, text, BYTES(value, size));
	}
	return u->xattrs.failed ? err_sys(u->err, -ENOMEM, "reading the archive") : 0;
}

static int set_metadata(struct untar *u, struct archive_entry *entry, struct imgtree_inode *inode)
{
	la_int64_t uid = archive_entry_uid(entry), gid = archive_entry_gid(entry);
	long nsec = archive_entry_mtime_nsec(entry);

	if (uid < 0 || uid > UINT32_MAX || gid < 0 || gid > UINT32_MAX)
		return err_set(u->err, -EBADMSG, "a member's owner is no user number of Linux");
	/* Of what a header has beyond permissions unpackers take nothing. */
	inode->mode = archive_entry_filetype(entry) | (archive_entry_perm(entry) & 07777);
	inode->uid = (uint32_t)uid;
	inode->gid = (uint32_t)gid;
	inode->mtime = archive_entry_mtime(entry);
	inode->mtime_nsec = nsec >= 0 && nsec < 1000000000 ? (uint32_t)nsec : 0;
	switch (inode->mode & S_IFMT) {
	case S_IFCHR:
	case S_IFBLK:
		inode->offset = makedev((unsigned int)archive_entry_rdevmajor(entry),
					(unsigned int)archive_entry_rdevminor(entry));
		return 0;
	case S_IFREG:
	case S_IFDIR:
	case S_IFLNK:
	case S_IFIFO:
		return 0;
	default:
		return err_set(u->err, -EBADMSG, "a member is of a kind that tkit does not know");
	}
}

static int add_entry(struct untar *u, struct archive_entry *entry)
{
	struct layer_member m = {.name = bytes_str(archive_entry_pathname(entry)),
				 .hardlink = bytes_str(archive_entry_hardlink(entry)),
				 .target = bytes_str(archive_entry_symlink(entry))};
	int rc = 0;

	if (!m.name.len)
		return err_set(u->err, -EBADMSG, "the archive has a member without a name");
	if (!m.hardlink.len) {
		rc = set_metadata(u, entry, &m.inode);
		if (rc == 0)
			rc = add_xattrs(u, entry);
		m.xattrs = BYTES(u->xattrs.data, u->xattrs.size);
		if (rc == 0 && S_ISREG(m.inode.mode))
			rc = add_content(u, entry, &m.inode);
	}
	return rc < 0 ? rc : layering_add(u->l, &m, u->err);
}

/*
 * Names are bytes. In the C locale libarchive leaves them alone, and complains of each that
 * is not ASCII; in any other it would change them.
 */
static bool only_charset(struct untar *u)
{
	const char *text = archive_error_string(u->tar);

	return text && strstr(text, "can't be converted from");
}

static int read_all(struct untar *u)
{
	struct archive_entry *entry;
	int rc;

	for (;;) {
		rc = archive_read_next_header(u->tar, &entry);
		if (rc == ARCHIVE_EOF)
			return spend_archive(u);
		if (rc < ARCHIVE_WARN || (rc == ARCHIVE_WARN && !only_charset(u)))
			return fail_archive(u);
		rc = check_end(u);
		if (rc == 0)
			rc = spend_archive(u);
		if (rc == 0)
			rc = add_entry(u, entry);
		if (rc < 0)
			return rc;
	}
}

static int open_tar(struct untar *u)
{
	struct archive *tar = u->tar;

	if (!tar || extent_start(&u->reader, u->extent) < 0)
		return err_sys(u->err, -ENOMEM, "reading the archive");
	archive_read_support_format_tar(tar);
	if (!u->from->packed)
		extent_filters(tar);
	archive_read_set_read_callback(tar, read_in);
	archive_read_set_skip_callback(tar, skip_in);
	archive_read_set_callback_data(tar, u);
	return archive_read_open1(tar) == ARCHIVE_OK ? 0 : fail_archive(u);
}

/* What comes behind an archive's end belongs to the digest, too. */
static int read_rest(struct untar *u)
{
	const void *data;
	ssize_t n;
	int rc;

	if (!u->from->packed)
		return 0;
	while ((n = packed_read(u->from->packed, &data, u->err)) > 0) {
		digest_add(u->from->digest, data, (size_t)n);
		rc = spend(u, (uint64_t)n);
		if (rc < 0)
			return rc;
	}
	return (int)n;
}

int untar(struct layering *l, const struct untar_from *from, struct err *err)
{
	struct untar u = {.l = l,
			  .from = from,
			  .extent = from->extent,
			  .spool = from->spool,
			  .err = err,
			  .tar = archive_read_new()};
	int rc = open_tar(&u);

	if (rc == 0)
		rc = read_all(&u);
	if (rc == 0)
		rc = read_rest(&u);
	archive_read_free(u.tar);
	extent_done(&u.reader);
	buf_done(&u.xattrs);
	if (rc == 0) {
		rc = spool_flush(u.spool);
		if (rc < 0)
			fail_spool(&u, rc);
	}
	return rc;
}
