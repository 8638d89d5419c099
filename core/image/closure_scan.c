// SPDX-License-Identifier: MIT
/* Rules that search the root: include globs, listings, names that a trace lacks. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "image/closure.h"
#include "rootfs/names.h"
#include "util/bytes.h"
#include "util/cleanup.h"
#include "util/glob.h"

/* What a directory that is not ours to list holds is not known: told once, with its name. */
static int not_listed(struct closure_job *job, struct tkit_bytes dir, int why)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT;

	if (job->not_listed++)
		return 0;
	buf_escaped(&text, dir);
	buf_char(&text, '\0');
	if (text.failed)
		return -ENOMEM;
	tkit_log(job->ctx, TKIT_LOG_WARN,
		 "cannot list %s in the root (%s): include rules and searches for symlinks do "
		 "not reach what is in it",
		 text.data, strerror(-why));
	return 0;
}

/* Called for each object below the directory; `type` is its DT_*. */
typedef int (*walk_fn)(struct closure_job *job, void *arg, struct tkit_bytes path,
		       unsigned char type);

static unsigned char type_of(struct closure_job *job, struct tkit_bytes path, unsigned char type)
{
	const struct rootfs_node *node;

	if (type != DT_UNKNOWN)
		return type;
	node = rootfs_node(job->fs, path);
	return node && !node->err ? IFTODT(node->st.st_mode) : DT_UNKNOWN;
}

static int walk_one(struct closure_job *job, struct tkit_bytes dir, walk_fn fn, void *arg,
		    struct buf *todo)
{
	_cleanup_(names_done) struct names names = {0};
	_cleanup_(buf_done) struct buf path = BUF_INIT;
	int rc = names_read(&names, job->fs, dir);

	/* The root of a running system: directories come and go. */
	if (rc == -ENOENT || rc == -ENOTDIR)
		return 0;
	if (rc == -EACCES || rc == -EPERM)
		return not_listed(job, dir, rc);
	for (size_t i = 0; rc == 0 && i < names.count; i++) {
		unsigned char type = names_type(&names, i);
		struct tkit_bytes full;

		buf_clear(&path);
		buf_add(&path, dir.ptr, dir.len > 1 ? dir.len : 0);
		buf_char(&path, '/');
		buf_str(&path, names_at(&names, i));
		if (path.failed)
			return -ENOMEM;
		full = BYTES(path.data, path.size);
		if (closure_runtime(full))
			break;
		type = type_of(job, full, type);
		rc = fn(job, arg, full, type);
		if (rc == 0 && type == DT_DIR) {
			buf_add(todo, path.data, path.size);
			buf_char(todo, '\0');
			rc = todo->failed ? -ENOMEM : 0;
		}
	}
	return rc;
}

/* Everything below a directory (canonical), not through symlinks, level by level. */
static int walk_tree(struct closure_job *job, struct tkit_bytes top, walk_fn fn, void *arg)
{
	_cleanup_(buf_done) struct buf todo = BUF_INIT;
	int rc = 0;

	buf_add(&todo, top.ptr, top.len);
	buf_char(&todo, '\0');
	for (size_t at = 0; rc == 0 && at < todo.size;) {
		/* A copy: `todo` moves when it grows. */
		_cleanup_free_ char *dir = todo.failed ? NULL : strdup(todo.data + at);

		if (!dir)
			return -ENOMEM;
		at += strlen(dir) + 1;
		rc = walk_one(job, bytes_str(dir), fn, arg, &todo);
		if (rc < 0) {
			_cleanup_(buf_done) struct buf text = BUF_INIT;

			buf_escaped(&text, bytes_str(dir));
			buf_char(&text, '\0');
			return tkit_fail(job->ctx, rc, "listing %s in the root",
					 text.failed ? "a directory" : text.data);
		}
	}
	return rc;
}

/* ---- include rules ---- */

struct search {
	const struct closure_glob *glob;
	const char *pattern; /* as it reads for canonical paths */
	bool all;            /* everything below is meant */
	bool any;            /* something matched */
};

/* A symlink that leads nowhere is meant itself. */
static int want_included(struct closure_job *job, struct tkit_bytes path,
			 const struct closure_glob *glob)
{
	int rc = closure_want(job, path, &glob->cause, glob->flags, NULL);

	return rc == CLOSURE_MISSING ? closure_want(job, path, &glob->cause, CLOSURE_NOFOLLOW, NULL)
				     : rc;
}

static int included(struct closure_job *job, void *arg, struct tkit_bytes path, unsigned char type)
{
	struct search *search = arg;
	int rc;

	if (!search->all && !glob_match_below(bytes_str(search->pattern), path))
		return 0;
	search->any = true;
	rc = want_included(job, path, search->glob);
	return rc < 0 ? rc : 0;
}

/* The rule as it reads where its fixed part really lies: /lib/x* is /usr/lib/x*. */
static int real_rule(const struct buf *real, struct tkit_bytes rest, struct buf *ret_rule)
{
	for (size_t i = 0; real->size > 1 && i < real->size; i++) {
		if (memchr("*?[\\", real->data[i], 4))
			buf_char(ret_rule, '\\');
		buf_char(ret_rule, real->data[i]);
	}
	buf_add(ret_rule, rest.ptr, rest.len);
	buf_char(ret_rule, '\0');
	return ret_rule->failed ? -ENOMEM : 0;
}

static int search_below(struct closure_job *job, struct search *search, struct tkit_bytes literal,
			struct tkit_bytes rest)
{
	_cleanup_(buf_done) struct buf real = BUF_INIT, rule = BUF_INIT;
	struct rootfs_walk walk = {0};
	const struct rootfs_node *node;
	int rc = rootfs_resolve(job->fs, &walk, literal, &real);

