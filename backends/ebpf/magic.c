// SPDX-License-Identifier: MIT
/*
 * Names that lead through a magic link of /proc: cwd, root, exe, fd/N. No symlink's text says
 * where they end. The kernel program has told where the process's own link leads; the rest of the
 * name is looked up here, inside the process's root.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ebpf.h"

/* What is left of a name. */
struct rest {
	const char *p;
	const char *end;
};

/* Takes the next component; "." is none. Empty at the end. */
static struct tkit_bytes next(struct rest *rest)
{
	for (;;) {
		const char *begin;

		while (rest->p < rest->end && *rest->p == '/')
			rest->p++;
		begin = rest->p;
		while (rest->p < rest->end && *rest->p != '/')
			rest->p++;
		if (rest->p - begin != 1 || *begin != '.')
			return (struct tkit_bytes){begin, (size_t)(rest->p - begin)};
	}
}

static bool is(struct tkit_bytes name, const char *text)
{
	return name.len == strlen(text) && memcmp(name.ptr, text, name.len) == 0;
}

/* -1: no number */
static long number(struct tkit_bytes name)
{
	long n = name.len ? 0 : -1;

	for (size_t i = 0; i < name.len && n >= 0; i++) {
		if (name.ptr[i] < '0' || name.ptr[i] > '9' || n > INT32_MAX / 10)
			return -1;
		n = n * 10 + (name.ptr[i] - '0');
	}
	return n;
}

enum magic { MAGIC_NONE, MAGIC_CWD, MAGIC_ROOT, MAGIC_EXE, MAGIC_FD };

/* The directory of the process in /proc, or of one of its threads, and the link in it. */
static enum magic parse_proc(const struct ebpf_event *ev, unsigned int fd, struct rest *rest)
{
	struct tkit_bytes name = next(rest);

	if (!is(name, "self") && !is(name, "thread-self") && number(name) != ev->pid &&
	    number(name) != ev->tid)
		return MAGIC_NONE;
	name = next(rest);
	if (is(name, "task")) {
		if (number(next(rest)) != ev->tid)
			return MAGIC_NONE;
		name = next(rest);
	}
	if (is(name, "cwd"))
		return fd == EBPF_NO_FD ? MAGIC_CWD : MAGIC_NONE;
	if (is(name, "root"))
		return MAGIC_ROOT;
	if (is(name, "exe"))
		return MAGIC_EXE;
	if (!is(name, "fd"))
		return MAGIC_NONE;
	return number(next(rest)) == (long)fd && fd != EBPF_NO_FD ? MAGIC_FD : MAGIC_NONE;
}

/* Does /dev/NAME lead to /proc/self/..., as it should? */
static bool dev_leads(const struct ebpf *e, const char *name, const char *where)
{
	char text[64];
	int dev = inside_open(e->target->root_fd, (struct tkit_bytes){"/dev", 4}, O_PATH);
	ssize_t n = dev < 0 ? -1 : readlinkat(dev, name, text, sizeof(text));

	if (dev >= 0)
		close(dev);
	return n > 0 && is((struct tkit_bytes){text, (size_t)n}, where);
}

static enum magic parse_dev(const struct ebpf *e, unsigned int fd, struct rest *rest)
{
	static const struct {
		const char *name, *where;
	} std[] = {{"stdin", "/proc/self/fd/0"},
		   {"stdout", "/proc/self/fd/1"},
		   {"stderr", "/proc/self/fd/2"}};
	struct tkit_bytes name = next(rest);

	if (is(name, "fd"))
		return number(next(rest)) == (long)fd && dev_leads(e, "fd", "/proc/self/fd")
			       ? MAGIC_FD
			       : MAGIC_NONE;
	for (unsigned int i = 0; i < 3; i++)
		if (is(name, std[i].name))
			return fd == i && dev_leads(e, std[i].name, std[i].where) ? MAGIC_FD
										  : MAGIC_NONE;
	return MAGIC_NONE;
}

/* Where the link leads. */
static struct place target(struct ebpf *e, const struct ebpf_event *ev, enum magic magic, int idx,
			   const struct tkit_event *out)
{
	struct place place = decode_place(e, ev, idx ? EBPF_WALK_MAGIC2 : EBPF_WALK_MAGIC);

	if (magic == MAGIC_CWD || magic == MAGIC_FD)
		return place;
	place = (struct place){.known = true};
	if (magic == MAGIC_ROOT) {
		place.path = out->valid & TKIT_V_ROOT ? out->root : (struct tkit_bytes){"/", 1};
		place.outside = (out->valid & TKIT_V_ROOT) && !out->root.len;
	} else {
		place.known = out->valid & TKIT_V_EXE;
		place.path = out->exe;
	}
	return place;
}

/* Room for a directory, a slash and a rest. */
struct joined {
	size_t len;
	char text[EBPF_PATH_MAX];
};

static bool append(struct joined *to, struct tkit_bytes dir, const char *rest, size_t len)
{
	if (is(dir, "/"))
		dir.len = 0;
	if (dir.len + 1 + len >= sizeof(to->text))
		return false;
	memcpy(to->text, dir.ptr, dir.len);
	to->text[dir.len] = '/';
	memcpy(to->text + dir.len + 1, rest, len);
	to->len = dir.len + 1 + len;
	return true;
}

