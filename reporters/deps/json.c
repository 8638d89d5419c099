// SPDX-License-Identifier: MIT
/* The report as one JSON document, one path a line. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "deps.h"

struct json {
	const struct tkit_model *model;
	struct tkit_out *out;
	int first; /* nothing stands in the open object or array yet */
};

static void put(struct json *json, const char *text)
{
	tkit_out_write(json->out, text, strlen(text));
}

static void item(struct json *json)
{
	if (!json->first)
		put(json, ",");
	json->first = 0;
}

/* The same, on a line of its own. */
static void line_item(struct json *json)
{
	item(json);
	put(json, "\n");
}

static void open_with(struct json *json, const char *bracket)
{
	put(json, bracket);
	json->first = 1;
}

static void close_with(struct json *json, const char *bracket)
{
	put(json, bracket);
	json->first = 0;
}

static void key(struct json *json, const char *name)
{
	item(json);
	tkit_out_printf(json->out, "\"%s\":", name);
}

static void number(struct json *json, const char *name, uint64_t value)
{
	key(json, name);
	tkit_out_printf(json->out, "%" PRIu64, value);
}

static void boolean(struct json *json, const char *name, int value)
{
	key(json, name);
	put(json, value ? "true" : "false");
}

static void text(struct json *json, const char *name, const char *value)
{
	key(json, name);
	tkit_out_json(json->out, (struct tkit_bytes){value, strlen(value)});
}

/* Valid UTF-8: then the JSON string has the very bytes. */
static int is_utf8(struct tkit_bytes bytes)
{
	const unsigned char *p = (const unsigned char *)bytes.ptr, *end = p + bytes.len;

	while (p < end) {
		uint32_t c = *p++, min;
		int more;

		if (c < 0x80)
			continue;
		more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;
		min = more == 3 ? 0x10000 : more == 2 ? 0x800 : 0x80;
		if (c < 0xc2 || c > 0xf4 || end - p < more)
			return 0;
		c &= 0x3fu >> more;
		for (; more; more--, p++) {
			if ((*p & 0xc0) != 0x80)
				return 0;
			c = c << 6 | (*p & 0x3fu);
		}
		if (c < min || c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
			return 0;
	}
	return 1;
}

static void base64(struct json *json, struct tkit_bytes bytes)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	put(json, "\"");
	for (size_t i = 0; i < bytes.len; i += 3) {
		size_t left = bytes.len - i;
		uint32_t v = (uint32_t)(unsigned char)bytes.ptr[i] << 16;
		char four[4];

		if (left > 1)
			v |= (uint32_t)(unsigned char)bytes.ptr[i + 1] << 8;
		if (left > 2)
			v |= (unsigned char)bytes.ptr[i + 2];
		four[0] = digits[v >> 18];
		four[1] = digits[v >> 12 & 63];
		four[2] = '=';
		four[3] = '=';
		if (left > 1)
			four[2] = digits[v >> 6 & 63];
		if (left > 2)
			four[3] = digits[v & 63];
		tkit_out_write(json->out, four, 4);
	}
	put(json, "\"");
}

/* Bytes; what is not UTF-8 also as NAME_raw. Empty ones are left out. */
static void bytes(struct json *json, const char *name, struct tkit_bytes value)
{
	if (!value.len)
		return;
	key(json, name);
	tkit_out_json(json->out, value);
	if (is_utf8(value))
		return;
	item(json);
	tkit_out_printf(json->out, "\"%s_raw\":", name);
	base64(json, value);
}

static void put_losses(struct json *json)
{
	key(json, "losses");
	open_with(json, "{");
	for (int reason = 0; reason < TKIT_LOSS_COUNT_; reason++)
		if (tkit_model_losses(json->model, reason))
			number(json, tkit_loss_name(reason),
			       tkit_model_losses(json->model, reason));
	close_with(json, "}");
	key(json, "pathless");
	open_with(json, "{");
	for (int reason = 0; reason < TKIT_PATHLESS_COUNT_; reason++) {
		uint64_t succeeded = tkit_model_pathless(json->model, reason, 0);
		uint64_t failed = tkit_model_pathless(json->model, reason, 1);

		if (!succeeded && !failed)
			continue;
		key(json, tkit_pathless_name(reason));
		open_with(json, "{");
		number(json, "succeeded", succeeded);
		number(json, "failed", failed);
		close_with(json, "}");
	}
	close_with(json, "}");
}

