/* SPDX-License-Identifier: MIT */
/*
 * What the sandboxed reader of archives tells its parent. The parent believes nothing: each
 * number is checked, and whatever does not fit is -EBADMSG.
 *
 * A stream of messages, numbers as this machine has them: u32 kind, then
 *   REQUEST  u16 length, name of a blob. Answered by struct wire_reply, with a descriptor
 *   ERROR    i32 negative errno, u16 length, text; the last message
 *   TREE     the names, parents first, see wire.c
 *   CONFIG   u32 length, records (core/rootfs/imgconfig.h)
 *   END      the last message
 */
#ifndef ROOTFS_WIRE_H
#define ROOTFS_WIRE_H

#include "rootfs/imgtree.h"
#include "util/err.h"

enum wire_kind { WIRE_REQUEST = 1, WIRE_ERROR, WIRE_TREE, WIRE_CONFIG, WIRE_END };

#define WIRE_NAME_MAX   256
#define WIRE_ERROR_MAX  4096
#define WIRE_CONFIG_MAX (16u << 20)

struct wire_reply {
	int32_t file; /* its number, the descriptor comes along; or negative errno */
	int32_t reserved;
	uint64_t size;
};

struct wire_out {
	int fd;
	int failed; /* negative errno of the first failed write */
	size_t size;
	char buf[65536];
};

void wire_put(struct wire_out *out, const void *data, size_t size);
void wire_put_u32(struct wire_out *out, uint32_t value);
void wire_flush(struct wire_out *out);

/* From a descriptor, or with fd -1 from memory. */
struct wire_in {
	int fd;
	const char *data; /* unread */
	size_t size;
	char buf[65536];
};

/* 0; -ENODATA: the end came first; -errno. */
int wire_get(struct wire_in *in, void *data, size_t size);
int wire_get_u32(struct wire_in *in, uint32_t *ret);

/* The whole TREE message. 0 or -ENOMEM; failures of writing are in `out`. */
int wire_put_tree(struct wire_out *out, const struct imgtree *tree);

/*
 * The TREE message behind its kind, into an initialised tree. Content must lie within the
 * files, of which `sizes` has the lengths. 0, -EBADMSG, -ENODATA, -ENOMEM, -EDQUOT.
 */
int wire_get_tree(struct wire_in *in, struct imgtree *tree, const uint64_t *sizes, uint32_t files);

#endif
