// SPDX-License-Identifier: MIT
/* One path of a call: what was passed, what it starts from. Rules: docs/EVENT_MODEL.md. */
#include "ptrace.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>

#include <procmem.h>

static void keep(struct pt *pt, struct pt_tracee *t, struct pt_name *name, uint32_t valid,
		 struct pt_str *where, const char *bytes, size_t len)
{
	if (pt_store(t, bytes, len, where) == 0)
		name->valid |= valid;
	else
		pt_lose(pt, TKIT_LOSS_TRUNCATED, "out of memory for a path");
}

static void read_base(struct pt *pt, struct pt_tracee *t, struct pt_name *name, int dirfd)
{
	struct pt_place place;
	int rc = pt_place_fd(pt, t, dirfd, &place);

	if (rc == -ENAMETOOLONG)
		pt_lose(pt, TKIT_LOSS_TRUNCATED, "a directory with a path of PATH_MAX or more");
	if (rc < 0)
		return;
	name->pflags |= place.pflags & TKIT_P_OUTSIDE_ROOT;
	if (!place.pflags)
		keep(pt, t, name, TKIT_V_BASE, &name->base, place.path, place.len);
}

static void read_root(struct pt *pt, struct pt_tracee *t, struct pt_name *name)
{
	const char *root;

	pt_root(pt, t);
	if (t->root_kind == PT_ROOT_SAME || t->root_kind == PT_ROOT_UNKNOWN)
		return;
	root = t->root_host ? t->root_host : "/";
	if (t->root_kind == PT_ROOT_INSIDE)
		root = tkit_target_path(pt->target, root);
	else
		root = t->root_target ? t->root_target : "";
	if (root)
		keep(pt, t, name, TKIT_V_ROOT, &name->root, root, strlen(root));
}

/* The access is to the descriptor itself. False: it is no file, or not open. */
static bool read_fd(struct pt *pt, struct pt_tracee *t, struct pt_name *name, int fd)
{
	struct pt_place place;
	struct statx stx;
	char link[64];
	int rc = pt_place_fd(pt, t, fd, &place);

	name->pflags |= TKIT_P_FD;
	if (rc == -ENAMETOOLONG)
		pt_lose(pt, TKIT_LOSS_TRUNCATED, "a descriptor with a path of PATH_MAX or more");
	if (rc < 0)
		return name->op == TKIT_OP_EXEC;
	if (pt->opt->inode && pt_fd_link(link, t->tid, fd) &&
	    pt_stat_link(pt, t, link, &stx) == 0) {
		name->valid |= TKIT_V_INODE;
		name->dev = makedev(stx.stx_dev_major, stx.stx_dev_minor);
		name->ino = stx.stx_ino;
		name->mode = stx.stx_mode;
	}
	name->pflags |= place.pflags;
	keep(pt, t, name, TKIT_V_BASE, &name->base, place.path, place.len);
	name->resolved = name->base;
	if ((name->valid & TKIT_V_BASE) && name->op != TKIT_OP_EXEC)
		name->valid |= TKIT_V_RESOLVED;
	if (place.pflags & TKIT_P_OUTSIDE_ROOT)
		name->valid &= ~TKIT_V_BASE;
	return true;
}

/* These are resolved by what comes of the call. */
static bool has_result(int op)
{
	return op == TKIT_OP_OPEN || op == TKIT_OP_EXEC || op == TKIT_OP_CHDIR ||
	       op == TKIT_OP_CHROOT;
}

static void read_magic(struct pt *pt, struct pt_tracee *t, struct pt_name *name, int dirfd,
		       const char *path)
{
	bool based = name->valid & TKIT_V_BASE;

	name->magic =
		pt_maybe_magic(based ? t->store + name->base.offset : "",
			       based ? name->base.len : 0, path, name->pflags & TKIT_P_NOFOLLOW);
	if (name->magic && !has_result(name->op))
		pt_walk_name(pt, t, name, dirfd, path);
}

