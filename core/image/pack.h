/* SPDX-License-Identifier: MIT */
/* The JSON documents of an image archive. */
#ifndef IMAGE_PACK_H
#define IMAGE_PACK_H

#include <stdint.h>

#include <tkit/image.h>

#define PACK_DIGEST 65 /* 64 hex digits of SHA-256 and a NUL */

struct pack_blob {
	char digest[PACK_DIGEST];
	uint64_t size;
};

/* All return text that the caller frees; NULL when memory is short or a text is not UTF-8. */
char *pack_config(const struct tkit_image_config *config, const struct pack_blob *layer);
char *pack_manifest(const struct pack_blob *config, const struct pack_blob *layer);
char *pack_index(const struct tkit_image_config *config, const struct pack_blob *manifest);
char *pack_docker(const struct tkit_image_config *config, const struct pack_blob *json,
		  const struct pack_blob *layer);

#endif
