// SPDX-License-Identifier: MIT
/* Containers as the host sees them: control groups, runtimes' states, names for traces. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "container/container.h"
#include "container/hook.h"
#include "container/procfile.h"
#include "container/runtime.h"
#include "container/tracer.h"
#include "tree.h"
#include "util/cleanup.h"

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

#define ARGS(...) ((const char *const[]){__VA_ARGS__, NULL})

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
	assert_true(asprintf(&path, "%s/cgroup.procs", own) > 0);
	assert_true(procfile_load(path, &text) >= 0);
	snprintf(pid, sizeof(pid), "%d\n", getpid());
	assert_non_null(strstr(text, pid));
}

static void assert_call(const char *const *args, const char *command, const char *id,
			const char *root, const char *bundle)
{
	struct runtime_call call;

	runtime_parse((char *const *)args, &call);
#define SAME(field)                                             \
	do {                                                    \
		if (field)                                      \
			assert_string_equal(call.field, field); \
		else                                            \
			assert_null(call.field);                \
	} while (0)
	SAME(command);
	SAME(id);
	SAME(root);
	SAME(bundle);
#undef SAME
}

static void test_runtime_words(void **state)
{
	static const char *const nothing[] = {NULL};

	/* as containerd's shim calls runc */
	assert_call(ARGS("--root", "/run/r", "--log", "/l", "--log-format", "json", "create",
			 "--bundle", "/b", "--pid-file", "/p", "c1"),
		    "create", "c1", "/run/r", "/b");
	assert_call(ARGS("--root", "/run/r", "start", "c1"), "start", "c1", "/run/r", NULL);
	/* as conmon does */
	assert_call(ARGS("--systemd-cgroup", "--rootless=true", "--root=/r", "start", "c1"),
		    "start", "c1", "/r", NULL);
	/* crun */
	assert_call(ARGS("--cgroup-manager", "disabled", "--debug", "create", "-b/b", "-f", "conf",
			 "c1"),
		    "create", "c1", NULL, "/b");
	assert_call(ARGS("--cgroup-manager=systemd", "run", "-b", "/b", "-f", "conf", "c1"), "run",
		    "c1", NULL, "/b");
	assert_call(ARGS("create", "--bundle=/b", "--no-pivot", "--preserve-fds", "3", "c1"),
		    "create", "c1", NULL, "/b");
	/* one dash is as good as two for runc */
	assert_call(ARGS("-root", "/r", "create", "-bundle=/b", "c1"), "create", "c1", "/r", "/b");
	assert_call(ARGS("start", "--", "-odd"), "start", "-odd", NULL, NULL);
	/* exec: the words after the id are not ours */
	assert_call(
		ARGS("exec", "-e", "A=b", "-u", "0", "--process", "/p", "-d", "c1", "--root", "/x"),
		"exec", "c1", NULL, NULL);
	assert_call(ARGS("delete", "-f", "c1"), "delete", "c1", NULL, NULL);
	assert_call(ARGS("kill", "c1", "SIGTERM"), "kill", "c1", NULL, NULL);
	/* too little, too odd */
	assert_call(nothing, NULL, NULL, NULL, NULL);
	assert_call(ARGS("--root"), NULL, NULL, NULL, NULL);
	assert_call(ARGS("--root="), NULL, NULL, "", NULL);
	assert_call(ARGS("start"), "start", NULL, NULL, NULL);
	assert_call(ARGS("-"), "-", NULL, NULL, NULL);
	assert_call(ARGS("--version"), NULL, NULL, NULL, NULL);
	assert_call(ARGS("--"), NULL, NULL, NULL, NULL);
	assert_call(ARGS("--a-very-long-option-name-that-nobody-has-ever-heard-of=x", "start", "c"),
		    "start", "c", NULL, NULL);
}

static void assert_name(const char *template, const struct container *c, const char *want)
{
	_cleanup_free_ char *name = NULL;
	struct err err = ERR_INIT;
	int rc = tracer_name(template, c, &name, &err);

	if (want) {
		assert_int_equal(rc, 0);
		assert_string_equal(name, want);
	} else {
		assert_true(rc < 0);
		assert_non_null(err_text(&err));
	}
	err_done(&err);
}

