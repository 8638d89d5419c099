/* SPDX-License-Identifier: MIT */
/*
 * What runs in the sandbox: reads an archive or an OCI layout, chooses an image in it, lays
 * its layers over each other and sends the result (core/rootfs/wire.h).
 */
#ifndef ROOTFS_IMGREAD_H
#define ROOTFS_IMGREAD_H

#include "rootfs/untar.h"
#include "rootfs/wire.h"

enum image_kind {
	IMAGE_FIND_OUT, /* any tar */
	IMAGE_TAR,
	IMAGE_DOCKER,
	IMAGE_OCI,
	IMAGE_OCI_LAYOUT /* no input: blobs are asked for */
};

#define IMAGE_LAYERS_MAX 1000       /* of one image */
#define IMAGE_JSON_MAX   (8u << 20) /* bytes of one JSON file in it */

struct imgread {
	enum image_kind kind;
	struct extent input;
	int spool;
	int socket;           /* to the parent */
	const char *tag;      /* which image; NULL = the only one */
	const char *platform; /* which image; NULL = the only one or `host` */
	const char *host;     /* platform of this machine */
	uint32_t max_entries;
	uint32_t max_texts;
	uint64_t max_bytes;
	struct digests digests; /* loaded before the sandbox closes */
};

/* For sandbox_start(); `arg` is the struct. 0: all is said, if only an error. */
int imgread_run(void *arg);

#endif
