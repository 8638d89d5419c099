// SPDX-License-Identifier: MIT
/* Databases that are text: dpkg's, distroless images' status.d, and apk's. */
#include <errno.h>
#include <string.h>

#include "enrich/package.h"
#include "util/buf.h"
#include "util/bytes.h"
#include "util/cleanup.h"
#include "util/log.h"

#define FILE_MOST (256u << 20)

/* ---- dpkg ---- */

struct diversion {
	struct tkit_bytes to, package;
};

struct dpkg {
	struct owners *owners;
	struct buf diverted; /* the file's text */
	struct intern names; /* that are diverted; id indexes diversions */
	struct diversion *diversions;
};

/* Three lines each: the name, where it is now, and for which package (":" a local one). */
static int read_diversions(struct dpkg *dpkg)
{
	struct tkit_bytes rest, from;
	struct diversion d;
	uint32_t room = 0;

	if (owners_read(dpkg->owners, "/var/lib/dpkg/diversions", FILE_MOST, &dpkg->diverted) < 0)
		return 0;
	rest = BYTES(dpkg->diverted.data, dpkg->diverted.size);
	while (bytes_line(&rest, &from) && bytes_line(&rest, &d.to) &&
	       bytes_line(&rest, &d.package)) {
		uint32_t id = intern_add(&dpkg->names, from, NULL);

		if (id != INTERN_NONE && id >= room) {
			struct diversion *more;

			room = room ? room * 2 : 64;
			more = reallocarray(dpkg->diversions, room, sizeof(*more));
			if (!more)
				return -ENOMEM;
			dpkg->diversions = more;
		}
		if (id == INTERN_NONE)
			return -ENOMEM;
		dpkg->diversions[id] = d;
	}
	return 0;
}

/* The package that a diversion is for keeps the name; everybody else's file is moved. */
static struct tkit_bytes diverted(const struct dpkg *dpkg, struct tkit_bytes path,
				  struct tkit_bytes package)
{
	uint32_t id = intern_find(&dpkg->names, path);

	return id == INTERN_NONE || bytes_eq(package, dpkg->diversions[id].package)
		       ? path
		       : dpkg->diversions[id].to;
}

static int add_list(struct dpkg *dpkg, const char *file, struct tkit_bytes package, uint32_t id)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT;
	struct tkit_bytes rest, line;
	int rc = owners_read(dpkg->owners, file, FILE_MOST, &text);

	if (rc < 0)
		return rc == -ENOMEM ? rc : 0;
	rest = BYTES(text.data, text.size);
	for (rc = 0; !rc && bytes_line(&rest, &line);)
		rc = owners_file(dpkg->owners, id, diverted(dpkg, line, package));
	return rc;
}

/* "PACKAGE.list" or, where several machines' packages can be there, "PACKAGE:ARCH.list". */
static int add_package(struct dpkg *dpkg, struct tkit_bytes name, struct tkit_bytes version,
		       struct tkit_bytes arch)
{
	char file[512];
	uint32_t id = owners_package(dpkg->owners, name, version, "dpkg");
	int rc;

	if (id == OWNER_NONE)
		return -ENOMEM;
	if (name.len + arch.len > 400 || memchr(name.ptr, '/', name.len) ||
	    memchr(arch.ptr, '/', arch.len))
		return 0;
	snprintf(file, sizeof(file), "/var/lib/dpkg/info/%.*s.list", (int)name.len, name.ptr);
	rc = add_list(dpkg, file, name, id);
	if (rc < 0)
		return rc;
	snprintf(file, sizeof(file), "/var/lib/dpkg/info/%.*s:%.*s.list", (int)name.len, name.ptr,
		 (int)arch.len, arch.ptr);
	return add_list(dpkg, file, name, id);
}

static int read_status(struct dpkg *dpkg, struct tkit_bytes rest)
{
	struct tkit_bytes none = BYTES("", 0), line, name = none, version = none, arch = none,
			  status = none;
	int rc = 0;

	while (!rc && !dpkg->owners->cut && bytes_line(&rest, &line)) {
		if (!bytes_field(line, "Package:", &name) &&
		    !bytes_field(line, "Version:", &version) &&
		    !bytes_field(line, "Architecture:", &arch))
			bytes_field(line, "Status:", &status);
		if (line.len && rest.len)
			continue;
		/* What was removed but for its settings has them still. */
		if (name.len &&
		    !(status.len >= 13 && bytes_eq(BYTES(status.ptr + status.len - 13, 13),
						   BYTES_LIT("not-installed"))))
			rc = add_package(dpkg, name, version, arch);
		name = version = arch = status = none;
	}
	return rc;
}