static void test_names(void **state)
{
	char id[] = ID, name[] = "web-1_x.y", image[] = "reg.io/nginx:1.25@sha256:ab", none[] = "";
	char hostile[] = "../../etc/\n\x01\xff passwd", dots[] = "..", hidden[] = ".ssh";
	struct container c = {.id = id, .name = name, .image = image};

	assert_name("{name}-{id}.tkit", &c, "web-1_x.y-0123456789ab.tkit");
	assert_name("{fullid}", &c, ID);
	assert_name("{image}", &c, "reg.io_nginx_1.25_sha256_ab");
	assert_name("a/b", &c, "a_b");
	assert_name("../{name}", &c, "_._web-1_x.y"); /* never out of the directory */
	c.name = hostile;
	assert_name("{name}", &c, "_._.._etc_____passwd");
	c.name = dots;
	assert_name("{name}", &c, "_.");
	c.name = hidden;
	assert_name("{name}", &c, "_ssh");
	c.name = c.image = none;
	assert_name("{name} {image}", &c, "container_image");
	assert_name("{nobody}", &c, NULL);
	assert_name("{}", &c, NULL);
	assert_name("{id", &c, "_id"); /* no field */
	assert_name("{{id}", &c, NULL);
	c.name = malloc(300);
	assert_non_null(c.name);
	memset(c.name, 'n', 299);
	c.name[299] = '\0';
	assert_name("{name}", &c, NULL);
	free(c.name);
}

static void test_name_time(void **state)
{
	char id[] = ID, none[] = "";
	struct container c = {.id = id, .name = none, .image = none};
	_cleanup_free_ char *name = NULL;

	assert_int_equal(tracer_name("{time}", &c, &name, NULL), 0);
	assert_int_equal(strlen(name), strlen("20260131T235959.123456"));
	assert_int_equal(name[8], 'T');
	assert_int_equal(name[15], '.');
}

/* ---- states of runtimes and hooks; this process plays the container's first one ---- */

struct state_dir {
	struct tree tree;
	char root[80];
	uint64_t start;
	bool in_group; /* this process is in a control group that is mounted here */
};

static int dir_setup(void **state)
{
	struct state_dir *dir = calloc(1, sizeof(*dir));
	_cleanup_free_ char *group = NULL;
	pid_t parent;

	if (!dir || tree_new(&dir->tree) < 0)
		return -1;
	snprintf(dir->root, sizeof(dir->root), "%s/runc", dir->tree.dir);
	dir->in_group = container_cgroup_dir(getpid(), &group, NULL) == 0;
	*state = dir;
	return procfile_stat(getpid(), &parent, &dir->start);
}

static int dir_teardown(void **state)
{
	struct state_dir *dir = *state;

	tree_done(&dir->tree);
	free(dir);
	return 0;
}

static int from_state(const struct state_dir *dir, const char *id, struct container *c)
{
	struct err err = ERR_INIT;
	int rc = container_from_state(dir->root, id, c, &err);

	if (rc < 0) {
		assert_true(strlen(err_text(&err)) > 0);
		assert_null(c->id);
	}
	err_done(&err);
	return rc;
}

static void assert_from_state(const struct state_dir *dir, const char *id)
{
	struct container c;
	int rc = from_state(dir, id, &c);

	if (!dir->in_group) {
		assert_int_equal(rc, -ENOENT);
		return;
	}
	assert_int_equal(rc, 0);
	assert_string_equal(c.id, id);
	assert_int_equal(c.init, getpid());
	assert_int_equal(c.cgroup[0], '/');
	assert_non_null(c.name);
	assert_non_null(c.engine);
	container_done(&c);
}

static void test_states(void **state)
{
	struct state_dir *dir = *state;
	char text[256];

	snprintf(text, sizeof(text),
		 "{\"id\":\"c1\",\"init_process_pid\":%d,\"init_process_start\":%llu}", getpid(),
		 (unsigned long long)dir->start);
	tree_file(&dir->tree, "/runc/c1/state.json", text);
	assert_from_state(dir, "c1");
	snprintf(text, sizeof(text), "{\"pid\":%d,\"process-start-time\":%llu}", getpid(),
		 (unsigned long long)dir->start);
	tree_file(&dir->tree, "/runc/c2/status", text);
	assert_from_state(dir, "c2");
}

static void test_states_bad(void **state)
{
	static const char *const bad[] = {
		"",
		"{",
		"null",
		"[1]",
		"{}",
		"{\"init_process_pid\":\"1\"}",
		"{\"init_process_pid\":-5}",
		"{\"init_process_pid\":99999999999}",
		"{\"init_process_pid\":1,\"init_process_pid\":2}",
		"{\"pid\":0}",
	};
	struct state_dir *dir = *state;
	struct container c;
	char text[256];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		tree_file(&dir->tree, "/runc/bad/state.json", bad[i]);
		assert_true(from_state(dir, "bad", &c) < 0);
	}
	/* the pid is somebody else's by now */
	snprintf(text, sizeof(text), "{\"init_process_pid\":%d,\"init_process_start\":%llu}",
		 getpid(), (unsigned long long)dir->start + 1);
	tree_file(&dir->tree, "/runc/old/state.json", text);
	assert_int_equal(from_state(dir, "old", &c), -ESRCH);
	tree_file(&dir->tree, "/runc/gone/state.json", "{\"init_process_pid\":2147483647}");
	assert_int_equal(from_state(dir, "gone", &c), -ESRCH);
	assert_int_equal(from_state(dir, "none", &c), -ENOENT);
	tree_file(&dir->tree, "/outside/state.json", text);
	assert_int_equal(from_state(dir, "../outside", &c), -EINVAL);
	assert_int_equal(from_state(dir, "..", &c), -EINVAL);
	assert_int_equal(from_state(dir, "", &c), -EINVAL);
	/* not a file */
	tree_dir(&dir->tree, "/runc/dir/state.json");
	assert_int_equal(from_state(dir, "dir", &c), -ENOENT);
}

