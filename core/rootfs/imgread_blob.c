// SPDX-License-Identifier: MIT
/* The sandboxed reader: blobs, and whether they are what the image says. */
#include <errno.h>
#include <string.h>

#include "rootfs/imgread_priv.h"
#include "util/bytes.h"
#include "util/cleanup.h"

#define HEX       "0123456789abcdef"
#define ALGORITHM "abcdefghijklmnopqrstuvwxyz0123456789+._-"

/* "sha256:0123..." as the name of a file. */
static int blob_name(struct reader *r, const char *digest, char name[WIRE_NAME_MAX])
{
	const char *colon = digest ? strchr(digest, ':') : NULL;
	size_t alg = colon ? (size_t)(colon - digest) : 0;

	if (!alg || strspn(digest, ALGORITHM) != alg || strlen(colon + 1) < 16 ||
	    strspn(colon + 1, HEX) != strlen(colon + 1) ||
	    (size_t)snprintf(name, WIRE_NAME_MAX, "blobs/%.*s/%s", (int)alg, digest, colon + 1) >=
		    WIRE_NAME_MAX)
		return err_set(&r->err, -EBADMSG, "the image is damaged: a digest of wrong form");
	return 0;
}

int imgread_descriptor(struct reader *r, const json_t *descriptor, struct blob *ret,
		       char name[WIRE_NAME_MAX])
{
	const json_t *size = json_object_get(descriptor, "size");

	*ret = (struct blob){.digest = json_string_value(json_object_get(descriptor, "digest")),
			     .size = json_is_integer(size) ? json_integer_value(size) : -1};
	return blob_name(r, ret->digest, name);
}

int imgread_blob(struct reader *r, const json_t *descriptor, json_t **ret)
{
	char name[WIRE_NAME_MAX];
	struct blob blob;
	int rc = imgread_descriptor(r, descriptor, &blob, name);

	return rc < 0 ? rc : imgread_json(r, name, &blob, ret);
}

int imgread_differs(struct reader *r, const char *name, const char *what, const char *want,
		    const char *found)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT;

	buf_printf(&text, "%s: expected ", what);
	buf_escaped(&text, BYTES(want, strnlen(want, DIGEST_TEXT)));
	buf_printf(&text, ", found %s", found);
	buf_char(&text, '\0');
	return imgread_fail(r, -EBADMSG, name, text.failed ? what : text.data);
}

int imgread_verify(struct reader *r, const char *name, const struct extent *from,
		   const struct blob *blob)
{
	char found[DIGEST_TEXT], text[100];
	int rc;

	if (blob->size >= 0 && (uint64_t)blob->size != from->size) {
		snprintf(text, sizeof(text), "it has %llu bytes; the image's manifest says %llu",
			 (unsigned long long)from->size, (unsigned long long)blob->size);
		return imgread_fail(r, -EBADMSG, name, text);
	}
	if (!blob->digest)
		return 0;
	rc = extent_digest(from, &r->how->digests, blob->digest, found);
	if (rc == -ENOTSUP)
		return imgread_fail(r, rc, name,
				    "its digest is of a kind that tkit cannot check (sha256, "
				    "sha384 and sha512 it can)");
	if (rc < 0)
		return imgread_fail(r, rc, name, "reading it failed");
	return strcmp(found, blob->digest) == 0
		       ? 0
		       : imgread_differs(r, name, "its content is not what its digest says",
					 blob->digest, found);
}

/* ---- layers ---- */

#define DIFF_ID "its content is not what the image's configuration says (diff_id)"

/* Not compressed: the content is the file. A blob of that digest is checked already. */
static int verify_plain(struct reader *r, const char *name, const struct extent *from,
			const struct blob *blob, const char *diff_id)
{
	char found[DIGEST_TEXT];
	int rc;

	if (blob->digest && strcmp(blob->digest, diff_id) == 0)
		return 0;
	rc = extent_digest(from, &r->how->digests, diff_id, found);
	if (rc < 0)
		return imgread_fail(r, rc, name, "reading it failed");
	return strcmp(found, diff_id) == 0 ? 0 : imgread_differs(r, name, DIFF_ID, diff_id, found);
}

static int in_layer(struct reader *r, int rc, const char *name)
{
	return rc < 0 ? imgread_fail(r, rc, name, r->err.text ? r->err.text : "?") : 0;
}

static int unpack_layer(struct reader *r, const char *name, struct untar_from *from,
			const char *diff_id)
{
	struct digest digest;
	char found[DIGEST_TEXT];
	int rc = digest_begin(&digest, &r->how->digests, diff_id);

	if (rc < 0)
		return err_sys(&r->err, rc, "reading the image");
	from->digest = &digest;
	rc = untar(&r->image, from, &r->err);
	from->digest = NULL;
	digest_end(&digest, found);
	if (rc < 0 || strcmp(found, diff_id) == 0)
		return in_layer(r, rc, name);
	return imgread_differs(r, name, DIFF_ID, diff_id, found);
}

int imgread_layer(struct reader *r, const char *name, const struct blob *blob, const char *diff_id)
{
	struct extent extent;
	struct untar_from from = {.extent = &extent, .spool = &r->spool, .budget = &r->budget};
	int rc = imgread_open(r, name, &extent);

	if (rc == 0)
		rc = imgread_verify(r, name, &extent, blob);
	if (rc == 0 && diff_id && !digest_known(&r->how->digests, diff_id))
		rc = imgread_fail(r, -ENOTSUP, name,
				  "its diff_id is of a kind that tkit cannot check");
	if (rc == 0 && diff_id)
		rc = in_layer(r, packed_open(&extent, &from.packed, &r->err), name);
	if (rc == 0 && diff_id && !from.packed)
		rc = verify_plain(r, name, &extent, blob, diff_id);
	if (rc < 0)
		return rc;
	layering_next(&r->image);
	rc = from.packed ? unpack_layer(r, name, &from, diff_id)
			 : in_layer(r, untar(&r->image, &from, &r->err), name);
	packed_free(from.packed);
	return rc;
}
