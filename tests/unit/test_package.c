// SPDX-License-Identifier: MIT
/* Owners of files from the databases of dpkg, apk and rpm; hidden and unused libraries. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <sqlite3.h>

#include "enrich/package.h"
#include "scene.h"
#include "util/buf.h"

static struct owners *owners_of(struct scene *s)
{
	struct owners *owners = NULL;
	struct err err = ERR_INIT;

	tkit_rootfs_free(s->fs);
	assert_int_equal(tkit_rootfs_open_dir(&s->ctx, s->tree.dir, &s->fs), 0);
	assert_int_equal(owners_new(s->fs, &owners, &err), 0);
	return owners;
}

static void owned(const struct owners *owners, const char *path, const char *name,
		  const char *version)
{
	const struct tkit_package *package = owners_find(owners, bytes_str(path));

	if (!package)
		fail_msg("%s has no owner", path);
	if (!bytes_is(package->name, name) || !bytes_is(package->version, version))
		fail_msg("%s: %.*s %.*s", path, (int)package->name.len, package->name.ptr,
			 (int)package->version.len, package->version.ptr);
}

static void test_dpkg(void **state)
{
	struct scene *s = *state;
	struct owners *owners;

	tree_dir(&s->tree, "/usr/lib");
	tree_dir(&s->tree, "/usr/bin");
	tree_link(&s->tree, "usr/lib", "/lib");
	tree_file(&s->tree, "/var/lib/dpkg/status",
		  "Package: libz\nStatus: install ok installed\nArchitecture: amd64\n"
		  "Description: a\n Package: no\nVersion: 1:1.3-1\n\n"
		  "Package: gone\nStatus: deinstall ok not-installed\nVersion: 1\n\n"
		  "Package: ../evil\nVersion: 6\n\n"
		  "Package: vi\nVersion: 2\n\n"
		  "Package: dash\nVersion: 3\nStatus: install ok installed");
	tree_file(&s->tree, "/var/lib/dpkg/info/libz:amd64.list",
		  "/.\n/lib\n/lib/libz.so.1\n/usr\n/usr/share/doc\n");
	tree_file(&s->tree, "/var/lib/dpkg/info/gone.list", "/usr/bin/gone\n");
	tree_file(&s->tree, "/var/lib/dpkg/info/dash.list", "/.\n/usr\n/usr/bin/sh\n");
	tree_file(&s->tree, "/var/lib/dpkg/info/vi.list", "/usr/bin/sh\n\n/usr/bin/vi");
	tree_file(&s->tree, "/var/lib/dpkg/diversions",
		  "/usr/bin/sh\n/usr/bin/sh.distrib\ndash\n/usr/bin/cut\n");
	owners = owners_of(s);
	assert_true(owners->known);
	owned(owners, "/usr/lib/libz.so.1", "libz", "1:1.3-1"); /* by way of /lib */
	owned(owners, "/usr/share/doc", "libz", "1:1.3-1");
	owned(owners, "/usr/bin/sh", "dash", "3");
	owned(owners, "/usr/bin/sh.distrib", "vi", "2");
	owned(owners, "/usr/bin/vi", "vi", "2");
	assert_null(owners_find(owners, BYTES_LIT("/usr"))); /* of two */
	assert_null(owners_find(owners, BYTES_LIT("/lib/libz.so.1")));
	assert_null(owners_find(owners, BYTES_LIT("/usr/bin/gone")));
	owners_free(owners);
}

static void test_distroless(void **state)
{
	struct scene *s = *state;
	struct owners *owners;

	tree_file(&s->tree, "/var/lib/dpkg/status.d/libc6", "Package: libc6\nVersion: 2.36\n");
	tree_file(&s->tree, "/var/lib/dpkg/status.d/libc6.md5sums",
		  "0123456789abcdef0123456789abcdef  lib/libc.so.6\nshort\n");
	owners = owners_of(s);
	owned(owners, "/lib/libc.so.6", "libc6", "2.36");
	owners_free(owners);
}

static void test_apk(void **state)
{
	struct scene *s = *state;
	struct owners *owners;

	tree_file(&s->tree, "/lib/apk/db/installed",
		  "C:Q1\nP:musl\nV:1.2.4-r2\nF:lib\nR:ld-musl-x86_64.so.1\na:0:0:755\n\n"
		  "R:stray\nP:busybox\nV:1.36\nF:bin\nM:0:0:755\nR:busybox\nF:\nR:top\n");
	owners = owners_of(s);
	owned(owners, "/lib/ld-musl-x86_64.so.1", "musl", "1.2.4-r2");
	owned(owners, "/bin/busybox", "busybox", "1.36");
	owned(owners, "/top", "busybox", "1.36");
	assert_null(owners_find(owners, BYTES_LIT("/stray")));
	owners_free(owners);
}

