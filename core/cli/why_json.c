// SPDX-License-Identifier: MIT
/* tkit why and tkit why-not as JSON: one object on one line. */
#include "cli/print.h"
#include "cli/why.h"

/* Left out if empty; what is not UTF-8 comes also as KEY_raw, in base64. */
static void put_bytes(struct buf *out, const char *key, struct tkit_bytes value)
{
	if (!value.len)
		return;
	json_key(out, key);
	if (buf_json(out, value))
		return;
	buf_printf(out, ",\"%s_raw\":\"", key);
	buf_base64(out, value);
	buf_char(out, '"');
}

static void put_package(struct buf *out, const struct tkit_package *package)
{
	json_key(out, "package");
	buf_char(out, '{');
	put_bytes(out, "name", package->name);
	put_bytes(out, "version", package->version);
	json_str(out, "manager", package->manager);
	buf_char(out, '}');
}

static void put_mount(struct buf *out, const struct tkit_mount_info *mount)
{
	if (!mount)
		return;
	json_key(out, "mount");
	buf_char(out, '{');
	json_str(out, "destination", mount->destination);
	json_str(out, "kind", tkit_mount_kind_name(mount->kind));
	if (mount->name[0])
		json_str(out, "name", mount->name);
	json_str(out, "source", mount->source);
	buf_char(out, '}');
}

static const char *kind_of(mode_t mode)
{
	return S_ISREG(mode)    ? "file"
	       : S_ISDIR(mode)  ? "directory"
	       : S_ISLNK(mode)  ? "symlink"
	       : S_ISSOCK(mode) ? "socket"
				: "other";
}

static void put_place(struct why *why)
{
	const struct tkit_package *package;
	struct buf *out = &why->out;
	struct stat st;
	bool exists = why_stat(why, &st);

	put_bytes(out, "path", why->path);
	json_bool(out, "complete", tkit_model_complete(why->model));
	put_mount(out, why_mount(why));
	if (!why->root)
		return;
	json_bool(out, "exists", exists);
	if (!exists)
		return;
	put_bytes(out, "canonical", why_canonical(why));
	json_str(out, "type", kind_of(st.st_mode));
	if (S_ISREG(st.st_mode))
		json_int(out, "size", st.st_size);
	package = tkit_model_owner(why->model, why_canonical(why));
	if (package)
		put_package(out, package);
	json_key(out, "links");
	buf_char(out, '[');
	for (size_t at = 0; at < why->links.size;) {
		struct tkit_bytes link = bytes_str(why->links.data + at);

		json_item(out);
		buf_json(out, link);
		at += link.len + 1;
	}
	buf_char(out, ']');
}

static void put_access(struct why *why, const struct tkit_path *path,
		       const struct tkit_access *access)
{
	const struct tkit_program *program = tkit_model_program(why->model, access->program);
	struct buf *out = &why->out;

	json_item(out);
	buf_char(out, '{');
	put_bytes(out, "path", path->name);
	if (tkit_op_name(access->op))
		json_str(out, "op", tkit_op_name(access->op));
	put_bytes(out, "requested", access->requested);
	put_bytes(out, "base", access->base);
	put_bytes(out, "resolved", access->resolved);
	if (access->err >= 0) /* else unknown */
		json_int(out, "errno", access->err);
	if (access->err > 0 && tkit_errno_name(access->err))
		json_str(out, "error", tkit_errno_name(access->err));
	if (program)
		put_bytes(out, "program", program->exe);
	if (access->first_pid)
		json_int(out, "first_pid", access->first_pid);
	json_int(out, "count", (int64_t)access->count);
	json_int(out, "runs", access->runs);
	json_int(out, "first_ns", (int64_t)access->first_ns);
	json_int(out, "last_ns", (int64_t)access->last_ns);
	buf_char(out, '}');
}

static void put_accesses(struct why *why)
{
	const struct tkit_access *access;
	const struct tkit_path *path;

	json_key(&why->out, "accesses");
	buf_char(&why->out, '[');
	for (size_t i = 0; (path = tkit_model_path(why->model, i)); i++)
		if (why_is_it(why, path))
			for (size_t k = 0; (access = tkit_model_access(why->model, path, k)); k++)
				put_access(why, path, access);
	buf_char(&why->out, ']');
}

static void put_reasons(struct why *why, const struct tkit_closure_entry *entry)
{
	const struct tkit_closure_entry *chain[WHY_CHAIN_MAX + 1];
	struct buf *out = &why->out;

	json_key(out, "reasons");
	buf_char(out, '[');
	why_chain(why, entry, chain);
	for (size_t i = 0; chain[i]; i++) {
		json_item(out);
		buf_char(out, '{');
		put_bytes(out, "path", chain[i]->path);
		json_str(out, "reason", tkit_reason_name((int)chain[i]->reason));
		put_bytes(out, "because", chain[i]->because);
		buf_char(out, '}');
	}
	buf_char(out, ']');
}

int why_tell_json(struct why *why)
{
	const struct tkit_closure_entry *entry = why_entry(why);
	const struct tkit_path *library = why_library(why), *path;
	struct buf *out = &why->out;
	bool used = false;

	for (size_t i = 0; !used && (path = tkit_model_path(why->model, i)); i++)
		used = why_is_it(why, path);
	buf_char(out, '{');
	put_place(why);
	put_accesses(why);
	if (library) {
		json_bool(out, "hidden", library->elf & TKIT_ELF_HIDDEN);
		put_bytes(out, "needed_by", library->elf_by);
	}
	if (why->root)
		json_bool(out, "in_image", entry != NULL);
	if (entry)
		put_reasons(why, entry);
	buf_str(out, "}\n");
	return used || entry ? 0 : 1;
}

static void put_near(struct buf *out, const char *key, const struct why_near *near, bool states)
{
	json_key(out, key);
	buf_char(out, '[');
	for (size_t i = 0; i < near->count && i < WHY_NEAR_MAX; i++) {
		json_item(out);
		buf_char(out, '{');
		put_bytes(out, "path", near->list[i]->name);
		if (states)
			json_bool(out, "used", why_used(near->list[i]));
		buf_char(out, '}');
	}
	buf_char(out, ']');
	buf_printf(out, ",\"%s_count\":%zu", key, near->count);
}

int why_not_tell_json(struct why *why)
{
	struct buf *out = &why->out;
	struct why_not facts;

	why_not_find(why, &facts);
	buf_char(out, '{');
	put_place(why);
	json_str(out, "cause", why_not_cause_name(facts.cause));
	if (facts.cause == WHY_NOT_RUNTIME || facts.cause == WHY_NOT_EXCLUDED ||
	    facts.cause == WHY_NOT_LISTED)
		put_bytes(out, "rule", facts.rule);
	put_accesses(why);
	put_near(out, "namesakes", &facts.namesakes, true);
	put_near(out, "near", &facts.near, false);
	if (facts.package)
		json_int(out, "package_used", (int64_t)facts.package_used);
	buf_str(out, "}\n");
	return facts.cause == WHY_NOT_IN_IMAGE || facts.cause == WHY_NOT_USED;
}