static void put_backends(struct json *json, const struct tkit_run_info *info)
{
	key(json, "backends");
	open_with(json, "[");
	for (uint32_t i = 0; i < info->backend_count; i++) {
		item(json);
		open_with(json, "{");
		text(json, "name", info->backends[i].name);
		text(json, "version", info->backends[i].version);
		text(json, "options", info->backends[i].options);
		close_with(json, "}");
	}
	close_with(json, "]");
}

static void put_run(struct json *json, const struct tkit_run *run)
{
	const struct tkit_run_info *info = run->info;

	line_item(json);
	open_with(json, "{");
	key(json, "id");
	put(json, "\"");
	for (size_t i = 0; i < sizeof(info->id); i++)
		tkit_out_printf(json->out, "%02x", info->id[i]);
	put(json, "\"");
	boolean(json, "complete", (int)run->complete);
	text(json, "host", info->host);
	text(json, "kernel", info->kernel);
	text(json, "machine", info->machine);
	text(json, "root", info->root);
	text(json, "cwd", info->cwd);
	if (info->target[0])
		text(json, "target", info->target);
	if (info->container_id[0])
		text(json, "container_id", info->container_id);
	if (info->image_digest[0])
		text(json, "image_digest", info->image_digest);
	key(json, "argv");
	open_with(json, "[");
	for (size_t i = 0; info->argv && info->argv[i]; i++) {
		item(json);
		tkit_out_json(json->out, (struct tkit_bytes){info->argv[i], strlen(info->argv[i])});
	}
	close_with(json, "]");
	put_backends(json, info);
	number(json, "armed_realtime_ns", info->armed_realtime_ns);
	if (run->end && run->end->duration_ns)
		number(json, "duration_ns", run->end->duration_ns);
	if (run->end && run->end->wait_status >= 0)
		number(json, "wait_status", (uint64_t)run->end->wait_status);
	close_with(json, "}");
}

static void put_mount(struct json *json, const struct tkit_mount_info *mount)
{
	const char *kind = tkit_mount_kind_name(mount->kind);

	open_with(json, "{");
	text(json, "destination", mount->destination);
	text(json, "kind", kind ? kind : "unknown");
	if (mount->name[0])
		text(json, "name", mount->name);
	text(json, "source", mount->source);
	close_with(json, "}");
}

/* What a path lies on, if that is not the image's own file system. */
static void put_mount_of(struct json *json, const struct tkit_path *path)
{
	const struct tkit_mount_info *mount = tkit_model_mount_of(json->model, path->name);

	if (!mount && path->enriched & TKIT_ENRICHED_NODE && path->exists)
		mount = tkit_model_mount_of(json->model, path->canonical);
	if (!mount)
		return;
	key(json, "mount");
	put_mount(json, mount);
}

static void put_mounts(struct json *json)
{
	const struct tkit_mount_info *mount;

	if (!tkit_model_mount(json->model, 0))
		return;
	key(json, "mounts");
	open_with(json, "[");
	for (size_t i = 0; (mount = tkit_model_mount(json->model, i)); i++) {
		line_item(json);
		put_mount(json, mount);
	}
	close_with(json, "]");
}

static void put_programs(struct json *json)
{
	key(json, "programs");
	open_with(json, "[");
	for (size_t i = 0; i < tkit_model_program_count(json->model); i++) {
		const struct tkit_program *program = tkit_model_program(json->model, i);

		line_item(json);
		open_with(json, "{");
		number(json, "index", i);
		bytes(json, "exe", program->exe);
		bytes(json, "comm", program->comm);
		number(json, "processes", program->processes);
		number(json, "parent", program->parent);
		close_with(json, "}");
	}
	close_with(json, "]");
}

