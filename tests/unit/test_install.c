// SPDX-License-Identifier: MIT
/* Making tkit known to engines: what is there stays, what is broken is refused, undoing restores.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>

#include "container/install.h"
#include "tree.h"
#include "util/cleanup.h"
#include "util/smallfile.h"

static const struct install_spec spec = {
	.name = "tkit", .tkit = "/usr/bin/tkit", .runc = "/usr/bin/tkit-runc", .prefix = ""};

typedef int (*edit_fn)(const struct install_spec *, const char *, bool, char **, struct err *);

/* Installs, again (nothing may change), and undoes. Returns what installing made. */
static char *round_trip(edit_fn edit, const char *text)
{
	_cleanup_free_ char *again = NULL;
	char *made = NULL;
	struct err err = ERR_INIT;

	if (edit(&spec, text, false, &made, &err) < 0)
		fail_msg("%s", err_text(&err));
	assert_non_null(made);
	assert_int_equal(edit(&spec, made, false, &again, &err), 0);
	assert_string_equal(again, made);
	return made;
}

static void assert_undone(edit_fn edit, const char *made, const char *want)
{
	_cleanup_free_ char *undone = NULL;

	assert_int_equal(edit(&spec, made, true, &undone, NULL), 0);
	if (want)
		assert_string_equal(undone, want);
	else
		assert_null(undone);
}

static void assert_refused(edit_fn edit, const char *text, bool undo, int rc, const char *say)
{
	_cleanup_free_ char *out = NULL;
	struct err err = ERR_INIT;

	assert_int_equal(edit(&spec, text, undo, &out, &err), rc);
	assert_null(out);
	if (!strstr(err_text(&err), say))
		fail_msg("'%s' does not say '%s'", err_text(&err), say);
	err_done(&err);
}

static void test_docker(void **state)
{
	static const char rich[] = "{\n  \"debug\": true,\n  \"runtimes\": {\n    \"nvidia\": {\n"
				   "      \"path\": \"nvidia\",\n      \"runtimeArgs\": []\n    }\n"
				   "  },\n  \"z\": [\n    1.5,\n    null\n  ]\n}\n";
	_cleanup_free_ char *made = round_trip(install_edit_docker, rich), *fresh = NULL;
	json_t *json = json_loads(made, 0, NULL), *runtimes = json_object_get(json, "runtimes");

	assert_string_equal(
		json_string_value(json_object_get(json_object_get(runtimes, "tkit"), "path")),
		"/usr/bin/tkit");
	assert_non_null(json_object_get(runtimes, "nvidia"));
	assert_true(json_is_true(json_object_get(json, "debug")));
	json_decref(json);
	assert_undone(install_edit_docker, made, rich);
	/* nothing there, nothing left */
	fresh = round_trip(install_edit_docker, NULL);
	assert_undone(install_edit_docker, fresh, NULL);
	free(fresh);
	fresh = round_trip(install_edit_docker, " \n");
	free(fresh);
	fresh = round_trip(install_edit_docker, "{}");
	/* not ours to touch */
	assert_undone(install_edit_docker, rich, rich);
	assert_undone(install_edit_docker, NULL, NULL);
}

