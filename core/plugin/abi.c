// SPDX-License-Identifier: MIT
/*
 * ABI negotiation. Structs only grow at their end, so an older one is copied into a zeroed
 * newer one, and a newer one is taken as long as everything that is not known here is zero.
 */
#include "plugin/abi.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/check.h"
#include "plugin/loader.h"
#include "util/buf.h"

/* What the first version of the descriptor had, without its reserve. */
#define DESC_SIZE_MIN   offsetof(struct tkit_plugin, reserved)
#define OPTION_SIZE_MIN sizeof(struct tkit_option)
#define SIZE_LIMIT      4096u /* of any of these structs */
#define OPTIONS_MAX     1024u
#define OPTIONS_BYTES   (1u << 20)

struct callback {
	const char *name;
	size_t offset;
};

#define CALLBACK(kind, name)                                    \
	{                                                       \
#name, offsetof(struct tkit_##kind##_ops, name) \
	}

static const struct callback backend_callbacks[] = {
	CALLBACK(backend, open),
	CALLBACK(backend, start),
	CALLBACK(backend, pump),
	CALLBACK(backend, close),
	{NULL, 0},
};
static const struct callback sink_callbacks[] = {
	CALLBACK(sink, open),
	CALLBACK(sink, write),
	CALLBACK(sink, close),
	{NULL, 0},
};
static const struct callback reporter_callbacks[] = {
	CALLBACK(reporter, open),
	CALLBACK(reporter, render),
	CALLBACK(reporter, close),
	{NULL, 0},
};

static const struct {
	size_t ops_size;
	const struct callback *mandatory;
} kinds[] = {
	[TKIT_KIND_BACKEND] = {sizeof(struct tkit_backend_ops), backend_callbacks},
	[TKIT_KIND_SINK] = {sizeof(struct tkit_sink_ops), sink_callbacks},
	[TKIT_KIND_REPORTER] = {sizeof(struct tkit_reporter_ops), reporter_callbacks},
};

/* Copies what both know, zeroes the rest of dst. False: the unknown tail is not zero. */
static bool copy_struct(void *dst, size_t dst_size, const void *src, size_t src_size)
{
	const unsigned char *tail = (const unsigned char *)src;

	memset(dst, 0, dst_size);
	memcpy(dst, src, src_size < dst_size ? src_size : dst_size);
	for (size_t i = dst_size; i < src_size; i++)
		if (tail[i])
			return false;
	return true;
}

static int check_head(const struct tkit_plugin *raw, size_t size, const char *file, const char **id,
		      struct err *err)
{
	*id = CHECK_MAGIC;
	if (size < offsetof(struct tkit_plugin, kind) || raw->magic != TKIT_PLUGIN_MAGIC)
		return err_set(err, -ENOEXEC,
			       "%s: its symbol 'tkit_plugin' is no plugin descriptor (wrong magic)",
			       file);
	*id = CHECK_ABI;
	if (raw->abi_major != TKIT_ABI_MAJOR)
		return err_set(err, -ENOEXEC,
			       "%s: made for plugin ABI %u.%u, this tkit has %d.%d; rebuild the "
			       "plugin with this tkit's headers",
			       file, raw->abi_major, raw->abi_minor, TKIT_ABI_MAJOR,
			       TKIT_ABI_MINOR);
	*id = CHECK_SIZES;
	if (raw->size < DESC_SIZE_MIN || raw->size > size || raw->size > SIZE_LIMIT)
		return err_set(
			err, -ENOEXEC,
			"%s: the descriptor says it has %u bytes, that cannot be (%zu to %zu)",
			file, raw->size, DESC_SIZE_MIN, size);
	return 0;
}

static int check_tail(bool zero, const char *what, const struct tkit_plugin *raw, const char *file,
		      const char **id, struct err *err)
{
	if (zero)
		return 0;
	*id = CHECK_NEWER;
	return err_set(err, -ENOEXEC,
		       "%s: uses a part of its %s that this tkit does not know (plugin ABI %u.%u, "
		       "this tkit has %d.%d); a newer tkit is needed",
		       file, what, raw->abi_major, raw->abi_minor, TKIT_ABI_MAJOR, TKIT_ABI_MINOR);
}

static bool name_valid(const char *name)
{
	return name && name[0] >= 'a' && name[0] <= 'z' && strnlen(name, 65) <= 64 &&
	       !name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_")];
}