static int hook(const char *text, struct hook_state *ret)
{
	struct err err = ERR_INIT;
	int rc = hook_state_parse(text, strlen(text), ret, &err);

	if (rc < 0)
		assert_true(strlen(err_text(&err)) > 0);
	err_done(&err);
	return rc;
}

static void test_hook_state(void **state)
{
	struct state_dir *dir = *state;
	int want = dir->in_group ? 0 : -ENOENT;
	struct hook_state s;
	char text[512], root[128];

	/* runc: the root directory stands in the bundle, relative to it */
	tree_file(&dir->tree, "/bundle/config.json", "{\"root\":{\"path\":\"rootfs\"}}");
	snprintf(text, sizeof(text),
		 "{\"ociVersion\":\"1\",\"id\":\"h1\",\"status\":\"creating\",\"pid\":%d,"
		 "\"bundle\":\"%s/bundle\",\"annotations\":{\"io.tkit.trace\":\"/srv/t\"}}",
		 getpid(), dir->tree.dir);
	snprintf(root, sizeof(root), "%s/bundle/rootfs", dir->tree.dir);
	assert_int_equal(hook(text, &s), want);
	assert_string_equal(s.container.id, "h1");
	assert_int_equal(s.container.init, getpid());
	assert_string_equal(s.rootfs, root);
	assert_string_equal(s.trace_dir, "/srv/t");
	hook_state_done(&s);
	/* crun tells it; a directory for traces has to be absolute */
	snprintf(text, sizeof(text),
		 "{\"id\":\"h2\",\"pid\":%d,\"root\":\"/merged\",\"bundle\":\"/b\","
		 "\"annotations\":{\"io.tkit.trace\":\"../x\"}}",
		 getpid());
	assert_int_equal(hook(text, &s), want);
	assert_string_equal(s.rootfs, "/merged");
	assert_null(s.trace_dir);
	hook_state_done(&s);
}

static void test_hook_state_bad(void **state)
{
	struct state_dir *dir = *state;
	char text[512];
	struct hook_state s;
	static const char *const bad[] = {
		"",
		" ",
		"x",
		"[]",
		"\"id\"",
		"{}",
		"{\"pid\":1}",
		"{\"id\":1,\"pid\":1}",
		"{\"id\":\"x\"}",
		"{\"id\":\"x\",\"pid\":0}",
		"{\"id\":\"x\",\"pid\":-1}",
		"{\"id\":\"x\",\"pid\":1e3}",
		"{\"id\":\"x\",\"pid\":4294967297}",
		"{\"id\":\"x\",\"pid\":1}", /* neither bundle nor root */
		"{\"id\":\"x\",\"pid\":1,\"root\":\"rel\"}",
		"{\"id\":\"x\",\"pid\":1,\"bundle\":\"/nowhere/at/all\"}",
		"{\"id\":\"x\",\"id\":\"y\",\"pid\":1,\"root\":\"/\"}",
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_true(hook(bad[i], &s) < 0);
		hook_state_done(&s);
	}
	tree_file(&dir->tree, "/bad/config.json", "{\"root\":\"rootfs\"}");
	snprintf(text, sizeof(text), "{\"id\":\"x\",\"pid\":%d,\"bundle\":\"%s/bad\"}", getpid(),
		 dir->tree.dir);
	assert_int_equal(hook(text, &s), -EBADMSG);
	hook_state_done(&s);
	/* text with a NUL, and more than one value */
	assert_true(hook_state_parse("{\"id\":\"a\0b\"}", 12, &s, NULL) < 0);
	hook_state_done(&s);
}

/* ---- what the engines' files tell ---- */

/* In the child: a mount namespace in which `from` is mounted on /etc's stand-in. */
static _Noreturn void play_container(const char *from, const char *to, int ready)
{
	char byte = 'x';

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount(from, to, NULL, MS_BIND, NULL) < 0)
		byte = '-';
	if (write(ready, &byte, 1) != 1)
		_exit(1);
	pause();
	_exit(0);
}

