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

/* What a manifest says of a blob. */
struct blob {
	const char *digest; /* "sha256:0123..."; NULL = nothing */
	json_int_t size;    /* -1 = nothing */
};

/* All return 0 or -errno with the cause in r->err, if not said otherwise. */
int imgread_fail(struct reader *r, int rc, const char *name, const char *what);

/* A regular file of the archive or layout. imgread_find() records no cause. */
int imgread_find(struct reader *r, const char *name, struct extent *ret);
int imgread_open(struct reader *r, const char *name, struct extent *ret);
/* `blob` is what the file must be; NULL: anything. */
int imgread_json(struct reader *r, const char *name, const struct blob *blob, json_t **ret);

/* The blob that a descriptor (may be NULL) tells of, the name of its file; its JSON. */
int imgread_descriptor(struct reader *r, const json_t *descriptor, struct blob *ret,
		       char name[WIRE_NAME_MAX]);
int imgread_blob(struct reader *r, const json_t *descriptor, json_t **ret);

/* Whether the content is what the blob says: first the size, then the digest. */
int imgread_verify(struct reader *r, const char *name, const struct extent *from,
		   const struct blob *blob);

/* Says that `name` has another digest than it should have. Returns -EBADMSG. */
int imgread_differs(struct reader *r, const char *name, const char *what, const char *want,
		    const char *found);

/* A layer on top of the others. `diff_id`: the digest of what is in it, unpacked, or NULL. */
int imgread_layer(struct reader *r, const char *name, const struct blob *blob, const char *diff_id);

int imgread_send(struct reader *r, const struct imgtree *tree);

/* A root file system that happens to have a manifest.json at its top is no image. */
bool imgread_looks_docker(const json_t *manifest);
int imgread_docker(struct reader *r, const json_t *manifest);
int imgread_oci(struct reader *r);

#endif