	node = rc == 0 ? rootfs_node(job->fs, BYTES(real.data, real.size)) : NULL;
	if (!node || node->err || !S_ISDIR(node->st.st_mode))
		return 0;
	rc = real_rule(&real, rest, &rule);
	search->pattern = rule.data;
	return rc < 0 ? rc : walk_tree(job, BYTES(real.data, real.size), included, search);
}

int closure_glob(struct closure_job *job, const struct closure_glob *glob, bool *ret_any)
{
	struct search search = {.glob = glob};
	struct tkit_bytes text = bytes_str(glob->rule), literal;
	int rc;

	literal = BYTES(text.ptr, glob_literal(text));
	if (literal.len == text.len) {
		rc = want_included(job, text, glob);
		if (rc < 0)
			return rc;
		search.any = rc == CLOSURE_FOUND;
		search.all = true;
	}
	rc = search_below(job, &search, literal.len ? literal : BYTES_LIT("/"),
			  BYTES(text.ptr + literal.len, text.len - literal.len));
	*ret_any = search.any;
	return rc;
}

static int user_rule(struct closure_job *job, const char *kind, const struct closure_glob *glob)
{
	struct tkit_bytes text = bytes_str(glob->rule);
	bool any = false;
	int rc;

	if (!bytes_starts(text, BYTES_LIT("/")) && !bytes_starts(text, BYTES_LIT("**")))
		return tkit_fail(job->ctx, -EINVAL, "%s rule \"%s\" must begin with / or **", kind,
				 glob->rule);
	rc = closure_glob(job, glob, &any);
	if (rc == 0 && !any)
		tkit_log(job->ctx, TKIT_LOG_WARN, "%s rule \"%s\" matches nothing in the root",
			 kind, glob->rule);
	return rc;
}

int closure_includes(struct closure_job *job)
{
	const struct tkit_option_list *include = &job->options->include;
	const struct tkit_option_list *preserve = &job->options->preserve;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < include->count; i++) {
		const char *rule = include->items[i];

		rc = user_rule(job, "include",
			       &(struct closure_glob){.rule = rule,
						      .cause = {.reason = TKIT_REASON_INCLUDED,
								.because = bytes_str(rule)},
						      .flags = CLOSURE_EXECUTED});
	}
	for (size_t i = 0; rc == 0 && i < preserve->count; i++) {
		const char *rule = preserve->items[i];

		rc = user_rule(job, "preserve",
			       &(struct closure_glob){.rule = rule,
						      .cause = {.reason = TKIT_REASON_PRESERVED,
								.because = bytes_str(rule)},
						      .flags = CLOSURE_NOFOLLOW});
	}
	for (size_t i = 0; rc >= 0 && i < job->options->paths.count; i++) {
		const struct closure_glob path = {.cause = {.reason = TKIT_REASON_INCLUDED},
						  .flags = CLOSURE_EXECUTED};

		rc = want_included(job, bytes_str(job->options->paths.items[i]), &path);
	}
	return rc < 0 ? rc : 0;
}

/* ---- listed directories ---- */

int closure_listed(struct closure_job *job, struct tkit_bytes path, const struct cause *cause)
{
	_cleanup_(names_done) struct names names = {0};
	_cleanup_(buf_done) struct buf child = BUF_INIT;
	struct cause why = {.reason = TKIT_REASON_LISTED, .because = path, .root = cause->root};
	struct cause link = {.reason = TKIT_REASON_LISTED, .because = path};
	int rc;

	if (closure_runtime(path) || !path.len)
		return 0;
	rc = names_read(&names, job->fs, path);
	if (rc == -ENOTDIR || rc == -ENOENT)
		return 0;
	for (size_t i = 0; rc >= 0 && i < names.count; i++) {
		struct tkit_bytes name;

		buf_clear(&child);
		buf_add(&child, path.ptr, path.len > 1 ? path.len : 0);
		buf_char(&child, '/');
		buf_str(&child, names_at(&names, i));
		if (child.failed)
			return -ENOMEM;
		name = BYTES(child.data, child.size);
		rc = closure_add(job, name, &link);
		/* and what a symlink leads to, as seen by who listed it */
		if (cause->root.len > 1 && bytes_below(name, cause->root))
			name = BYTES(name.ptr + cause->root.len, name.len - cause->root.len);
		if (rc == 0 && names_type(&names, i) != DT_DIR)
			rc = closure_want(job, name, &why, 0, NULL);
	}
	return rc < 0 ? rc : 0;
}

/* ---- names that lead to entries ---- */

struct leads {
	uint32_t limit; /* entries that were in before the search */
};

static int lead(struct closure_job *job, void *arg, struct tkit_bytes path, unsigned char type)
{
	const struct leads *leads = arg;
	_cleanup_(buf_done) struct buf real = BUF_INIT;
	struct rootfs_walk walk = {0};
	struct cause why = {.reason = TKIT_REASON_PARENT}; /* the links get their own reason */
	uint32_t id;
	int rc;

	if (type != DT_LNK || rootfs_resolve(job->fs, &walk, path, &real) < 0 || real.size <= 1)
		return 0;
	id = intern_find(&job->closure->paths, BYTES(real.data, real.size));
	if (id == INTERN_NONE || id >= leads->limit)
		return 0;
	why.because = BYTES(real.data, real.size);
	rc = closure_want(job, path, &why, 0, NULL);
	return rc < 0 ? rc : 0;
}

/*
 * A backend that sees files, not names, does not know by which symlinks they were reached
 * (libz.so.1, /lib64). So every symlink of the root that leads to an entry goes in.
 */
int closure_names(struct closure_job *job)
{
	struct leads leads = {.limit = (uint32_t)job->closure->count};

	return walk_tree(job, BYTES_LIT("/"), lead, &leads);
}
