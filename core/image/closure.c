// SPDX-License-Identifier: MIT
/* What a minimal image must hold: the whole computation, and access to its result. */
#include "image/closure.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/bytes.h"
#include "util/cleanup.h"

static const char *const reason_names[] = {
	[TKIT_REASON_ACCESS] = "access",       [TKIT_REASON_SYMLINK] = "symlink",
	[TKIT_REASON_PARENT] = "parent",       [TKIT_REASON_INTERP] = "interpreter",
	[TKIT_REASON_NEEDED] = "needed",       [TKIT_REASON_CREATED_IN] = "created-in",
	[TKIT_REASON_USERS] = "users",         [TKIT_REASON_LISTED] = "listed",
	[TKIT_REASON_INCLUDED] = "included",   [TKIT_REASON_RUNTIME] = "runtime",
	[TKIT_REASON_PRESERVED] = "preserved", [TKIT_REASON_PRESET] = "preset",
	[TKIT_REASON_RULE] = "rule",           [TKIT_REASON_DATABASE] = "package-database",
	[TKIT_REASON_WALKED] = "walked",
};

const char *tkit_reason_name(int reason)
{
	if (reason < 0 || (size_t)reason >= sizeof(reason_names) / sizeof(reason_names[0]))
		return NULL;
	return reason_names[reason];
}

void tkit_closure_free(struct tkit_closure *closure)
{
	if (!closure)
		return;
	intern_done(&closure->paths);
	intern_done(&closure->texts);
	intern_done(&closure->written);
	free(closure->entries);
	free(closure->hard_links);
	for (uint32_t i = 0; i < closure->made_count; i++)
		buf_done(&closure->made[i]);
	free(closure->made);
	free(closure->absent);
	free(closure);
}

static int entry_cmp(const void *a, const void *b)
{
	const struct tkit_closure_entry *x = a, *y = b;

	return bytes_cmp(x->path, y->path);
}

static int bytes_ptr_cmp(const void *a, const void *b)
{
	return bytes_cmp(*(const struct tkit_bytes *)a, *(const struct tkit_bytes *)b);
}

struct inode {
	dev_t dev;
	ino_t ino;
	uint32_t entry;
};

static int inode_cmp(const void *a, const void *b)
{
	const struct inode *x = a, *y = b;

	if (x->dev != y->dev)
		return x->dev < y->dev ? -1 : 1;
	if (x->ino != y->ino)
		return x->ino < y->ino ? -1 : 1;
	return x->entry < y->entry ? -1 : x->entry > y->entry;
}

/* Which entries are further names of one file; and how many bytes all files have. */
static int find_hard_links(struct tkit_closure *closure)
{
	_cleanup_free_ struct inode *inodes = NULL;
	size_t count = 0;

	closure->hard_links = calloc(closure->count + 1, sizeof(*closure->hard_links));
	inodes = calloc(closure->count + 1, sizeof(*inodes));
	if (!closure->hard_links || !inodes)
		return -ENOMEM;
	for (uint32_t i = 0; i < closure->count; i++) {
		const struct stat *st = &closure->entries[i].st;

		closure->hard_links[i] = CLOSURE_NO_LINK;
		if (S_ISREG(st->st_mode))
			closure->bytes += (uint64_t)st->st_size;
		/* Second names of symlinks and devices are made anew: not all engines link them. */
		if (st->st_nlink > 1 && S_ISREG(st->st_mode))
			inodes[count++] = (struct inode){st->st_dev, st->st_ino, i};
	}
	qsort(inodes, count, sizeof(*inodes), inode_cmp);
	for (size_t i = 1, first = 0; i < count; i++) {
		if (inodes[i].dev != inodes[first].dev || inodes[i].ino != inodes[first].ino) {
			first = i;
			continue;
		}
		closure->hard_links[inodes[i].entry] = inodes[first].entry;
		closure->bytes -= (uint64_t)closure->entries[inodes[i].entry].st.st_size;
	}
	return 0;
}

/* From the order of finding to the order of paths. */
static int freeze(struct closure_job *job)
{
	struct tkit_closure *closure = job->closure;

	if (closure->count)
		qsort(closure->entries, closure->count, sizeof(*closure->entries), entry_cmp);
	closure->absent = calloc(job->absent.count + 1, sizeof(*closure->absent));
	if (!closure->absent)
		return -ENOMEM;
	for (uint32_t i = 0; i < job->absent.count; i++) {
		uint32_t id = intern_add(&closure->texts, intern_get(&job->absent, i), NULL);

		if (id == INTERN_NONE)
			return -ENOMEM;
		closure->absent[i] = intern_get(&closure->texts, id);
	}
	closure->absent_count = job->absent.count;
	qsort(closure->absent, closure->absent_count, sizeof(*closure->absent), bytes_ptr_cmp);
	return find_hard_links(closure);
}

/*
 * In a running system's root they are mounted over already: what stat tells is of the
 * mount, and another time another. The directory below cannot be seen; it gets the
 * ordinary owner and the root's own time.
 */
static void steady_mount_points(struct tkit_closure *closure)
{
	const struct stat top = closure->entries[0].st;

	for (size_t i = 1; i < closure->count; i++) {
		struct stat *st = &closure->entries[i].st;

		if (st->st_dev == top.st_dev || closure->entries[i].made)
			continue;
		st->st_uid = 0;
		st->st_gid = 0;
		st->st_mode = S_IFDIR | 0755;
		st->st_mtim = top.st_mtim;
	}
}

