// SPDX-License-Identifier: MIT
/* The held child: nothing runs before it is let go, and it never hangs. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "session/hold.h"
#include "session/launch.h"
#include "util/procfs.h"

static struct launch_config config_for(const char *path, char **argv)
{
	struct launch_config config = {.path = path, .argv = argv, .root_fd = -1};

	sigprocmask(SIG_SETMASK, NULL, &config.mask);
	sigaction(SIGPIPE, NULL, &config.pipe_action);
	sigaction(SIGCHLD, NULL, &config.child_action);
	return config;
}

/* Lets it go and waits for exec and end. Returns the wait status; *ret_exec the outcome. */
static int let_go(struct launch *launch, int *ret_exec)
{
	int status = -1;

	assert_int_equal(launch_go(launch, NULL), 0);
	while ((*ret_exec = launch_outcome(launch)) == 1) {
		struct pollfd fd = {.fd = launch->sock, .events = POLLIN};

		poll(&fd, 1, 5000);
	}
	assert_int_equal(waitpid(launch->pid, &status, 0), launch->pid);
	launch->reaped = true;
	return status;
}

static void test_hold_and_go(void **state)
{
	char *argv[] = {(char *)"sh", (char *)"-c", (char *)"echo x >&\"$0\"; exit 7", NULL, NULL};
	struct launch_config config;
	struct launch launch;
	char number[16], byte;
	int fds[2], outcome, status;

	assert_int_equal(pipe(fds), 0);
	snprintf(number, sizeof(number), "%d", fds[1]);
	argv[3] = number;
	config = config_for("/bin/sh", argv);
	assert_int_equal(launch_hold(&launch, &config, NULL), 0);
	close(fds[1]);
	assert_true(launch.held);
	assert_true(launch.pid > 0);
	assert_true(procfs_alive(launch.pid));
	assert_int_equal(procfs_parent(launch.pid), getpid());
	assert_int_equal(getpgid(launch.pid), getpgrp());
	fcntl(fds[0], F_SETFL, O_NONBLOCK);
	assert_int_equal(read(fds[0], &byte, 1), -1); /* has not run */
	fcntl(fds[0], F_SETFL, 0);
	status = let_go(&launch, &outcome);
	assert_int_equal(outcome, 0);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 7);
	assert_int_equal(read(fds[0], &byte, 1), 1);
	close(fds[0]);
	launch_done(&launch);
}

static void test_exec_failure(void **state)
{
	char *argv[] = {(char *)"x", NULL};
	struct launch_config config = config_for("/nonexistent/x", argv);
	struct launch launch;
	int outcome, status;

	assert_int_equal(launch_hold(&launch, &config, NULL), 0);
	status = let_go(&launch, &outcome);
	assert_int_equal(outcome, -ENOENT);
	assert_int_equal(WEXITSTATUS(status), 127);
	launch_done(&launch);

	config.path = "/etc";
	assert_int_equal(launch_hold(&launch, &config, NULL), 0);
	status = let_go(&launch, &outcome);
	assert_int_equal(outcome, -EACCES);
	assert_int_equal(WEXITSTATUS(status), 126);
	launch_done(&launch);
}

/* A text file without "#!" is for the shell, as with execvp(3). */
static void test_shell_script(void **state)
{
	char path[] = "/tmp/tkit-launch-XXXXXX";
	char *argv[] = {path, (char *)"5", NULL};
	struct launch_config config = config_for(path, argv);
	struct launch launch;
	int fd = mkstemp(path), outcome, status;

	assert_true(fd >= 0);
	dprintf(fd, "exit $1\n");
	fchmod(fd, 0755);
	close(fd);
	assert_int_equal(launch_hold(&launch, &config, NULL), 0);
	status = let_go(&launch, &outcome);
	assert_int_equal(outcome, 0);
	assert_int_equal(WEXITSTATUS(status), 5);
	launch_done(&launch);
	unlink(path);
}

