// SPDX-License-Identifier: MIT
#include "rootfs/extent.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define READ_SIZE (256 * 1024)

int extent_start(struct extent_reader *reader, const struct extent *from)
{
	*reader = (struct extent_reader){.from = from, .buf = malloc(READ_SIZE)};
	return reader->buf ? 0 : -ENOMEM;
}

void extent_done(struct extent_reader *reader)
{
	free(reader->buf);
	reader->buf = NULL;
}

ssize_t extent_read(struct extent_reader *reader, const void **ret_data)
{
	const struct extent *from = reader->from;
	uint64_t left = from->size - reader->pos;
	size_t want = from->stream || left > READ_SIZE ? READ_SIZE : (size_t)left;
	ssize_t n;

	do
		n = from->stream ? read(from->fd, reader->buf, want)
				 : pread(from->fd, reader->buf, want,
					 (off_t)(from->offset + reader->pos));
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	reader->pos += (uint64_t)n;
	*ret_data = reader->buf;
	return n;
}

uint64_t extent_skip(struct extent_reader *reader, uint64_t want)
{
	uint64_t left = reader->from->size - reader->pos;

	if (reader->from->stream)
		return 0;
	if (want > left)
		want = left;
	reader->pos += want;
	return want;
}

int extent_digest(const struct extent *from, const struct digests *digests, const char *like,
		  char text[DIGEST_TEXT])
{
	struct extent_reader reader;
	struct digest digest;
	const void *data;
	ssize_t n = digest_begin(&digest, digests, like);

	if (n < 0)
		return (int)n;
	n = extent_start(&reader, from);
	while (n == 0 && reader.pos < from->size) {
		n = extent_read(&reader, &data);
		if (n == 0)
			n = -ENODATA; /* the file has become shorter */
		if (n < 0)
			break;
		digest_add(&digest, data, (size_t)n);
		n = 0;
	}
	extent_done(&reader);
	if (n < 0)
		digest_drop(&digest);
	else
		digest_end(&digest, text);
	return (int)n;
}

/* ---- compressed ---- */

struct packed {
	struct extent_reader reader;
	struct archive *raw;
};

void extent_filters(struct archive *archive)
{
	archive_read_support_filter_gzip(archive);
	archive_read_support_filter_zstd(archive);
	archive_read_support_filter_bzip2(archive);
	archive_read_support_filter_xz(archive);
}

static la_ssize_t read_packed(struct archive *raw, void *arg, const void **ret_data)
{
	struct packed *p = arg;
	ssize_t n = extent_read(&p->reader, ret_data);

	if (n >= 0)
		return n;
	archive_set_error(raw, (int)-n, "reading: %s", strerror((int)-n));
	return ARCHIVE_FATAL;
}

static int fail_packed(struct packed *p, struct err *err)
{
	const char *text = archive_error_string(p->raw);

	if (archive_errno(p->raw) == ENOMEM)
		return err_sys(err, -ENOMEM, "unpacking the archive");
	return err_set(err, -EBADMSG, "the archive is damaged or cut short: %s",
		       text ? text : "no reason given");
}

int packed_open(const struct extent *from, struct packed **ret, struct err *err)
{
	struct packed *p = calloc(1, sizeof(*p));
	struct archive_entry *entry;
	int rc;

	*ret = NULL;
	if (!p || extent_start(&p->reader, from) < 0 || !(p->raw = archive_read_new())) {
		packed_free(p);
		return err_sys(err, -ENOMEM, "unpacking the archive");
	}
	extent_filters(p->raw);
	archive_read_support_format_raw(p->raw);
	archive_read_support_format_empty(p->raw);
	archive_read_set_read_callback(p->raw, read_packed);
	archive_read_set_callback_data(p->raw, p);
	rc = archive_read_open1(p->raw);
	if (rc == ARCHIVE_OK)
		rc = archive_read_next_header(p->raw, &entry);
	if (rc < ARCHIVE_WARN) { /* an empty one has no entry */
		rc = fail_packed(p, err);
		packed_free(p);
		return rc;
	}
	if (archive_filter_code(p->raw, 0) == ARCHIVE_FILTER_NONE)
		packed_free(p);
	else
		*ret = p;
	return 0;
}

void packed_free(struct packed *p)
{
	if (!p)
		return;
	archive_read_free(p->raw);
	extent_done(&p->reader);
	free(p);
}

ssize_t packed_read(struct packed *p, const void **ret_data, struct err *err)
{
	la_int64_t at;
	size_t size = 0;
	int rc;

	do
		rc = archive_read_data_block(p->raw, ret_data, &size, &at);
	while (rc == ARCHIVE_OK && !size);
	if (rc == ARCHIVE_EOF)
		return 0;
	return rc == ARCHIVE_OK ? (ssize_t)size : fail_packed(p, err);
}
