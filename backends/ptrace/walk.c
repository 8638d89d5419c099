// SPDX-License-Identifier: MIT
/*
 * Walking a path that leads through a magic link of /proc (cwd, root, exe, fd/N): what is
 * behind it no name tells. The kernel follows such a link for tkit just as for the tracee, if
 * only "self" is taken for the tracee. Where the tracee's /proc is one of another pid
 * namespace, its numbers are looked up in that very mount.
 */
#include "ptrace.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#define MAX_LINKS     40 /* as the kernel */
#define PROC_ROOT_INO 1

struct walk {
	struct pt_tracee *t;
	int dir; /* where it is; O_PATH */
	int links;
	bool magic;
	char *rest; /* in text */
	char text[2 * PATH_MAX];
};

static int proc_open(const struct pt_tracee *t, const char *what)
{
	char link[64];
	int fd;

	snprintf(link, sizeof(link), "/proc/%d/%s", t->tid, what);
	fd = open(link, O_PATH | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* Takes over fd, which may be -errno. */
static int go(struct walk *w, int fd)
{
	if (fd < 0)
		return fd;
	if (w->dir >= 0)
		close(w->dir);
	w->dir = fd;
	return 0;
}

static int go_up(struct walk *w)
{
	int root = proc_open(w->t, "root"), fd;
	struct stat a, b;
	bool top;

	if (root < 0)
		return root;
	top = fstat(root, &a) == 0 && fstat(w->dir, &b) == 0 && a.st_dev == b.st_dev &&
	      a.st_ino == b.st_ino;
	close(root);
	if (top)
		return 0;
	fd = openat(w->dir, "..", O_PATH | O_CLOEXEC);
	return go(w, fd < 0 ? -errno : fd);
}

static bool in_proc(int fd, bool *ret_top)
{
	struct statfs fs;
	struct stat st;

	*ret_top = false;
	if (fstatfs(fd, &fs) < 0 || fs.f_type != PROC_SUPER_MAGIC)
		return false;
	*ret_top = fstat(fd, &st) == 0 && st.st_ino == PROC_ROOT_INO;
	return true;
}

/* "self" and "thread-self" of a /proc: those of the tracee. */
static int go_self(struct walk *w, const char *name)
{
	char link[64];
	int fd, n;

	n = snprintf(link, sizeof(link), "/proc/%d", w->t->proc ? w->t->proc->pid : w->t->tid);
	if (name[0] == 't')
		snprintf(link + n, sizeof(link) - (size_t)n, "/task/%d", w->t->tid);
	fd = open(link, O_PATH | O_CLOEXEC);
	return go(w, fd < 0 ? -errno : fd);
}

/* A symlink's text takes the place of its name in the rest. */
static int go_text(struct walk *w, int link)
{
	char text[PATH_MAX];
	ssize_t n = readlinkat(link, "", text, sizeof(text) - 1);
	size_t rest = strlen(w->rest);

	if (n < 0)
		return -errno;
	if ((size_t)n + 1 + rest >= sizeof(w->text))
		return -ENAMETOOLONG;
	memmove(w->text + n + 1, w->rest, rest + 1);
	memcpy(w->text, text, (size_t)n);
	w->text[n] = '/';
	w->rest = w->text;
	return text[0] == '/' ? go(w, proc_open(w->t, "root")) : 0;
}

/* One component that is no "..". */
static int go_down(struct walk *w, const char *name)
{
	bool proc, top;
	struct stat st;
	int fd, rc;

	proc = in_proc(w->dir, &top);
	if (proc && top && (strcmp(name, "self") == 0 || strcmp(name, "thread-self") == 0))
		return go_self(w, name);
	fd = openat(w->dir, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0 || !S_ISLNK(st.st_mode))
		return go(w, fd);
	if (++w->links > MAX_LINKS) {
		close(fd);
		return -ELOOP;
	}
	if (!proc || top) {
		rc = go_text(w, fd);
		close(fd);
		return rc;
	}
	close(fd);
	w->magic = true;
	fd = openat(w->dir, name, O_PATH | O_CLOEXEC);
	return go(w, fd < 0 ? -errno : fd);
}

/* Takes the next component off the rest. Returns its length, 0 at the end. */
static size_t next(struct walk *w, char name[NAME_MAX + 2])
{
	size_t len;

	w->rest += strspn(w->rest, "/");
	len = strcspn(w->rest, "/");
	if (len > NAME_MAX)
		len = NAME_MAX + 1; /* the kernel refuses it */
	memcpy(name, w->rest, len);
	name[len] = 0;
	w->rest += len;
	return len;
}

static int steps(struct walk *w, enum pt_walk how, char last[NAME_MAX + 2])
{
	char name[NAME_MAX + 2];
	int rc = 0;

	last[0] = 0;
	while (rc == 0 && next(w, name)) {
		bool end = !w->rest[strspn(w->rest, "/")];
		bool slash = w->rest[0] == '/';

		if (strcmp(name, ".") == 0)
			continue;
		if (strcmp(name, "..") == 0) {
			rc = go_up(w);
		} else if (end && (how == PT_WALK_MAKE || (how == PT_WALK_NOFOLLOW && !slash))) {
			memcpy(last, name, sizeof(name));
			break;
		} else {
			rc = go_down(w, name);
		}
	}
	return rc;
}

/*
 * Walks as the tracee would. dirfd is one of the tracee's. Returns an O_PATH descriptor of
 * what the path leads to, or of its parent directory if `last` comes back with a name in it
 * (as `how` asks); else -errno. *ret_magic: a magic link was on the way.
 */
int pt_walk(struct pt_tracee *t, int dirfd, const char *path, enum pt_walk how,
	    char last[NAME_MAX + 2], bool *ret_magic)
{
	struct walk w = {.t = t, .dir = -1};
	size_t len = strlen(path);
	char what[32];
	int rc;

	*ret_magic = false;
	if (len >= PATH_MAX)
		return -ENAMETOOLONG;
	memcpy(w.text, path, len + 1);
	w.rest = w.text;
	if (path[0] == '/')
		snprintf(what, sizeof(what), "root");
	else if (dirfd == AT_FDCWD)
		snprintf(what, sizeof(what), "cwd");
	else
		snprintf(what, sizeof(what), "fd/%d", dirfd);
	rc = go(&w, proc_open(t, what));
	if (rc == 0)
		rc = steps(&w, how, last);
	*ret_magic = w.magic;
	if (rc < 0) {
		if (w.dir >= 0)
			close(w.dir);
		return rc;
	}
	return w.dir;
}

/* `last` goes behind the directory's path. */
static int join(struct pt_tracee *t, const struct pt_place *place, const char *last,
		struct pt_str *ret)
{
	char path[PATH_MAX + NAME_MAX + 4];
	size_t len = place->len, more = strlen(last);

	if (more && !strcmp(place->path, "/"))
		len = 0;
	memcpy(path, place->path, len);
	if (more) {
		path[len] = '/';
		memcpy(path + len + 1, last, more);
		len += more + 1;
	}
	return pt_store(t, path, len, ret);
}

/* Where the walk of a name that may lead through a magic link ends: into name->resolved. */
void pt_walk_name(struct pt *pt, struct pt_tracee *t, struct pt_name *name, int dirfd,
		  const char *path)
{
	enum pt_walk how = PT_WALK_FOLLOW;
	char last[NAME_MAX + 2], link[64];
	struct pt_place place;
	bool magic;
	int fd, rc;

	if (pt->fuse)
		return; /* reports say that nothing is known of such a name */
	if (tkit_op_class(name->op) == TKIT_CLASS_CREATE)
		how = PT_WALK_MAKE;
	else if (name->pflags & TKIT_P_NOFOLLOW)
		how = PT_WALK_NOFOLLOW;
	fd = pt_walk(t, dirfd, path, how, last, &magic);
	if (fd < 0)
		return;
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	rc = magic ? pt_place_verified(pt, t, link, &place) : -ENODATA;
	close(fd);
	if (rc < 0 || (last[0] && (place.pflags & TKIT_P_DELETED)))
		return;
	if (join(t, &place, last, &name->resolved) < 0)
		return;
	name->valid |= TKIT_V_RESOLVED;
	name->resolved_flags = place.pflags;
}
