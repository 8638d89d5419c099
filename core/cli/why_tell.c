// SPDX-License-Identifier: MIT
/* The answer of tkit why, and text for both. */
#include <string.h>

#include "cli/why.h"

void why_put(struct why *why, struct tkit_bytes name)
{
	buf_escaped(&why->out, name);
}

static void put_program(struct why *why, uint32_t index)
{
	const struct tkit_program *program = tkit_model_program(why->model, index);

	if (program && program->exe.len)
		why_put(why, program->exe);
	else
		buf_str(&why->out, "an unknown program");
}

static void put_time(struct why *why, uint64_t ns)
{
	buf_printf(&why->out, "%llu.%06llu s", (unsigned long long)(ns / 1000000000u),
		   (unsigned long long)(ns % 1000000000u / 1000u));
}

static void put_access(struct why *why, const struct tkit_access *access)
{
	const char *op = tkit_op_name(access->op), *error = NULL;

	buf_str(&why->out, "  ");
	put_time(why, access->first_ns);
	buf_printf(&why->out, "  %s", op ? op : "?");
	if (access->requested.len) {
		buf_char(&why->out, ' ');
		why_put(why, access->requested);
	}
	if (access->base.len) {
		buf_str(&why->out, access->requested.len ? " in " : " of ");
		why_put(why, access->base);
	}
	if (access->err > 0)
		error = tkit_errno_name(access->err);
	if (access->err)
		buf_printf(&why->out, "  %s", error ? error : "result unknown");
	buf_str(&why->out, "  by ");
	put_program(why, access->program);
	if (access->first_pid)
		buf_printf(&why->out, " (pid %d)", access->first_pid);
	if (access->count > 1) {
		buf_printf(&why->out, ", %llu times until ", (unsigned long long)access->count);
		put_time(why, access->last_ns);
	}
	if (tkit_model_run_count(why->model) > 1)
		buf_printf(&why->out, ", in %u of %zu runs", access->runs,
			   tkit_model_run_count(why->model));
	buf_char(&why->out, '\n');
}

void why_put_accesses(struct why *why, const struct tkit_path *path)
{
	const struct tkit_access *access;

	if (!bytes_eq(path->name, why->path)) {
		buf_str(&why->out, "  as ");
		why_put(why, path->name);
		buf_str(&why->out, ":\n");
	}
	for (size_t i = 0; (access = tkit_model_access(why->model, path, i)); i++)
		put_access(why, access);
}

static void put_mount(struct why *why)
{
	const struct tkit_mount_info *mount = why_mount(why);
	char text[4096];

	if (!mount)
		return;
	buf_str(&why->out, "  lies on ");
	why_put(why, bytes_str(tkit_mount_text(mount, text, sizeof(text))));
	buf_char(&why->out, '\n');
}

void why_put_place(struct why *why)
{
	const struct tkit_package *package;
	struct stat st;

	if (!tkit_model_complete(why->model))
		buf_str(&why->out,
			"INCOMPLETE: the trace lost events; others may have used it, too\n");
	why_put(why, why->path);
	buf_char(&why->out, '\n');
	put_mount(why);
	if (!why->root)
		return;
	if (!why_stat(why, &st)) {
		buf_str(&why->out, "  is not in the root\n");
		return;
	}
	buf_str(&why->out, "  is ");
	why_put(why, why_canonical(why));
	if (S_ISREG(st.st_mode))
		buf_printf(&why->out, ", %llu bytes", (unsigned long long)st.st_size);
	else if (S_ISDIR(st.st_mode))
		buf_str(&why->out, ", a folder");
	package = tkit_model_owner(why->model, why_canonical(why));
	if (package) {
		buf_str(&why->out, ", of package ");
		why_put(why, package->name);
		buf_char(&why->out, ' ');
		why_put(why, package->version);
	}
	buf_char(&why->out, '\n');
	for (size_t at = 0; at < why->links.size;) {
		struct tkit_bytes link = bytes_str(why->links.data + at);

		buf_str(&why->out, at ? ", " : "  by way of ");
		why_put(why, link);
		at += link.len + 1;
	}
	if (why->links.size)
		buf_char(&why->out, '\n');
}