static pid_t start_container(const struct tree *tree, const char *from)
{
	char source[256], at[256], byte = '-';
	int ready[2];
	pid_t pid;

	tree_file(tree, "/mounted", "");
	snprintf(source, sizeof(source), "%s%s", tree->dir, from);
	snprintf(at, sizeof(at), "%s/mounted", tree->dir);
	assert_int_equal(pipe(ready), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0)
		play_container(source, at, ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
	if (byte == 'x')
		return pid;
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	return 0;
}

static void describe(const struct tree *tree, const char *mounted, struct container *c)
{
	pid_t pid = start_container(tree, mounted);

	*c = (struct container){.id = strdup(ID)};
	if (!pid) {
		print_message("no right to mount: not tested\n");
		container_done(c);
		skip();
	}
	c->init = pid;
	container_describe(c);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void test_describe_docker(void **state)
{
	struct state_dir *dir = *state;
	struct container c;

	tree_file(&dir->tree, "/data/containers/" ID "/hosts", "");
	tree_file(&dir->tree, "/data/containers/" ID "/config.v2.json",
		  "{\"Name\":\"/web\",\"Image\":\"sha256:ab\",\"Config\":{\"Image\":\"nginx:1\"}}");
	describe(&dir->tree, "/data/containers/" ID "/hosts", &c);
	assert_string_equal(c.engine, "docker");
	assert_string_equal(c.name, "web");
	assert_string_equal(c.image, "nginx:1");
	assert_string_equal(c.image_digest, "sha256:ab");
	container_done(&c);
	/* not what it should be: unknown, not wrong */
	tree_file(&dir->tree, "/data/containers/" ID "/config.v2.json",
		  "{\"Name\":7,\"Image\":[],\"Config\":\"x\"}");
	describe(&dir->tree, "/data/containers/" ID "/hosts", &c);
	assert_string_equal(c.name, "");
	assert_string_equal(c.image, "");
	container_done(&c);
}

/* docker's directory on a file system of its own: mountinfo tells paths from that one's root. */
static void test_describe_elsewhere(void **state)
{
	struct state_dir *dir = *state;
	struct container c;
	char data[256];

	tree_dir(&dir->tree, "/data");
	snprintf(data, sizeof(data), "%s/data", dir->tree.dir);
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", data, "tmpfs", 0, NULL) < 0) {
		print_message("no right to mount: not tested\n");
		skip();
	}
	tree_file(&dir->tree, "/data/containers/" ID "/hosts", "");
	tree_file(&dir->tree, "/data/containers/" ID "/config.v2.json", "{\"Name\":\"/far\"}");
	describe(&dir->tree, "/data/containers/" ID "/hosts", &c);
	umount2(data, MNT_DETACH);
	assert_string_equal(c.engine, "docker");
	assert_string_equal(c.name, "far");
	container_done(&c);
}

static void test_describe_podman(void **state)
{
	struct state_dir *dir = *state;
	struct container c;

	tree_file(&dir->tree, "/st/overlay-containers/" ID "/userdata/hosts", "");
	tree_file(&dir->tree, "/st/overlay-containers/containers.json",
		  "[7,{\"id\":\"" ID2 "\",\"names\":[\"other\"]},{\"id\":\"" ID
		  "\",\"names\":[\"pod\"],"
		  "\"image\":\"" ID2 "\",\"metadata\":\"{\\\"image-name\\\":\\\"deb:12\\\"}\"}]");
	describe(&dir->tree, "/st/overlay-containers/" ID "/userdata/hosts", &c);
	assert_string_equal(c.engine, "podman");
	assert_string_equal(c.name, "pod");
	assert_string_equal(c.image, "deb:12");
	assert_string_equal(c.image_digest, "sha256:" ID2);
	container_done(&c);
}

static void test_describe_nothing(void **state)
{
	struct state_dir *dir = *state;
	struct container c;

	tree_file(&dir->tree, "/data/plain", "");
	describe(&dir->tree, "/data/plain", &c);
	assert_string_equal(c.engine, "");
	assert_string_equal(c.name, "");
	container_done(&c);
}

int main(void)
{
#define WITH_DIR(test) cmocka_unit_test_setup_teardown(test, dir_setup, dir_teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_id_in_cgroup),
		cmocka_unit_test(test_no_id_in_cgroup),
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_cgroup_dir),
		cmocka_unit_test(test_cgroup_hostile),
		cmocka_unit_test(test_own_group),
		cmocka_unit_test(test_runtime_words),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_name_time),
		WITH_DIR(test_states),
		WITH_DIR(test_states_bad),
		WITH_DIR(test_hook_state),
		WITH_DIR(test_hook_state_bad),
		WITH_DIR(test_describe_docker),
		WITH_DIR(test_describe_elsewhere),
		WITH_DIR(test_describe_podman),
		WITH_DIR(test_describe_nothing),
	};

	return cmocka_run_group_tests_name("container", tests, NULL, NULL);
}
