// SPDX-License-Identifier: MIT
/* From a process to its container: lines of /proc/PID/cgroup and mounted hierarchies. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "container/container.h"
#include "util/cleanup.h"
#include "util/smallfile.h"

#define ID  "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define ID2 "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"

static void assert_cgroup_id(const char *path, const char *want, const char *want_path)
{
	char id[65] = "";
	size_t len = 0;

	if (!want) {
		assert_false(container_id_in_cgroup(path, &len, id));
		return;
	}
	assert_true(container_id_in_cgroup(path, &len, id));
	assert_string_equal(id, want);
	assert_int_equal(len, strlen(want_path));
	assert_memory_equal(path, want_path, len);
}

static void test_id_in_cgroup(void **state)
{
	static const char *const own[] = {
		"/docker/" ID,
		"/system.slice/docker-" ID ".scope",
		"/libpod_parent/libpod-" ID,
		"/machine.slice/libpod-" ID ".scope",
		"/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-" ID ".scope",
		"/default/" ID,
		"/kubepods/burstable/pod1b2c3d4e-0000-1111-2222-333344445555/" ID,
		"/kubepods.slice/kubepods-besteffort.slice/cri-containerd-" ID ".scope",
		"/system.slice/containerd.service/kubepods-pod1.slice:cri-containerd:" ID,
		"/machine.slice/crio-" ID ".scope",
		ID,
	};

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++)
		assert_cgroup_id(own[i], ID, own[i]);
	/* groups that the container has made below */
	assert_cgroup_id("/docker/" ID "/sub/group", ID, "/docker/" ID);
	assert_cgroup_id("/machine.slice/libpod-" ID ".scope/container", ID,
			 "/machine.slice/libpod-" ID ".scope");
	/* a container in a container is the inner one */
	assert_cgroup_id("/docker/" ID "/docker/" ID2 "/x", ID2, "/docker/" ID "/docker/" ID2);
	/* conmon is not in the container */
	assert_cgroup_id("/machine.slice/libpod-conmon-" ID ".scope", NULL, NULL);
	assert_cgroup_id("/libpod_parent/libpod-conmon-" ID "/x", NULL, NULL);
}

static void test_no_id_in_cgroup(void **state)
{
	static const char *const none[] = {
		"",
		"/",
		"//",
		"///x//",
		"/user.slice/user-0.slice/session-1.scope",
		"/docker/0123456789abcdef", /* short */
		"/docker/" ID "0",          /* one too many */
		"/docker/0" ID,
		"/docker/" ID ID,
		"/docker/0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF0123456789ABCDEF",
		"/docker/0123456789abcdef0123456789abcdef/0123456789abcdef0123456789abcdef",
	};
	char *big = malloc(70000);

	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
		assert_cgroup_id(none[i], NULL, NULL);
	assert_non_null(big);
	memset(big, 'a', 69999);
	big[69999] = '\0';
	assert_cgroup_id(big, NULL, NULL);
	free(big);
}

static void assert_groups(const char *text, const char *want)
{
	_cleanup_free_ char *copy = strdup(text);
	char id[65];

	assert_int_equal(container_id_in_groups(copy, id), want != NULL);
	if (want)
		assert_string_equal(id, want);
}

static void test_groups(void **state)
{
	assert_groups("0::/docker/" ID "\n", ID);
	assert_groups("4:freezer:/docker/" ID "\n0::/\n", ID);
	assert_groups("1:name=systemd:/a\n0::/x", NULL);
	/* colons belong to the path */
	assert_groups("0::/a.slice:cri-containerd:" ID "\n", ID);
	assert_groups("0::/docker/" ID "/a:b\n", ID);
	/* lines that are none */
	assert_groups("", NULL);
	assert_groups("\n\n:\n::\n0\n0:\n", NULL);
	assert_groups(ID "\n", NULL);
	assert_groups("0:" ID "\n", NULL);
	assert_groups("0::" ID "\n", NULL);
	assert_groups(":::/" ID, NULL);
}

#define V2  "25 1 0:22 / /sys/fs/cgroup rw - cgroup2 cgroup rw\n"
#define V1F "31 25 0:27 / /sys/fs/cgroup/freezer rw shared:9 - cgroup cgroup rw,freezer\n"
#define V1P "32 25 0:28 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n"
#define V1C "33 25 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
#define HYB "34 25 0:30 / /sys/fs/cgroup/uni\\040fied rw - cgroup2 cgroup2 rw\n"

static void assert_dir(const char *groups, const char *mounts, const char *want)
{
	_cleanup_free_ char *g = strdup(groups), *m = strdup(mounts), *dir = NULL;
	struct err err = ERR_INIT;

	if (want) {
		assert_int_equal(container_cgroup_in(g, m, &dir, &err), 0);
		assert_string_equal(dir, want);
		return;
	}
	assert_int_equal(container_cgroup_in(g, m, &dir, &err), -ENOENT);
	assert_non_null(err_text(&err));
	assert_null(dir);
	err_done(&err);
}

