// SPDX-License-Identifier: MIT
/*
 * strace -f [-y] [-o FILE]: each call is looked up in the table of system calls, which tells
 * what its arguments are.
 */
#include "strace.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <tkit/syscalls.h>

/* "3</a>", "0", "-1 ENOENT (text)", "? ERESTARTSYS (...)": false if there was no result. */
static bool result_of(const struct strace_parts *parts, struct tkit_event *event)
{
	const char *p = parts->result, *end = p + parts->result_len;
	char number[24];
	size_t len = 0;

	if (p < end && *p == '?')
		return false;
	while (p < end && len < sizeof(number) - 1 && *p != ' ' && *p != '<')
		number[len++] = *p++;
	number[len] = '\0';
	event->ret = strtoll(number, NULL, 0);
	event->valid |= TKIT_V_RET | TKIT_V_ERR;
	if (event->ret == -1 && p < end && *p == ' ') {
		const char *name = ++p;

		while (p < end && *p != ' ')
			p++;
		event->err = symbols_errno(name, (size_t)(p - name));
		if (!event->err)
			return false;
		event->ret = -event->err;
	}
	return true;
}

/* The value of `key=` inside a structure; up to the next comma, brace or end. */
static bool member(const struct strace_arg *arg, const char *key, struct strace_arg *ret)
{
	const char *end = arg->text + arg->len;
	const char *p = memmem(arg->text, arg->len, key, strlen(key));
	bool quoted = false;

	if (!p)
		return false;
	p += strlen(key);
	ret->text = p;
	while (p < end && (quoted || (*p != ',' && *p != '}'))) {
		if (quoted && *p == '\\')
			p++;
		else if (*p == '"')
			quoted = !quoted;
		p++;
	}
	ret->len = (size_t)((p < end ? p : end) - ret->text);
	return true;
}

/* The flags argument as a number. */
static void flags_of(const struct tkit_syscall *sys, const struct strace_arg *args, int count,
		     struct tkit_event *event)
{
	struct strace_arg value;

	if (sys->flags < 0 || sys->flags >= count)
		return;
	value = args[sys->flags];
	if (sys->flags_as == TKIT_SYS_FLAGS_HOW && !member(&args[sys->flags], "flags=", &value))
		return;
	event->flags = symbols_value(value.text, value.len);
	event->valid |= TKIT_V_FLAGS;
}

/* Directory that a relative name starts from. */
static void base_of(struct import *import, int32_t pid, const struct strace_arg *dirfd,
		    struct tkit_event *event)
{
	struct strace *strace = import->strace;
	long len = dirfd ? strace_fd_path(dirfd->text, dirfd->len, strace->text[1]) : 0;
	bool at_cwd = !dirfd || (dirfd->len >= 8 && !memcmp(dirfd->text, "AT_FDCWD", 8));

	if (len > 0) {
		if (at_cwd)
			strace_set_cwd(strace, pid, strace->text[1], (size_t)len);
		event->base.ptr = strace->text[1];
		event->base.len = (size_t)len;
	} else if (at_cwd) {
		const char *cwd = strace_cwd(strace, pid);

		event->base.ptr = cwd ? cwd : import->options->cwd;
		event->base.len = event->base.ptr ? strlen(event->base.ptr) : 0;
	}
	if (event->base.len)
		event->valid |= TKIT_V_BASE;
}

/* The path argument. 1: there is one (or a descriptor instead), 0: nothing to report. */
static int path_of(struct import *import, const struct tkit_syscall *sys,
		   const struct strace_arg *arg, struct tkit_event *event)
{
	struct strace_arg value;
	bool cut = false, null = false;
	long len;

	if (sys->bits & TKIT_SYS_FD) {
		event->pflags |= TKIT_P_FD;
		return 1;
	}
	if (!arg)
		return 0;
	value = *arg;
	if (sys->bits & TKIT_SYS_SOCKADDR) {
		if (!member(arg, "sun_path=", &value))
			return 0; /* not a unix socket */
		if (value.len && value.text[0] == '@') {
			event->pflags |= TKIT_P_ABSTRACT;
			value.text++;
			value.len--;
		}
	}
	null = value.len == 4 && !memcmp(value.text, "NULL", 4);
	len = null ? -1 : strace_string(&value, import->strace->text[0], &cut);
	if (len < 0) {
		if (null && (sys->bits & TKIT_SYS_NULL_OK))
			return 0;
		event->pflags |= null && tkit_syscall_names_fd(sys, event->flags, 1)
					 ? TKIT_P_FD
					 : TKIT_P_UNREADABLE;
		return 1;
	}
	event->path.ptr = import->strace->text[0];
	event->path.len = (size_t)len;
	event->valid |= TKIT_V_PATH;
	if (cut)
		event->pflags |= TKIT_P_TRUNCATED;
	if (len == 0 && tkit_syscall_names_fd(sys, event->flags, 0))
		event->pflags |= TKIT_P_FD;
	return 1;
}

static int emit_path(struct import *import, const struct tkit_syscall *sys,
		     const struct strace_parts *parts, const struct strace_arg *args, int count,
		     struct tkit_event *event, bool second)
{
	int path = second ? sys->path2 : sys->path, dirfd = second ? sys->dirfd2 : sys->dirfd;
	const struct strace_arg *dir = dirfd >= 0 && dirfd < count ? &args[dirfd] : NULL;
	int rc;

