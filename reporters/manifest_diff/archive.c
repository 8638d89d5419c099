// SPDX-License-Identifier: MIT
/* mtree and tar, compressed or not, by libarchive. */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "manifest_diff.h"

#define BLOCK_SIZE  65536
#define ENTRIES_MAX 20000000

static enum node_kind kind_of(struct archive_entry *entry)
{
	switch (archive_entry_filetype(entry)) {
	case AE_IFLNK:
		return NODE_LINK;
	case AE_IFDIR:
		return NODE_DIRECTORY;
	case 0:
		/* mtree without type=, or a hard link of a tar */
		return archive_entry_symlink(entry) ? NODE_LINK : NODE_ANY;
	default:
		return NODE_FILE;
	}
}

static int add_entry(struct tkit_ctx *ctx, const char *file, struct archive_entry *entry,
		     struct plan *plan)
{
	const char *name = archive_entry_pathname(entry), *target;
	enum node_kind kind = kind_of(entry);
	struct node *node;

	if (!name)
		return tkit_fail(ctx, -EINVAL, "%s: an entry without a name", file);
	node = plan_add(plan, name, kind);
	if (!node)
		return tkit_fail(ctx, -EINVAL,
				 "%s: entry '%.200s' has \"..\" in it or is too long: it would "
				 "leave the root",
				 file, name);
	if (kind != NODE_LINK)
		return 0;
	target = archive_entry_symlink(entry);
	if (!target || !*target)
		return tkit_fail(ctx, -EINVAL, "%s: symlink '%.200s' has no target", file, name);
	node->target = strdup(target);
	return node->target ? 0 : tkit_fail(ctx, -ENOMEM, "reading %s", file);
}

static int read_entries(struct tkit_ctx *ctx, const char *file, struct archive *archive,
			struct plan *plan)
{
	struct archive_entry *entry;
	int rc = 0, status;

	for (size_t count = 0; !rc; count++) {
		status = archive_read_next_header(archive, &entry);
		if (status == ARCHIVE_EOF)
			return count ? 0 : tkit_fail(ctx, -EINVAL, "%s: nothing is in it", file);
		if (status == ARCHIVE_RETRY)
			continue;
		/* A warning is about names that have no form in this locale: bytes are kept. */
		if (status != ARCHIVE_OK && status != ARCHIVE_WARN)
			return tkit_fail(ctx, -EINVAL, "%s: %s", file,
					 archive_error_string(archive)
						 ? archive_error_string(archive)
						 : "neither mtree nor tar");
		if (count >= ENTRIES_MAX)
			return tkit_fail(ctx, -EINVAL, "%s: more than %d entries", file,
					 ENTRIES_MAX);
		rc = add_entry(ctx, file, entry, plan);
	}
	return rc;
}

int read_archive(struct tkit_ctx *ctx, const char *file, struct plan *plan)
{
	struct archive *archive = archive_read_new();
	int rc;

	if (!archive)
		return tkit_fail(ctx, -ENOMEM, "reading %s", file);
	if (plan->type == TYPE_MTREE) {
		archive_read_support_format_mtree(archive);
		/* What it describes is not looked at: only the text counts. */
		archive_read_set_options(archive, "mtree:!checkfs");
	} else {
		archive_read_support_format_tar(archive);
		archive_read_support_filter_all(archive);
	}
	if (archive_read_open_filename(archive, file, BLOCK_SIZE) != ARCHIVE_OK)
		rc = tkit_fail(ctx, -EINVAL, "%s: %s", file,
			       archive_error_string(archive) ? archive_error_string(archive)
							     : "neither mtree nor tar");
	else
		rc = read_entries(ctx, file, archive, plan);
	archive_read_free(archive);
	return rc;
}
