// SPDX-License-Identifier: MIT
/* Files of plugins.d, and the directories that they are in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>

#include "plugin/conf.h"
#include "tree.h"
#include "util/cleanup.h"

#define HEAD "plugin:\n  kind: backend\n  name: one\n  module: plugins/one.so\n"

static struct tree tree;

/* A copy, as tree_path() has one buffer only. */
static char *path(const char *name)
{
	static char buf[4][4096];
	static unsigned int next;
	char *p = buf[next++ % 4];

	snprintf(p, sizeof(buf[0]), "%s", tree_path(&tree, name));
	return p;
}

static void write_bytes(const char *name, const void *data, size_t size)
{
	_cleanup_fclose_ FILE *f = fopen(path(name), "we");

	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, size, f), size);
}

static void write_text(const char *name, const char *text)
{
	write_bytes(name, text, strlen(text));
}

static int setup(void **state)
{
	if (tree_new(&tree))
		return -1;
	return mkdir(path("/a"), 0755) || mkdir(path("/a/plugins.d"), 0755) ||
	       mkdir(path("/a/plugins"), 0755) || mkdir(path("/lib"), 0755) ||
	       mkdir(path("/lib/plugins"), 0755) || mkdir(path("/b"), 0755);
}

static int teardown(void **state)
{
	tree_done(&tree);
	return 0;
}

static const char *libdirs(void)
{
	return path("/lib");
}

static int read_conf(const char *file, struct plugin_conf **conf, struct err *err)
{
	const char *dirs[] = {libdirs(), NULL};
	enum tkit_kind kind;
	char *name;
	int rc = conf_read(file, dirs, conf, &kind, &name, err);

	free(name);
	return rc;
}

static struct plugin_conf *good(const char *text)
{
	struct plugin_conf *conf = NULL;
	struct err err = ERR_INIT;

	write_text("/a/plugins.d/x.yaml", text);
	if (read_conf(path("/a/plugins.d/x.yaml"), &conf, &err))
		fail_msg("%s", err_text(&err));
	return conf;
}

static void bad_bytes(const void *data, size_t size, const char *text)
{
	char *file = path("/a/plugins.d/x.yaml");
	struct plugin_conf *conf = NULL;
	struct err err = ERR_INIT;

	write_bytes("/a/plugins.d/x.yaml", data, size);
	if (!read_conf(file, &conf, &err))
		fail_msg("taken, but '%s' was expected", text);
	if (strncmp(err_text(&err), file, strlen(file)) ||
	    strncmp(err_text(&err) + strlen(file), text, strlen(text)))
		fail_msg("'%s', but '%s' was expected", err_text(&err), text);
	assert_null(strchr(err_text(&err), '\n'));
	assert_null(conf);
	err_done(&err);
}

/* Reading `text` fails with file + `message`. */
static void bad(const char *text, const char *message)
{
	bad_bytes(text, strlen(text), message);
}

static void test_good(void **state)
{
	struct plugin_conf *conf = good("# comment\n" HEAD "defaults:\n  ring-size: 16M\n"
					"  skip: [/a, \"/b,c\"]\n  empty: ''\n");
	struct plugin_conf *copy = conf_copy(conf);

	assert_int_equal(conf->kind, TKIT_KIND_BACKEND);
	assert_string_equal(conf->name, "one");
	assert_string_equal(conf->module, path("/a/plugins/one.so"));
	assert_string_equal(conf->file, path("/a/plugins.d/x.yaml"));
	assert_int_equal(conf->default_count, 4);
	assert_string_equal(conf->defaults[0].key, "ring-size");
	assert_string_equal(conf->defaults[0].value, "16M");
	assert_int_equal(conf->defaults[0].line, 7);
	assert_string_equal(conf->defaults[2].key, "skip");
	assert_string_equal(conf->defaults[2].value, "/b,c");
	assert_string_equal(conf->defaults[3].value, "");
	assert_true(conf_equal(conf, copy));
	copy->defaults[1].value[0] = '+';
	assert_false(conf_equal(conf, copy));
	assert_false(conf_equal(conf, NULL));
	conf_free(copy);
	conf_free(conf);
	conf_free(good("{plugin: {kind: sink, name: a_1, module: /x.so}}"));
	conf_free(good(HEAD "defaults:\n"));
}

