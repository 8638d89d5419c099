/* SPDX-License-Identifier: MIT */
/* Which package owns which file, from the package databases inside a root. No tool is run. */
#ifndef ENRICH_PACKAGE_H
#define ENRICH_PACKAGE_H

#include <tkit/image.h>

#include "rootfs/rootfs.h"
#include "util/err.h"
#include "util/intern.h"

#define OWNER_NONE   UINT32_MAX
#define OWNER_SHARED (UINT32_MAX - 1) /* of several packages: a directory */

struct owners {
	struct tkit_rootfs *fs;
	struct intern files; /* canonical names, the last component not followed */
	uint32_t *owner_of;  /* by file */
	uint32_t owner_room;
	struct intern folders;  /* as the databases write them */
	uint32_t *folder_canon; /* by folder: id in `texts` */
	uint32_t folder_room;
	struct intern texts;
	struct tkit_package *packages;
	uint32_t count;
	uint32_t room;
	uint64_t left; /* bytes that may still be read and kept */
	bool known;    /* some database was read */
	bool cut;      /* and more than that was there: told */
};

int owners_new(struct tkit_rootfs *fs, struct owners **ret_owners, struct err *err);
void owners_free(struct owners *owners);

/* The package, added if new. OWNER_NONE: no memory. */
uint32_t owners_package(struct owners *owners, struct tkit_bytes name, struct tkit_bytes version,
			const char *manager);
/* "folder/base" as a database has it, absolute or not. 0 or -ENOMEM. */
int owners_file(struct owners *owners, uint32_t package, struct tkit_bytes path);
const struct tkit_package *owners_find(const struct owners *owners, struct tkit_bytes canonical);

/* The whole file, following symlinks inside the root; -ENOENT, -EFBIG (over `most`, or more than
 * is `left`), ... */
int owners_read(struct owners *owners, const char *path, size_t most, struct buf *out);

/* Takes it from what is left; false, told once, if there is not so much. */
bool owners_spend(struct owners *owners, uint64_t bytes);

/* Each reads its databases, if there are any. */
int owners_dpkg(struct owners *owners);
int owners_apk(struct owners *owners);
int owners_rpm(struct owners *owners);

/* One package as rpm's database has it; what is no header is passed over. 0 or -ENOMEM. */
int owners_rpm_header(struct owners *owners, struct tkit_bytes blob);

#endif
