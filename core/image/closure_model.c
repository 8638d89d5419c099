// SPDX-License-Identifier: MIT
/* From what was accessed to what must be there: one rule for each kind of access. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "image/closure.h"
#include "util/bytes.h"
#include "util/cleanup.h"

#define EXCHANGE (1u << 1) /* RENAME_EXCHANGE: both names existed */

/* One access, on its way through the rules. */
struct visit {
	const struct tkit_path *path;
	const struct tkit_access *access;
	enum tkit_class class;
	bool own; /* the run made the path: it is no part of what the image starts from */
	struct tkit_bytes name; /* as the process wrote it: inside `cause.root` */
	struct cause cause;
};

/*
 * The root directory of a process that has one of its own: what the model's name has in
 * front of the absolute path that the process asked for. Empty = "/".
 */
static struct tkit_bytes own_root(const struct tkit_path *path, const struct tkit_access *access)
{
	struct tkit_bytes asked = access->requested, name = path->name;

	if (access->pflags & TKIT_P_FD || !asked.len || asked.ptr[0] != '/' ||
	    bytes_eq(asked, name))
		return BYTES("", 0);
	/* From the end, component by component; "." and "//" are not in the name. */
	while (asked.len) {
		size_t start = asked.len;
		struct tkit_bytes part;

		while (start > 0 && asked.ptr[start - 1] != '/')
			start--;
		part = BYTES(asked.ptr + start, asked.len - start);
		asked.len = start ? start - 1 : 0;
		if (!part.len || bytes_is(part, "."))
			continue;
		if (name.len <= part.len || name.ptr[name.len - part.len - 1] != '/' ||
		    memcmp(name.ptr + name.len - part.len, part.ptr, part.len) != 0)
			return BYTES("", 0);
		name.len -= part.len + 1;
	}
	return name.len > 1 ? name : BYTES("", 0);
}

/* The directory for something that the run made, and what leads there. */
static int want_parent(struct closure_job *job, const struct visit *v, struct tkit_bytes name)
{
	struct cause why = v->cause;
	int rc;

	why.reason = TKIT_REASON_CREATED_IN;
	rc = closure_want(job, closure_parent(name), &why, CLOSURE_PREFIX, NULL);
	return rc < 0 ? rc : 0;
}

/* By name, and where the name leads elsewhere: through a magic link of /proc. */
static int visit_made(struct closure_job *job, const struct visit *v)
{
	struct tkit_bytes resolved = v->access->resolved;
	struct visit top = *v;
	int rc = want_parent(job, v, v->name);

	if (rc < 0 || !resolved.len || resolved.ptr[0] != '/' ||
	    v->access->pflags & (TKIT_P_OUTSIDE_ROOT | TKIT_P_RES_TRUNC | TKIT_P_DELETED))
		return rc;
	top.cause.root = BYTES("", 0);
	return want_parent(job, &top, resolved);
}

static int visit_own(struct closure_job *job, const struct visit *v)
{
	struct tkit_bytes resolved = v->access->resolved;
	int rc = want_parent(job, v, v->name);

	/* Made through a symlink that led nowhere yet: the link was there. */
	if (rc == 0 && v->access->op == TKIT_OP_OPEN && resolved.len &&
	    !(v->access->pflags & (TKIT_P_OUTSIDE_ROOT | TKIT_P_RES_TRUNC | TKIT_P_DELETED))) {
		struct visit top = *v;

		top.cause.reason = TKIT_REASON_CREATED_IN;
		rc = closure_want(job, v->name, &top.cause, CLOSURE_PREFIX, NULL);
		top.cause.root = BYTES("", 0);
		if (rc >= 0)
			rc = want_parent(job, &top, resolved);
	}
	return rc < 0 ? rc : 0;
}

/* A name that should be in the root and is not. Is that worth telling? */
static bool is_absent(const struct closure_job *job, const struct visit *v)
{
	return v->path->state & TKIT_PATH_EXISTED && !(v->path->state & TKIT_PATH_UNSURE) &&
	       v->access->origin <= TKIT_ORIGIN_OBSERVED &&
	       !(v->access->pflags & (TKIT_P_DELETED | TKIT_P_OUTSIDE_ROOT)) &&
	       v->class != TKIT_CLASS_SOCKET && v->class != TKIT_CLASS_MOUNT &&
	       !closure_runtime(v->path->name) && !closure_on_mount(job, v->path->name) &&
	       !closure_on_mount(job, v->access->resolved) &&
	       !tkit_model_created(job->model, v->path->name);
}

/* Where the kernel ended up, in case that the name does not lead there in this root. */
static int visit_resolved(struct closure_job *job, const struct visit *v, unsigned int flags)
{
	struct cause why = {.reason = TKIT_REASON_ACCESS, .because = v->path->name};
	struct tkit_bytes resolved = v->access->resolved;

	if (!resolved.len || resolved.ptr[0] != '/' ||
	    v->access->pflags & (TKIT_P_OUTSIDE_ROOT | TKIT_P_RES_TRUNC))
		return CLOSURE_MISSING;
	return closure_want(job, resolved, &why, flags & ~(CLOSURE_PREFIX | CLOSURE_MADE), NULL);
}

