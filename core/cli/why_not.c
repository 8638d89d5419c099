// SPDX-License-Identifier: MIT
/* Why a path is not in the image. */
#include <string.h>

#include "cli/why.h"
#include "util/glob.h"

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

/* ---- what it is ---- */

static bool is_runtime(const struct why *why, struct why_not *ret)
{
	static const char *const mounts[] = {"/proc", "/sys", "/dev"};

	for (size_t i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++) {
		ret->rule = bytes_str(mounts[i]);
		if (bytes_below(why->path, ret->rule) && !bytes_eq(why->path, ret->rule))
			return true;
	}
	return false;
}

static bool is_excluded(const struct why *why, struct why_not *ret)
{
	struct tkit_bytes canonical = why_canonical(why);

	for (size_t i = 0; i < why->options->exclude.count; i++) {
		ret->rule = bytes_str(why->options->exclude.items[i]);
		if (glob_match_below(ret->rule, why->path) ||
		    (canonical.len && glob_match_below(ret->rule, canonical)))
			return true;
	}
	return false;
}

/* A listing shows the name, but nothing of the file. */
static bool is_listed(const struct why *why, struct why_not *ret)
{
	const struct tkit_path *path;

	ret->rule = why->path;
	while (ret->rule.len > 1) {
		ret->rule = parent_of(ret->rule);
		path = tkit_model_find(why->model, ret->rule);
		if (path && path->state & TKIT_PATH_LISTED)
			return true;
	}
	return false;
}

static enum why_not_cause cause_of(const struct why *why, struct why_not *ret)
{
	const struct tkit_path *path;
	bool used = false;
	struct stat st;

	for (size_t i = 0; (path = tkit_model_path(why->model, i)); i++)
		if (why_is_it(why, path)) {
			ret->lookups++;
			used = used || why_used(path);
		}
	if (why_entry(why))
		return WHY_NOT_IN_IMAGE;
	if (is_runtime(why, ret))
		return WHY_NOT_RUNTIME;
	if (why_mount(why))
		return WHY_NOT_MOUNTED;
	if (is_excluded(why, ret))
		return WHY_NOT_EXCLUDED;
	if (tkit_model_created(why->model, why->path))
		return WHY_NOT_CREATED;
	if (why_stat(why, &st) && S_ISSOCK(st.st_mode))
		return WHY_NOT_SOCKET;
	if (used && why->root && why->canonical.size && why->options->drop_walked)
		return WHY_NOT_WALKED;
	if (used && !why->root)
		return WHY_NOT_USED;
	if (ret->lookups)
		return WHY_NOT_FOUND;
	return is_listed(why, ret) ? WHY_NOT_LISTED : WHY_NOT_UNTOUCHED;
}

/* ---- what is near ---- */

static void note(struct why_near *near, const struct tkit_path *path)
{
	if (near->count < WHY_NEAR_MAX)
		near->list[near->count] = path;
	near->count++;
}

static void find_near(const struct why *why, struct why_not *ret)
{
	struct tkit_bytes last = last_of(why->path), folder = why->path;
	const struct tkit_path *path;

	for (size_t i = 0; (path = tkit_model_path(why->model, i)); i++)
		if (bytes_eq(last_of(path->name), last) && !why_is_it(why, path))
			note(&ret->namesakes, path);
	while (!ret->near.count && folder.len > 1) {
		folder = parent_of(folder);
		for (size_t i = 0; (path = tkit_model_path(why->model, i)); i++)
			if (folder.len > 1 && why_used(path) && bytes_below(path->name, folder) &&
			    !bytes_eq(path->name, folder))
				note(&ret->near, path);
	}
	ret->near.folder = folder;
	if (why->root && why->canonical.size)
		ret->package = tkit_model_owner(why->model, why_canonical(why));
	for (size_t i = 0; ret->package && (path = tkit_model_path(why->model, i)); i++)
		ret->package_used += why_used(path) && bytes_eq(path->package, ret->package->name);
}

void why_not_find(const struct why *why, struct why_not *ret)
{
	*ret = (struct why_not){0};
	ret->cause = cause_of(why, ret);
	if (ret->cause >= WHY_NOT_WALKED && ret->cause != WHY_NOT_USED)
		find_near(why, ret);
}

