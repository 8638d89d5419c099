// SPDX-License-Identifier: MIT
#include "slim/workdir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/mountinfo.h"
#include "util/procfs.h"

#define DEPTH_MAX 4096 /* directories in each other; beyond, what is left is left */

/* ---- removing a tree ---- */

static int remove_all(int dir, dev_t dev, unsigned int depth)
{
	_cleanup_closedir_ DIR *list = fdopendir(dir);
	struct dirent *entry;
	int rc = 0;

	if (!list) {
		rc = -errno;
		close(dir);
		return rc;
	}
	while ((entry = readdir(list))) {
		struct stat st;
		int fd;

		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		if (unlinkat(dir, entry->d_name, 0) == 0)
			continue;
		fd = openat(dir, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
		if (fd < 0) {
			rc = -errno;
			continue;
		}
		if (fstat(fd, &st) < 0 || st.st_dev != dev || depth >= DEPTH_MAX) {
			close(fd);
			rc = -EBUSY;
			continue;
		}
		remove_all(fd, dev, depth + 1);
		if (unlinkat(dir, entry->d_name, AT_REMOVEDIR) < 0)
			rc = -errno;
	}
	return rc;
}

int workdir_remove(int parent, const char *name)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	if (fstat(fd, &st) < 0) {
		close(fd);
		return -errno;
	}
	remove_all(fd, st.st_dev, 0);
	return unlinkat(parent, name, AT_REMOVEDIR) < 0 ? -errno : 0;
}

/* ---- the guardian ---- */

static void call(const char *program, char *const *argv)
{
	pid_t pid = fork();

	if (pid == 0) {
		int null = open("/dev/null", O_RDWR);

		dup2(null, 0);
		dup2(null, 1);
		dup2(null, 2);
		execv(program, argv);
		_exit(127);
	}
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
}

/* Ends and deletes each container whose state is there. */
static void delete_containers(const struct workdir *dir)
{
	_cleanup_free_ char *state = NULL;
	_cleanup_closedir_ DIR *list = NULL;
	struct dirent *entry;

	if (asprintf(&state, "%s/state", dir->path) < 0) {
		state = NULL;
		return;
	}
	list = opendir(state);
	while (list && (entry = readdir(list))) {
		char *argv[] = {(char *)"runc",    (char *)"--root", state, (char *)"delete",
				(char *)"--force", entry->d_name,    NULL};

		if (entry->d_name[0] != '.')
			call(dir->runtime, argv);
	}
}

/* Deepest first: the list is in the order of mounting. */
static void unmount_all(const struct workdir *dir)
{
	_cleanup_free_ char *text = NULL;
	size_t len = strlen(dir->path), count = 0;
	struct mountinfo mount;
	const char *points[512];
	char *at;

	if (procfs_text(getpid(), "mountinfo", &text) < 0)
		return;
	at = text;
	while (count < 512 && mountinfo_next(&at, &mount))
		if (strncmp(mount.point, dir->path, len) == 0 && mount.point[len] == '/')
			points[count++] = mount.point;
	while (count)
		umount2(points[--count], MNT_DETACH | UMOUNT_NOFOLLOW);
}

static void clean_up(const struct workdir *dir)
{
	delete_containers(dir);
	unmount_all(dir);
	/* A container that has just been killed may still write for a moment. */
	for (int i = 0; i < 20 && workdir_remove(AT_FDCWD, dir->path) < 0; i++)
		usleep(50 * 1000);
}

static _Noreturn void guard(const struct workdir *dir, int fd)
{
	sigset_t all;
	char byte;
	int null = open("/dev/null", O_RDWR);

	setsid();
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	prctl(PR_SET_NAME, "tkit-guard", 0, 0, 0);
	/* Nobody who reads tkit's output waits for us. */
	dup2(null, 0);
	dup2(null, 1);
	dup2(null, 2);
	while (read(fd, &byte, 1) < 0 && errno == EINTR)
		;
	sigprocmask(SIG_UNBLOCK, &all, NULL);
	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, sig == SIGCHLD ? SIG_DFL : SIG_IGN);
	clean_up(dir);
	_exit(0);
}

static int start_guardian(struct workdir *dir, struct err *err)
{
	int pair[2];

	if (pipe2(pair, O_CLOEXEC) < 0)
		return err_sys(err, -errno, "making a pipe");
	dir->guardian = fork();
	if (dir->guardian == 0) {
		close(pair[1]);
		guard(dir, pair[0]);
	}
	close(pair[0]);
	dir->guard = pair[1];
	if (dir->guardian < 0)
		return err_sys(err, -errno, "starting a process");
	return 0;
}

/* ---- life ---- */

static int make_dir(struct workdir *dir, struct err *err)
{
	const char *tmp = getenv("TMPDIR");

	if (!tmp || tmp[0] != '/')
		tmp = "/var/tmp";
	if (asprintf(&dir->path, "%s/tkit-slim.XXXXXX", tmp) < 0) {
		dir->path = NULL;
		return err_sys(err, -ENOMEM, "making a directory");
	}
	if (!mkdtemp(dir->path)) {
		int rc = err_sys(err, -errno, "making a directory in %s", tmp);

		free(TAKE_PTR(dir->path));
		return rc;
	}
	return 0;
}

int workdir_init(struct workdir *dir, const char *runtime, struct err *err)
{
	int rc;

	*dir = (struct workdir){.guard = -1};
	if (geteuid() != 0)
		return err_set(err, -EPERM,
			       "running images needs root: it makes containers and watches them");
	dir->runtime = strdup(runtime);
	if (!dir->runtime)
		return err_sys(err, -ENOMEM, "starting");
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		return err_sys(err, -errno, "making a mount namespace");
	rc = make_dir(dir, err);
	if (rc == 0)
		rc = start_guardian(dir, err);
	return rc;
}

void workdir_done(struct workdir *dir)
{
	if (!dir)
		return;
	cleanup_close(&dir->guard);
	if (dir->guardian > 0)
		while (waitpid(dir->guardian, NULL, 0) < 0 && errno == EINTR)
			;
	free(dir->path);
	free(dir->runtime);
	*dir = (struct workdir){.guard = -1};
}

char *workdir_path(const struct workdir *dir, const char *name, mode_t mode, struct err *err)
{
	char *path;

	if (asprintf(&path, "%s/%s", dir->path, name) < 0) {
		err_sys(err, -ENOMEM, "naming a file");
		return NULL;
	}
	if (mode && mkdir(path, mode) < 0) {
		err_sys(err, -errno, "making %s", path);
		free(path);
		return NULL;
	}
	return path;
}