/*
 * What is behind a link of /proc that leads where no name tells: /proc/PID/cwd/x, fd/N/x,
 * root/x, /dev/fd/N/x. Empty: the name is not of that kind.
 */
static struct tkit_bytes behind_magic(struct tkit_bytes name, bool *ret_root)
{
	static const char *const links[] = {"cwd", "fd", "root"};
	struct tkit_bytes part[6] = {0}; /* of "/proc/self/task/N/fd/N" */
	size_t count = 0, at = 0, link = 2;

	*ret_root = false;
	while (at < name.len && count < 6) {
		size_t start = ++at;

		while (at < name.len && name.ptr[at] != '/')
			at++;
		part[count++] = BYTES(name.ptr + start, at - start);
	}
	if (bytes_is(part[0], "dev") && bytes_is(part[1], "fd"))
		link = 1;
	else if (!bytes_is(part[0], "proc"))
		return BYTES("", 0);
	else if (bytes_is(part[2], "task"))
		link = 4;
	for (size_t i = 0; i < 3; i++) {
		size_t last = link + (i == 1); /* fd has the number behind it */

		if (last >= count || !bytes_is(part[link], links[i]))
			continue;
		*ret_root = i == 2;
		at = (size_t)(part[last].ptr - name.ptr) + part[last].len;
		return BYTES(name.ptr + at, name.len - at);
	}
	return BYTES("", 0);
}

/*
 * A backend tells where such a name led for what was opened. For the rest only root/x can be
 * known here; the others are told, since what they name may be missing from the image.
 */
static int visit_magic(struct closure_job *job, const struct visit *v, unsigned int flags)
{
	bool is_root;
	struct tkit_bytes rest = behind_magic(v->name, &is_root);
	int rc;

	if (rest.len <= 1 || v->access->resolved.len)
		return 0;
	if (!is_root)
		return closure_note_absent(job, v->path->name);
	rc = closure_want(job, rest, &v->cause, flags, NULL);
	return rc < 0 ? rc : 0;
}

static bool looks_like_library(struct tkit_bytes name)
{
	return memmem(name.ptr, name.len, ".so", 3) != NULL;
}

/* The run wrote to the file, or had it open for that. */
static bool writes(const struct tkit_access *access)
{
	return access->op == TKIT_OP_TRUNCATE ||
	       ((access->op == TKIT_OP_OPEN || access->op == TKIT_OP_HELD) &&
		access->flags & (O_WRONLY | O_RDWR | O_TRUNC));
}

static int visit_success(struct closure_job *job, const struct visit *v)
{
	_cleanup_(buf_done) struct buf real = BUF_INIT;
	unsigned int flags = 0;
	int rc, by_name;

	/* "name/" follows, whatever was asked for. */
	if (v->access->nofollow_all && v->access->requested.len &&
	    v->access->requested.ptr[v->access->requested.len - 1] != '/')
		flags |= CLOSURE_NOFOLLOW;
	if (v->class == TKIT_CLASS_EXEC)
		flags |= CLOSURE_EXECUTED;
	if (v->path->state & TKIT_PATH_CREATED)
		flags |= CLOSURE_PREFIX;
	else if (closure_rule_on(job, RULE_CREATED_PARENTS))
		flags |= CLOSURE_MADE;
	by_name = closure_want(job, v->name, &v->cause, flags, &real);
	if (by_name < 0)
		return by_name;
	if (by_name == CLOSURE_FOUND && writes(v->access) &&
	    intern_add(&job->closure->written, BYTES(real.data, real.size), NULL) == INTERN_NONE)
		return -ENOMEM;
	rc = visit_resolved(job, v, flags);
	if (rc < 0)
		return rc;
	if (v->class != TKIT_CLASS_CREATE && closure_runtime(v->name))
		return visit_magic(job, v, flags);
	if (by_name == CLOSURE_MISSING)
		return rc == CLOSURE_MISSING && is_absent(job, v)
			       ? closure_note_absent(job, v->path->name)
			       : 0;
	if (v->class == TKIT_CLASS_LIST && job->options->keep_listed)
		return closure_listed(job, BYTES(real.data, real.size), &v->cause);
	if (v->class == TKIT_CLASS_CONTENT && job->static_needs && looks_like_library(v->name) &&
	    !closure_mounted(job, BYTES(real.data, real.size)))
		return closure_needed(job, BYTES(real.data, real.size), &v->cause);
	return 0;
}

/*
 * A failure that says anything but "not there" tells of what is there, or of what is in
 * the way: without it the program would see another errno.
 */
static int visit_failure(struct closure_job *job, const struct visit *v)
{
	unsigned int flags = 0;
	int err = v->access->err, rc;

	if (err == ENOENT || err == EFAULT || err == EBADF || err == ENOSYS)
		return 0;
	if (v->access->nofollow_all || v->class == TKIT_CLASS_CREATE ||
	    v->class == TKIT_CLASS_REMOVE || err == EEXIST || err == ELOOP)
		flags |= CLOSURE_NOFOLLOW;
	if (err == ENOTDIR || err == ELOOP || err == EACCES || err == EPERM || err == EROFS ||
	    err == ENOSPC || err == EDQUOT || err == EEXIST)
		flags |= CLOSURE_PREFIX;
	rc = closure_want(job, v->name, &v->cause, flags, NULL);
	return rc < 0 ? rc : 0;
}

