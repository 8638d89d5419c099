// SPDX-License-Identifier: MIT
/*
 * rpm's database in its SQLite form: one header for each package, a blob of big-endian
 * numbers and strings. Read from memory, so that nothing of it is locked or written.
 */
#include <endian.h>
#include <errno.h>
#include <sqlite3.h>
#include <string.h>

#include "enrich/package.h"
#include "util/buf.h"
#include "util/bytes.h"
#include "util/cleanup.h"
#include "util/log.h"

#define FILE_MOST      (512u << 20)
#define STEPS_MOST     200000000 /* of SQLite's machine: a database of lies ends here */
#define BLOB_MOST      (64 << 20)
#define ENTRIES_MOST   65536
#define TAG_NAME       1000
#define TAG_VERSION    1001
#define TAG_RELEASE    1002
#define TAG_EPOCH      1003
#define TAG_DIRINDEXES 1116
#define TAG_BASENAMES  1117
#define TAG_DIRNAMES   1118
#define TYPE_INT32     4
#define TYPE_STRING    6
#define TYPE_STRINGS   8

struct header {
	const unsigned char *index;
	uint32_t entries;
	struct tkit_bytes data;
};

/* One tag's values: those bytes of the data that can belong to it. */
struct values {
	uint32_t type, count;
	struct tkit_bytes rest;
};

static uint32_t be32_at(const void *p)
{
	uint32_t value;

	memcpy(&value, p, sizeof(value));
	return be32toh(value);
}

static bool parse(struct tkit_bytes blob, struct header *ret)
{
	uint32_t data;

	if (blob.len < 8)
		return false;
	ret->entries = be32_at(blob.ptr);
	data = be32_at(blob.ptr + 4);
	if (ret->entries > ENTRIES_MOST || blob.len - 8 < (size_t)ret->entries * 16 ||
	    blob.len - 8 - (size_t)ret->entries * 16 < data)
		return false;
	ret->index = (const unsigned char *)blob.ptr + 8;
	ret->data = BYTES(blob.ptr + 8 + (size_t)ret->entries * 16, data);
	return true;
}

static bool find(const struct header *header, uint32_t tag, uint32_t type, struct values *ret)
{
	for (uint32_t i = 0; i < header->entries; i++) {
		const unsigned char *entry = header->index + (size_t)i * 16;
		uint32_t offset = be32_at(entry + 8);

		if (be32_at(entry) != tag || be32_at(entry + 4) != type ||
		    offset > header->data.len)
			continue;
		*ret = (struct values){
			.type = type,
			.count = be32_at(entry + 12),
			.rest = BYTES(header->data.ptr + offset, header->data.len - offset)};
		return true;
	}
	return false;
}

static bool next_string(struct values *values, struct tkit_bytes *ret)
{
	const char *end;

	if (!values->count)
		return false;
	end = memchr(values->rest.ptr, '\0', values->rest.len);
	if (!end)
		return false;
	*ret = BYTES(values->rest.ptr, (size_t)(end - values->rest.ptr));
	values->rest = BYTES(end + 1, values->rest.len - ret->len - 1);
	values->count--;
	return true;
}

static struct tkit_bytes text_of(const struct header *header, uint32_t tag)
{
	struct values values;
	struct tkit_bytes text = BYTES("", 0);

	if (find(header, tag, TYPE_STRING, &values))
		next_string(&values, &text);
	return text;
}