const char *why_not_cause_name(enum why_not_cause cause)
{
	static const char *const names[WHY_NOT_COUNT_] = {
		[WHY_NOT_IN_IMAGE] = "in-image",   [WHY_NOT_RUNTIME] = "runtime",
		[WHY_NOT_MOUNTED] = "mounted",     [WHY_NOT_EXCLUDED] = "excluded",
		[WHY_NOT_CREATED] = "created",     [WHY_NOT_SOCKET] = "socket",
		[WHY_NOT_WALKED] = "walked",       [WHY_NOT_FOUND] = "not-found",
		[WHY_NOT_USED] = "used",           [WHY_NOT_LISTED] = "listed",
		[WHY_NOT_UNTOUCHED] = "untouched",
	};

	return names[cause];
}

/* ---- text ---- */

static void put_lookups(struct why *why)
{
	const struct tkit_path *path;
	int count = 0;

	for (size_t i = 0; (path = tkit_model_path(why->model, i)); i++) {
		if (!why_is_it(why, path))
			continue;
		if (!count++)
			buf_str(&why->out, why_used(path) ? "  it was used:\n"
							  : "  it was looked for, in vain:\n");
		why_put_accesses(why, path);
	}
}

static void put_cause(struct why *why, const struct why_not *facts)
{
	static const char *const before[WHY_NOT_COUNT_] = {
		[WHY_NOT_RUNTIME] = "  the container runtime provides what is below ",
		[WHY_NOT_MOUNTED] =
			"  something is mounted there: what a run saw was not of the image",
		[WHY_NOT_EXCLUDED] = "  left out by the rule --exclude ",
		[WHY_NOT_CREATED] = "  the run made it: it is no part of what the run started from",
		[WHY_NOT_SOCKET] = "  a socket: it is there when somebody has bound it",
		[WHY_NOT_WALKED] = "  left out by --walked=no: a program only looked at it",
		[WHY_NOT_LISTED] = "  no run touched it\n  only listed: the names in ",
		[WHY_NOT_UNTOUCHED] = "  no run touched it",
	};

	if (before[facts->cause]) {
		buf_str(&why->out, before[facts->cause]);
		if (facts->cause == WHY_NOT_RUNTIME || facts->cause == WHY_NOT_EXCLUDED ||
		    facts->cause == WHY_NOT_LISTED)
			why_put(why, facts->rule);
		if (facts->cause == WHY_NOT_LISTED)
			buf_str(&why->out, " were read (keep-listed keeps all of them)");
		buf_char(&why->out, '\n');
	}
	put_lookups(why);
}

static void put_near(struct why *why, const struct why_not *facts)
{
	const struct why_near *same = &facts->namesakes, *near = &facts->near;

	for (size_t i = 0; i < same->count && i < WHY_NEAR_MAX; i++) {
		buf_str(&why->out,
			why_used(same->list[i]) ? "  used instead: " : "  also sought, in vain: ");
		why_put(why, same->list[i]->name);
		buf_char(&why->out, '\n');
	}
	if (same->count > WHY_NEAR_MAX)
		buf_printf(&why->out, "  and %zu more of that name\n", same->count - WHY_NEAR_MAX);
	for (size_t i = 0; i < near->count && i < WHY_NEAR_MAX; i++) {
		buf_str(&why->out, i ? "    " : "  used near it:\n    ");
		why_put(why, near->list[i]->name);
		buf_char(&why->out, '\n');
	}
	if (near->count > WHY_NEAR_MAX) {
		buf_printf(&why->out, "    and %zu more below ", near->count - WHY_NEAR_MAX);
		why_put(why, near->folder);
		buf_char(&why->out, '\n');
	}
}

static void put_package(struct why *why, const struct why_not *facts)
{
	size_t count = facts->package_used;

	if (!facts->package)
		return;
	buf_str(&why->out, count ? "  of its package, " : "  nothing of its package, ");
	why_put(why, facts->package->name);
	if (count)
		buf_printf(&why->out, ", %zu other path%s used\n", count,
			   count == 1 ? " was" : "s were");
	else
		buf_str(&why->out, ", was used\n");
}

int why_not_tell(struct why *why)
{
	struct why_not facts;

	why_not_find(why, &facts);
	why_put_place(why);
	if (facts.cause == WHY_NOT_IN_IMAGE) {
		buf_str(&why->out, "it is in the image: tkit why tells more\n");
		return 1;
	}
	buf_str(&why->out, "not in the image:\n");
	put_cause(why, &facts);
	if (facts.cause == WHY_NOT_USED) {
		buf_str(&why->out, "it was used, so it would be in: tkit why tells more\n");
		return 1;
	}
	put_near(why, &facts);
	put_package(why, &facts);
	return 0;
}