static void put_access(struct json *json, const struct tkit_access *access)
{
	item(json);
	open_with(json, "{");
	if (tkit_op_name(access->op))
		text(json, "op", tkit_op_name(access->op));
	else
		number(json, "op", access->op);
	if (access->err >= 0)
		number(json, "errno", (uint64_t)access->err);
	if (access->err > 0 && tkit_errno_name(access->err))
		text(json, "error", tkit_errno_name(access->err));
	number(json, "program", access->program);
	number(json, "count", access->count);
	number(json, "runs", access->runs);
	number(json, "first_run", access->first_run);
	number(json, "first_ns", access->first_ns);
	number(json, "last_ns", access->last_ns);
	if (access->flags)
		number(json, "flags", access->flags);
	bytes(json, "requested", access->requested);
	bytes(json, "base", access->base);
	bytes(json, "root", access->root);
	bytes(json, "resolved", access->resolved);
	if (access->origin == TKIT_ORIGIN_INFERRED)
		text(json, "origin", "inferred");
	close_with(json, "}");
}

static void put_state(struct json *json, uint32_t state)
{
	static const struct {
		uint32_t bit;
		const char *name;
	} rows[] = {
		{TKIT_PATH_SUCCEEDED, "succeeded"}, {TKIT_PATH_FAILED, "failed"},
		{TKIT_PATH_EXISTED, "existed"},     {TKIT_PATH_CREATED, "created"},
		{TKIT_PATH_UNSURE, "unsure"},       {TKIT_PATH_LISTED, "listed"},
		{TKIT_PATH_EXECUTED, "executed"},   {TKIT_PATH_MISSING, "missing"},
	};

	key(json, "state");
	open_with(json, "[");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (state & rows[i].bit) {
			item(json);
			tkit_out_printf(json->out, "\"%s\"", rows[i].name);
		}
	close_with(json, "]");
}

static void put_seen_in(struct json *json, const struct tkit_path *path)
{
	size_t run;

	key(json, "seen_in");
	open_with(json, "[");
	for (size_t i = 0; (run = tkit_model_path_run(json->model, path, i)) != SIZE_MAX; i++) {
		item(json);
		tkit_out_printf(json->out, "%zu", run);
	}
	close_with(json, "]");
}

static void put_path(struct json *json, const struct entry *entry)
{
	const struct tkit_path *path = entry->path;
	const struct tkit_access *access;

	line_item(json);
	open_with(json, "{");
	bytes(json, "path", path->name);
	text(json, "section", section_name(entry->section));
	if (entry->section == SECTION_IGNORED)
		text(json, "reason", entry->reason);
	put_state(json, path->state);
	number(json, "runs", path->runs);
	if (tkit_model_run_count(json->model) > 1)
		put_seen_in(json, path);
	number(json, "first_ns", path->first_ns);
	if (path->enriched & TKIT_ENRICHED_NODE) {
		boolean(json, "exists", (int)path->exists);
		bytes(json, "canonical", path->canonical);
		if (path->exists) {
			number(json, "mode", path->mode);
			number(json, "size", path->file_size);
		}
	}
	put_mount_of(json, path);
	bytes(json, "package", path->package);
	bytes(json, "package_version", path->package_version);
	if (path->elf & TKIT_ELF_HIDDEN)
		boolean(json, "hidden", 1);
	bytes(json, "needed_by", path->elf_by);
	key(json, "accesses");
	open_with(json, "[");
	for (size_t i = 0; (access = tkit_model_access(json->model, path, i)); i++)
		put_access(json, access);
	close_with(json, "]");
	close_with(json, "}");
}

void render_json(const struct deps *deps, const struct tkit_model *model,
		 const struct selection *selection, const struct extras *extras,
		 struct tkit_out *out)
{
	struct json json = {.model = model, .out = out, .first = 1};

	open_with(&json, "{");
	boolean(&json, "complete", tkit_model_complete(model));
	put_losses(&json);
	key(&json, "runs");
	open_with(&json, "[");
	for (size_t i = 0; i < tkit_model_run_count(model); i++)
		put_run(&json, tkit_model_run(model, i));
	close_with(&json, "]");
	put_mounts(&json);
	put_programs(&json);
	key(&json, "counts");
	open_with(&json, "{");
	for (int section = SECTION_PRESENT; section < SECTION_COUNT; section++)
		number(&json, section_name(section), selection->sections[section]);
	close_with(&json, "}");
	key(&json, "paths");
	open_with(&json, "[");
	for (size_t i = 0; i < selection->count; i++)
		if (selection->entries[i].section != SECTION_NONE)
			put_path(&json, &selection->entries[i]);
	close_with(&json, "]");
	render_json_more(deps, model, extras, out);
	close_with(&json, "}\n");
}