static int check_desc(const struct tkit_plugin *desc, const char *file, const char **id,
		      struct err *err)
{
	*id = CHECK_KIND;
	if (desc->kind < TKIT_KIND_BACKEND || desc->kind > TKIT_KIND_REPORTER)
		return err_set(err, -ENOEXEC, "%s: unknown kind of plugin, number %u", file,
			       desc->kind);
	*id = CHECK_NAME;
	if (!name_valid(desc->name))
		return err_set(err, -ENOEXEC,
			       "%s: the plugin's name is missing or bad (a-z first, then a-z, 0-9 "
			       "and _)",
			       file);
	*id = CHECK_SIZES;
	if (!desc->ops || desc->ops_size % sizeof(void *) || desc->ops_size > SIZE_LIMIT)
		return err_set(err, -ENOEXEC,
			       "%s: the table of callbacks is missing or %u bytes "
			       "long, that cannot be",
			       file, desc->ops_size);
	if (desc->option_count &&
	    (!desc->options || desc->option_count > OPTIONS_MAX ||
	     desc->option_size < OPTION_SIZE_MIN || desc->option_size > SIZE_LIMIT ||
	     desc->option_size % sizeof(void *) || desc->options_bytes > OPTIONS_BYTES))
		return err_set(
			err, -ENOEXEC,
			"%s: the table of options is missing or out of bounds (%u options of "
			"%u bytes for a struct of %u bytes)",
			file, desc->option_count, desc->option_size, desc->options_bytes);
	return 0;
}

static int check_mandatory(const struct abi_copy *copy, const char *file, const char **id,
			   struct err *err)
{
	struct buf missing = BUF_INIT;
	int rc = 0;

	for (const struct callback *c = kinds[copy->desc.kind].mandatory; c->name; c++) {
		void *fn;

		memcpy(&fn, (const char *)&copy->ops + c->offset, sizeof(fn));
		if (!fn)
			buf_printf(&missing, "%s%s", missing.size ? ", " : "", c->name);
	}
	if (missing.size) {
		*id = CHECK_MANDATORY;
		rc = err_set(err, -ENOEXEC, "%s: %s '%s' lacks mandatory callbacks: %.*s", file,
			     kind_name(copy->desc.kind), copy->desc.name, (int)missing.size,
			     missing.data);
	}
	buf_done(&missing);
	return rc;
}

static int copy_options(struct abi_copy *copy, const char *file, const char **id, struct err *err)
{
	const struct tkit_plugin *desc = &copy->desc;
	const char *row = (const char *)desc->options;
	bool zero = true;

	copy->options = calloc(desc->option_count + 1, sizeof(*copy->options));
	if (!copy->options)
		return err_sys(err, -ENOMEM, "%s", file);
	for (size_t i = 0; i < desc->option_count; i++, row += desc->option_size)
		zero &= copy_struct(&copy->options[i], sizeof(copy->options[i]), row,
				    desc->option_size);
	return check_tail(zero, "table of options", desc, file, id, err);
}

static int negotiate(const struct tkit_plugin *raw, size_t size, const char *file,
		     struct abi_copy *copy, const char **id, struct err *err)
{
	struct tkit_plugin *desc = &copy->desc;
	bool zero;
	int rc = check_head(raw, size, file, id, err);

	if (rc)
		return rc;
	zero = copy_struct(desc, sizeof(*desc), raw, raw->size);
	for (size_t i = 0; i < sizeof(desc->reserved) / sizeof(desc->reserved[0]); i++)
		zero &= !desc->reserved[i];
	rc = check_tail(zero, "descriptor", raw, file, id, err);
	if (rc == 0)
		rc = check_desc(desc, file, id, err);
	if (rc)
		return rc;
	zero = copy_struct(&copy->ops, kinds[desc->kind].ops_size, desc->ops, desc->ops_size);
	rc = check_tail(zero, "callbacks", raw, file, id, err);
	if (rc == 0)
		rc = check_mandatory(copy, file, id, err);
	return rc ? rc : copy_options(copy, file, id, err);
}

int abi_negotiate(const void *raw, size_t size, const char *file, struct abi_copy *copy,
		  const char **ret_id, struct err *err)
{
	const char *id = NULL;
	int rc;

	memset(copy, 0, sizeof(*copy));
	rc = negotiate((const struct tkit_plugin *)raw, size, file, copy, &id, err);
	if (rc) {
		free(copy->options);
		copy->options = NULL;
		if (ret_id)
			*ret_id = id;
		return rc;
	}
	copy->desc.ops = &copy->ops;
	copy->desc.options = copy->options;
	if (!copy->desc.version)
		copy->desc.version = "";
	if (!copy->desc.summary)
		copy->desc.summary = "";
	if (!copy->desc.licence)
		copy->desc.licence = "";
	return 0;
}
