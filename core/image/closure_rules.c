// SPDX-License-Identifier: MIT
/*
 * Rules for what a backend cannot see. One that sees files being opened only (fanotify) does
 * not know what was looked at with stat, nor what was made; a rule knows what runtimes and
 * services look at beside what they open. Each is on where the backend is blind for its matter,
 * and shows as the reason of what it adds.
 */
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "enrich/package.h"
#include "image/closure.h"
#include "util/bytes.h"
#include "util/cleanup.h"

struct rule {
	const char *name;
	uint64_t sight; /* it is on if a backend lacks that */
	struct tkit_bytes because;
};

#define RULE(NAME, SIGHT)                                      \
	{                                                      \
		NAME, SIGHT,                                   \
		{                                              \
			"rule=" NAME, sizeof("rule=" NAME) - 1 \
		}                                              \
	}

static const struct rule rules[RULE_COUNT_] = {
	[RULE_CREATED_PARENTS] = RULE("created-parents", TKIT_CAN_CREATED),
	[RULE_PYTHON_SOURCE] = RULE("python-source", TKIT_CAN_METADATA),
	[RULE_PYTHON_PREFIX] = RULE("python-prefix", TKIT_CAN_METADATA),
	[RULE_PACKAGE_DIRECTORIES] = RULE("package-directories", TKIT_CAN_METADATA),
	[RULE_STANDARD_DIRECTORIES] = RULE("standard-directories", TKIT_CAN_METADATA),
	[RULE_LISTED_ENTRIES] = RULE("listed-entries", TKIT_CAN_METADATA),
};

static int unknown(struct closure_job *job, const char *name)
{
	_cleanup_(buf_done) struct buf names = BUF_INIT;

	for (size_t i = 0; i < RULE_COUNT_; i++) {
		buf_str(&names, i ? ", " : "");
		buf_str(&names, rules[i].name);
	}
	buf_char(&names, '\0');
	return tkit_fail(job->ctx, -EINVAL, "there is no rule \"%s\"; there are: %s", name,
			 names.failed ? "" : names.data);
}

int closure_rules_choose(struct closure_job *job)
{
	const struct tkit_option_list *list = &job->options->rules;
	uint64_t caps = tkit_model_caps(job->model);

	for (uint32_t i = 0; tkit_model_run_count(job->model) && i < RULE_COUNT_; i++)
		if (!(caps & rules[i].sight))
			job->rules |= 1u << i;
	for (size_t i = 0; i < list->count; i++) {
		bool off = strncmp(list->items[i], "no-", 3) == 0;
		const char *name = list->items[i] + (off ? 3 : 0);
		uint32_t k = 0;

		while (k < RULE_COUNT_ && strcmp(rules[k].name, name) != 0)
			k++;
		if (k == RULE_COUNT_)
			return unknown(job, name);
		job->rules = off ? job->rules & ~(1u << k) : job->rules | 1u << k;
	}
	return 0;
}

bool closure_rule_on(const struct closure_job *job, enum closure_rule rule)
{
	return job->rules & 1u << rule;
}

/* What is there of that name; nothing is told if it is not. */
static int want(struct closure_job *job, enum closure_rule rule, struct tkit_bytes path)
{
	struct cause why = {.reason = TKIT_REASON_RULE, .because = rules[rule].because};
	int rc = closure_want(job, path, &why, 0, NULL);

	return rc < 0 ? rc : 0;
}

static int want_in(struct closure_job *job, enum closure_rule rule, struct tkit_bytes dir,
		   const char *name)
{
	_cleanup_(buf_done) struct buf path = BUF_INIT;

	buf_add(&path, dir.ptr, dir.len > 1 ? dir.len : 0);
	buf_char(&path, '/');
	buf_str(&path, name);
	return path.failed ? -ENOMEM : want(job, rule, BYTES(path.data, path.size));
}

/* DIR/__pycache__/NAME.cpython-311.pyc is used only while DIR/NAME.py is there. */
static int python_source(struct closure_job *job, struct tkit_bytes path)
{
	static const char cache[] = "/__pycache__";
	struct tkit_bytes dir = closure_parent(path), name;
	_cleanup_(buf_done) struct buf source = BUF_INIT;
	const char *dot;

	name = BYTES(path.ptr + dir.len + 1, path.len - dir.len - 1);
	if (!closure_ends(dir, BYTES_LIT(cache)) || !closure_ends(name, BYTES_LIT(".pyc")))
		return 0;
	dot = memchr(name.ptr, '.', name.len);
	buf_add(&source, dir.ptr, dir.len - strlen(cache) + 1);
	buf_add(&source, name.ptr, (size_t)(dot - name.ptr));
	buf_str(&source, ".py");
	return source.failed ? -ENOMEM
			     : want(job, RULE_PYTHON_SOURCE, BYTES(source.data, source.size));
}