/* distroless: one control file for each package, its files in NAME.md5sums. */
static int status_d(void *arg, struct tkit_bytes name, unsigned char type)
{
	struct dpkg *dpkg = arg;
	_cleanup_(buf_done) struct buf text = BUF_INIT, sums = BUF_INIT;
	struct tkit_bytes rest, line, package = BYTES("", 0), version = BYTES("", 0);
	char file[512];
	uint32_t id;
	int rc = 0;

	if (name.len > 300 ||
	    (name.len > 8 && bytes_eq(BYTES(name.ptr + name.len - 8, 8), BYTES_LIT(".md5sums"))))
		return 0;
	snprintf(file, sizeof(file), "/var/lib/dpkg/status.d/%.*s", (int)name.len, name.ptr);
	if (owners_read(dpkg->owners, file, FILE_MOST, &text) < 0)
		return 0;
	rest = BYTES(text.data, text.size);
	while (bytes_line(&rest, &line))
		if (!bytes_field(line, "Package:", &package))
			bytes_field(line, "Version:", &version);
	if (!package.len)
		return 0;
	id = owners_package(dpkg->owners, package, version, "dpkg");
	if (id == OWNER_NONE)
		return -ENOMEM;
	snprintf(file, sizeof(file), "/var/lib/dpkg/status.d/%.*s.md5sums", (int)name.len,
		 name.ptr);
	if (owners_read(dpkg->owners, file, FILE_MOST, &sums) < 0)
		return 0;
	rest = BYTES(sums.data, sums.size);
	while (!rc && bytes_line(&rest, &line))
		if (line.len > 34)
			rc = owners_file(dpkg->owners, id, BYTES(line.ptr + 34, line.len - 34));
	return rc;
}

int owners_dpkg(struct owners *owners)
{
	_cleanup_(buf_done) struct buf status = BUF_INIT;
	struct dpkg dpkg = {.owners = owners, .diverted = BUF_INIT};
	int rc = owners_read(owners, "/var/lib/dpkg/status", FILE_MOST, &status);

	intern_init(&dpkg.names);
	if (rc == -EFBIG)
		log_warn("/var/lib/dpkg/status is too large to be true: packages are not shown");
	if (rc == 0)
		rc = read_diversions(&dpkg);
	if (rc == 0)
		rc = read_status(&dpkg, BYTES(status.data, status.size));
	if (rc != -ENOMEM) {
		rc = rootfs_list(owners->fs, BYTES_LIT("/var/lib/dpkg/status.d"), status_d, &dpkg);
		if (rc != -ENOMEM)
			rc = 0;
	}
	buf_done(&dpkg.diverted);
	intern_done(&dpkg.names);
	free(dpkg.diversions);
	return rc;
}

/* ---- apk ---- */

static int read_installed(struct owners *owners, struct tkit_bytes rest)
{
	struct tkit_bytes none = BYTES("", 0), line, name = none, version = none, folder = none;
	uint32_t id = OWNER_NONE;
	int rc = 0;

	while (!rc && !owners->cut && bytes_line(&rest, &line)) {
		struct tkit_bytes value = BYTES(line.ptr + 2, line.len > 2 ? line.len - 2 : 0);
		char path[4096];

		if (!line.len) {
			name = version = folder = none;
			id = OWNER_NONE;
			continue;
		}
		if (line.len < 2 || line.ptr[1] != ':')
			continue;
		if (line.ptr[0] == 'P')
			name = value;
		else if (line.ptr[0] == 'V')
			version = value;
		else if (line.ptr[0] == 'F')
			folder = value;
		if ((line.ptr[0] != 'R' && line.ptr[0] != 'F') || !name.len)
			continue;
		if (id == OWNER_NONE)
			id = owners_package(owners, name, version, "apk");
		if (id == OWNER_NONE)
			return -ENOMEM;
		if (line.ptr[0] == 'F')
			rc = owners_file(owners, id, folder);
		else if (folder.len + value.len + 2 <= sizeof(path)) {
			snprintf(path, sizeof(path), "%.*s/%.*s", (int)folder.len, folder.ptr,
				 (int)value.len, value.ptr);
			rc = owners_file(owners, id, BYTES(path, folder.len + 1 + value.len));
		}
	}
	return rc;
}

int owners_apk(struct owners *owners)
{
	static const char *const files[] = {"/lib/apk/db/installed", "/usr/lib/apk/db/installed"};
	_cleanup_(buf_done) struct buf text = BUF_INIT;

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		int rc = owners_read(owners, files[i], FILE_MOST, &text);

		if (rc == 0)
			return read_installed(owners, BYTES(text.data, text.size));
		if (rc == -ENOMEM)
			return rc;
	}
	return 0;
}