/* The rest stays as its author wrote it, to the byte. */
static void test_docker_layout(void **state)
{
	static const struct {
		const char *before, *after; /* after: as installed */
	} cases[] = {
#define RUNTIME "{\"path\": \"/usr/bin/tkit\", \"runtimeArgs\": [\"oci-runtime\"]}"
		{"{\"r\": 0.1, \"big\":12345678901234567890, \"u\": \"ü\\u00fc\"}",
		 "{\"r\": 0.1, \"big\":12345678901234567890, \"u\": \"ü\\u00fc\", "
		 "\"runtimes\": {\"tkit\": " RUNTIME "}}"},
		{"{\r\n\t\"dns\": [ \"1.1.1.1\" ]\r\n}\r\n",
		 "{\r\n\t\"dns\": [ \"1.1.1.1\" ],\r\n\t\"runtimes\": {\r\n\t\t\"tkit\": " RUNTIME
		 "\r\n\t}\r\n}\r\n"},
		{"{ \"runtimes\" :{ \"kata\":{\"path\": \"}\\\"]{\"} } ,\"z\":1e-7}\n",
		 "{ \"runtimes\" :{ \"kata\":{\"path\": \"}\\\"]{\"}, \"tkit\": " RUNTIME
		 " } ,\"z\":1e-7}\n"},
		{"{\n  \"a\": {\"runtimes\": 1},\n  \"runtimes\": {\n    \"x\": {\"path\": \"x\"}\n  }\n}",
		 "{\n  \"a\": {\"runtimes\": 1},\n  \"runtimes\": {\n    \"x\": {\"path\": \"x\"},\n"
		 "    \"tkit\": " RUNTIME "\n  }\n}"},
		{"{\"s\": \"a\\u0000\", \"\": null}",
		 "{\"s\": \"a\\u0000\", \"\": null, \"runtimes\": {\"tkit\": " RUNTIME "}}"},
		/* a name in other signs */
		{"{\"r\\u0075ntimes\": {\"x\": {}}}",
		 "{\"r\\u0075ntimes\": {\"x\": {}, \"tkit\": " RUNTIME "}}"},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_free_ char *made = round_trip(install_edit_docker, cases[i].before);

		assert_string_equal(made, cases[i].after);
		assert_undone(install_edit_docker, made, cases[i].before);
	}
	/* wherever it was moved to */
	assert_undone(install_edit_docker,
		      "{\"runtimes\": {\"tkit\": " RUNTIME ", \"x\": {}}, \"z\": 1}",
		      "{\"runtimes\": {\"x\": {}}, \"z\": 1}");
	assert_undone(install_edit_docker, "{\"runtimes\": {\"tkit\": " RUNTIME "}, \"z\": 1}",
		      "{\"z\": 1}");
	assert_undone(install_edit_docker, " { \"runtimes\": {\"tkit\": " RUNTIME "} }", NULL);
	(void)state;
}

static void test_docker_refuses(void **state)
{
	static const char other[] = "{\"runtimes\":{\"tkit\":{\"path\":\"/other\"}}}";
	static const char standard[] =
		"{\"default-runtime\":\"tkit\",\"runtimes\":{\"tkit\":{\"path\":"
		"\"/t\",\"runtimeArgs\":[\"oci-runtime\"]}}}";

	assert_refused(install_edit_docker, "{", false, -EBADMSG, "line 1");
	assert_refused(install_edit_docker, "{\"a\":1,\"a\":2}", false, -EBADMSG, "duplicate");
	assert_refused(install_edit_docker, "[]", false, -EBADMSG, "object");
	assert_refused(install_edit_docker, "{\"runtimes\":[]}", false, -EBADMSG, "runtimes");
	assert_refused(install_edit_docker, "{} x", false, -EBADMSG, "repair");
	assert_refused(install_edit_docker, other, false, -EEXIST, "--name");
	assert_undone(install_edit_docker, other, other);
	assert_refused(install_edit_docker, standard, true, -EBUSY, "default-runtime");
}

/* docker's script quotes nothing: such a path would end every container at its start. */
static void test_docker_words(void **state)
{
	static const char *const bad[] = {"/a b", "/a;b", "/$x", "/a'b", "/a\nb", "/a*"};
	struct install_spec odd = spec;
	struct err err = ERR_INIT;
	char *made = NULL;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		odd.dir = bad[i];
		assert_int_equal(install_edit_docker(&odd, NULL, false, &made, &err), -EINVAL);
		assert_non_null(strstr(err_text(&err), "shell"));
		err_done(&err);
		err = (struct err)ERR_INIT;
		assert_null(made);
	}
	odd = spec;
	odd.tkit = "/opt/a b/tkit";
	assert_int_equal(install_edit_docker(&odd, NULL, false, &made, NULL), -EINVAL);
	(void)state;
}