	if (!path_of(import, sys, path >= 0 && path < count ? &args[path] : NULL, event))
		return LINE_USED;
	if (tkit_syscall_nofollow(sys, event->flags))
		event->pflags |= TKIT_P_NOFOLLOW;
	if ((event->pflags & TKIT_P_FD) || (event->path.len && event->path.ptr[0] != '/')) {
		base_of(import, parts->pid, dir, event);
		/* A descriptor without a path (pipe, socket) is no access to a file. */
		if ((event->pflags & TKIT_P_FD) && !event->base.len)
			return LINE_USED;
	}
	event->op = second ? sys->op2 : sys->op;
	if (event->op == TKIT_OP_EXEC && event->err == 0)
		event->type = TKIT_EVENT_EXEC;
	if (event->pflags & TKIT_P_TRUNCATED) {
		rc = tkit_lose(import->ctx, TKIT_LOSS_TRUNCATED, 1, "a name that strace cut");
		if (rc < 0)
			return rc;
	}
	if (event->op == TKIT_OP_CHDIR && event->err == 0) {
		bool absolute = event->path.len && event->path.ptr[0] == '/';

		/* A relative one is told by the next AT_FDCWD</path>; until then it is unknown. */
		if (event->pflags & TKIT_P_FD)
			strace_set_cwd(import->strace, parts->pid, event->base.ptr,
				       event->base.len);
		else
			strace_set_cwd(import->strace, parts->pid,
				       absolute ? event->path.ptr : NULL, event->path.len);
	}
	rc = emit(import, event);
	return rc < 0 ? rc : LINE_USED;
}

static int take_access(struct import *import, const struct strace_parts *parts,
		       const struct tkit_syscall *sys)
{
	struct strace_arg args[STRACE_ARGS];
	int count = strace_args(parts->args, parts->args_len, args), rc;
	struct tkit_event event;
	long len;

	if (count < 0 || !strace_room(import->strace, parts->args_len + parts->result_len))
		return LINE_BAD;
	tkit_event_init(&event, TKIT_EVENT_ACCESS);
	event.valid = parts->pid ? TKIT_V_PID : 0;
	event.pid = parts->pid;
	event.sysno = sys->nr;
	event.arch = (uint16_t)tkit_native_arch();
	event.valid |= TKIT_V_SYSNO;
	if (!result_of(parts, &event))
		return LINE_USED; /* interrupted and restarted, or the process ended in it */
	flags_of(sys, args, count, &event);
	if (sys->op == TKIT_OP_OPEN && event.err == 0) {
		len = strace_fd_path(parts->result, parts->result_len, import->strace->text[2]);
		if (len > 0) {
			event.resolved.ptr = import->strace->text[2];
			event.resolved.len = (size_t)len;
			event.valid |= TKIT_V_RESOLVED;
		}
	}
	rc = emit_path(import, sys, parts, args, count, &event, false);
	if (rc != LINE_USED || sys->op2 == TKIT_OP_NONE)
		return rc;
	event.path.len = event.base.len = 0;
	event.valid &= ~(TKIT_V_PATH | TKIT_V_BASE);
	event.pflags = 0;
	return emit_path(import, sys, parts, args, count, &event, true);
}

/* clone, fork, vfork: the child starts in its parent's directory. */
static int take_fork(struct import *import, const struct strace_parts *parts)
{
	struct tkit_event event, fork;
	const char *cwd;

	tkit_event_init(&event, TKIT_EVENT_ACCESS);
	if (!result_of(parts, &event) || event.err || event.ret <= 0)
		return LINE_USED;
	cwd = strace_cwd(import->strace, parts->pid);
	if (cwd)
		strace_set_cwd(import->strace, (int32_t)event.ret, cwd, strlen(cwd));
	if (memmem(parts->args, parts->args_len, "CLONE_THREAD", 12))
		return LINE_USED;
	tkit_event_init(&fork, TKIT_EVENT_FORK);
	fork.valid = TKIT_V_PID | TKIT_V_PPID;
	fork.pid = (int32_t)event.ret;
	fork.ppid = parts->pid;
	return emit(import, &fork) < 0 ? -ECANCELED : LINE_USED;
}

static int take_exit(struct import *import, const struct strace_parts *parts)
{
	static const char exited[] = "exited with ";
	struct tkit_event event;

	strace_forget(import->strace, parts->pid);
	tkit_event_init(&event, TKIT_EVENT_EXIT);
	event.valid = parts->pid ? TKIT_V_PID : 0;
	event.pid = parts->pid;
	if (parts->result_len > sizeof(exited) - 1 &&
	    !memcmp(parts->result, exited, sizeof(exited) - 1)) {
		long status = strtol(parts->result + sizeof(exited) - 1, NULL, 10);

		event.ret = W_EXITCODE((int)status & 255, 0);
		event.valid |= TKIT_V_RET;
	}
	return emit(import, &event) < 0 ? -ECANCELED : LINE_USED;
}

int strace_line(struct import *import, const struct line *line)
{
	const struct tkit_syscall *sys;
	struct strace_parts parts;
	char name[24];

	if (!strace_state(import))
		return -ENOMEM;
	if (!strace_cut(line->text, line->len, &parts))
		return LINE_BAD;
	if (parts.form == STRACE_SIGNAL)
		return LINE_USED;
	if (parts.form == STRACE_EXIT)
		return take_exit(import, &parts);
	if (parts.form == STRACE_UNFINISHED)
		return strace_keep(import, &parts);
	if (parts.form == STRACE_RESUMED) {
		int rc = strace_join(import, &parts);

		if (rc != LINE_USED)
			return rc;
	}
	if (parts.name_len >= sizeof(name))
		return LINE_USED;
	memcpy(name, parts.name, parts.name_len);
	name[parts.name_len] = '\0';
	if (!strcmp(name, "fork") || !strcmp(name, "vfork") || !strcmp(name, "clone") ||
	    !strcmp(name, "clone3"))
		return take_fork(import, &parts);
	sys = tkit_syscall_by_name(tkit_native_arch(), name);
	return sys ? take_access(import, &parts, sys) : LINE_USED;
}
