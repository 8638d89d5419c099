// SPDX-License-Identifier: MIT
/* What the engines' files tell of a container. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>

#include "container_dir.h"

#define ID  "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define ID2 "fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210"

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

static void describe_planned(const struct tree *tree, const char *bundle, const char *config,
			     struct container *c)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/config.json", bundle);
	tree_file(tree, path, config);
	*c = (struct container){.id = strdup(ID)};
	assert_true(asprintf(&c->bundle, "%s%s", tree->dir, bundle) > 0);
	container_describe_planned(c);
}

/* Before the container is there: by what config.json is going to mount. */
static void test_describe_planned(void **state)
{
	struct state_dir *dir = *state;
	struct container c;
	char config[512];

	tree_file(&dir->tree, "/data/containers/" ID "/config.v2.json",
		  "{\"Name\":\"/web\",\"Image\":\"sha256:ab\",\"Config\":{\"Image\":\"nginx:1\"}}");
	snprintf(config, sizeof(config),
		 "{\"mounts\":[7,{},{\"source\":\"proc\"},{\"destination\":\"/etc/hosts\","
		 "\"source\":\"%s/data/containers/" ID "/hosts\"}]}",
		 dir->tree.dir);
	describe_planned(&dir->tree, "/bundle", config, &c);
	assert_string_equal(c.engine, "docker");
	assert_string_equal(c.name, "web");
	assert_string_equal(c.image, "nginx:1");
	assert_string_equal(c.image_digest, "sha256:ab");
	container_done(&c);
	describe_planned(&dir->tree, "/io.containerd.x/" ID,
			 "{\"annotations\":{\"io.kubernetes.cri.container-name\":\"pod\","
			 "\"io.kubernetes.cri.image-name\":\"i:2\"}}",
			 &c);
	assert_string_equal(c.engine, "containerd");
	assert_string_equal(c.name, "pod");
	assert_string_equal(c.image, "i:2");
	container_done(&c);
	describe_planned(&dir->tree, "/odd", "{\"mounts\":{\"a\":[]},\"annotations\":3}", &c);
	assert_string_equal(c.name, "");
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
	const struct CMUnitTest tests[] = {
		WITH_DIR(test_describe_docker),  WITH_DIR(test_describe_elsewhere),
		WITH_DIR(test_describe_podman),  WITH_DIR(test_describe_planned),
		WITH_DIR(test_describe_nothing),
	};

	return cmocka_run_group_tests_name("container describe", tests, NULL, NULL);
}