/* One of ours that is out of date is brought up to date. */
static void test_docker_moved(void **state)
{
	_cleanup_free_ char *made =
		round_trip(install_edit_docker, "{\"runtimes\":{\"tkit\":{\"path\":\"/old/tkit\","
						"\"runtimeArgs\":[\"oci-runtime\"]}}}");

	assert_null(strstr(made, "/old"));
	assert_non_null(strstr(made, "/usr/bin/tkit"));
}

static void test_containerd(void **state)
{
	static const char two[] =
		"# mine\nversion = 2\n\n[plugins]\n"
		"  [plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes.runc]\n"
		"    runtime_type = \"io.containerd.runc.v2\"\n";
	_cleanup_free_ char *made = round_trip(install_edit_containerd, two), *three = NULL,
			    *fresh = NULL, *bare = NULL;

	assert_memory_equal(made, two, strlen(two));
	assert_non_null(strstr(
		made, "[plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes.tkit.options]"));
	assert_non_null(strstr(made, "BinaryName = \"/usr/bin/tkit-runc\""));
	assert_undone(install_edit_containerd, made, two);
	three = round_trip(install_edit_containerd, "version = 3 # new\n");
	assert_non_null(strstr(
		three, "[plugins.\"io.containerd.cri.v1.runtime\".containerd.runtimes.tkit]"));
	assert_undone(install_edit_containerd, three, "version = 3 # new\n");
	fresh = round_trip(install_edit_containerd, NULL);
	assert_memory_equal(fresh, "version = 2\n", 12);
	assert_undone(install_edit_containerd, fresh, NULL);
	assert_undone(install_edit_containerd, two, two);
	/* no newline at the end */
	bare = round_trip(install_edit_containerd, "version = 2");
	assert_undone(install_edit_containerd, bare, NULL);
}

/* The kubelet names control groups in systemd's way where runc makes them so. */
static void test_containerd_systemd(void **state)
{
#define RUNC "plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes.runc"
	static const struct {
		const char *text;
		bool systemd;
	} cases[] = {
		{"version = 2\n[" RUNC "]\n[" RUNC ".options]\n SystemdCgroup = true # k8s\n",
		 true},
		{"version = 2\n[" RUNC "]\n options.SystemdCgroup=true\n", true},
		{"version = 2\n[" RUNC "]\n options = {SystemdCgroup = true}\n", true},
		{"version = 2\n[" RUNC ".options]\n SystemdCgroup = false\n", false},
		{"version = 2\n[" RUNC ".options]\n# SystemdCgroup = true\n", false},
		{"version = 2\n[" RUNC "2.options]\n SystemdCgroup = true\n", false},
		{"version = 2\n[" RUNC ".options]\n[other]\n SystemdCgroup = true\n", false},
		{"version = 3\n[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]\n"
		 "SystemdCgroup = true\n",
		 true},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		_cleanup_free_ char *made = round_trip(install_edit_containerd, cases[i].text);
		const char *block = strstr(made, "# >>> tkit");

		assert_non_null(block);
		assert_int_equal(strstr(block, "\n    SystemdCgroup = true\n") != NULL,
				 cases[i].systemd);
		assert_undone(install_edit_containerd, made, cases[i].text);
	}
	(void)state;
}