static int add_files(struct owners *owners, const struct header *header, uint32_t id)
{
	struct values names, folders, indexes;
	struct tkit_bytes base, *list = NULL;
	uint32_t count = 0;
	int rc = 0;

	if (!find(header, TAG_BASENAMES, TYPE_STRINGS, &names) ||
	    !find(header, TAG_DIRNAMES, TYPE_STRINGS, &folders) ||
	    !find(header, TAG_DIRINDEXES, TYPE_INT32, &indexes))
		return 0;
	/* A string takes a byte at least: the count cannot be larger than what there is. */
	if (folders.count > folders.rest.len)
		return 0;
	list = calloc(folders.count + 1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	while (next_string(&folders, &list[count]))
		count++;
	for (uint32_t i = 0; !rc && next_string(&names, &base); i++) {
		char path[4096];
		uint32_t at;

		if (i >= indexes.count || (size_t)i * 4 + 4 > indexes.rest.len)
			break;
		at = be32_at(indexes.rest.ptr + (size_t)i * 4);
		if (at >= count || list[at].len + base.len > sizeof(path))
			continue;
		memcpy(path, list[at].ptr, list[at].len);
		memcpy(path + list[at].len, base.ptr, base.len);
		rc = owners_file(owners, id, BYTES(path, list[at].len + base.len));
	}
	free(list);
	return rc;
}

int owners_rpm_header(struct owners *owners, struct tkit_bytes blob)
{
	_cleanup_(buf_done) struct buf version = BUF_INIT;
	struct tkit_bytes name, text;
	struct header header;
	struct values epoch;
	uint32_t id;

	if (!parse(blob, &header))
		return 0;
	name = text_of(&header, TAG_NAME);
	if (!name.len)
		return 0;
	if (find(&header, TAG_EPOCH, TYPE_INT32, &epoch) && epoch.rest.len >= 4)
		buf_printf(&version, "%u:", be32_at(epoch.rest.ptr));
	text = text_of(&header, TAG_VERSION);
	buf_add(&version, text.ptr, text.len);
	text = text_of(&header, TAG_RELEASE);
	if (text.len) {
		buf_char(&version, '-');
		buf_add(&version, text.ptr, text.len);
	}
	id = version.failed
		     ? OWNER_NONE
		     : owners_package(owners, name, BYTES(version.data, version.size), "rpm");
	return id == OWNER_NONE ? -ENOMEM : add_files(owners, &header, id);
}

static int too_long(void *arg)
{
	return 1;
}

/*
 * The only thing of that name is a table, of which rows are read and nothing computed: what else
 * there is to be found under a table's name runs for as long as it likes.
 */
static bool is_table(sqlite3 *db)
{
	static const char query[] =
		"SELECT count(*), min(type = 'table' AND rootpage > 0 AND "
		"(SELECT count(*) FROM pragma_table_xinfo('Packages') WHERE hidden) = 0) "
		"FROM sqlite_schema WHERE lower(name) = 'packages' AND type IN ('table', 'view')";
	sqlite3_stmt *row = NULL;
	bool is = sqlite3_prepare_v2(db, query, -1, &row, NULL) == SQLITE_OK &&
		  sqlite3_step(row) == SQLITE_ROW && sqlite3_column_int(row, 0) == 1 &&
		  sqlite3_column_int(row, 1) == 1;

	sqlite3_finalize(row);
	return is;
}

static int read_packages(struct owners *owners, sqlite3 *db, const char *file)
{
	sqlite3_stmt *rows = NULL;
	int status, rc = 0;

	sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_limit(db, SQLITE_LIMIT_LENGTH, BLOB_MOST);
	sqlite3_progress_handler(db, STEPS_MOST, too_long, NULL);
	if (!is_table(db)) {
		log_warn("%s: it has no table of packages: packages are not shown", file);
		return 0;
	}
	status = sqlite3_prepare_v2(db, "SELECT blob FROM Packages", -1, &rows, NULL);
	while (status == SQLITE_OK || status == SQLITE_ROW) {
		struct tkit_bytes blob;

		status = sqlite3_step(rows);
		if (status != SQLITE_ROW)
			break;
		blob.ptr = sqlite3_column_blob(rows, 0);
		blob.len = (size_t)sqlite3_column_bytes(rows, 0);
		if (!owners_spend(owners, blob.len))
			break;
		rc = owners_rpm_header(owners, blob);
		if (rc < 0)
			break;
	}
	if (rc >= 0 && status != SQLITE_DONE && !owners->cut)
		log_warn("%s: %s: packages may be missing", file, sqlite3_errmsg(db));
	sqlite3_finalize(rows);
	return rc;
}

static int read_sqlite(struct owners *owners, const char *file, const struct buf *text)
{
	unsigned char *copy = sqlite3_malloc64(text->size + 1); /* of nothing it gives nothing */
	sqlite3 *db = NULL;
	int rc = -ENOMEM;

	if (!copy)
		return -ENOMEM;
	if (text->size)
		memcpy(copy, text->data, text->size);
	/* "Has a write-ahead log": memory has none. What is in it only is not seen. */
	if (text->size > 20)
		copy[18] = copy[19] = 1;
	if (sqlite3_open_v2(":memory:", &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_MEMORY, NULL) !=
	    SQLITE_OK) {
		sqlite3_free(copy);
	} else if (sqlite3_deserialize(db, "main", copy, (sqlite3_int64)text->size,
				       (sqlite3_int64)text->size,
				       SQLITE_DESERIALIZE_FREEONCLOSE |
					       SQLITE_DESERIALIZE_READONLY) == SQLITE_OK) {
		rc = read_packages(owners, db, file);
	}
	sqlite3_close(db);
	return rc;
}

int owners_rpm(struct owners *owners)
{
	static const char *const folders[] = {"/var/lib/rpm", "/usr/lib/sysimage/rpm"};
	static const char *const others[] = {"Packages.db", "Packages"};
	_cleanup_(buf_done) struct buf text = BUF_INIT;
	char file[64];
	int rc;

	for (size_t i = 0; i < 2; i++) {
		snprintf(file, sizeof(file), "%s/rpmdb.sqlite", folders[i]);
		rc = owners_read(owners, file, FILE_MOST, &text);
		if (rc == -ENOMEM)
			return rc;
		if (rc == 0) {
			rc = read_sqlite(owners, file, &text);
			if (rc < 0)
				return rc;
			snprintf(file, sizeof(file), "%s/rpmdb.sqlite-wal", folders[i]);
			if (owners_read(owners, file, 0, &text) == -EFBIG)
				log_warn("%s is not empty: its newest packages are not shown",
					 file);
			return 0;
		}
		for (size_t k = 0; k < 2; k++) {
			struct rootfs_walk walk = {0};

			snprintf(file, sizeof(file), "%s/%s", folders[i], others[k]);
			if (rootfs_resolve(owners->fs, &walk, bytes_str(file), &text) == 0) {
				log_warn("%s: this form of rpm's database is not supported (only "
					 "rpmdb.sqlite): packages are not shown",
					 file);
				return 0;
			}
		}
	}
	return 0;
}
