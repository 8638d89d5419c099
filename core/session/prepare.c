// SPDX-License-Identifier: MIT
#include "session/prepare.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

#include "plugin/probe.h"
#include "util/cleanup.h"
#include "util/procfs.h"

static int open_root(struct session *s, const char *open_path, struct err *err)
{
	s->root_fd = open(open_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (s->root_fd < 0)
		return err_sys(err, -errno, "opening the root directory %s", open_path);
	s->target.root_fd = s->root_fd;
	s->target.root = s->root;
	return 0;
}

static int prepare_root(struct session *s, struct err *err)
{
	const char *dir = s->config->root ? s->config->root : "/";

	s->root = realpath(dir, NULL);
	if (!s->root)
		return err_sys(err, -errno, "root directory %s", dir);
	return open_root(s, s->root, err);
}

static int prepare_command(struct session *s, struct err *err)
{
	int rc;

	if (!s->config->argv || !s->config->argv[0])
		return err_set(err, -EINVAL, "there is no command to run");
	rc = prepare_root(s, err);
	if (rc < 0)
		return rc;
	rc = launch_resolve(s->config->argv[0], s->config->root ? s->root_fd : -1, &s->executable,
			    err);
	if (rc == -ENOENT || rc == -EACCES)
		s->exec_errno = -rc;
	s->target.argv = (const char *const *)s->config->argv;
	return rc;
}

/* The root directory of a process, wherever it is mounted, unless another one is given. */
static int prepare_process(struct session *s, pid_t pid, struct err *err)
{
	char path[64], root[PATH_MAX];
	ssize_t n;

	s->target.pid = pid;
	s->pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (s->pidfd < 0 && errno == EINVAL)
		return err_set(err, -EINVAL, "%d is a thread, not a process", (int)pid);
	if (s->pidfd < 0 && errno != ENOSYS)
		return err_sys(err, -errno, "process %d", (int)pid);
	s->target.pidfd = s->pidfd;
	if (s->config->root)
		return prepare_root(s, err);
	n = procfs_link(pid, "root", root, sizeof(root));
	if (n == -EACCES)
		return err_set(err, -EINVAL,
			       "process %d may not be looked at: that takes its own user, or "
			       "CAP_SYS_PTRACE and every capability that it has",
			       (int)pid);
	if (n < 0)
		return err_sys(err, (int)n, "reading the root directory of process %d", (int)pid);
	s->root = strdup(root);
	if (!s->root)
		return err_sys(err, -ENOMEM, "process %d", (int)pid);
	snprintf(path, sizeof(path), "/proc/%d/root", (int)pid);
	return open_root(s, path, err);
}

/* Says what is wrong with a number that is no process to attach to. */
static int check_pid(pid_t pid, struct err *err)
{
	struct procfs_stat stat;
	pid_t process;

	if (pid <= 0 || !procfs_stat(pid, &stat) || stat.state == 'X')
		return err_set(err, -ESRCH, "there is no process %d", (int)pid);
	process = procfs_process(pid);
	if (process == getpid())
		return err_set(err, -EINVAL, "process %d is tkit itself", (int)pid);
	if (process && process != pid)
		return err_set(err, -EINVAL, "%d is a thread, not a process; its process is %d",
			       (int)pid, (int)process);
	if (stat.kernel)
		return err_set(err, -EINVAL, "process %d is a thread of the kernel's own",
			       (int)pid);
	if (stat.state == 'Z')
		return err_set(err, -EINVAL, "process %d has ended%s", (int)pid,
			       stat.threads > 1 ? " in its first thread: it cannot be attached to"
						: " and waits for its parent (a zombie)");
	return 0;
}

static int prepare_pid(struct session *s, struct err *err)
{
	pid_t pid = s->config->pid;

	int rc = check_pid(pid, err);

	return rc < 0 ? rc : prepare_process(s, pid, err);
}

static int prepare_cgroup(struct session *s, struct err *err)
{
	struct statfs fs;
	struct stat st;

	s->cgroup = realpath(s->config->cgroup, NULL);
	if (!s->cgroup || stat(s->cgroup, &st) < 0 || statfs(s->cgroup, &fs) < 0)
		return err_sys(err, -errno, "control group %s", s->config->cgroup);
	if (!S_ISDIR(st.st_mode) || ((unsigned long)fs.f_type != CGROUP2_SUPER_MAGIC &&
				     (unsigned long)fs.f_type != CGROUP_SUPER_MAGIC))
		return err_set(err, -EINVAL,
			       "%s is not a control group; give its directory below /sys/fs/cgroup",
			       s->config->cgroup);
	s->target.cgroup_path = s->cgroup;
	if ((unsigned long)fs.f_type == CGROUP2_SUPER_MAGIC)
		s->target.cgroup_id = st.st_ino;
	return s->config->init_pid ? prepare_process(s, s->config->init_pid, err)
				   : prepare_root(s, err);
}

static uint64_t needed_cap(uint32_t kind)
{
	switch (kind) {
	case TKIT_TARGET_COMMAND:
		return TKIT_CAN_TARGET_COMMAND;
	case TKIT_TARGET_PID:
		return TKIT_CAN_TARGET_PID;
	case TKIT_TARGET_CGROUP:
		return TKIT_CAN_TARGET_CGROUP;
	case TKIT_TARGET_ALL:
		return TKIT_CAN_TARGET_ALL;
	default:
		return TKIT_CAN_TARGET_NONE;
	}
}

static int check_backends(struct session *s, struct err *err)
{
	static const char *const targets[] = {"no target", "a command", "a process (--pid)",
					      "a control group (--cgroup)",
					      "the whole host (--all)"};
	const char *waits = NULL;

	if (!s->config->backend_count || s->config->backend_count > BUS_SOURCES_MAX - 2)
		return err_set(err, -EINVAL, "a session takes 1 to %d backends",
			       BUS_SOURCES_MAX - 2);
	for (size_t i = 0; i < s->config->backend_count; i++) {
		const struct session_plugin *spec = &s->config->backends[i];
		const struct tkit_plugin *desc = &spec->plugin->desc;
		uint64_t caps = backend_caps(spec->plugin, spec->options);

		if (!(caps & needed_cap(s->target.kind)))
			return err_set(err, -EOPNOTSUPP, "backend %s cannot watch %s", desc->name,
				       targets[s->target.kind]);
		if (caps & TKIT_BACKEND_WAITS) {
			if (waits)
				return err_set(err, -EBUSY,
					       "backends %s and %s cannot trace the same command",
					       waits, desc->name);
			waits = desc->name;
		}
		if (caps & TKIT_CAN_PROCESS)
			s->tree_mask |= 1ull << i;
	}
	return 0;
}

/* Nobody is there who looks at each repeat, or who could compare. */
static bool may_fold(const struct session_config *config)
{
	bool all = config->sink_count > 0 && config->backend_count == 1;

	for (size_t i = 0; i < config->sink_count; i++)
		if (!(config->sinks[i].plugin->desc.caps & TKIT_SINK_FOLDS))
			all = false;
	return all;
}

int prepare_backends(struct session *s, struct err *err)
{
	s->target = (struct tkit_target){
		.size = sizeof(s->target),
		.kind = s->config->target,
		.pidfd = -1,
		.root_fd = -1,
		.self_pid = getpid(),
		.flags = (may_fold(s->config) ? TKIT_TARGET_FOLD : 0) |
			 (s->config->await ? TKIT_TARGET_LATE : 0),
	};
	return check_backends(s, err);
}

int prepare_target(struct session *s, struct err *err)
{
	switch (s->config->target) {
	case TKIT_TARGET_COMMAND:
		return prepare_command(s, err);
	case TKIT_TARGET_PID:
		return prepare_pid(s, err);
	case TKIT_TARGET_CGROUP:
		return prepare_cgroup(s, err);
	default:
		return prepare_root(s, err);
	}
}

void prepare_done(struct session *s)
{
	free(s->root);
	free(s->cgroup);
	free(s->executable);
	if (s->root_fd >= 0)
		close(s->root_fd);
	if (s->pidfd >= 0)
		close(s->pidfd);
}
