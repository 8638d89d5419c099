// SPDX-License-Identifier: MIT
/*
 * The package database, pruned to the packages of which files are kept, so that scanners
 * (trivy, syft, grype) see what is in the image:
 *
 *	dpkg  /var/lib/dpkg/status.d/PACKAGE with the package's paragraph, and PACKAGE.md5sums:
 *	      the form of distroless images
 *	apk   lib/apk/db/installed with these packages and, of them, the files kept
 *	rpm   a database that cannot be cut without its own library: left out
 *
 * and the files by which scanners know the distribution.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "enrich/package.h"
#include "image/closure.h"
#include "util/bytes.h"
#include "util/cleanup.h"

#define STATUS    "/var/lib/dpkg/status"
#define STATUS_D  "/var/lib/dpkg/status.d"
#define FILE_MOST (256u << 20)

static const struct cause database = {.reason = TKIT_REASON_DATABASE};

struct prune {
	struct closure_job *job;
	struct owners *owners;
	struct intern wanted; /* "name\0version" */
	bool rpm;
};

static int pair(struct buf *key, struct tkit_bytes name, struct tkit_bytes version)
{
	buf_clear(key);
	buf_add(key, name.ptr, name.len);
	buf_char(key, '\0');
	buf_add(key, version.ptr, version.len);
	return key->failed ? -ENOMEM : 0;
}

static int find_wanted(struct prune *p)
{
	const struct tkit_closure *closure = p->job->closure;
	_cleanup_(buf_done) struct buf key = BUF_INIT;

	for (size_t i = 0; i < closure->count; i++) {
		const struct tkit_package *package =
			owners_find(p->owners, closure->entries[i].path);

		if (!package || S_ISDIR(closure->entries[i].st.st_mode))
			continue;
		p->rpm |= strcmp(package->manager, "rpm") == 0;
		if (pair(&key, package->name, package->version) < 0 ||
		    intern_add(&p->wanted, BYTES(key.data, key.size), NULL) == INTERN_NONE)
			return -ENOMEM;
	}
	return 0;
}

static bool is_wanted(struct prune *p, struct tkit_bytes name, struct tkit_bytes version)
{
	_cleanup_(buf_done) struct buf key = BUF_INIT;

	return pair(&key, name, version) == 0 &&
	       intern_find(&p->wanted, BYTES(key.data, key.size)) != INTERN_NONE;
}

/* Metadata of a file of the root, links followed; its canonical path. */
static int file_stat(struct prune *p, const char *name, struct buf *real, struct stat *ret_st)
{
	struct rootfs_walk walk = {0};
	const struct rootfs_node *node;
	int rc = rootfs_resolve(p->job->fs, &walk, bytes_str(name), real);

	node = rc == 0 ? rootfs_node(p->job->fs, BYTES(real->data, real->size)) : NULL;
	if (!node)
		return rc < 0 ? rc : -ENOMEM;
	*ret_st = node->st;
	return node->err;
}

/* A file of a package (a name without its first slash, or with it) is kept. */
static bool is_kept(struct prune *p, struct tkit_bytes dir, struct tkit_bytes name)
{
	_cleanup_(buf_done) struct buf path = BUF_INIT, real = BUF_INIT;
	struct rootfs_walk walk = {.nofollow = true};

	buf_char(&path, '/');
	buf_add(&path, dir.ptr, dir.len);
	buf_char(&path, '/');
	buf_add(&path, name.ptr, name.len);
	return !path.failed && !memchr(path.data, '\0', path.size) &&
	       rootfs_resolve(p->job->fs, &walk, BYTES(path.data, path.size), &real) == 0 &&
	       intern_find(&p->job->closure->paths, BYTES(real.data, real.size)) != INTERN_NONE;
}

/* ---- dpkg ---- */

struct paragraph {
	struct tkit_bytes text, name, version, arch;
};

/* Names of packages, and so of files: nothing that could lead elsewhere. */
static bool is_plain(struct tkit_bytes name)
{
	for (size_t i = 0; i < name.len; i++)
		if (!isalnum((unsigned char)name.ptr[i]) &&
		    (!i || !name.ptr[i] || !strchr("+-._~", name.ptr[i])))
			return false;
	return name.len && name.len < 200;
}