static void test_containerd_refuses(void **state)
{
	assert_refused(install_edit_containerd, "disabled_plugins = [\"cri\"]\n", false, -EBADMSG,
		       "version");
	assert_refused(install_edit_containerd, "version = 1\n", false, -EBADMSG, "version 1");
	assert_refused(install_edit_containerd, "version = 2\nx = '''\n", false, -EBADMSG,
		       "line 2");
	assert_refused(install_edit_containerd, "version = 2\nx = \"\"\"a\n'''\n", false, -EBADMSG,
		       "line 2");
	/* the version of something else */
	assert_refused(install_edit_containerd, "[a]\nversion = 2\n", false, -EBADMSG,
		       "no \"version");
	assert_refused(install_edit_containerd, "x = '''\nversion = 2\n'''\n", false, -EBADMSG,
		       "no \"version");
	/* somebody else's, however it is written */
	assert_refused(
		install_edit_containerd,
		"version = 2\n [ plugins . 'io.containerd.grpc.v1.cri'.containerd.runtimes.tkit ]"
		" # x\n",
		false, -EEXIST, "--name");
	/* damaged marks */
	assert_refused(
		install_edit_containerd,
		"version = 2\n# >>> tkit: runtime tkit (tkit container uninstall removes this)\n",
		true, -EBADMSG, "marks");
	assert_refused(install_edit_containerd, "version = 2\n# <<< tkit: runtime tkit\n", false,
		       -EBADMSG, "marks");
	assert_refused(install_edit_containerd,
		       "# <<< tkit: runtime tkit\nversion = 2\n"
		       "# >>> tkit: runtime tkit (tkit container uninstall removes this)\n",
		       true, -EBADMSG, "marks");
}