static void test_module(void **state)
{
	struct plugin_conf *conf;

	write_text("/lib/plugins/two.so", "");
	conf = good("plugin: {kind: sink, name: two, module: plugins/two.so}");
	assert_string_equal(conf->module, path("/lib/plugins/two.so"));
	conf_free(conf);
	write_text("/a/plugins/two.so", ""); /* the conf's own tree comes first */
	conf = good("plugin: {kind: sink, name: two, module: plugins/two.so}");
	assert_string_equal(conf->module, path("/a/plugins/two.so"));
	conf_free(conf);
	conf = good("plugin: {kind: sink, name: two, module: /opt/two.so}");
	assert_string_equal(conf->module, "/opt/two.so");
	conf_free(conf);
}

static void test_bad_shape(void **state)
{
	bad("", ":1: empty");
	bad("# only this\n", ":1: empty");
	bad("just text\n", ":1: the file must be a mapping");
	bad("- a\n- b\n", ":1: the file must be a mapping");
	bad("plugin: text\n", ":1: 'plugin' must be a mapping");
	bad("plugin:\n  - kind\n", ":2: 'plugin' must be a mapping");
	bad("defaults:\n  a: 1\n", ":1: 'plugin' has no 'kind'");
	bad("plugin:\n  kind: sink\n  module: x\n", ":1: 'plugin' has no 'name'");
	bad("plugin:\n  kind: sink\n  name: x\n", ":1: 'plugin' has no 'module'");
	bad(HEAD "defaults: 5\n", ":5: defaults must be a mapping");
	bad(HEAD "defaults:\n  a: {b: c}\n", ":6: a default must be a single value");
	bad(HEAD "defaults:\n  a: [[x]]\n", ":6: a default must be a single value");
	bad(HEAD "defaults:\n  a: 1\n  b: 2\n  a: 3\n", ":8: 'a' is there twice");
	bad(HEAD "defaults:\n  [x]: 1\n", ":6: an option's name must be a single value");
	bad(HEAD "---\n" HEAD, ":5: only one document");
}

static void test_bad_keys(void **state)
{
	bad("plugins:\n  kind: sink\n",
	    ":1: unknown key 'plugins' in the file; did you mean 'plugin'?");
	bad("plugin:\n  kind: sink\n  modul: x\n",
	    ":3: unknown key 'modul' in 'plugin'; did you mean 'module'?");
	bad(HEAD "default:\n  a: 1\n",
	    ":5: unknown key 'default' in the file; did you mean 'defaults'?");
	bad("plugin:\n  kind: sink\n  kind: sink\n", ":3: 'kind' is there twice");
	bad(HEAD HEAD, ":5: 'plugin' is there twice");
	bad("plugin:\n  kind: sinks\n", ":2: unknown kind 'sinks'");
	bad("plugin:\n  name: Bad\n", ":2: bad name 'Bad'");
	bad("plugin:\n  name: a-b\n", ":2: bad name 'a-b'");
	bad("plugin:\n  name: ''\n", ":2: bad name ''");
	bad("plugin:\n  name: ../../x\n", ":2: bad name");
	bad("plugin:\n  module: ''\n", ":2: module is empty");
	bad("plugin:\n  module: \"a\\0b\"\n", ":2: module holds a NUL byte");
	bad("plugin:\n  kind: [sink]\n", ":2: kind must be a single value");
	bad("plugin:\n  \"k\\0\": x\n", ":2: a key holds a NUL byte");
}

static void test_bad_bytes(void **state)
{
	static char large[CONF_SIZE_MAX + 1];

	bad("plugin:\n\tkind: sink\n", ":2: not YAML");
	bad("plugin: {kind: sink\n", ":2: not YAML");
	bad("plugin: *none\n", ":1: not YAML");
	bad_bytes("plugin: \xff\xfe\n", 11, ":1: not YAML");
	bad_bytes("a\0b: c\n", 7, ":1: not YAML");
	memset(large, '#', sizeof(large));
	bad_bytes(large, sizeof(large), ": larger than 65536 bytes");
	memset(large, '[', sizeof(large));
	bad_bytes(large, CONF_SIZE_MAX, ":1: not YAML: nested too deeply");
	/* An alias stands for its anchor; nothing grows by it. */
	bad("plugin: &x\n  kind: *x\n", ":");
	conf_free(good("plugin: {kind: &k sink, name: one, module: m}\ndefaults: {a: *k}\n"));
}

