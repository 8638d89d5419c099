// SPDX-License-Identifier: MIT
/*
 * Programs that look through a whole directory (find, git status, a search for certificates)
 * need little of what they saw. A directory counts as looked through if one program listed it
 * and had a successful access to each object that the root has in it.
 */
#include <errno.h>
#include <stdlib.h>

#include "image/closure.h"
#include "util/bytes.h"
#include "util/cleanup.h"

#define FEWEST 4 /* objects; in smaller directories nothing is gained */

struct walk {
	struct closure_job *job;
	struct tkit_bytes dir;
	uint32_t program;
	size_t seen;
};

static bool has_access(const struct tkit_model *model, const struct tkit_path *path,
		       uint32_t program, bool list)
{
	const struct tkit_access *access;

	for (size_t i = 0; path && (access = tkit_model_access(model, path, i)); i++)
		if (!access->err && access->program == program &&
		    (!list || access->op == TKIT_OP_LIST))
			return true;
	return false;
}

/* An object that was not looked at ends the listing. */
static int look(void *arg, struct tkit_bytes name, unsigned char type)
{
	struct walk *walk = arg;
	_cleanup_(buf_done) struct buf path = BUF_INIT;

	buf_add(&path, walk->dir.ptr, walk->dir.len > 1 ? walk->dir.len : 0);
	buf_char(&path, '/');
	buf_add(&path, name.ptr, name.len);
	if (path.failed)
		return -ENOMEM;
	if (!has_access(walk->job->model,
			tkit_model_find(walk->job->model, BYTES(path.data, path.size)),
			walk->program, false))
		return -ENOENT;
	walk->seen++;
	return 0;
}

/* The name is taken as it is: of a directory that is reached through symlinks nothing is said. */
static int look_through(struct closure_job *job, struct tkit_bytes dir, uint32_t program)
{
	struct walk walk = {.job = job, .dir = dir, .program = program};
	int rc;

	if (!has_access(job->model, tkit_model_find(job->model, dir), program, true))
		return 0;
	rc = rootfs_list(job->fs, dir, look, &walk);
	return rc == -ENOMEM ? rc : rc == 0 && walk.seen >= FEWEST;
}

int closure_is_walked(struct closure_job *job, const struct tkit_path *path,
		      const struct tkit_access *access)
{
	_cleanup_(buf_done) struct buf key = BUF_INIT;
	struct tkit_bytes dir = closure_parent(path->name);
	int is_new = 0, rc;
	uint32_t id;

	buf_add(&key, dir.ptr, dir.len);
	buf_char(&key, '\0');
	buf_u64(&key, access->program);
	if (key.failed)
		return -ENOMEM;
	id = intern_add(&job->walked, BYTES(key.data, key.size), &is_new);
	if (id == INTERN_NONE)
		return -ENOMEM;
	if (is_new) {
		rc = look_through(job, dir, access->program);
		if (rc < 0)
			return rc;
		buf_char(&job->walked_flags, (char)rc);
		if (job->walked_flags.failed)
			return -ENOMEM;
	}
	return job->walked_flags.data[id];
}