static void be32(struct buf *buf, uint32_t value)
{
	value = htonl(value);
	buf_add(buf, &value, sizeof(value));
}

static void entry(struct buf *buf, uint32_t tag, uint32_t type, uint32_t offset, uint32_t count)
{
	be32(buf, tag);
	be32(buf, type);
	be32(buf, offset);
	be32(buf, count);
}

/* A header with two files in two folders. */
static void rpm_header(struct buf *buf, uint32_t lie)
{
	static const char data[] = "bash\0"             /* 0 */
				   "5.2\0"              /* 5 */
				   "3.fc39\0"           /* 9 */
				   "bash\0sh.conf\0"    /* 16 */
				   "/usr/bin/\0/etc/\0" /* 29 */
				   "\0";                /* 45 */
	static const uint32_t indexes[] = {0, 1};

	be32(buf, 6);
	be32(buf, (uint32_t)sizeof(data) - 1 + 8 + lie);
	entry(buf, 1000, 6, 0, 1);
	entry(buf, 1001, 6, 5, 1);
	entry(buf, 1002, 6, 9, 1);
	entry(buf, 1116, 4, (uint32_t)sizeof(data) - 1, 2);
	entry(buf, 1117, 8, 16, 2 + lie);
	entry(buf, 1118, 8, 29, 2 + lie);
	buf_add(buf, data, sizeof(data) - 1);
	be32(buf, indexes[0]);
	be32(buf, indexes[1]);
}

static void put_blob(sqlite3 *db, const struct buf *blob)
{
	sqlite3_stmt *insert;

	assert_int_equal(
		sqlite3_prepare_v2(db, "INSERT INTO Packages(blob) VALUES(?)", -1, &insert, NULL),
		SQLITE_OK);
	sqlite3_bind_blob(insert, 1, blob->data, (int)blob->size, SQLITE_STATIC);
	assert_int_equal(sqlite3_step(insert), SQLITE_DONE);
	sqlite3_finalize(insert);
}

static void test_rpm(void **state)
{
	struct scene *s = *state;
	struct buf good = BUF_INIT, lie = BUF_INIT;
	struct owners *owners;
	sqlite3 *db;

	tree_dir(&s->tree, "/usr/bin");
	tree_dir(&s->tree, "/etc");
	tree_dir(&s->tree, "/var/lib/rpm");
	assert_int_equal(sqlite3_open(tree_path(&s->tree, "/var/lib/rpm/rpmdb.sqlite"), &db), 0);
	/* rpm's own mode */
	assert_int_equal(sqlite3_exec(db,
				      "PRAGMA journal_mode=WAL; CREATE TABLE Packages(hnum INTEGER "
				      "PRIMARY KEY, blob BLOB)",
				      NULL, NULL, NULL),
			 0);
	rpm_header(&good, 0);
	rpm_header(&lie, 0x7ffffff);
	put_blob(db, &lie);
	lie.size = 5;
	put_blob(db, &lie);
	/* counts that lie, sizes that do not */
	buf_clear(&lie);
	rpm_header(&lie, 0);
	lie.data[8 + 5 * 16 + 12] = 0x7f;
	put_blob(db, &lie);
	put_blob(db, &good);
	sqlite3_close(db);
	owners = owners_of(s);
	owned(owners, "/usr/bin/bash", "bash", "5.2-3.fc39");
	owned(owners, "/etc/sh.conf", "bash", "5.2-3.fc39");
	owners_free(owners);
	buf_done(&good);
	buf_done(&lie);
}

static void test_rpm_other(void **state)
{
	struct scene *s = *state;
	struct owners *owners;

	tree_file(&s->tree, "/var/lib/rpm/Packages.db", "RpmP");
	tree_file(&s->tree, "/usr/lib/sysimage/rpm/rpmdb.sqlite", "no database at all");
	owners = owners_of(s); /* said so in a warning */
	assert_false(owners->known);
	owners_free(owners);
	tree_file(&s->tree, "/usr/lib/sysimage/rpm/rpmdb.sqlite", "");
	owners = owners_of(s);
	assert_false(owners->known);
	owners_free(owners);
}