/* ---- reasons ---- */

static const struct tkit_closure_entry *entry_of(const struct why *why, struct tkit_bytes name)
{
	char out[8192];
	long n = tkit_rootfs_resolve(why->root, name, 1, out, sizeof(out), NULL, NULL);

	return n < 0 ? NULL : tkit_closure_find(why->closure, BYTES(out, (size_t)n));
}

void why_chain(const struct why *why, const struct tkit_closure_entry *entry,
	       const struct tkit_closure_entry *chain[WHY_CHAIN_MAX + 1])
{
	size_t count = 0;

	while (entry && count < WHY_CHAIN_MAX / 2) {
		const struct tkit_closure_entry *next =
			entry->because.len ? entry_of(why, entry->because) : NULL;

		chain[count++] = entry;
		entry = next == entry ? NULL : next;
	}
	for (size_t at = 0; at < why->links.size && count < WHY_CHAIN_MAX;) {
		struct tkit_bytes link = bytes_str(why->links.data + at);
		size_t i = 0;

		entry = tkit_closure_find(why->closure, link);
		while (i < count && chain[i] != entry)
			i++;
		if (entry && i == count)
			chain[count++] = entry;
		at += link.len + 1;
	}
	chain[count] = NULL;
}

const struct tkit_path *why_library(const struct why *why)
{
	const struct tkit_path *path, *library = NULL;

	for (size_t i = 0; (path = tkit_model_path(why->model, i)); i++)
		if (path->elf & (TKIT_ELF_HIDDEN | TKIT_ELF_NEEDED) && why_is_it(why, path))
			library = path;
	return library;
}

/* One step of the chain: the reason, and what brought it in. */
static void put_reason(struct why *why, const struct tkit_closure_entry *entry)
{
	const char *reason = tkit_reason_name((int)entry->reason);

	buf_str(&why->out, "  ");
	why_put(why, entry->path);
	buf_printf(&why->out, "  %s", reason ? reason : "?");
	if (entry->because.len) {
		buf_str(&why->out, ", because of ");
		why_put(why, entry->because);
	}
	buf_char(&why->out, '\n');
}

static void put_library(struct why *why, const struct tkit_path *path)
{
	if (path->elf & TKIT_ELF_HIDDEN && !path->elf_by.len)
		buf_str(&why->out, "  a hidden dependency: no DT_NEEDED of what was executed names "
				   "it\n");
	if (path->elf_by.len) {
		buf_str(&why->out, "  needed by ");
		why_put(why, path->elf_by);
		buf_str(&why->out,
			path->elf & TKIT_ELF_HIDDEN ? ", itself a hidden dependency\n" : "\n");
	}
}

int why_tell(struct why *why)
{
	const struct tkit_closure_entry *entry = why_entry(why), *chain[WHY_CHAIN_MAX + 1];
	const struct tkit_path *path, *library = why_library(why);
	size_t found = 0;

	why_put_place(why);
	for (size_t i = 0; (path = tkit_model_path(why->model, i)); i++) {
		if (!why_is_it(why, path))
			continue;
		if (!found++)
			buf_str(&why->out, "accesses:\n");
		why_put_accesses(why, path);
	}
	if (!found)
		buf_str(&why->out, "no access to it\n");
	if (library)
		put_library(why, library);
	if (entry) {
		buf_str(&why->out, "in the image:\n");
		why_chain(why, entry, chain);
		for (size_t i = 0; chain[i]; i++)
			put_reason(why, chain[i]);
	} else if (why->root) {
		buf_str(&why->out, "not in the image: tkit why-not tells more\n");
	}
	return found || entry ? 0 : 1;
}
