// SPDX-License-Identifier: MIT
/* Entries of a closure: what goes in with them, and what never does. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "image/closure.h"
#include "util/bytes.h"
#include "util/cleanup.h"
#include "util/glob.h"

struct tkit_bytes closure_parent(struct tkit_bytes path)
{
	while (path.len > 1 && path.ptr[path.len - 1] != '/')
		path.len--;
	if (path.len > 1)
		path.len--;
	return path;
}

const char *const closure_mount_points[] = {"/proc", "/sys", "/dev", NULL};

bool closure_runtime(struct tkit_bytes path)
{
	for (size_t i = 0; closure_mount_points[i]; i++) {
		struct tkit_bytes area = bytes_str(closure_mount_points[i]);

		if (path.len > area.len && bytes_below(path, area))
			return true;
	}
	return false;
}

/* A walk that ended here ended where something is mounted: no matter how it went. */
static bool at_mount_point(const struct closure_job *job, struct tkit_bytes path)
{
	for (size_t i = 0; closure_mount_points[i]; i++)
		if (bytes_is(path, closure_mount_points[i]))
			return true;
	return closure_runtime(path) || closure_on_mount(job, path);
}

int closure_note_absent(struct closure_job *job, struct tkit_bytes name)
{
	const struct tkit_option_list *exclude = &job->options->exclude;

	for (size_t i = 0; i < exclude->count; i++)
		if (glob_match_below(bytes_str(exclude->items[i]), name))
			return 0;
	return intern_add(&job->absent, name, NULL) == INTERN_NONE ? -ENOMEM : 0;
}

/*
 * The run made this (canonical) path. A symlink that led nowhere until a file was made
 * through it counts as made, too, for the model; in the root it was there before, unless
 * some call made that very name.
 */
static bool made_by_run(struct closure_job *job, struct tkit_bytes path)
{
	const struct rootfs_node *node;
	const struct tkit_path *known;
	const struct tkit_access *access;

	if (!tkit_model_created(job->model, path))
		return false;
	known = tkit_model_find(job->model, path);
	node = rootfs_node(job->fs, path);
	if (!known || !node || node->err || !S_ISLNK(node->st.st_mode))
		return true;
	for (size_t i = 0; (access = tkit_model_access(job->model, known, i)); i++)
		if (!access->err && tkit_op_class(access->op) == TKIT_CLASS_CREATE)
			return true;
	return tkit_model_created(job->model, closure_parent(path));
}

bool closure_left_out(struct closure_job *job, struct tkit_bytes path, enum tkit_reason reason)
{
	const struct tkit_option_list *exclude = &job->options->exclude;

	if (reason == TKIT_REASON_PARENT || reason == TKIT_REASON_RUNTIME)
		return false;
	if (closure_runtime(path))
		return true;
	if (reason == TKIT_REASON_PRESERVED)
		return false;
	if (made_by_run(job, path)) {
		job->made_by_run += reason == TKIT_REASON_INCLUDED || reason == TKIT_REASON_PRESET;
		return true;
	}
	if (reason == TKIT_REASON_INCLUDED)
		return false;
	if (reason != TKIT_REASON_PRESET && closure_mounted(job, path))
		return true;
	for (size_t i = 0; i < exclude->count; i++)
		if (glob_match_below(bytes_str(exclude->items[i]), path))
			return true;
	return false;
}

static int fail_lookup(struct closure_job *job, int rc, struct tkit_bytes path)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT;

	buf_escaped(&text, path);
	buf_char(&text, '\0');
	return tkit_fail(job->ctx, rc, "looking up %s in the root",
			 text.failed ? "a path" : text.data);
}

/* Of several reasons the one that says most, whatever the order of finding. */
static unsigned int weight(uint32_t reason)
{
	static const unsigned char weights[] = {
		[TKIT_REASON_PARENT] = 1,   [TKIT_REASON_RUNTIME] = 2,
		[TKIT_REASON_SYMLINK] = 3,  [TKIT_REASON_DATABASE] = 4,
		[TKIT_REASON_LISTED] = 5,   [TKIT_REASON_WALKED] = 6,
		[TKIT_REASON_PRESET] = 7,   [TKIT_REASON_PRESERVED] = 8,
		[TKIT_REASON_INCLUDED] = 9, [TKIT_REASON_USERS] = 10,
		[TKIT_REASON_RULE] = 11,    [TKIT_REASON_CREATED_IN] = 12,
		[TKIT_REASON_NEEDED] = 13,  [TKIT_REASON_INTERP] = 14,
		[TKIT_REASON_ACCESS] = 15,
	};

	return weights[reason];
}