/* ---- databases of lies: small ones that would take all memory, or all time ---- */

/* Bytes that the names of files take. */
static size_t held(const struct owners *owners)
{
	return owners->files.bytes + owners->folders.bytes + owners->texts.bytes;
}

/* As after owners_new(), with less left, and nothing read. */
static struct owners *with_left(struct scene *s, uint64_t left)
{
	struct owners *owners;
	struct tree empty;

	assert_int_equal(tree_new(&empty), 0);
	tkit_rootfs_free(s->fs);
	assert_int_equal(tkit_rootfs_open_dir(&s->ctx, empty.dir, &s->fs), 0);
	assert_int_equal(owners_new(s->fs, &owners, NULL), 0);
	tkit_rootfs_free(s->fs);
	tree_done(&empty);
	assert_int_equal(tkit_rootfs_open_dir(&s->ctx, s->tree.dir, &s->fs), 0);
	assert_false(owners->cut);
	assert_true(owners->left > 512 << 20);
	owners->fs = s->fs;
	owners->left = left;
	return owners;
}

/* Each line of a few bytes makes a name of 4,000. */
static void test_many_names(void **state)
{
	struct scene *s = *state;
	struct buf text = BUF_INIT;
	struct owners *owners;

	buf_str(&text, "P:lie\nV:1\nF:");
	for (int i = 0; i < 3900; i++)
		buf_char(&text, 'x');
	for (int i = 0; i < 20000; i++)
		buf_printf(&text, "\nR:%d", i);
	buf_char(&text, '\n');
	tree_data(&s->tree, "/lib/apk/db/installed", text.data, text.size);
	owners = with_left(s, 1 << 20);
	assert_int_equal(owners_apk(owners), 0);
	assert_true(held(owners) < 2 << 20);
	assert_true(owners->cut);
	owners_free(owners);
	buf_done(&text);
}

/* One list of files, and a status that names it again and again. */
static void test_many_readings(void **state)
{
	struct scene *s = *state;
	struct buf status = BUF_INIT, list = BUF_INIT;
	struct owners *owners;

	for (int i = 0; i < 200000; i++)
		buf_str(&status, "Package: a\n\n");
	while (list.size < 8 << 20)
		buf_str(&list, "/usr/x\n");
	tree_data(&s->tree, "/var/lib/dpkg/status", status.data, status.size);
	tree_data(&s->tree, "/var/lib/dpkg/info/a.list", list.data, list.size);
	owners = with_left(s, 32 << 20);
	alarm(60);
	assert_int_equal(owners_dpkg(owners), 0);
	alarm(0);
	assert_true(owners->cut);
	owners_free(owners);
	buf_done(&status);
	buf_done(&list);
}

static void test_many_diversions(void **state)
{
	struct scene *s = *state;
	struct buf text = BUF_INIT, list = BUF_INIT;
	struct owners *owners;

	buf_str(&text, "/usr/bin/x\n/usr/bin/x.real\nother\n");
	for (int i = 0; i < 300000; i++)
		buf_printf(&text, "/%x\n/y\na\n", i);
	for (int i = 0; i < 300000; i++)
		buf_printf(&list, "/usr/%x\n", i);
	buf_str(&list, "/usr/bin/x\n");
	tree_file(&s->tree, "/var/lib/dpkg/status", "Package: a\nVersion: 1\n");
	tree_data(&s->tree, "/var/lib/dpkg/diversions", text.data, text.size);
	tree_data(&s->tree, "/var/lib/dpkg/info/a.list", list.data, list.size);
	alarm(60);
	owners = owners_of(s);
	alarm(0);
	owned(owners, "/usr/bin/x.real", "a", "1");
	assert_null(owners_find(owners, BYTES_LIT("/usr/bin/x")));
	owners_free(owners);
	buf_done(&text);
	buf_done(&list);
}

/* In rpm's database is a program where the table should be. */
static void test_rpm_program(void **state)
{
	static const char *const schemas[] = {
		"CREATE VIEW Packages AS WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 "
		"FROM c) SELECT zeroblob(500000000) AS blob FROM c",
		"CREATE TABLE Packages(a, blob AS (zeroblob(500000000)));"
		"INSERT INTO Packages(a) WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 "
		"FROM c WHERE x < 5000) SELECT x FROM c",
	};
	struct scene *s = *state;

	tree_dir(&s->tree, "/var/lib/rpm");
	for (size_t i = 0; i < sizeof(schemas) / sizeof(*schemas); i++) {
		const char *file = tree_path(&s->tree, "/var/lib/rpm/rpmdb.sqlite");
		struct owners *owners;
		sqlite3 *db;

		unlink(file);
		assert_int_equal(sqlite3_open(file, &db), 0);
		assert_int_equal(sqlite3_exec(db, schemas[i], NULL, NULL, NULL), 0);
		sqlite3_close(db);
		alarm(60);
		owners = owners_of(s);
		alarm(0);
		assert_int_equal(owners->count, 0);
		owners_free(owners);
	}
}

