/* SPDX-License-Identifier: MIT */
/* Reading a manifest of schema version 1: schema.c its keys, schema_input.c where sources come
 * from, schema_items.c the lists. */
#ifndef MANIFEST_DIFF_SCHEMA_H
#define MANIFEST_DIFF_SCHEMA_H

#include <yaml.h>

#include "manifest_diff.h"

struct schema {
	struct tkit_ctx *ctx;
	const struct options *options;
	const char *file;
	yaml_document_t *document;
	struct plan *plan;
	struct tkit_rootfs *sources; /* input.path, or NULL */
};

static inline const yaml_node_t *schema_node(const struct schema *s, int index)
{
	return yaml_document_get_node(s->document, index);
}

/* Records "FILE:LINE: ..." and returns -EINVAL. */
int schema_fail(const struct schema *s, unsigned int line, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
#define FAIL(s, node, ...) schema_fail((s), (unsigned int)(node)->start_mark.line + 1, __VA_ARGS__)

/* The text of a scalar; it lives as long as the document. NULL after an error. */
const char *schema_text(const struct schema *s, const yaml_node_t *node, const char *what);

/* The backends that input.backend may name; NULL-terminated. */
extern const char *const schema_backends[];

/* The parts of a manifest. 0 or -errno with a recorded cause. */
int schema_input(struct schema *s, const yaml_node_t *node);
int schema_items(struct schema *s, enum list list, const yaml_node_t *key, const yaml_node_t *node);

#endif