static void test_called_off(void **state)
{
	char *argv[] = {(char *)"true", NULL};
	struct launch_config config = config_for("/bin/true", argv);
	struct launch launch;
	pid_t pid;

	assert_int_equal(launch_hold(&launch, &config, NULL), 0);
	pid = launch.pid;
	launch_done(&launch);
	assert_int_equal(procfs_state(pid), 0); /* gone and reaped */
	launch_done(&launch);
}

/* tkit itself dies: the held child must neither run nor stay. */
static void test_orphaned(void **state)
{
	char *argv[] = {(char *)"sh", (char *)"-c", (char *)"echo ran >&2; kill -KILL $$", NULL};
	pid_t keeper, child = 0;
	int fds[2], status;

	assert_int_equal(pipe(fds), 0);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	keeper = fork();
	if (keeper == 0) {
		struct launch_config config = config_for("/bin/sh", argv);
		struct launch launch;

		if (launch_hold(&launch, &config, NULL) < 0)
			_exit(1);
		if (write(fds[1], &launch.pid, sizeof(launch.pid)) < 0)
			_exit(1);
		kill(getpid(), SIGKILL);
	}
	assert_int_equal(read(fds[0], &child, sizeof(child)), sizeof(child));
	assert_int_equal(waitpid(keeper, &status, 0), keeper);
	assert_true(WIFSIGNALED(status));
	/* The grandchild comes to us; it has exited by itself. */
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 125);
	prctl(PR_SET_CHILD_SUBREAPER, 0);
	close(fds[0]);
	close(fds[1]);
}

/* Makes getpriority(2) fail with errno 99 where `action` is RET_ERRNO. */
static size_t make_filter(struct sock_filter filter[4], uint32_t action)
{
	filter[0] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
						 offsetof(struct seccomp_data, nr));
	filter[1] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getpriority, 0, 1);
	filter[2] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, action);
	filter[3] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
	return 4;
}

static void test_seccomp(void **state)
{
	char *argv[] = {(char *)"sh", (char *)"-c",
			(char *)"grep -q '^Seccomp:.2' /proc/self/status", NULL};
	struct launch_config config = config_for("/bin/sh", argv);
	struct err err = ERR_INIT;
	struct sock_filter filter[4];
	size_t count = make_filter(filter, SECCOMP_RET_ERRNO | 99);
	struct launch launch;
	int outcome, status;

	assert_int_equal(launch_hold(&launch, &config, NULL), 0);
	assert_int_equal(launch_seccomp(&launch, &err, filter, count, 0, NULL), 0);
	/* What the kernel refuses comes back as its errno, and the child is still held. */
	filter[0].code = 0xffff;
	assert_int_equal(launch_seccomp(&launch, &err, filter, count, 0, NULL), -EINVAL);
	assert_non_null(strstr(err.text, "seccomp"));
	err_done(&err);
	assert_int_equal(launch_seccomp(&launch, &err, filter, 0, 0, NULL), -EINVAL);
	assert_int_equal(launch_seccomp(&launch, &err, filter, HOLD_FILTER_MAX + 1, 0, NULL),
			 -EINVAL);
	err_done(&err);
	status = let_go(&launch, &outcome);
	assert_int_equal(outcome, 0);
	assert_int_equal(WEXITSTATUS(status), 0);
	/* Too late now. */
	assert_int_equal(launch_seccomp(&launch, &err, filter, count, 0, NULL), -EPERM);
	err_done(&err);
	launch_done(&launch);
}

static void answer(int listener)
{
	struct seccomp_notif request = {0};
	struct seccomp_notif_resp response = {0};

	assert_int_equal(ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &request), 0);
	assert_int_equal(request.data.nr, SYS_getpriority);
	response.id = request.id;
	response.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
	assert_int_equal(ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response), 0);
}