#define LD "/lib/ld.so"

static void enrich_all(struct scene *s, uint64_t passes)
{
	struct tkit_rootfs *fs;
	struct err err = ERR_INIT;

	feed_end(&s->feed);
	s->model = feed_finish(&s->feed);
	assert_int_equal(tkit_rootfs_open_dir(&s->ctx, s->tree.dir, &fs), 0);
	assert_int_equal(model_enrich(s->model, fs, passes, &err), 0);
}

/* prog needs libcrypto and libnever; libcrypto loads libz by itself, which needs libm. */
static void test_hidden(void **state)
{
	struct scene *s = *state;
	const struct tkit_unused_need *need;
	const struct tkit_path *path;
	struct feed *f;

	scene_elf(s, LD, &(struct elf_spec){.soname = "ld.so"});
	scene_elf(s, "/bin/prog",
		  &(struct elf_spec){.interp = LD, .needed = {"libcrypto.so.3", "libnever.so"}});
	scene_elf(s, "/usr/lib/libcrypto.so.3", &(struct elf_spec){.soname = "libcrypto.so.3"});
	scene_elf(s, "/usr/lib/libnever.so", &(struct elf_spec){.needed = {"libnowhere.so"}});
	scene_elf(s, "/usr/lib/libz.so.1.3", &(struct elf_spec){.needed = {"libm.so"}});
	scene_elf(s, "/usr/lib/libm.so", &(struct elf_spec){.soname = "libm.so"});
	tree_link(&s->tree, "libz.so.1.3", "/usr/lib/libz.so");
	tree_file(&s->tree, "/usr/lib/text.so", "no ELF file");
	tree_file(&s->tree, "/var/lib/dpkg/status", "Package: zlib1g\nVersion: 1.3\n");
	tree_file(&s->tree, "/var/lib/dpkg/info/zlib1g.list", "/usr/lib/libz.so.1.3\n");
	f = scene_run(s);
	EV(f, TKIT_OP_EXEC, "/bin/prog", .exe = "/bin/prog");
	EV(f, TKIT_OP_INTERP, LD);
	EV(f, TKIT_OP_OPEN, "/usr/lib/libcrypto.so.3");
	EV(f, TKIT_OP_OPEN, "/usr/lib/libz.so");
	EV(f, TKIT_OP_OPEN, "/usr/lib/libm.so");
	EV(f, TKIT_OP_OPEN, "/usr/lib/text.so");
	EV(f, TKIT_OP_STAT, "/usr/lib/libz.so.1.3");
	enrich_all(s, TKIT_WANTS_ELF | TKIT_WANTS_PACKAGES);

	path = feed_find(s->model, "/usr/lib/libcrypto.so.3");
	assert_int_equal(path->elf, TKIT_ELF_FILE | TKIT_ELF_NEEDED);
	assert_true(bytes_is(path->elf_by, "/bin/prog"));
	path = feed_find(s->model, "/usr/lib/libz.so");
	assert_int_equal(path->elf, TKIT_ELF_FILE | TKIT_ELF_HIDDEN);
	assert_int_equal(path->elf_by.len, 0);
	assert_true(bytes_is(path->package, "zlib1g"));
	assert_true(bytes_is(path->package_version, "1.3"));
	path = feed_find(s->model, "/usr/lib/libm.so");
	assert_int_equal(path->elf, TKIT_ELF_FILE | TKIT_ELF_HIDDEN);
	assert_true(bytes_is(path->elf_by, "/usr/lib/libz.so.1.3"));
	assert_int_equal(feed_find(s->model, "/usr/lib/text.so")->elf, 0);
	assert_int_equal(feed_find(s->model, "/usr/lib/libz.so.1.3")->elf, TKIT_ELF_FILE);
	assert_int_equal(feed_find(s->model, "/bin/prog")->elf & TKIT_ELF_HIDDEN, 0);

	assert_int_equal(tkit_model_unused_need_count(s->model), 2);
	need = tkit_model_unused_need(s->model, 0);
	assert_true(bytes_is(need->asked, "libnever.so"));
	assert_true(bytes_is(need->canonical, "/usr/lib/libnever.so"));
	assert_true(bytes_is(need->program, "/bin/prog"));
	need = tkit_model_unused_need(s->model, 1);
	assert_true(bytes_is(need->asked, "libnowhere.so"));
	assert_int_equal(need->canonical.len, 0);
	assert_null(tkit_model_unused_need(s->model, 2));
	assert_non_null(tkit_model_owner(s->model, BYTES_LIT("/usr/lib/libz.so.1.3")));
	assert_null(tkit_model_owner(s->model, BYTES_LIT("/bin/prog")));
}