int closure_put(struct closure_job *job, struct tkit_bytes path, const struct rootfs_node *node,
		const struct cause *cause, bool *ret_new)
{
	struct tkit_closure *closure = job->closure;
	struct tkit_bytes because = {"", 0};
	struct tkit_closure_entry *entry;
	uint32_t id = intern_find(&closure->paths, path), text;

	*ret_new = id == INTERN_NONE;
	if (!*ret_new && weight(closure->entries[id].reason) >= weight(cause->reason))
		return 0;
	if (cause->because.len && !bytes_eq(cause->because, path)) {
		text = intern_add(&closure->texts, cause->because, NULL);
		if (text == INTERN_NONE)
			return -ENOMEM;
		because = intern_get(&closure->texts, text);
	}
	if (*ret_new) {
		if (closure->count == closure->room) {
			size_t room = closure->room ? closure->room * 2 : 256;

			entry = reallocarray(closure->entries, room, sizeof(*entry));
			if (!entry)
				return -ENOMEM;
			closure->entries = entry;
			closure->room = room;
		}
		id = intern_add(&closure->paths, path, NULL);
		if (id == INTERN_NONE)
			return -ENOMEM;
		entry = &closure->entries[closure->count++];
		*entry = (struct tkit_closure_entry){.path = intern_get(&closure->paths, id),
						     .target = node->target,
						     .st = node->st};
		if (S_ISCHR(node->st.st_mode) || S_ISBLK(node->st.st_mode))
			job->devices++;
	}
	entry = &closure->entries[id];
	entry->reason = (uint32_t)cause->reason;
	entry->because = because;
	return 0;
}

int closure_add(struct closure_job *job, struct tkit_bytes path, const struct cause *cause)
{
	struct cause parent = {.reason = TKIT_REASON_PARENT, .because = path};

	if (closure_left_out(job, path, cause->reason))
		return 0;
	/* Up to the first directory that is in: what is above it is in, too. */
	for (;; path = closure_parent(path), cause = &parent) {
		const struct rootfs_node *node = rootfs_node(job->fs, path);
		bool is_new = true;
		int rc = node ? node->err : -ENOMEM;

		if (rc == 0 && S_ISSOCK(node->st.st_mode))
			job->sockets++;
		else if (rc == 0)
			rc = closure_put(job, path, node, cause, &is_new);
		if (rc < 0)
			return fail_lookup(job, rc, path);
		if (!is_new || path.len == 1)
			return 0;
	}
}

struct links {
	struct buf list; /* NUL-terminated paths */
};

static void note_link(void *arg, struct tkit_bytes link)
{
	struct links *links = arg;

	buf_add(&links->list, link.ptr, link.len);
	buf_char(&links->list, '\0');
}

static void links_done(struct links *links)
{
	buf_done(&links->list);
}

static int add_links(struct closure_job *job, const struct links *links, const struct cause *cause,
		     struct tkit_bytes path)
{
	struct cause link = {.reason = TKIT_REASON_SYMLINK,
			     .because = cause->because.len ? cause->because : path};

	if (cause->reason == TKIT_REASON_INCLUDED || cause->reason == TKIT_REASON_PRESERVED ||
	    cause->reason == TKIT_REASON_PRESET)
		link = *cause;
	for (size_t at = 0; at < links->list.size;) {
		struct tkit_bytes name = bytes_str(links->list.data + at);
		int rc = closure_add(job, name, &link);

		if (rc < 0)
			return rc;
		at += name.len + 1;
	}
	return 0;
}

/* What there is on the way to something missing, up to what the run itself made. */
static int add_prefix(struct closure_job *job, struct tkit_bytes path, const struct cause *cause)
{
	while (path.len > 1 && (closure_runtime(path) || tkit_model_created(job->model, path)))
		path = closure_parent(path);
	return closure_add(job, path, cause);
}

int closure_want(struct closure_job *job, struct tkit_bytes path, const struct cause *cause,
		 unsigned int flags, struct buf *ret_canonical)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT;
	_cleanup_(links_done) struct links links = {BUF_INIT};
	struct rootfs_walk walk = {.root = cause->root,
				   .nofollow = flags & CLOSURE_NOFOLLOW,
				   .link = note_link,
				   .arg = &links};
	const struct cause made = {.reason = TKIT_REASON_RULE,
				   .because = BYTES_LIT("rule=created-parents")};
	struct tkit_bytes found;
	int rc;

	if (cause->root.len <= 1 && closure_runtime(path))
		return CLOSURE_FOUND;
	rc = rootfs_resolve(job->fs, &walk, path, &out);
	if (out.failed || links.list.failed)
		rc = -ENOMEM;
	found = BYTES(out.data, out.size);
	if (rc < 0 && rc != -ENOMEM && at_mount_point(job, found)) {
		rc = add_links(job, &links, cause, path);
		return rc < 0 ? rc : CLOSURE_FOUND;
	}
	if (rc == -ENOENT || rc == -ENOTDIR || rc == -ELOOP || rc == -ENAMETOOLONG) {
		if (!(flags & (CLOSURE_PREFIX | CLOSURE_MADE)))
			return CLOSURE_MISSING;
		rc = add_links(job, &links, cause, path);
		if (rc == 0)
			rc = add_prefix(job, found, flags & CLOSURE_PREFIX ? cause : &made);
		return rc < 0 ? rc : CLOSURE_MISSING;
	}
	if (rc < 0)
		return fail_lookup(job, rc, path);
	rc = add_links(job, &links, cause, path);
	if (rc == 0)
		rc = flags & CLOSURE_PREFIX ? add_prefix(job, found, cause)
					    : closure_add(job, found, cause);
	if (rc == 0 && flags & CLOSURE_EXECUTED && !closure_mounted(job, found))
		rc = closure_executed(job, found, cause);
	if (rc < 0)
		return rc;
	if (ret_canonical) {
		buf_clear(ret_canonical);
		buf_add(ret_canonical, out.data, out.size);
		if (ret_canonical->failed)
			return fail_lookup(job, -ENOMEM, path);
	}
	return CLOSURE_FOUND;
}
