// SPDX-License-Identifier: MIT
/* What OCI runtimes are told and what they note: command lines, names for traces, states. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "container/hook.h"
#include "container/runtime.h"
#include "container/trace_name.h"
#include "container_dir.h"

#define ID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

#define ARGS(...) ((const char *const[]){__VA_ARGS__, NULL})

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
	int rc = trace_name(template, c, &name, &err);

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

	assert_int_equal(trace_name("{time}", &c, &name, NULL), 0);
	assert_int_equal(strlen(name), strlen("20260131T235959.123456"));
	assert_int_equal(name[8], 'T');
	assert_int_equal(name[15], '.');
}

static void assert_taken(int dir_fd, const char *wanted, const char *got)
{
	char *name = strdup(wanted);

	assert_non_null(name);
	assert_int_equal(trace_name_take(dir_fd, &name, NULL), 0);
	assert_string_equal(name, got);
	assert_int_equal(faccessat(dir_fd, got, F_OK, 0), 0);
	free(name);
}

/* A second container of that name, or at that time, does not replace the trace of the first one. */
static void test_name_taken(void **state)
{
	struct state_dir *dir = *state;
	int fd = open(dir->tree.dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char *name = strdup("none/x");

	assert_true(fd >= 0);
	tree_file(&dir->tree, "/web.tkit", "a trace");
	assert_taken(fd, "web.tkit", "web-2.tkit");
	assert_taken(fd, "web.tkit", "web-3.tkit");
	assert_taken(fd, "a.b.tkit", "a.b.tkit");
	assert_taken(fd, "a.b.tkit", "a.b-2.tkit");
	assert_taken(fd, "plain", "plain");
	assert_taken(fd, "plain", "plain-2");
	assert_int_equal(symlinkat("/etc/passwd", fd, "led.tkit"), 0);
	assert_taken(fd, "led.tkit", "led-2.tkit");
	/* given back, but not what somebody has written to */
	trace_name_drop(fd, "web-2.tkit");
	assert_taken(fd, "web.tkit", "web-2.tkit");
	trace_name_drop(fd, "web.tkit");
	assert_int_equal(faccessat(fd, "web.tkit", F_OK, 0), 0);
	trace_name_drop(fd, "led.tkit");
	assert_int_equal(faccessat(fd, "led.tkit", F_OK, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(trace_name_take(fd, &name, NULL), -ENOENT);
	free(name);
	close(fd);
}

/* ---- states of runtimes and hooks ---- */

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

static bool started(const struct state_dir *dir, const char *id)
{
	struct container c;
	bool is = from_state(dir, id, &c) == 0 && c.started;

	container_done(&c);
	return is;
}

/* runc and crun keep a pipe beside their state until the container is started. */
static void assert_started(const struct state_dir *dir, const char *id)
{
	char path[64];

	if (!dir->in_group)
		return;
	assert_true(started(dir, id));
	snprintf(path, sizeof(path), "/runc/%s/exec.fifo", id);
	tree_file(&dir->tree, path, "");
	assert_false(started(dir, id));
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
	assert_started(dir, "c1");
	snprintf(text, sizeof(text), "{\"pid\":%d,\"process-start-time\":%llu}", getpid(),
		 (unsigned long long)dir->start);
	tree_file(&dir->tree, "/runc/c2/status", text);
	assert_from_state(dir, "c2");
	assert_started(dir, "c2");
	/* youki: no such pipe */
	tree_file(&dir->tree, "/runc/c3/state.json", text);
	assert_false(started(dir, "c3"));
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_runtime_words),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_name_time),
		WITH_DIR(test_name_taken),
		WITH_DIR(test_states),
		WITH_DIR(test_states_bad),
		WITH_DIR(test_hook_state),
		WITH_DIR(test_hook_state_bad),
	};

	return cmocka_run_group_tests_name("container runtime", tests, NULL, NULL);
}
