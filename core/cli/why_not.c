// SPDX-License-Identifier: MIT
/* The answer of tkit why-not. */
#include <string.h>

#include "cli/why.h"
#include "util/glob.h"

#define NEAR_MAX 5

static struct tkit_bytes parent_of(struct tkit_bytes path)
{
	while (path.len > 1 && path.ptr[path.len - 1] != '/')
		path.len--;
	if (path.len > 1)
		path.len--;
	return path;
}

static struct tkit_bytes last_of(struct tkit_bytes path)
{
	size_t len = parent_of(path).len;

	len += len > 1 || path.len == 1;
	return BYTES(path.ptr + len, path.len - len);
}

static bool is_used(const struct tkit_path *path)
{
	return path->state & (TKIT_PATH_SUCCEEDED | TKIT_PATH_EXISTED);
}

/* Left out by a rule, or no file of an image at all. 1 if that is it. */
static int put_rules(struct why *why)
{
	static const char *const mounts[] = {"/proc", "/sys", "/dev"};
	struct tkit_bytes canonical = BYTES(why->canonical.data, why->canonical.size);

	for (size_t i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++)
		if (bytes_below(why->path, bytes_str(mounts[i])) &&
		    !bytes_is(why->path, mounts[i])) {
			buf_printf(&why->out, "  the container runtime provides what is below %s\n",
				   mounts[i]);
			return 1;
		}
	if (why_mount(why)) {
		buf_str(&why->out,
			"  something is mounted there: what a run saw was not of the image\n");
		return 1;
	}
	for (size_t i = 0; i < why->options.exclude.count; i++) {
		struct tkit_bytes rule = bytes_str(why->options.exclude.items[i]);

		if (!glob_match_below(rule, why->path) &&
		    !(canonical.len && glob_match_below(rule, canonical)))
			continue;
		buf_str(&why->out, "  left out by the rule --exclude ");
		why_put(why, rule);
		buf_char(&why->out, '\n');
		return 1;
	}
	if (tkit_model_created(why->model, why->path)) {
		buf_str(&why->out,
			"  the run made it: it is no part of what the run started from\n");
		return 1;
	}
	return 0;
}

/* Accesses that name it and failed. */
static int put_lookups(struct why *why)
{
	const struct tkit_path *path;
	int count = 0;

	for (size_t i = 0; (path = tkit_model_path(why->model, i)); i++) {
		if (!why_is_it(why, path))
			continue;
		if (!count++)
			buf_str(&why->out, is_used(path) ? "  it was used:\n"
							 : "  it was looked for, in vain:\n");
		why_put_accesses(why, path);
	}
	return count;
}

/* The same last component, somewhere else. */
static void put_namesakes(struct why *why)
{
	struct tkit_bytes last = last_of(why->path);
	const struct tkit_path *path;
	int count = 0;

	for (size_t i = 0; (path = tkit_model_path(why->model, i)); i++) {
		if (!bytes_eq(last_of(path->name), last) || why_is_it(why, path))
			continue;
		if (count++ < NEAR_MAX) {
			buf_str(&why->out,
				is_used(path) ? "  used instead: " : "  also sought, in vain: ");
			why_put(why, path->name);
			buf_char(&why->out, '\n');
		}
	}
	if (count > NEAR_MAX)
		buf_printf(&why->out, "  and %d more of that name\n", count - NEAR_MAX);
}

/* The nearest folder above it in which something was used, and what. */
static void put_near(struct why *why)
{
	struct tkit_bytes folder = why->path;
	const struct tkit_path *path;

	for (int count = 0; !count && folder.len > 1;) {
		folder = parent_of(folder);
		for (size_t i = 0; (path = tkit_model_path(why->model, i)); i++) {
			if (!is_used(path) || !bytes_below(path->name, folder) ||
			    bytes_eq(path->name, folder) || folder.len == 1)
				continue;
			if (!count)
				buf_str(&why->out, "  used near it:\n");
			if (count++ < NEAR_MAX) {
				buf_str(&why->out, "    ");
				why_put(why, path->name);
				buf_char(&why->out, '\n');
			}
		}
		if (count > NEAR_MAX)
			buf_printf(&why->out, "    and %d more below %.*s\n", count - NEAR_MAX,
				   (int)folder.len, folder.ptr);
	}
}

/* A listing shows the name, but nothing of the file. */
static void put_listed(struct why *why)
{
	struct tkit_bytes folder = why->path;

	while (folder.len > 1) {
		const struct tkit_path *path;

		folder = parent_of(folder);
		path = tkit_model_find(why->model, folder);
		if (!path || !(path->state & TKIT_PATH_LISTED))
			continue;
		buf_str(&why->out, "  only listed: the names in ");
		why_put(why, folder);
		buf_str(&why->out, " were read (keep-listed keeps all of them)\n");
		return;
	}
}

/* How much of its package was used. */
static void put_package(struct why *why)
{
	const struct tkit_package *package =
		tkit_model_owner(why->model, BYTES(why->canonical.data, why->canonical.size));
	const struct tkit_path *path;
	size_t count = 0;

	if (!package)
		return;
	for (size_t i = 0; (path = tkit_model_path(why->model, i)); i++)
		count += is_used(path) && bytes_eq(path->package, package->name);
	if (count)
		buf_printf(&why->out, "  of its package, %.*s, %zu other path%s used\n",
			   (int)package->name.len, package->name.ptr, count,
			   count == 1 ? " was" : "s were");
	else
		buf_printf(&why->out, "  nothing of its package, %.*s, was used\n",
			   (int)package->name.len, package->name.ptr);
}

int why_not_tell(struct why *why)
{
	why_put_place(why);
	if (why_entry(why)) {
		buf_str(&why->out, "it is in the image: tkit why tells more\n");
		return 1;
	}
	buf_str(&why->out, "not in the image:\n");
	if (put_rules(why)) {
		put_lookups(why);
		return 0;
	}
	if (!put_lookups(why)) {
		buf_str(&why->out, "  no run touched it\n");
		put_listed(why);
	} else if (!why->root) {
		const struct tkit_path *path = tkit_model_find(why->model, why->path);

		if (path && is_used(path)) {
			buf_str(&why->out, "it was used, so it would be in: tkit why tells more\n");
			return 1;
		}
	}
	put_namesakes(why);
	put_near(why);
	if (why->root && why->canonical.size)
		put_package(why);
	return 0;
}