static void test_cgroup_dir(void **state)
{
	assert_dir("0::/docker/" ID "\n", V2, "/sys/fs/cgroup/docker/" ID);
	assert_dir("0::/docker/" ID "/sub\n", V2, "/sys/fs/cgroup/docker/" ID);
	assert_dir("0::/user.slice/x\n", V2, "/sys/fs/cgroup/user.slice/x");
	/* v2 is better than v1, also hybrid; freezer is the best of v1 */
	assert_dir("4:freezer:/docker/" ID "\n0::/docker/" ID "\n", V1F HYB,
		   "/sys/fs/cgroup/uni fied/docker/" ID);
	assert_dir("2:pids:/docker/" ID "\n4:freezer:/docker/" ID "\n0::/\n", V1P V1F HYB,
		   "/sys/fs/cgroup/freezer/docker/" ID);
	assert_dir("2:pids:/p\n3:cpu,cpuacct:/c\n", V1P V1C, "/sys/fs/cgroup/pids/p");
	assert_dir("3:cpu,cpuacct:/c\n", V1P V1C, "/sys/fs/cgroup/cpu,cpuacct/c");
	/* outside of what tkit's own cgroup namespace shows */
	assert_dir("0::/../other\n", V2, NULL);
	assert_dir("0::/\n", V2, NULL);
	/* not mounted */
	assert_dir("0::/docker/" ID "\n", V1F, NULL);
	assert_dir("4:freezer:/x\n", V2 V1P, NULL);
	/* only a part of the hierarchy is mounted */
	assert_dir("0::/docker/" ID "\n", "25 1 0:22 /docker /sys/fs/cgroup rw - cgroup2 c rw\n",
		   NULL);
}

static void test_cgroup_hostile(void **state)
{
	static const char *const mounts[] = {
		"",
		"\n",
		" - ",
		" - cgroup2",
		"a - cgroup2 b c",
		"1 2 3 / - cgroup2 b c",
		"1 2 3 /  - cgroup2 b c\n - - -\n",
		"25 1 0:22 / /sys/fs/cgroup rw - cgroup2x c rw\n",
	};
	char *deep = malloc(20000);

	for (size_t i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++)
		if (i != 6) /* an empty mount point is odd, but not ours to judge */
			assert_dir("0::/docker/" ID "\n", mounts[i], NULL);
	assert_dir("", V2, NULL);
	assert_dir("::::\n0\n0:\n0::\n", V2, NULL);
	assert_non_null(deep);
	snprintf(deep, 20000, "1 2 3 / /%08000d rw - cgroup2 c rw\n", 0);
	{
		_cleanup_free_ char *g = strdup("0::/x\n"), *dir = NULL;

		/* longer than a path can be: cut, never overrun */
		(void)container_cgroup_in(g, deep, &dir, NULL);
	}
	free(deep);
}

/* tkit's own group, in the hierarchy of another one. */
static void test_own_group(void **state)
{
	_cleanup_free_ char *near = NULL, *own = NULL, *path = NULL, *text = NULL;
	char like[5000], pid[16];
	struct err err = ERR_INIT;

	assert_int_equal(container_cgroup_own("/nowhere/x", &own, &err), -ENOENT);
	assert_true(strlen(err_text(&err)) > 0);
	err_done(&err);
	if (container_cgroup_dir(getpid(), &near, NULL) < 0) {
		print_message("in no control group: not tested\n");
		skip();
	}
	snprintf(like, sizeof(like), "%s/x", near);
	assert_int_equal(container_cgroup_own(like, &own, NULL), 0);
	{
		struct container mine = {.cgroup = near}, other = {.cgroup = like};

		assert_int_equal(container_is_apart(&mine, &err), -ENOENT);
		assert_non_null(strstr(err_text(&err), "control group of its own"));
		err_done(&err);
		assert_int_equal(container_is_apart(&other, NULL), 0);
	}
	assert_true(asprintf(&path, "%s/cgroup.procs", own) > 0);
	assert_true(smallfile_load(path, &text) >= 0);
	snprintf(pid, sizeof(pid), "%d\n", getpid());
	assert_non_null(strstr(text, pid));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_id_in_cgroup),   cmocka_unit_test(test_no_id_in_cgroup),
		cmocka_unit_test(test_groups),         cmocka_unit_test(test_cgroup_dir),
		cmocka_unit_test(test_cgroup_hostile), cmocka_unit_test(test_own_group),
	};

	return cmocka_run_group_tests_name("container cgroup", tests, NULL, NULL);
}