static void test_listener(void **state)
{
	char *argv[] = {(char *)"nice", NULL};
	struct launch_config config = config_for("/usr/bin/nice", argv);
	struct sock_filter filter[4];
	size_t count = make_filter(filter, SECCOMP_RET_USER_NOTIF);
	struct launch launch;
	struct pollfd fd = {.fd = -1, .events = POLLIN};
	int status, null = open("/dev/null", O_WRONLY | O_CLOEXEC), out = dup(1);

	if (access("/usr/bin/nice", X_OK) < 0) {
		print_message("skipped: no nice(1) here\n");
		skip();
	}
	dup2(null, 1);
	assert_int_equal(launch_hold(&launch, &config, NULL), 0);
	dup2(out, 1);
	assert_int_equal(launch_seccomp(&launch, NULL, filter, count,
					SECCOMP_FILTER_FLAG_NEW_LISTENER, &fd.fd),
			 0);
	assert_true(fd.fd >= 0);
	assert_true(fcntl(fd.fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(launch_go(&launch, NULL), 0);
	while (waitpid(launch.pid, &status, WNOHANG) == 0)
		if (poll(&fd, 1, 20) > 0 && (fd.revents & POLLIN))
			answer(fd.fd);
	launch.reaped = true;
	assert_int_equal(status, 0);
	close(fd.fd);
	close(null);
	close(out);
	launch_done(&launch);
}

static void test_new_root(void **state)
{
	char *argv[] = {(char *)"x", NULL};
	struct launch_config config = config_for("/nosuch", argv);
	struct launch launch;
	struct err err = ERR_INIT;
	char link[256];

	config.root_fd = open("/tmp", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (geteuid() != 0) {
		assert_int_equal(launch_hold(&launch, &config, &err), -EPERM);
		err_done(&err);
		close(config.root_fd);
		return;
	}
	assert_int_equal(launch_hold(&launch, &config, NULL), 0);
	assert_true(procfs_link(launch.pid, "root", link, sizeof(link)) > 0);
	assert_string_equal(link, "/tmp");
	assert_true(procfs_link(launch.pid, "cwd", link, sizeof(link)) > 0);
	assert_string_equal(link, "/tmp");
	launch_done(&launch);
	close(config.root_fd);
}

static void test_resolve(void **state)
{
	struct err err = ERR_INIT;
	char *path = NULL, *old = strdup(getenv("PATH"));
	int root = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	setenv("PATH", "/nonexistent:/etc:/bin", 1);
	assert_int_equal(launch_resolve("sh", -1, &path, &err), 0);
	assert_string_equal(path, "/bin/sh");
	free(path);
	assert_int_equal(launch_resolve("sh", root, &path, &err), 0);
	assert_string_equal(path, "/bin/sh");
	free(path);
	assert_int_equal(launch_resolve("no-such-command", -1, &path, &err), -ENOENT);
	assert_int_equal(launch_resolve("passwd-of-tkit/x", -1, &path, &err), -ENOENT);
	assert_int_equal(launch_resolve("/etc", -1, &path, &err), -EACCES);
	assert_int_equal(launch_resolve("/etc/passwd", -1, &path, &err), -EACCES);
	assert_int_equal(launch_resolve("group", -1, &path, &err), -EACCES); /* in /etc */
	assert_int_equal(launch_resolve("", -1, &path, &err), -ENOENT);
	unsetenv("PATH");
	assert_int_equal(launch_resolve("sh", -1, &path, &err), 0);
	free(path);
	setenv("PATH", old, 1);
	free(old);
	err_done(&err);
	close(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hold_and_go),  cmocka_unit_test(test_exec_failure),
		cmocka_unit_test(test_shell_script), cmocka_unit_test(test_called_off),
		cmocka_unit_test(test_orphaned),     cmocka_unit_test(test_seccomp),
		cmocka_unit_test(test_listener),     cmocka_unit_test(test_new_root),
		cmocka_unit_test(test_resolve),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
