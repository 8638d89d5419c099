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

static void put_chain(struct why *why, const struct tkit_closure_entry *entry)
{
	for (int i = 0; entry && i < CHAIN_MAX; i++) {
		const struct tkit_closure_entry *next;

		put_reason(why, entry);
		next = entry->because.len ? entry_of(why, entry->because) : NULL;
		entry = next == entry ? NULL : next;
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
	const struct tkit_closure_entry *entry = why_entry(why);
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
		put_chain(why, entry);
		for (size_t at = 0; at < why->links.size;) {
			struct tkit_bytes link = bytes_str(why->links.data + at);

			entry = tkit_closure_find(why->closure, link);
			if (entry)
				put_reason(why, entry);
			at += link.len + 1;
		}
	} else if (why->root) {
		buf_str(&why->out, "not in the image: tkit why-not tells more\n");
	}
	return found || why_entry(why) ? 0 : 1;
}