/* What looks like a header or a quote inside strings and comments is none. */
/* Forms that a table cannot be added to: containerd would not start with both. */
static void test_containerd_inline(void **state)
{
	static const char *const inlined[] = {
		"version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".containerd]\n  runtimes = { runc = { runtime_type = \"x\" } }\n",
		"version = 2\n[plugins.\"io.containerd.grpc.v1.cri\"]\ncontainerd.runtimes.runc.runtime_type = \"x\"\n",
		"version = 2\nplugins = {}\n",
	};
	static const char others[] =
		"version = 2\n# runtimes = {}\n[plugins.x]\n  other_runtimes = 1\n  name = \"runtimes=\"\n";
	_cleanup_free_ char *made = NULL;

	for (size_t i = 0; i < sizeof(inlined) / sizeof(inlined[0]); i++)
		assert_refused(install_edit_containerd, inlined[i], false, -EBADMSG, "inline");
	assert_refused(
		install_edit_containerd,
		"version = 2\n[plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes.tkit.options]\n",
		false, -EEXIST, "not tkit's");
	made = round_trip(install_edit_containerd, others);
	assert_undone(install_edit_containerd, made, others);
	(void)state;
}

static void test_containerd_strings(void **state)
{
	static const char odd[] =
		"version = 2\n"
		"a = \"\"\"\n[plugins.\"io.containerd.grpc.v1.cri\".containerd.runtimes.tkit]\n"
		"\\\"\"\" still\n\"\"\"\n"
		"b = 'it''s' # don't \"\"\"\n"
		"c = \"# '''\"\n";
	_cleanup_free_ char *made = round_trip(install_edit_containerd, odd);

	assert_undone(install_edit_containerd, made, odd);
}

static void test_podman(void **state)
{
	_cleanup_free_ char *conf = round_trip(install_edit_podman_conf, NULL);
	_cleanup_free_ char *hook = round_trip(install_edit_podman_hook, NULL);
	json_t *json = json_loads(hook, 0, NULL);

	assert_non_null(strstr(conf, "[engine.runtimes]\ntkit = [\"/usr/bin/tkit-runc\"]\n"));
	assert_undone(install_edit_podman_conf, conf, NULL);
	assert_string_equal(
		json_string_value(json_object_get(json_object_get(json, "hook"), "path")),
		"/usr/bin/tkit");
	json_decref(json);
	assert_undone(install_edit_podman_hook, hook, NULL);
	assert_refused(install_edit_podman_conf, "[engine]\n", false, -EEXIST, "not tkit's");
	assert_refused(install_edit_podman_conf, "[engine]\n", true, -EEXIST, "not tkit's");
	assert_refused(install_edit_podman_hook, "{}", true, -EEXIST, "not tkit's");
}

static void test_names(void **state)
{
	assert_true(install_valid_name("tkit"));
	assert_true(install_valid_name("tkit-2"));
	assert_false(install_valid_name(""));
	assert_false(install_valid_name("-x"));
	assert_false(install_valid_name("a.b"));
	assert_false(install_valid_name("a\"]\n[x"));
	assert_false(install_valid_name("A"));
}

/* ---- files ---- */

static void assert_file(const struct tree *tree, const char *path, const char *want)
{
	_cleanup_free_ char *text = NULL;
	ssize_t n = smallfile_load(tree_path(tree, path), &text);

	if (!want) {
		assert_int_equal(n, -ENOENT);
		return;
	}
	assert_true(n >= 0);
	assert_string_equal(text, want);
}

static void change(const struct tree *tree, const char *engine, bool undo)
{
	struct install_spec here = spec;
	struct install_change plan;
	struct err err = ERR_INIT;

	here.prefix = tree->dir;
	for (unsigned int i = 0; i < install_engine(engine)->file_count; i++) {
		if (install_plan(&here, &install_engine(engine)->files[i], undo, &plan, &err) < 0 ||
		    install_apply(&plan, &err) < 0)
			fail_msg("%s", err_text(&err));
		install_change_done(&plan);
	}
}

#define DAEMON "/etc/docker/daemon.json"
#define CONFIG "/etc/containerd/config.toml"

static void test_files(void **state)
{
	static const char odd[] = "{ \"debug\":true }"; /* not as jansson would write it */
	struct tree *tree = *state;
	struct stat st;

	tree_file(tree, DAEMON, odd);
	assert_int_equal(chmod(tree_path(tree, DAEMON), 0600), 0);
	change(tree, "docker", false);
	change(tree, "docker", false);
	assert_file(tree, DAEMON ".before-tkit", odd);
	assert_int_equal(stat(tree_path(tree, DAEMON), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	change(tree, "docker", true);
	assert_file(tree, DAEMON, odd); /* byte by byte */
	assert_file(tree, DAEMON ".before-tkit", NULL);
	change(tree, "docker", true);
	assert_file(tree, DAEMON, odd);
}

/* Somebody has changed it since: then only tkit is taken out. */
static void test_files_changed(void **state)
{
	struct tree *tree = *state;
	FILE *f;

	tree_file(tree, CONFIG, "version = 2\n");
	change(tree, "containerd", false);
	f = fopen(tree_path(tree, CONFIG), "a");
	assert_non_null(f);
	fputs("[debug]\n", f);
	fclose(f);
	change(tree, "containerd", true);
	assert_file(tree, CONFIG, "version = 2\n[debug]\n");
	assert_file(tree, CONFIG ".before-tkit", "version = 2\n");
}

/* What is put back is what was there before this installation, not an earlier one. */
static void test_files_again(void **state)
{
	struct tree *tree = *state;

	tree_file(tree, DAEMON, "{\"a\": 1}");
	change(tree, "docker", false);
	tree_file(tree, DAEMON, "{\"b\": 2, \"runtimes\": {}}");
	change(tree, "docker", false);
	change(tree, "docker", true);
	assert_file(tree, DAEMON, "{\"b\": 2, \"runtimes\": {}}");
	assert_file(tree, DAEMON ".before-tkit", NULL);
	/* made by us, then changed: there was nothing before */
	unlink(tree_path(tree, DAEMON));
	change(tree, "docker", false);
	tree_file(tree, DAEMON,
		  "{\"c\": 3, \"runtimes\": {\"tkit\": {\"path\": \"/usr/bin/tkit\", "
		  "\"runtimeArgs\": [\"oci-runtime\"]}}}");
	change(tree, "docker", true);
	assert_file(tree, DAEMON, "{\"c\": 3}");
	assert_file(tree, DAEMON ".before-tkit", NULL);
}

/* Another name, another place: a file of our own is written anew, and nothing stays behind. */
static void test_files_own(void **state)
{
	struct tree *tree = *state;

	tree_file(tree, "/etc/containers/oci/hooks.d/tkit.json",
		  "{\"hook\": {\"path\": \"/old/tkit\", \"args\": [\"tkit\", \"oci-hook\"]}}");
	change(tree, "podman", false);
	change(tree, "podman", true);
	assert_file(tree, "/etc/containers/oci/hooks.d/tkit.json", NULL);
	assert_file(tree, "/etc/containers/oci/hooks.d/tkit.json.before-tkit", NULL);
}

static void test_files_new(void **state)
{
	struct tree *tree = *state;

	for (unsigned int i = 0; install_engine_at(i); i++) {
		const struct install_engine *engine = install_engine_at(i);

		change(tree, engine->name, false);
		for (unsigned int k = 0; k < engine->file_count; k++)
			assert_int_equal(access(tree_path(tree, engine->files[k].path), F_OK), 0);
		change(tree, engine->name, true);
		for (unsigned int k = 0; k < engine->file_count; k++)
			assert_file(tree, engine->files[k].path, NULL);
	}
}

/* The file behind a symlink is changed, the link stays. */
static void test_files_link(void **state)
{
	struct tree *tree = *state;
	struct stat st;

	tree_file(tree, "/real.json", "{}\n");
	tree_dir(tree, "/etc/docker");
	tree_link(tree, "../../real.json", DAEMON);
	change(tree, "docker", false);
	assert_int_equal(lstat(tree_path(tree, DAEMON), &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	change(tree, "docker", true);
	assert_file(tree, "/real.json", "{}\n");
}

static void test_files_bad(void **state)
{
	struct tree *tree = *state;
	struct install_spec here = spec;
	struct install_change plan;
	struct err err = ERR_INIT;
	const struct install_file *file = &install_engine("docker")->files[0];

	here.prefix = tree->dir;
	tree_data(tree, DAEMON, "{}\0x", 4);
	assert_int_equal(install_plan(&here, file, false, &plan, &err), -EBADMSG);
	assert_non_null(strstr(err_text(&err), DAEMON));
	install_change_done(&plan);
	err_done(&err);
	unlink(tree_path(tree, DAEMON));
	tree_link(tree, "nowhere.json", DAEMON);
	assert_int_equal(install_plan(&here, file, false, &plan, &err), -ENOENT);
	assert_non_null(strstr(err_text(&err), "symlink that leads nowhere"));
	install_change_done(&plan);
	err_done(&err);
	unlink(tree_path(tree, DAEMON));
	tree_dir(tree, DAEMON);
	assert_int_equal(install_plan(&here, file, false, &plan, &err), -EINVAL);
	assert_non_null(strstr(err_text(&err), "no regular file"));
	install_change_done(&plan);
	err_done(&err);
	assert_null(install_engine("lxc"));
}

static int tree_setup(void **state)
{
	*state = calloc(1, sizeof(struct tree));
	return *state ? tree_new(*state) : -1;
}

static int tree_teardown(void **state)
{
	tree_done(*state);
	free(*state);
	return 0;
}

int main(void)
{
#define FILES(test) cmocka_unit_test_setup_teardown(test, tree_setup, tree_teardown)
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_docker),
		cmocka_unit_test(test_docker_layout),
		cmocka_unit_test(test_docker_refuses),
		cmocka_unit_test(test_docker_moved),
		cmocka_unit_test(test_docker_words),
		cmocka_unit_test(test_containerd),
		cmocka_unit_test(test_containerd_systemd),
		cmocka_unit_test(test_containerd_refuses),
		cmocka_unit_test(test_containerd_strings),
		cmocka_unit_test(test_containerd_inline),
		cmocka_unit_test(test_podman),
		cmocka_unit_test(test_names),
		FILES(test_files),
		FILES(test_files_changed),
		FILES(test_files_again),
		FILES(test_files_own),
		FILES(test_files_new),
		FILES(test_files_link),
		FILES(test_files_bad),
	};

	return cmocka_run_group_tests_name("install", tests, NULL, NULL);
}