static int make_sums(struct prune *p, const struct paragraph *par, const char *file,
		     const struct stat *like)
{
	_cleanup_(buf_done) struct buf sums = BUF_INIT, cut = BUF_INIT;
	struct tkit_bytes rest, line;
	char name[512];

	snprintf(name, sizeof(name), "/var/lib/dpkg/info/%.*s.md5sums", (int)par->name.len,
		 par->name.ptr);
	if (owners_read(p->owners, name, FILE_MOST, &sums) < 0) {
		snprintf(name, sizeof(name), "/var/lib/dpkg/info/%.*s:%.*s.md5sums",
			 (int)par->name.len, par->name.ptr, (int)par->arch.len, par->arch.ptr);
		if (owners_read(p->owners, name, FILE_MOST, &sums) < 0)
			return 0;
	}
	rest = BYTES(sums.data, sums.size);
	while (bytes_line(&rest, &line))
		if (line.len > 34 &&
		    is_kept(p, BYTES("", 0), BYTES(line.ptr + 34, line.len - 34))) {
			buf_add(&cut, line.ptr, line.len);
			buf_char(&cut, '\n');
		}
	if (!cut.size)
		return cut.failed ? -ENOMEM : 0;
	snprintf(name, sizeof(name), "%s.md5sums", file);
	return closure_make(p->job, bytes_str(name), like, &cut, &database);
}

static int make_paragraph(struct prune *p, const struct paragraph *par, const struct stat *like)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT;
	char file[512];
	int rc;

	if (!is_plain(par->name) || !is_wanted(p, par->name, par->version) ||
	    (par->arch.len && !is_plain(par->arch)))
		return 0;
	snprintf(file, sizeof(file), STATUS_D "/%.*s", (int)par->name.len, par->name.ptr);
	if (intern_find(&p->job->closure->paths, bytes_str(file)) != INTERN_NONE)
		/* the same for another machine */
		snprintf(file, sizeof(file), STATUS_D "/%.*s:%.*s", (int)par->name.len,
			 par->name.ptr, (int)par->arch.len, par->arch.ptr);
	buf_add(&text, par->text.ptr, par->text.len);
	if (par->text.len && par->text.ptr[par->text.len - 1] != '\n')
		buf_char(&text, '\n');
	rc = closure_make(p->job, bytes_str(file), like, &text, &database);
	return rc < 0 ? rc : make_sums(p, par, file, like);
}

static int from_status(struct prune *p, struct tkit_bytes rest, const struct stat *like)
{
	struct paragraph par = {.text = BYTES(rest.ptr, 0)};
	struct tkit_bytes line;
	int rc = 0;

	while (rc == 0 && bytes_line(&rest, &line)) {
		if (!bytes_field(line, "Package:", &par.name) &&
		    !bytes_field(line, "Version:", &par.version))
			bytes_field(line, "Architecture:", &par.arch);
		if (line.len)
			par.text.len = (size_t)(rest.ptr - par.text.ptr);
		if (line.len && rest.len)
			continue;
		rc = make_paragraph(p, &par, like);
		par = (struct paragraph){.text = BYTES(rest.ptr, 0)};
	}
	return rc;
}

/* A file of the root's own status.d: kept as it is. */
static int own_file(void *arg, struct tkit_bytes name, unsigned char type)
{
	struct prune *p = arg;
	_cleanup_(buf_done) struct buf text = BUF_INIT;
	struct tkit_bytes rest, line, package = BYTES("", 0), version = BYTES("", 0);
	char file[512];
	struct stat st;
	int rc;

	if (!is_plain(name) || closure_ends(name, BYTES_LIT(".md5sums")))
		return 0;
	snprintf(file, sizeof(file), STATUS_D "/%.*s", (int)name.len, name.ptr);
	if (owners_read(p->owners, file, FILE_MOST, &text) < 0)
		return 0;
	rest = BYTES(text.data, text.size);
	while (bytes_line(&rest, &line))
		if (!bytes_field(line, "Package:", &package))
			bytes_field(line, "Version:", &version);
	if (!is_wanted(p, package, version))
		return 0;
	rc = closure_want(p->job, bytes_str(file), &database, 0, NULL);
	snprintf(file, sizeof(file), STATUS_D "/%.*s.md5sums", (int)name.len, name.ptr);
	if (rc >= 0 && tkit_rootfs_lstat(p->job->fs, bytes_str(file), &st) == 0)
		rc = closure_want(p->job, bytes_str(file), &database, 0, NULL);
	return rc < 0 ? rc : 0;
}