/* python finds its library by looking for these, and warns where they are not. */
static int python_prefix(struct closure_job *job, struct tkit_bytes path)
{
	static const char lib[] = "/lib/python";
	const char *at = memmem(path.ptr, path.len, lib, strlen(lib));
	size_t end;
	int rc;

	if (!at)
		return 0;
	end = (size_t)(at - path.ptr) + strlen(lib);
	while (end < path.len && (isdigit((unsigned char)path.ptr[end]) || path.ptr[end] == '.'))
		end++;
	if (end >= path.len || path.ptr[end] != '/')
		return 0;
	rc = want_in(job, RULE_PYTHON_PREFIX, BYTES(path.ptr, end), "os.py");
	return rc < 0 ? rc : want_in(job, RULE_PYTHON_PREFIX, BYTES(path.ptr, end), "lib-dynload");
}

/* Entries that are in now; the table may move while more are added. */
static int by_entries(struct closure_job *job)
{
	size_t count = job->closure->count;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < count; i++) {
		const struct tkit_closure_entry *entry = &job->closure->entries[i];
		struct tkit_bytes path = entry->path;

		if (!S_ISREG(entry->st.st_mode))
			continue;
		if (closure_rule_on(job, RULE_PYTHON_SOURCE))
			rc = python_source(job, path);
		if (rc == 0 && closure_rule_on(job, RULE_PYTHON_PREFIX))
			rc = python_prefix(job, path);
	}
	return rc;
}

static bool is_state(struct tkit_bytes path)
{
	return bytes_starts(path, BYTES_LIT("/var/")) || bytes_starts(path, BYTES_LIT("/run/")) ||
	       bytes_starts(path, BYTES_LIT("/srv/"));
}

/* Directories for data that the packages of kept files bring along, mostly empty ones. */
static int package_directories(struct closure_job *job)
{
	struct err err = ERR_INIT;
	struct owners *owners;
	bool *used;
	int rc = owners_new(job->fs, &owners, &err);

	if (rc < 0) {
		tkit_fail(job->ctx, rc, "%s", err_text(&err));
		err_done(&err);
		return rc;
	}
	used = calloc(owners->count + 1, sizeof(*used));
	if (!used)
		rc = -ENOMEM;
	for (size_t i = 0; rc == 0 && i < job->closure->count; i++) {
		const struct tkit_package *package =
			owners_find(owners, job->closure->entries[i].path);

		if (package && !S_ISDIR(job->closure->entries[i].st.st_mode))
			used[package - owners->packages] = true;
	}
	for (uint32_t i = 0; rc == 0 && i < owners->files.count; i++) {
		struct tkit_bytes path = intern_get(&owners->files, i);
		const struct rootfs_node *node;

		if (owners->owner_of[i] >= owners->count || !used[owners->owner_of[i]] ||
		    !is_state(path) || !rootfs_canonical(path))
			continue;
		node = rootfs_node(job->fs, path);
		if (node && !node->err && S_ISDIR(node->st.st_mode))
			rc = want(job, RULE_PACKAGE_DIRECTORIES, path);
	}
	free(used);
	owners_free(owners);
	return rc;
}

static int standard_directories(struct closure_job *job)
{
	static const char *const dirs[] = {"/tmp",      "/var/tmp", "/run",     "/var/run",
					   "/run/lock", "/var/log", "/var/lib", "/var/cache",
					   "/root",     "/home"};
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < sizeof(dirs) / sizeof(dirs[0]); i++)
		rc = want(job, RULE_STANDARD_DIRECTORIES, bytes_str(dirs[i]));
	return rc;
}

/* ---- listed directories ---- */

#define LISTED_OBJECTS 64    /* more is no directory of settings */
#define LISTED_BYTES   65536 /* the same */

struct listing {
	struct closure_job *job;
	struct tkit_bytes dir;
	struct buf paths; /* NUL-terminated */
	size_t count;
};

