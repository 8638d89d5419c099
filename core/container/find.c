// SPDX-License-Identifier: MIT
/* Running containers, found through the control groups of all processes. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "container/container.h"
#include "util/buf.h"
#include "util/cleanup.h"
#include "util/procfs.h"

#define ID_MIN   4
#define SEEN_MAX 65536

/* A container while the processes are gone through. */
struct seen {
	char id[65];
	pid_t init;
	uint64_t start; /* of init */
};

struct scan {
	struct seen *list;
	size_t count;
	size_t room;
};

void container_done(struct container *c)
{
	if (!c)
		return;
	free(c->id);
	free(c->name);
	free(c->image);
	free(c->image_digest);
	free(c->engine);
	free(c->cgroup);
	free(c->bundle);
	*c = (struct container){0};
}

/* The container that a process is in; false if none. */
static bool id_of(pid_t pid, char id[65])
{
	_cleanup_free_ char *text = NULL;

	return procfs_text(pid, "cgroup", &text) == 0 && container_id_in_groups(text, id);
}

static struct seen *seen_of(struct scan *scan, const char *id)
{
	for (size_t i = 0; i < scan->count; i++)
		if (strcmp(scan->list[i].id, id) == 0)
			return &scan->list[i];
	if (scan->count == SEEN_MAX)
		return NULL;
	if (scan->count == scan->room) {
		size_t room = scan->room ? scan->room * 2 : 16;
		struct seen *list = realloc(scan->list, room * sizeof(*list));

		if (!list)
			return NULL;
		scan->list = list;
		scan->room = room;
	}
	scan->list[scan->count] = (struct seen){0};
	memcpy(scan->list[scan->count].id, id, sizeof(scan->list->id));
	return &scan->list[scan->count++];
}

/*
 * The first process is the oldest one. Those of `docker exec` come later, whoever their
 * parents are.
 */
static int scan_process(struct scan *scan, pid_t pid)
{
	struct procfs_stat stat;
	struct seen *seen;
	char id[65];

	if (!id_of(pid, id) || !procfs_stat(pid, &stat))
		return 0;
	seen = seen_of(scan, id);
	if (!seen)
		return -ENOMEM;
	if (!seen->init || stat.start < seen->start ||
	    (stat.start == seen->start && pid < seen->init)) {
		seen->init = pid;
		seen->start = stat.start;
	}
	return 0;
}

static int scan_all(struct scan *scan)
{
	_cleanup_closedir_ DIR *dir = opendir("/proc");
	struct dirent *entry;
	int rc = 0;

	if (!dir)
		return -errno;
	while (rc == 0 && (entry = readdir(dir)))
		if (isdigit((unsigned char)entry->d_name[0]))
			rc = scan_process(scan, (pid_t)strtol(entry->d_name, NULL, 10));
	return rc;
}

static int fill(struct container *c, const char *id, pid_t init, struct err *err)
{
	*c = (struct container){.init = init, .id = strdup(id)};
	if (!c->id)
		return err_sys(err, -ENOMEM, "container %s", id);
	container_describe(c);
	return container_cgroup_dir(init, &c->cgroup, err);
}

int container_each(int (*fn)(void *arg, const struct container *container), void *arg)
{
	struct scan scan = {0};
	int rc = scan_all(&scan);

	for (size_t i = 0; rc == 0 && i < scan.count; i++) {
		struct container c;

		if (fill(&c, scan.list[i].id, scan.list[i].init, NULL) == 0)
			rc = fn(arg, &c);
		container_done(&c);
	}
	free(scan.list);
	return rc;
}

struct search {
	const char *word;
	struct container *ret;
	struct buf names;
	unsigned int matches;
	bool exact;
};

static bool matches(const struct container *c, const char *word, bool *ret_exact)
{
	size_t len = strlen(word);

	*ret_exact = strcmp(c->id, word) == 0 || (*c->name && strcmp(c->name, word) == 0);
	return *ret_exact || (len >= ID_MIN && strncmp(c->id, word, len) == 0);
}

static int copy(struct container *to, const struct container *from)
{
	*to = (struct container){
		.id = strdup(from->id),
		.name = strdup(from->name),
		.image = strdup(from->image),
		.image_digest = strdup(from->image_digest),
		.engine = strdup(from->engine),
		.cgroup = strdup(from->cgroup),
		.bundle = strdup(from->bundle),
		.init = from->init,
	};
	if (to->id && to->name && to->image && to->image_digest && to->engine && to->cgroup &&
	    to->bundle)
		return 0;
	container_done(to);
	return -ENOMEM;
}

static int consider(void *arg, const struct container *c)
{
	struct search *search = arg;
	bool exact;

	buf_printf(&search->names, "%s%.12s%s%s", search->names.size ? ", " : "", c->id,
		   *c->name ? " " : "", c->name);
	if (!matches(c, search->word, &exact) || (search->exact && !exact))
		return 0;
	search->matches = exact && !search->exact ? 1 : search->matches + 1;
	search->exact = search->exact || exact;
	container_done(search->ret);
	return copy(search->ret, c);
}

/*
 * Whoever calls runc himself, or `ctr run`, may give his container any id; there is none in its
 * control group's name then, but the runtime has a state of it.
 */
static bool find_by_state(const char *word, struct container *ret)
{
	static const char parent[] = "/run/containerd/runc"; /* a directory for each namespace */
	_cleanup_closedir_ DIR *dir = NULL;
	struct dirent *entry;
	bool found = container_from_state(NULL, word, ret, NULL) == 0;

	dir = found ? NULL : opendir(parent);
	while (dir && !found && (entry = readdir(dir))) {
		char root[sizeof(parent) + sizeof(entry->d_name)];

		if (entry->d_name[0] == '.')
			continue;
		snprintf(root, sizeof(root), "%s/%s", parent, entry->d_name);
		found = container_from_state(root, word, ret, NULL) == 0;
	}
	return found;
}

int container_find(const char *word, struct container *ret, struct err *err)
{
	struct search search = {.word = word, .ret = ret};
	int rc;

	*ret = (struct container){0};
	rc = container_each(consider, &search);
	if (rc < 0)
		rc = err_sys(err, rc, "looking for container %s", word);
	else if (!search.matches && !find_by_state(word, ret))
		rc = err_set(err, -ESRCH, "there is no running container '%s'%s%.*s", word,
			     search.names.size ? "; there are: " : "", (int)search.names.size,
			     search.names.data ? search.names.data : "");
	else if (search.matches > 1)
		rc = err_set(err, -EEXIST,
			     "'%s' is the name, or the beginning of the id, of %u "
			     "containers; give a whole id of: %.*s",
			     word, search.matches, (int)search.names.size,
			     search.names.data ? search.names.data : "");
	if (rc < 0)
		container_done(ret);
	buf_done(&search.names);
	return rc;
}