static bool read_sockaddr(struct pt *pt, struct pt_tracee *t, struct pt_name *name, int arg)
{
	char addr[128], name_text[128];
	int32_t size = (int32_t)t->call.args[arg + 1];
	const char *path;
	bool abstract;
	size_t len;

	if (!t->call.args[arg] || size <= 0 || (size_t)size > sizeof(addr))
		return false;
	if (procmem_read(t->tid, t->call.args[arg], addr, (size_t)size) < 0)
		return false; /* of which family it is cannot be known */
	len = pt_sockaddr_name(addr, (size_t)size, &path, &abstract);
	if (!len)
		return false;
	keep(pt, t, name, TKIT_V_PATH, &name->path, path, len);
	if (abstract)
		name->pflags |= TKIT_P_ABSTRACT;
	else if (path[0] != '/')
		read_base(pt, t, name, AT_FDCWD);
	if (!abstract) {
		memcpy(name_text, path, len);
		name_text[len] = 0;
		read_magic(pt, t, name, AT_FDCWD, name_text);
	}
	return true;
}

/* mount(2): is the source argument a path? */
static bool is_source(const struct pt_call *call, const char *path, ssize_t len)
{
	return (call->flags & (MS_BIND | MS_MOVE)) || (len > 0 && path[0] == '/');
}

/*
 * Reads path number `index` (0, 1) of the call that t->call describes into its name.
 * Returns false if the call accesses no file by it.
 */
bool pt_name_read(struct pt *pt, struct pt_tracee *t, int index)
{
	struct pt_call *call = &t->call;
	const struct tkit_syscall *sys = call->sys;
	struct pt_name *name = &call->names[index];
	int arg = index ? sys->path2 : sys->path;
	int dir_arg = index ? sys->dirfd2 : sys->dirfd;
	int dirfd = dir_arg >= 0 ? (int)(uint32_t)call->args[dir_arg] : AT_FDCWD;
	bool may_fd = !index || (sys->bits & TKIT_SYS_EMPTY_ALWAYS);
	char path[PATH_MAX];
	ssize_t len;

	memset(name, 0, sizeof(*name));
	name->op = index ? sys->op2 : sys->op;
	if (!index ? tkit_syscall_nofollow(sys, call->flags)
		   : name->op == TKIT_OP_LINK_TO || name->op == TKIT_OP_RENAME_TO)
		name->pflags |= TKIT_P_NOFOLLOW;
	read_root(pt, t, name);
	if (arg < 0) /* getdents, fchdir; or a file handle, which only the result resolves */
		return (sys->bits & TKIT_SYS_NOPATH) || read_fd(pt, t, name, dirfd);
	if (!index && (sys->bits & TKIT_SYS_SOCKADDR))
		return read_sockaddr(pt, t, name, arg);
	if (!call->args[arg]) {
		if (may_fd && tkit_syscall_names_fd(sys, call->flags, 1))
			return read_fd(pt, t, name, dirfd);
		if (sys->bits & (TKIT_SYS_NULL_OK | (index ? 0 : TKIT_SYS_SOURCE)))
			return false;
	}
	len = procmem_string(t->tid, call->args[arg], path, &name->forced);
	if (len == -ENAMETOOLONG) {
		name->pflags |= TKIT_P_TRUNCATED;
		len = PATH_MAX - 1;
	}
	if (!index && (sys->bits & TKIT_SYS_SOURCE) && !is_source(call, path, len))
		return false;
	if (len < 0) {
		name->pflags |= TKIT_P_UNREADABLE;
		return true;
	}
	keep(pt, t, name, TKIT_V_PATH, &name->path, path, (size_t)len);
	if (!len && may_fd && tkit_syscall_names_fd(sys, call->flags, 0))
		return read_fd(pt, t, name, dirfd);
	if (!len || path[0] != '/' || (call->resolve & RESOLVE_IN_ROOT))
		read_base(pt, t, name, dirfd);
	if (len && path[0] == '/' && (name->valid & TKIT_V_BASE)) {
		name->root = name->base; /* for this call "/" is the directory dirfd */
		name->valid = (name->valid & ~TKIT_V_BASE) | TKIT_V_ROOT;
	} else if (len < PATH_MAX - 1 || !(name->pflags & TKIT_P_TRUNCATED)) {
		read_magic(pt, t, name, dirfd, path);
	}
	return true;
}