/* What is opened and is no library that nobody asked for: programs, what the run made; doubles. */
static void test_not_hidden(void **state)
{
	struct scene *s = *state;
	const struct tkit_unused_need *need;
	struct elf_image elf;
	struct feed *f;

	scene_elf(s, "/bin/prog",
		  &(struct elf_spec){.interp = LD, .needed = {"libnever.so", "libnever.so"}});
	scene_elf(s, LD, &(struct elf_spec){.soname = "ld.so"});
	scene_elf(s, "/usr/lib/libnever.so", &(struct elf_spec){.soname = "libnever.so"});
	scene_elf(s, "/bin/static-pie", &(struct elf_spec){0});
	elf_image_make(&elf, &(struct elf_spec){0});
	elf.eh.e_type = ET_EXEC;
	tree_data(&s->tree, "/bin/static", &elf, sizeof(elf));
	scene_elf(s, "/tmp/made.so", &(struct elf_spec){0});
	f = scene_run(s);
	EV(f, TKIT_OP_EXEC, "/bin/prog", .exe = "/bin/prog");
	EV(f, TKIT_OP_EXEC, "/bin/static-pie", .exe = "/bin/static-pie");
	EV(f, TKIT_OP_OPEN, "/bin/static-pie");
	EV(f, TKIT_OP_OPEN, "/bin/static");
	EV(f, TKIT_OP_OPEN, "/tmp/made.so", .flags = O_CREAT, .created = 1);
	EV(f, TKIT_OP_OPEN, "/tmp/made.so");
	enrich_all(s, TKIT_WANTS_ELF);
	assert_int_equal(feed_find(s->model, "/bin/static")->elf, TKIT_ELF_FILE);
	assert_int_equal(feed_find(s->model, "/bin/static-pie")->elf, TKIT_ELF_FILE);
	assert_int_equal(feed_find(s->model, "/tmp/made.so")->elf, 0);
	/* ld.so, which no event tells of, is no DT_NEEDED; what is asked for twice is told once */
	assert_int_equal(tkit_model_unused_need_count(s->model), 1);
	need = tkit_model_unused_need(s->model, 0);
	assert_true(bytes_is(need->asked, "libnever.so"));
}

static int add_walked(void *arg, struct tkit_bytes path, const struct stat *st)
{
	buf_add(arg, path.ptr, path.len);
	buf_char(arg, ' ');
	return 0;
}

static void test_walk(void **state)
{
	struct scene *s = *state;
	struct buf text = BUF_INIT;

	tree_file(&s->tree, "/b/y", "");
	tree_file(&s->tree, "/b/x", "");
	tree_file(&s->tree, "/a", "");
	tree_dir(&s->tree, "/proc/1");
	tree_link(&s->tree, "/b", "/c");
	assert_int_equal(tkit_rootfs_open_dir(&s->ctx, s->tree.dir, &s->fs), 0);
	assert_int_equal(tkit_rootfs_walk(s->fs, BYTES_LIT("/"), add_walked, &text), 0);
	buf_char(&text, '\0');
	assert_string_equal(text.data, "/a /b /b/x /b/y /c ");
	buf_done(&text);
}

#define SCENE(test) cmocka_unit_test_setup_teardown(test, scene_setup, scene_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		SCENE(test_dpkg),
		SCENE(test_distroless),
		SCENE(test_apk),
		SCENE(test_rpm),
		SCENE(test_rpm_other),
		SCENE(test_hidden),
		SCENE(test_not_hidden),
		SCENE(test_walk),
		SCENE(test_many_names),
		SCENE(test_many_readings),
		SCENE(test_many_diversions),
		SCENE(test_rpm_program),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
