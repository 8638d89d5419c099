/* SPDX-License-Identifier: MIT */
/* Digests as image formats write them: "sha256:0123...". */
#ifndef UTIL_DIGEST_H
#define UTIL_DIGEST_H

#include <stdbool.h>
#include <stddef.h>

#define DIGEST_TEXT  136 /* "sha512:", 128 hex digits and a NUL */
#define DIGEST_KINDS 3

/*
 * The algorithms. They are loaded before a sandbox closes, because the library looks for
 * files to do so. All zero: none known.
 */
struct digests {
	struct evp_md_st *known[DIGEST_KINDS]; /* sha256, sha384, sha512 */
};
int digests_load(struct digests *digests); /* 0 or -ENOSYS */
void digests_free(struct digests *digests);

/* Being computed. All zero: none. */
struct digest {
	struct evp_md_ctx_st *ctx;
	const char *name; /* "sha256" */
};

/* Whether the algorithm of `text` ("sha256:...") is known. */
bool digest_known(const struct digests *digests, const char *text);

/* Begins one by the algorithm of `like`. 0, -ENOTSUP for an unknown one, -ENOMEM. */
int digest_begin(struct digest *digest, const struct digests *digests, const char *like);
void digest_add(struct digest *digest, const void *data, size_t size);

/* Writes its text and frees it. */
void digest_end(struct digest *digest, char text[DIGEST_TEXT]);
void digest_drop(struct digest *digest); /* frees it; fine for none */

#endif