static int keep_dpkg(struct prune *p)
{
	_cleanup_(buf_done) struct buf status = BUF_INIT, real = BUF_INIT;
	struct stat like;
	int rc;

	/* A run that read the whole database needs it as it is. */
	if (intern_find(&p->job->closure->paths, BYTES_LIT(STATUS)) != INTERN_NONE)
		return 0;
	rc = rootfs_list(p->job->fs, BYTES_LIT(STATUS_D), own_file, p);
	if (rc == -ENOENT || rc == -ENOTDIR)
		rc = 0;
	if (rc < 0 || file_stat(p, STATUS, &real, &like) < 0 ||
	    owners_read(p->owners, STATUS, FILE_MOST, &status) < 0)
		return rc;
	return from_status(p, BYTES(status.data, status.size), &like);
}

/* ---- apk ---- */

/* One package: its head, and of its files those that are kept, with the folders of these. */
static bool cut_package(struct prune *p, struct tkit_bytes rest, struct buf *out)
{
	struct tkit_bytes line, folder = BYTES("", 0), folder_lines = BYTES("", 0);
	bool in_files = false, keep = true, any = false;

	while (bytes_line(&rest, &line)) {
		char kind = line.len > 1 && line.ptr[1] == ':' ? line.ptr[0] : '\0';
		struct tkit_bytes value = BYTES(line.ptr + 2, line.len > 2 ? line.len - 2 : 0);

		if (kind == 'F') {
			in_files = true;
			folder = value;
			folder_lines = BYTES(line.ptr, 0);
			keep = false;
		} else if (kind == 'R' && in_files) {
			keep = is_kept(p, folder, value);
			if (keep && folder_lines.ptr)
				buf_add(out, folder_lines.ptr, folder_lines.len);
			if (keep)
				folder_lines = BYTES(NULL, 0);
			any |= keep;
		}
		/* F: and M: wait for a file of theirs; R:, a: and Z: go with it */
		if (kind == 'F' || (kind == 'M' && folder_lines.ptr))
			folder_lines.len = (size_t)(rest.ptr - folder_lines.ptr);
		else if (!in_files || keep) {
			buf_add(out, line.ptr, line.len);
			buf_char(out, '\n');
		}
	}
	buf_char(out, '\n');
	return any;
}

static int keep_apk(struct prune *p, const char *file)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT, real = BUF_INIT, cut = BUF_INIT;
	struct tkit_bytes rest, line, package;
	struct stat like;

	if (file_stat(p, file, &real, &like) < 0 ||
	    intern_find(&p->job->closure->paths, BYTES(real.data, real.size)) != INTERN_NONE ||
	    owners_read(p->owners, file, FILE_MOST, &text) < 0)
		return 0;
	rest = BYTES(text.data, text.size);
	package = BYTES(rest.ptr, 0);
	while (bytes_line(&rest, &line)) {
		size_t before = cut.size;

		if (line.len)
			package.len = (size_t)(rest.ptr - package.ptr);
		if (line.len && rest.len)
			continue;
		if (!cut_package(p, package, &cut))
			cut.size = before;
		package = BYTES(rest.ptr, 0);
	}
	if (!cut.size)
		return cut.failed ? -ENOMEM : 0;
	return closure_make(p->job, BYTES(real.data, real.size), &like, &cut, &database);
}

/* ---- all ---- */

static int keep_release(struct prune *p)
{
	static const char *const files[] = {"/etc/os-release", "/usr/lib/os-release",
					    "/etc/debian_version", "/etc/alpine-release"};
	int rc = 0;

	for (size_t i = 0; rc >= 0 && i < sizeof(files) / sizeof(files[0]); i++)
		rc = closure_want(p->job, bytes_str(files[i]), &database, 0, NULL);
	return rc < 0 ? rc : 0;
}

int closure_packages(struct closure_job *job)
{
	struct prune p = {.job = job};
	struct err err = ERR_INIT;
	int rc = owners_new(job->fs, &p.owners, &err);

	if (rc < 0) {
		tkit_fail(job->ctx, rc, "%s", err_text(&err));
		err_done(&err);
		return rc;
	}
	intern_init(&p.wanted);
	rc = find_wanted(&p);
	if (rc == 0 && p.wanted.count)
		rc = keep_dpkg(&p);
	if (rc == 0 && p.wanted.count)
		rc = keep_apk(&p, "/lib/apk/db/installed");
	if (rc == 0 && p.wanted.count)
		rc = keep_apk(&p, "/usr/lib/apk/db/installed");
	if (rc == 0 && p.wanted.count)
		rc = keep_release(&p);
	if (rc == 0 && p.rpm)
		tkit_log(job->ctx, TKIT_LOG_INFO,
			 "the rpm database cannot be cut to what is kept and is left out: scanners "
			 "will not see packages (include rules keep it whole)");
	intern_done(&p.wanted);
	owners_free(p.owners);
	return rc;
}