static void test_bad_files(void **state)
{
	struct plugin_conf *conf;
	struct err err = ERR_INIT;

	assert_int_equal(read_conf(path("/nope.yaml"), &conf, &err), -ENOENT);
	assert_int_equal(read_conf(path("/a"), &conf, &err), -EINVAL);
	assert_int_equal(mkfifo(path("/fifo.yaml"), 0600), 0); /* must not hang */
	assert_int_equal(read_conf(path("/fifo.yaml"), &conf, &err), -EINVAL);
	assert_non_null(strstr(err_text(&err), "not a regular file"));
	if (geteuid() == 0) {
		write_text("/w.yaml", HEAD);
		assert_int_equal(chmod(path("/w.yaml"), 0666), 0);
		assert_int_equal(read_conf(path("/w.yaml"), &conf, &err), -EPERM);
		assert_non_null(strstr(err_text(&err), "refused with root's rights"));
	} else {
		print_message("root's refusal of writable conf files is not tested: not root\n");
	}
	err_done(&err);
}

/* No change of a single byte does harm. */
static void test_flips(void **state)
{
	static const char text[] = HEAD "defaults:\n  a: [x, 'y', \"z\\n\"]\n  b: &c d\n  e: *c\n";
	char copy[sizeof(text)];

	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		for (unsigned int bit = 0; bit < 8; bit++) {
			struct plugin_conf *conf = NULL;
			struct err err = ERR_INIT;

			memcpy(copy, text, sizeof(text));
			copy[i] ^= (char)(1u << bit);
			write_bytes("/a/plugins.d/x.yaml", copy, sizeof(text) - 1);
			if (read_conf(path("/a/plugins.d/x.yaml"), &conf, &err) == 0)
				assert_true(conf->name && conf->module && conf->kind);
			conf_free(conf);
			err_done(&err);
		}
	}
}

static struct plugin_registry *registry(const char *dirs)
{
	struct plugin_registry *reg = NULL;
	struct err err = ERR_INIT;

	assert_int_equal(setenv("TKIT_PLUGINS_D", dirs, 1), 0);
	if (registry_new(&reg, &err))
		fail_msg("%s", err_text(&err));
	return reg;
}

static void not_found(struct plugin_registry *reg, enum tkit_kind kind, const char *name,
		      const char *words)
{
	const struct plugin_conf *conf;
	struct err err = ERR_INIT;

	assert_true(registry_find(reg, kind, name, &conf, &err) < 0);
	if (!strstr(err_text(&err), words))
		fail_msg("'%s' lacks '%s'", err_text(&err), words);
	err_done(&err);
}

static const struct plugin_conf *found(struct plugin_registry *reg, enum tkit_kind kind,
				       const char *name)
{
	const struct plugin_conf *conf = NULL;
	struct err err = ERR_INIT;

	if (registry_find(reg, kind, name, &conf, &err))
		fail_msg("%s", err_text(&err));
	return conf;
}