static int note_listed(void *arg, struct tkit_bytes name, unsigned char type)
{
	struct listing *listing = arg;

	(void)type;
	if (++listing->count > LISTED_OBJECTS)
		return -E2BIG;
	buf_add(&listing->paths, listing->dir.ptr, listing->dir.len > 1 ? listing->dir.len : 0);
	buf_char(&listing->paths, '/');
	buf_add(&listing->paths, name.ptr, name.len);
	buf_char(&listing->paths, '\0');
	return listing->paths.failed ? -ENOMEM : 0;
}

/* Bytes of the files in it. */
static uint64_t listed_bytes(struct closure_job *job, const struct listing *listing)
{
	uint64_t total = 0;

	for (size_t at = 0; at < listing->paths.size;) {
		struct tkit_bytes path = bytes_str(listing->paths.data + at);
		const struct rootfs_node *node = rootfs_node(job->fs, path);

		total += node && !node->err && S_ISREG(node->st.st_mode)
				 ? (uint64_t)node->st.st_size
				 : 0;
		at += path.len + 1;
	}
	return total;
}

/* A run's own data lies there, which a blind backend cannot tell from what was there before. */
static bool is_data(struct tkit_bytes path)
{
	return is_state(path) || bytes_below(path, BYTES_LIT("/tmp")) ||
	       bytes_below(path, BYTES_LIT("/home")) || bytes_below(path, BYTES_LIT("/root"));
}

/* Who lists a directory looks at what is in it; of a small one all is kept, as it is. */
static int listed_entries(struct closure_job *job, struct tkit_bytes name)
{
	const struct cause why = {.reason = TKIT_REASON_RULE,
				  .because = rules[RULE_LISTED_ENTRIES].because};
	_cleanup_(buf_done) struct buf real = BUF_INIT;
	struct rootfs_walk walk = {0};
	struct listing listing = {.job = job};
	const struct rootfs_node *node;
	int rc = rootfs_resolve(job->fs, &walk, name, &real);

	listing.dir = BYTES(real.data, real.size);
	node = rc == 0 ? rootfs_node(job->fs, listing.dir) : NULL;
	if (!node || node->err || !S_ISDIR(node->st.st_mode))
		return rc == -ENOMEM ? rc : 0;
	if (!closure_runtime(listing.dir) && !is_data(listing.dir))
		rc = rootfs_list(job->fs, listing.dir, note_listed, &listing);
	if (rc < 0 || listed_bytes(job, &listing) > LISTED_BYTES) {
		buf_done(&listing.paths);
		return rc == -ENOMEM ? rc : 0;
	}
	for (size_t at = 0; rc >= 0 && at < listing.paths.size;) {
		struct tkit_bytes path = bytes_str(listing.paths.data + at);

		rc = closure_want(job, path, &why, 0, NULL);
		if (rc == CLOSURE_MISSING) /* a link that leads nowhere */
			rc = closure_add(job, path, &why);
		at += path.len + 1;
	}
	buf_done(&listing.paths);
	return rc < 0 ? rc : 0;
}

/* Who does not see listings sees directories being opened, for nothing else mostly. */
static bool is_listing(const struct closure_job *job, const struct tkit_access *access)
{
	if (access->err)
		return false;
	return access->op == TKIT_OP_LIST ||
	       (access->op == TKIT_OP_OPEN && !(tkit_model_caps(job->model) & TKIT_CAN_LIST));
}

static int all_listed(struct closure_job *job)
{
	const struct tkit_path *path;
	int rc = 0;

	for (size_t i = 0; rc == 0 && (path = tkit_model_path(job->model, i)); i++) {
		const struct tkit_access *access;

		for (size_t k = 0; (access = tkit_model_access(job->model, path, k)); k++)
			if (is_listing(job, access) &&
			    !tkit_model_created(job->model, path->name)) {
				rc = listed_entries(job, path->name);
				break;
			}
	}
	return rc;
}

int closure_rules(struct closure_job *job)
{
	int rc = by_entries(job);

	if (rc == 0 && closure_rule_on(job, RULE_LISTED_ENTRIES))
		rc = all_listed(job);

	if (rc == 0 && closure_rule_on(job, RULE_PACKAGE_DIRECTORIES))
		rc = package_directories(job);
	if (rc == 0 && closure_rule_on(job, RULE_STANDARD_DIRECTORIES))
		rc = standard_directories(job);
	return rc;
}