/*
 * Whether it succeeded was not seen: it may have, so all that it needs then; and if the name was to
 * be made, what is there already made it fail.
 */
static int visit_unknown(struct closure_job *job, const struct visit *v)
{
	int rc = visit_success(job, v);

	if (rc < 0 || v->class != TKIT_CLASS_CREATE)
		return rc;
	rc = closure_want(job, v->name, &v->cause, CLOSURE_NOFOLLOW, NULL);
	return rc < 0 ? rc : visit_made(job, v);
}

static int visit(struct closure_job *job, const struct tkit_path *path,
		 const struct tkit_access *access, bool own)
{
	_cleanup_(buf_done) struct buf jail = BUF_INIT;
	struct visit v = {.path = path,
			  .access = access,
			  .class = tkit_op_class(access->op),
			  .own = own,
			  .name = path->name,
			  .cause = {.reason = TKIT_REASON_ACCESS, .because = path->name}};
	struct tkit_bytes root = own_root(path, access);

	if (root.len) {
		int rc = closure_want(job, root, &v.cause, 0, &jail);

		if (rc < 0)
			return rc;
		if (rc == CLOSURE_FOUND) {
			v.cause.root = BYTES(jail.data, jail.size);
			v.name = BYTES(path->name.ptr + root.len, path->name.len - root.len);
			if (!v.name.len)
				v.name = BYTES_LIT("/");
		}
	}
	if (access->err < 0)
		return visit_unknown(job, &v);
	if (access->err)
		return visit_failure(job, &v);
	if (v.class == TKIT_CLASS_CREATE &&
	    !(access->op == TKIT_OP_RENAME_TO && access->flags & EXCHANGE))
		return visit_made(job, &v);
	if (own) {
		int rc = visit_own(job, &v);

		/* A name of the run's own may lead to something that is not. */
		return rc < 0 ? rc : (rc = visit_resolved(job, &v, 0)) < 0 ? rc : 0;
	}
	if (v.class == TKIT_CLASS_METADATA) {
		int rc = closure_is_walked(job, path, access);

		if (rc < 0 || (rc && job->options->drop_walked))
			return rc < 0 ? rc : 0;
		if (rc)
			v.cause.reason = TKIT_REASON_WALKED;
	}
	return visit_success(job, &v);
}

static int from_paths(struct closure_job *job)
{
	const struct tkit_path *path;

	for (size_t i = 0; (path = tkit_model_path(job->model, i)); i++) {
		bool own = path->state & TKIT_PATH_CREATED &&
			   !(path->state & (TKIT_PATH_EXISTED | TKIT_PATH_UNSURE));
		const struct tkit_access *access;

		for (size_t k = 0; (access = tkit_model_access(job->model, path, k)); k++) {
			int rc = visit(job, path, access, own);

			if (rc < 0)
				return rc;
		}
	}
	return 0;
}

/* Programs that were running before the trace began have no exec in it. */
static int from_programs(struct closure_job *job)
{
	const struct tkit_program *program;

	for (size_t i = 1; (program = tkit_model_program(job->model, i)); i++) {
		struct cause why = {.reason = TKIT_REASON_ACCESS};
		int rc;

		if (!program->exe.len || program->exe.ptr[0] != '/')
			continue;
		rc = closure_want(job, program->exe, &why, CLOSURE_EXECUTED, NULL);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int want_users(struct closure_job *job)
{
	static const char *const files[] = {"/etc/passwd", "/etc/group", "/etc/nsswitch.conf"};

	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		struct cause why = {.reason = TKIT_REASON_USERS};
		int rc = closure_want(job, bytes_str(files[i]), &why, 0, NULL);

		if (rc < 0)
			return rc;
	}
	return 0;
}

static int from_runs(struct closure_job *job)
{
	bool attached = false, users = job->options->need_users;
	const struct tkit_run *run;
	int rc = 0;

	for (size_t i = 0; rc >= 0 && (run = tkit_model_run(job->model, i)); i++) {
		struct cause why = {.reason = TKIT_REASON_ACCESS};

		if (run->info->target_kind != TKIT_TARGET_COMMAND) {
			attached = true;
			continue;
		}
		users |= run->info->uid != 0;
		if (run->info->cwd && run->info->cwd[0] == '/')
			rc = closure_want(job, bytes_str(run->info->cwd), &why, CLOSURE_PREFIX,
					  NULL);
	}
	if (rc >= 0 && attached)
		rc = from_programs(job);
	if (rc >= 0 && users && !job->options->no_users)
		rc = want_users(job);
	return rc < 0 ? rc : 0;
}

int closure_from_model(struct closure_job *job)
{
	int rc = from_paths(job);

	return rc < 0 ? rc : from_runs(job);
}