static void test_registry(void **state)
{
	struct plugin_registry *reg;
	char dirs[16384];

	unlink(path("/a/plugins.d/x.yaml"));
	write_text("/a/plugins.d/10-qone.yaml", "plugin: {kind: backend, name: qone, module: a1}");
	write_text("/a/plugins.d/20-qtwo.yaml", "plugin: {kind: sink, name: qtwo, module: a2}");
	write_text("/a/plugins.d/30-qbad.yaml", "plugin: {kind: sink, nam: x}");
	write_text("/a/plugins.d/40-zz.yaml", "plugin: {kind: sink, name: qbroken, modul: x}");
	write_text("/a/plugins.d/.hidden.yaml", "nonsense");
	write_text("/a/plugins.d/note.txt", "nonsense");
	write_text("/a/plugins.d/.yaml", "nonsense");
	write_text("/b/20-qtwo.yaml", "plugin: {kind: sink, name: qtwo, module: /b2}");
	write_text("/b/99-again.yaml", "plugin: {kind: sink, name: qtwo, module: /b3}");
	snprintf(dirs, sizeof(dirs), "%s::/nonexistent:%s:", path("/a/plugins.d"), path("/b"));
	reg = registry(dirs);

	assert_string_equal(found(reg, TKIT_KIND_SINK, "qtwo")->module, "/b2"); /* overridden */
	assert_string_equal(found(reg, TKIT_KIND_BACKEND, "qone")->module, path("/a/a1"));
	for (size_t i = 1; i < registry_count(reg); i++)
		assert_true(registry_get(reg, i - 1)->kind <= registry_get(reg, i)->kind);
	assert_null(registry_get(reg, registry_count(reg)));

	not_found(reg, TKIT_KIND_SINK, "qtow", "unknown sink 'qtow'; did you mean 'qtwo'?");
	not_found(reg, TKIT_KIND_BACKEND, "zzzzzzzz", "unknown backend 'zzzzzzzz' (see");
	/* Who asks for a plugin with a bad file gets to know, by its file name or by its text. */
	not_found(reg, TKIT_KIND_SINK, "qbad", "30-qbad.yaml:1: unknown key 'nam'");
	not_found(reg, TKIT_KIND_SINK, "qbroken", "40-zz.yaml:1: unknown key 'modul'");
	assert_int_equal(registry_bad_count(reg), 3);
	assert_non_null(strstr(registry_bad(reg, 2)->text, "99-again.yaml: sink 'qtwo' is in"));
	assert_null(registry_bad(reg, 3));
	registry_free(reg);
	registry_free(NULL);
}

static void test_spec(void **state)
{
	struct plugin_registry *reg;
	const struct plugin *plugin;
	struct plugin_options *options;
	struct err err = ERR_INIT;

	reg = registry(path("/a/plugins.d"));
	assert_int_equal(plugin_instance_spec(reg, TKIT_KIND_SINK, ",x=1", &plugin, &options, &err),
			 -EINVAL);
	assert_string_equal(err_text(&err), "',x=1': the name of a sink comes first");
	assert_int_equal(plugin_instance_spec(reg, TKIT_KIND_SINK, "", &plugin, &options, &err),
			 -EINVAL);
	assert_int_equal(
		plugin_instance_spec(reg, TKIT_KIND_BACKEND, "qone,x=1", &plugin, &options, &err),
		-ENOENT);
	assert_non_null(strstr(
		err_text(&err),
		"10-qone.yaml: the module of backend 'qone' is not built or not installed: "));
	assert_non_null(strstr(err_text(&err), "/a/a1: No such file"));
	err_done(&err);
	registry_free(reg);

	write_text("/b/20-qtwo.yaml", "plugin: {kind: sink, name: good, module: " TKIT_BUILD_DIR
				      "/tests/plugins/sink-good.so}\ndefaults: {level: 2}\n");
	reg = registry(path("/b"));
	assert_int_equal(plugin_instance_spec(reg, TKIT_KIND_SINK, "good,mode=slow", &plugin,
					      &options, &err),
			 0);
	assert_string_equal(plugin->conf->name, "good");
	assert_string_equal(plugin_options_text(options), "level=2,mode=slow");
	registry_free(reg);
	assert_string_equal(plugin->conf->name, "good"); /* outlives the registry */
	plugin_options_free(options);
}

static void test_kinds(void **state)
{
	assert_string_equal(kind_name(TKIT_KIND_REPORTER), "reporter");
	assert_string_equal(kind_name((enum tkit_kind)77), "?");
	assert_int_equal(kind_parse("sink"), TKIT_KIND_SINK);
	assert_int_equal(kind_parse("?"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),      cmocka_unit_test(test_module),
		cmocka_unit_test(test_bad_shape), cmocka_unit_test(test_bad_keys),
		cmocka_unit_test(test_bad_bytes), cmocka_unit_test(test_bad_files),
		cmocka_unit_test(test_flips),     cmocka_unit_test(test_registry),
		cmocka_unit_test(test_spec),      cmocka_unit_test(test_kinds),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