/* The root itself, and what a runtime mounts over. */
static int add_mount_points(struct closure_job *job)
{
	struct cause top = {.reason = TKIT_REASON_RUNTIME};
	int rc = closure_add(job, BYTES_LIT("/"), &top);

	for (size_t i = 0; rc == 0 && closure_mount_points[i]; i++) {
		const struct rootfs_node *node =
			rootfs_node(job->fs, bytes_str(closure_mount_points[i]));

		if (node && !node->err && S_ISDIR(node->st.st_mode))
			rc = closure_add(job, bytes_str(closure_mount_points[i]), &top);
	}
	if (rc == 0)
		steady_mount_points(job->closure);
	return rc;
}

/*
 * A trace that began with a snapshot of what ran already: what that had opened by a symlink's
 * name is known by the file's own name only, and the libraries that it loads are to be found
 * again.
 */
static bool has_held(const struct tkit_model *model)
{
	const struct tkit_access *access;
	const struct tkit_path *path;

	for (size_t i = 0; (path = tkit_model_path(model, i)); i++)
		for (size_t k = 0; (access = tkit_model_access(model, path, k)); k++)
			if (access->op == TKIT_OP_HELD)
				return true;
	return false;
}

static int compute(struct closure_job *job)
{
	int rc = closure_rules_choose(job);

	if (rc == 0)
		rc = add_mount_points(job);
	if (rc == 0)
		rc = closure_mounts(job);
	if (rc == 0)
		rc = closure_from_model(job);
	if (rc == 0)
		rc = closure_includes(job);
	if (rc == 0)
		rc = closure_presets(job);
	if (rc == 0 && (job->held || !(tkit_model_caps(job->model) & TKIT_CAN_REQUESTED)))
		rc = closure_names(job);
	if (rc == 0)
		rc = closure_rules(job);
	if (rc == 0 && job->options->package_database)
		rc = closure_packages(job);
	if (rc == 0)
		rc = freeze(job);
	return rc;
}

int tkit_closure_new(struct tkit_ctx *ctx, const struct tkit_model *model,
		     struct tkit_rootfs *rootfs, const struct tkit_closure_options *options,
		     struct tkit_closure **ret_closure)
{
	struct tkit_closure_options given = {0};
	struct closure_job job = {.ctx = ctx, .fs = rootfs, .model = model, .options = &given};
	int rc;

	if (options)
		memcpy(&given, options,
		       options->size < sizeof(given) ? options->size : sizeof(given));
	job.closure = calloc(1, sizeof(*job.closure));
	if (!job.closure)
		return tkit_fail(ctx, -ENOMEM, "computing the image's content");
	job.closure->fs = rootfs;
	intern_init(&job.closure->paths);
	intern_init(&job.closure->texts);
	intern_init(&job.closure->written);
	intern_init(&job.absent);
	intern_init(&job.inspected);
	intern_init(&job.needing);
	intern_init(&job.walked);
	job.held = has_held(model);
	job.static_needs = job.held || !tkit_model_complete(model) ||
			   !(tkit_model_caps(model) & TKIT_CAN_OPEN);
	rc = compute(&job);
	intern_done(&job.absent);
	intern_done(&job.inspected);
	intern_done(&job.needing);
	intern_done(&job.walked);
	buf_done(&job.walked_flags);
	library_dirs_done(&job.library_dirs);
	if (rc < 0) {
		tkit_closure_free(job.closure);
		return tkit_fail(ctx, rc, "computing the image's content");
	}
	if (job.made_by_run)
		tkit_log(
			ctx, TKIT_LOG_WARN,
			"%llu paths that include rules or presets match were made by the run and are "
			"left out (preserve rules keep such, too)",
			(unsigned long long)job.made_by_run);
	if (job.not_listed > 1)
		tkit_log(ctx, TKIT_LOG_WARN,
			 "%llu directories of the root could not be listed in all",
			 (unsigned long long)job.not_listed);
	if (job.sockets)
		tkit_log(ctx, TKIT_LOG_INFO, "%llu sockets left out",
			 (unsigned long long)job.sockets);
	if (job.devices)
		tkit_log(ctx, TKIT_LOG_WARN, "%llu device nodes outside /dev are in the image",
			 (unsigned long long)job.devices);
	*ret_closure = job.closure;
	return 0;
}

size_t tkit_closure_count(const struct tkit_closure *closure)
{
	return closure->count;
}

const struct tkit_closure_entry *tkit_closure_entry(const struct tkit_closure *closure,
						    size_t index)
{
	return index < closure->count ? &closure->entries[index] : NULL;
}

const struct tkit_closure_entry *tkit_closure_find(const struct tkit_closure *closure,
						   struct tkit_bytes path)
{
	struct tkit_closure_entry key = {.path = path};

	if (!closure->count)
		return NULL;
	return bsearch(&key, closure->entries, closure->count, sizeof(*closure->entries),
		       entry_cmp);
}

uint64_t tkit_closure_bytes(const struct tkit_closure *closure)
{
	return closure->bytes;
}

size_t tkit_closure_absent_count(const struct tkit_closure *closure)
{
	return closure->absent_count;
}

const struct tkit_bytes *tkit_closure_absent(const struct tkit_closure *closure, size_t index)
{
	return index < closure->absent_count ? &closure->absent[index] : NULL;
}
