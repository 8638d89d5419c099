/* SPDX-License-Identifier: MIT */
/* Inside of the sandboxed reader: imgread.c, imgread_image.c. */
#ifndef ROOTFS_IMGREAD_PRIV_H
#define ROOTFS_IMGREAD_PRIV_H

#include <jansson.h>

#include "rootfs/imgpick.h"
#include "rootfs/imgread.h"

struct reader {
	const struct imgread *how;
	struct wire_out out;
	struct spool spool;
	struct layering outer; /* the archive's own members */
	struct layering image;
	uint64_t budget;
	struct imgpick *picks;
	size_t pick_count;
	json_t *kept[IMGPICK_MAX]; /* documents that picks borrow from */
	size_t kept_count;
	struct err err;
};

static inline void json_cleanup(json_t **json)
{
	json_decref(*json);
}

/* All return 0 or -errno with the cause in r->err, if not said otherwise. */
int imgread_fail(struct reader *r, int rc, const char *name, const char *what);

/* A regular file of the archive or layout. imgread_find() records no cause. */
int imgread_find(struct reader *r, const char *name, struct extent *ret);
int imgread_open(struct reader *r, const char *name, struct extent *ret);
int imgread_json(struct reader *r, const char *name, json_t **ret);

/* A digest ("sha256:0123...", may be NULL) as the name of a file; its JSON. */
int imgread_blob_name(struct reader *r, const char *digest, char *name, size_t size);
int imgread_blob(struct reader *r, const char *digest, json_t **ret);

int imgread_send(struct reader *r, const struct imgtree *tree);

/* A root file system that happens to have a manifest.json at its top is no image. */
bool imgread_looks_docker(const json_t *manifest);
int imgread_docker(struct reader *r, const json_t *manifest);
int imgread_oci(struct reader *r);

#endif
