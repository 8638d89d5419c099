// SPDX-License-Identifier: MIT
/*
 * Fuzzes the package databases of a root. The first byte: 0 a header of rpm, 1 dpkg's status,
 * 2 apk's list, 3 rpm's database as a whole.
 */
#include <stddef.h>
#include <sys/stat.h>

#include "enrich/package.h"
#include "plugin/ctx.h"
#include "scratch.h"
#include "util/bytes.h"
#include "util/log.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
long fuzz_accepted(void);

static const char *const files[] = {NULL, "var/lib/dpkg/status", "lib/apk/db/installed",
				    "var/lib/rpm/rpmdb.sqlite"};
static long accepted;

/* Packages that were found. */
long fuzz_accepted(void)
{
	return accepted;
}

static struct tkit_rootfs *open_root(void)
{
	static const char *const folders[] = {"var", "var/lib", "var/lib/dpkg", "var/lib/rpm",
					      "lib", "lib/apk", "lib/apk/db"};
	static bool made;
	struct tkit_ctx ctx = {.name = "fuzz"};
	struct tkit_rootfs *root;
	char path[256];

	for (size_t i = 0; !made && i < sizeof(folders) / sizeof(folders[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", scratch(), folders[i]);
		if (mkdir(path, 0700) < 0)
			abort();
	}
	made = true;
	if (tkit_rootfs_open_dir(&ctx, scratch(), &root) < 0) {
		fprintf(stderr, "%s\n", err_text(&ctx.err));
		abort();
	}
	return root;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tkit_rootfs *root;
	struct owners *owners = NULL;
	struct err err = ERR_INIT;
	size_t kind = size ? (data[0] - '0') & 3u : 0;

	if (!size)
		return 0;
	log_set_level(TKIT_LOG_ERROR); /* a database that is none is warned of */
	root = open_root();
	if (files[kind])
		scratch_write(files[kind], data + 1, size - 1);
	if (owners_new(root, &owners, &err) < 0)
		abort();
	if (!files[kind] && owners_rpm_header(owners, BYTES((const char *)data + 1, size - 1)) < 0)
		abort();
	accepted += owners->count;
	for (uint32_t i = 0; i < owners->count; i++)
		if (!owners->packages[i].name.len)
			abort();
	owners_free(owners);
	tkit_rootfs_free(root);
	err_done(&err);
	if (files[kind]) {
		char path[256];

		snprintf(path, sizeof(path), "%s/%s", scratch(), files[kind]);
		unlink(path);
	}
	return 0;
}
