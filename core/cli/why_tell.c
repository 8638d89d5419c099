// SPDX-License-Identifier: MIT
/* The answer of tkit why. */
#include <string.h>

#include "cli/why.h"

#define CHAIN_MAX 16

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

static const struct tkit_closure_entry *entry_of(const struct why *why, struct tkit_bytes name)
{
	char out[8192];
	long n = tkit_rootfs_resolve(why->root, name, 1, out, sizeof(out), NULL, NULL);

	return n < 0 ? NULL : tkit_closure_find(why->closure, BYTES(out, (size_t)n));
}

/* What was told is noted in `told`, with a NULL behind it. */
static void put_chain(struct why *why, const struct tkit_closure_entry *entry,
		      const struct tkit_closure_entry **told)
{
	for (int i = 0; entry && i < CHAIN_MAX; i++) {
		const struct tkit_closure_entry *next;

		put_reason(why, entry);
		*told++ = entry;
		next = entry->because.len ? entry_of(why, entry->because) : NULL;
		entry = next == entry ? NULL : next;
	}
}

/* The symlinks on the way that the chain did not have. */
static void put_links(struct why *why, const struct tkit_closure_entry *const *told)
{
	for (size_t at = 0; at < why->links.size;) {
		struct tkit_bytes link = bytes_str(why->links.data + at);
		const struct tkit_closure_entry *entry = tkit_closure_find(why->closure, link);
		int i = 0;

		while (told[i] && told[i] != entry)
			i++;
		if (entry && !told[i])
			put_reason(why, entry);
		at += link.len + 1;
	}
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
	const struct tkit_closure_entry *entry = why_entry(why), *told[CHAIN_MAX + 1] = {NULL};
	const struct tkit_path *path, *library = NULL;
	size_t found = 0;

	why_put_place(why);
	for (size_t i = 0; (path = tkit_model_path(why->model, i)); i++) {
		if (!why_is_it(why, path))
			continue;
		if (!found++)
			buf_str(&why->out, "accesses:\n");
		why_put_accesses(why, path);
		if (path->elf & (TKIT_ELF_HIDDEN | TKIT_ELF_NEEDED))
			library = path;
	}
	if (!found)
		buf_str(&why->out, "no access to it\n");
	if (library)
		put_library(why, library);
	if (entry) {
		buf_str(&why->out, "in the image:\n");
		put_chain(why, entry, told);
		put_links(why, told);
	} else if (why->root) {
		buf_str(&why->out, "not in the image: tkit why-not tells more\n");
	}
	return found || why_entry(why) ? 0 : 1;
}