/* The path of what `rest` leads to from `dir`, into e->text. */
static struct tkit_bytes look(struct ebpf *e, const struct tkit_event *out, struct tkit_bytes dir,
			      const char *rest, size_t len)
{
	int root = e->target->root_fd, own = -1, fd = -1;
	struct tkit_bytes path = {NULL, 0};
	struct joined *joined = malloc(sizeof(*joined));

	if (joined && out->valid & TKIT_V_ROOT && !is(out->root, "/")) {
		/* Links lead around inside the process's root, if the place is there. */
		bool below = out->root.len && dir.len >= out->root.len &&
			     memcmp(dir.ptr, out->root.ptr, out->root.len) == 0 &&
			     (dir.len == out->root.len || dir.ptr[out->root.len] == '/');

		own = below ? inside_open(root, out->root, O_PATH | O_DIRECTORY) : -1;
		root = own;
		dir.ptr += below ? out->root.len : 0;
		dir.len -= below ? out->root.len : 0;
	}
	if (joined && root >= 0 && append(joined, dir, rest, len))
		fd = inside_open(root, (struct tkit_bytes){joined->text, joined->len}, O_PATH);
	if (fd >= 0 && sizeof(e->text) - e->used > EBPF_PATH_MAX) {
		path = inside_path(e, fd, e->text + e->used, EBPF_PATH_MAX);
		e->used += EBPF_PATH_MAX;
	}
	if (fd >= 0)
		close(fd);
	if (own >= 0)
		close(own);
	free(joined);
	return path;
}

/* What a call made, removed or did not follow: the real directory with the name in it. */
static struct tkit_bytes look_parent(struct ebpf *e, const struct tkit_event *out,
				     struct tkit_bytes dir, struct rest rest)
{
	struct rest scan = rest;
	struct tkit_bytes last = {NULL, 0}, name, path = {NULL, 0};
	struct joined *joined;

	while ((name = next(&scan)).len)
		last = name;
	if (!last.len || is(last, ".."))
		return path;
	joined = malloc(sizeof(*joined));
	dir = look(e, out, dir, rest.p, (size_t)(last.ptr - rest.p));
	if (joined && dir.len && append(joined, dir, last.ptr, last.len) &&
	    joined->len < sizeof(e->text) - e->used) {
		path = (struct tkit_bytes){e->text + e->used, joined->len};
		memcpy(e->text + e->used, joined->text, joined->len);
		e->used += joined->len;
	}
	free(joined);
	return path;
}

/* Is the object of the operation the name itself, not what a symlink of this name leads to? */
static bool names_itself(const struct tkit_event *out)
{
	bool slash = out->path.len && out->path.ptr[out->path.len - 1] == '/';

	return tkit_op_class(out->op) == TKIT_CLASS_CREATE || out->op == TKIT_OP_UNLINK ||
	       out->op == TKIT_OP_RMDIR || out->op == TKIT_OP_RENAME_FROM ||
	       ((out->pflags & TKIT_P_NOFOLLOW) && !slash);
}

/* Sets `resolved` of name `idx`, whose event is complete otherwise. */
void magic_resolve(struct ebpf *e, const struct ebpf_event *ev, int idx, struct tkit_event *out)
{
	char abs[2 * EBPF_PATH_MAX];
	long len = ev->ret >= 0 ? tkit_event_abs(out, abs, sizeof(abs)) : -1;
	struct rest rest = {abs, abs + (len > 0 ? len : 0)};
	unsigned int fd = ev->strings[idx].fd;
	enum magic magic = MAGIC_NONE;
	struct tkit_bytes path = {NULL, 0}, name;
	struct rest after;
	struct place place;

	if (out->valid & TKIT_V_ROOT && len > 0 && !is(out->root, "/") &&
	    (size_t)len > out->root.len)
		rest.p += out->root.len; /* what the process calls its path */
	name = next(&rest);
	if (is(name, "proc"))
		magic = parse_proc(ev, fd, &rest);
	else if (is(name, "dev"))
		magic = parse_dev(e, fd, &rest);
	if (magic == MAGIC_NONE)
		return;
	place = target(e, ev, magic, idx, out);
	after = rest;
	if (!place.known || place.outside || (place.flags & (EBPF_W_TRUNC | EBPF_W_DETACHED)))
		return;
	if (!next(&after).len) {
		if (names_itself(out)) /* the link itself, which leads nowhere */
			return;
		path = place.path;
		if (place.flags & EBPF_W_DELETED)
			out->pflags |= TKIT_P_DELETED;
	} else if (!(place.flags & EBPF_W_DELETED)) {
		path = names_itself(out)
			       ? look_parent(e, out, place.path, rest)
			       : look(e, out, place.path, rest.p, (size_t)(rest.end - rest.p));
	}
	if (!path.len)
		return;
	out->resolved = path;
	out->valid |= TKIT_V_RESOLVED;
}
