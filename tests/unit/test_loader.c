// SPDX-License-Identifier: MIT
/* Loading: what is accepted, what is refused, and in which words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <link.h>

#include <tkit/reporter.h>
#include <tkit/sink.h>

#include "../abi/plugins/plugins.h"
#include "plugin/caps.h"
#include "plugin/check.h"
#include "plugin/loader.h"
#include "plugin/probe.h"
#include "plugin/trust.h"
#include "tree.h"
#include "util/cleanup.h"

#define PLUGINS TKIT_BUILD_DIR "/tests/plugins/"

static struct tree tree;

static int setup(void **state)
{
	return tree_new(&tree);
}

static int teardown(void **state)
{
	tree_done(&tree);
	return 0;
}

static void write_file(const char *path, const void *data, size_t size)
{
	_cleanup_fclose_ FILE *f = fopen(path, "we");

	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, size, f), size);
}

/* The first bytes of a good module, for files that are nearly one. */
static size_t read_good(char *data, size_t size)
{
	_cleanup_fclose_ FILE *f = fopen(PLUGINS "sink-good.so", "re");

	assert_non_null(f);
	return fread(data, 1, size, f);
}

/* Where the last byte that is mapped ends: linkers lay files out in different ways. */
static size_t loaded_size(const char *data, size_t size)
{
	size_t end = 0;
	ElfW(Ehdr) header;

	memcpy(&header, data, sizeof(header));
	for (int i = 0; i < header.e_phnum; i++) {
		ElfW(Phdr) segment;

		memcpy(&segment, data + header.e_phoff + (size_t)i * sizeof(segment),
		       sizeof(segment));
		if (segment.p_type == PT_LOAD && segment.p_offset + segment.p_filesz > end)
			end = segment.p_offset + segment.p_filesz;
	}
	assert_in_range(end, sizeof(header), size);
	return end;
}

/* Loading `file` fails with one line that names the file and holds `words`. */
static void refused(const char *file, const char *words)
{
	const struct plugin *plugin = NULL;
	struct err err = ERR_INIT;
	int rc = plugin_load_file(file, &plugin, &err);

	if (rc >= 0 || !strstr(err_text(&err), words) || !strstr(err_text(&err), file) ||
	    strchr(err_text(&err), '\n'))
		fail_msg("%s: rc %d, '%s' lacks '%s'", file, rc, rc < 0 ? err_text(&err) : "",
			 words);
	assert_null(plugin);
	err_done(&err);
}

static const struct plugin *accepted(const char *file)
{
	const struct plugin *plugin = NULL;
	struct err err = ERR_INIT;

	if (plugin_load_file(file, &plugin, &err))
		fail_msg("%s", err_text(&err));
	return plugin;
}

static void test_good(void **state)
{
	const struct plugin *plugin = accepted(PLUGINS "sink-good.so");

	assert_string_equal(plugin->desc.name, "good");
	assert_int_equal(plugin->desc.option_count, 7);
	assert_non_null(((const struct tkit_sink_ops *)plugin->ops)->write);
	assert_null(((const struct tkit_sink_ops *)plugin->ops)->flush);
	assert_null(plugin->conf);
	assert_ptr_equal(plugin, accepted(PLUGINS "sink-good.so"));
}

static void test_versions(void **state)
{
	const struct plugin *plugin = accepted(PLUGINS "bad_newer_zero.so");

	/* The table's rows are longer than ours. */
	assert_string_equal(plugin->desc.options[1].name, "second");
	assert_string_equal(plugin->desc.options[1].default_value, "8");
	plugin = accepted(PLUGINS "bad_older_desc.so");
	assert_int_equal(plugin->desc.reserved[1], 0);
	assert_string_equal(plugin->desc.options[0].name, "first");

	refused(PLUGINS "bad_newer_ops.so", "part of its callbacks that this tkit does not know");
	refused(PLUGINS "bad_newer_desc.so", "part of its descriptor");
	refused(PLUGINS "bad_reserved.so", "part of its descriptor");
	refused(PLUGINS "bad_newer_option.so", "part of its table of options");
	/* Shorter callbacks: those behind the end count as missing. */
	refused(PLUGINS "bad_older_ops.so", "lacks mandatory callbacks: close");
	refused(PLUGINS "bad_major.so", "made for plugin ABI 2.7, this tkit has 1.0");
}

static void test_descriptor(void **state)
{
	refused(PLUGINS "bad_magic.so", "wrong magic");
	refused(PLUGINS "bad_kind.so", "unknown kind of plugin, number 9");
	refused(PLUGINS "bad_name.so", "name is missing or bad");
	refused(PLUGINS "bad_no_name.so", "name is missing or bad");
	refused(PLUGINS "bad_mandatory.so", "lacks mandatory callbacks: write, close");
	refused(PLUGINS "bad_no_descriptor.so", "exports no data symbol 'tkit_plugin'");
	refused(PLUGINS "bad_function.so", "exports no data symbol 'tkit_plugin'");
	refused(PLUGINS "bad_size.so", "that cannot be");
	refused(PLUGINS "bad_ops_size.so", "callbacks is missing or 13 bytes");
	refused(PLUGINS "bad_no_ops.so", "callbacks is missing");
	refused(PLUGINS "bad_option_count.so", "4294967295 options");
	refused(PLUGINS "bad_option_stride.so", "options of 8 bytes");
	refused(PLUGINS "bad_undefined.so", "cannot be loaded: undefined symbol");
}

static void test_option_tables(void **state)
{
	refused(PLUGINS "bad_opt_name.so", "option 0: missing or bad name");
	refused(PLUGINS "bad_opt_twice.so", "option 'first' is there twice");
	refused(PLUGINS "bad_opt_type.so", "unknown type 99");
	refused(PLUGINS "bad_opt_place.so", "outside of the options struct");
	refused(PLUGINS "bad_opt_align.so", "misaligned (offset 3)");
	refused(PLUGINS "bad_opt_overlap.so", "'first' and 'second' share bytes");
	refused(PLUGINS "bad_opt_range.so", "range '5..1' must be");
	refused(PLUGINS "bad_opt_value.so", "'11' is out of range 1..10");
	accepted(PLUGINS "bad_opt_help.so"); /* only `check` minds */
}

static void test_no_modules(void **state)
{
	char data[32768];
	size_t n = read_good(data, sizeof(data));
	const char *file = tree_path(&tree, "/x.so");

	refused("/nonexistent/x.so", "No such file");
	refused(tree.dir, "not a regular file");
	write_file(file, "#!/bin/sh\n", 10);
	refused(file, "no ELF file");
	write_file(file, "", 0);
	refused(file, "no ELF file");
	write_file(file, data, loaded_size(data, n) - 1);
	refused(file, "cut off"); /* dlopen alone would die of SIGBUS */
	write_file(file, data, 70);
	refused(file, "cut off");
	data[18] ^= 1; /* e_machine */
	write_file(file, data, 4096);
	refused(file, "made for another machine");
	data[18] ^= 1;
	data[4] = 1; /* 32 bit */
	write_file(file, data, 4096);
	refused(file, "32 bit");
	assert_int_equal(unlink(file), 0);
	assert_int_equal(mkfifo(file, 0600), 0); /* must not hang */
	refused(file, "not a regular file");
	unlink(file);
}

static void test_trust_rule(void **state)
{
	struct stat self = {.st_uid = 0, .st_gid = 0, .st_mode = S_IFREG | 0755};
	struct stat st = {.st_uid = 0, .st_gid = 7, .st_mode = S_IFREG | 0644};

	assert_true(trust_state(&st, &self, false));
	st.st_mode = S_IFREG | 0666;
	assert_false(trust_state(&st, &self, false));
	st.st_mode = S_IFREG | 0664;
	assert_false(trust_state(&st, &self, false));
	st.st_gid = 0; /* root's group */
	assert_true(trust_state(&st, &self, false));
	st.st_mode = S_IFREG | 0644;
	st.st_uid = 1000;
	assert_false(trust_state(&st, &self, false));
	self.st_uid = 1000; /* who owns libtkit can as well change it */
	assert_true(trust_state(&st, &self, false));
	st.st_gid = self.st_gid = 1000;
	st.st_mode = S_IFREG | 0664;
	assert_false(trust_state(&st, &self, false));
	self.st_mode = S_IFREG | 0775;
	assert_true(trust_state(&st, &self, false));

	/* /tmp: in it nobody can move root's things, but anybody can add some */
	st = (struct stat){.st_mode = S_IFDIR | S_ISVTX | 0777};
	assert_true(trust_state(&st, &self, true));
	assert_false(trust_state(&st, &self, false));
}

static void test_trust(void **state)
{
	static char data[1u << 20];
	size_t n = read_good(data, sizeof(data));
	const char *file = tree_path(&tree, "/copy.so");

	if (geteuid() != 0) {
		print_message("root's refusal of writable modules is not tested: not root\n");
		return;
	}
	write_file(file, data, n);
	assert_int_equal(chmod(file, 0666), 0);
	refused(file, "refused with root's rights");
	assert_int_equal(chmod(file, 0644), 0);
	assert_int_equal(chmod(tree.dir, 0777), 0);
	refused(tree.dir, "not a regular file"); /* the text below names the directory */
	{
		const struct plugin *plugin;
		struct err err = ERR_INIT;

		assert_int_equal(plugin_load_file(file, &plugin, &err), -EPERM);
		assert_non_null(strstr(err_text(&err), tree.dir));
		err_done(&err);
	}
	assert_int_equal(chmod(tree.dir, 0755), 0);
	if (chown(file, 12345, 0) == 0)
		refused(file, "owner 12345");
	assert_int_equal(chown(file, 0, 0), 0);
	accepted(file);
}

/* Collects the IDs of the findings. */
static void collect(void *arg, const char *id, const char *text)
{
	buf_printf((struct buf *)arg, "%s ", id);
	assert_null(strchr(text, '\n'));
	assert_true(text[0] != '\0');
}

static void checks(const char *file, const char *ids)
{
	struct err err = ERR_INIT;
	struct buf found = BUF_INIT;

	assert_true(check_file(file, NULL, collect, &found, &err) >= 0);
	buf_char(&found, '\0');
	if (strcmp(found.data, ids))
		fail_msg("%s: found '%s', not '%s'", file, found.data, ids);
	buf_done(&found);
	err_done(&err);
}

static void test_check(void **state)
{
	checks(PLUGINS "sink-good.so", "");
	checks(PLUGINS "bad_newer_zero.so", "PC033 ");
	checks(PLUGINS "bad_exports.so", "PC030 PC033 ");
	checks(PLUGINS "bad_texts.so", "PC031 PC031 PC031 PC033 ");
	checks(PLUGINS "bad_caps.so", "PC032 PC033 ");
	checks(PLUGINS "bad_opt_name.so", "PC033 PC020 ");
	checks(PLUGINS "bad_opt_twice.so", "PC033 PC020 ");
	checks(PLUGINS "bad_opt_type.so", "PC033 PC021 ");
	checks(PLUGINS "bad_opt_place.so", "PC033 PC022 ");
	checks(PLUGINS "bad_opt_align.so", "PC033 PC022 PC023 "); /* 3..11 reaches into 8..16 */
	checks(PLUGINS "bad_opt_overlap.so", "PC033 PC023 ");
	checks(PLUGINS "bad_opt_range.so", "PC033 PC024 ");
	checks(PLUGINS "bad_opt_value.so", "PC033 PC025 ");
	checks(PLUGINS "bad_opt_help.so", "PC033 PC026 ");
	checks(PLUGINS "bad_mandatory.so", "PC012 ");
	checks(PLUGINS "bad_kind.so", "PC010 ");
	checks(PLUGINS "bad_name.so", "PC011 ");
	checks(PLUGINS "bad_newer_ops.so", "PC009 ");
	checks(PLUGINS "bad_size.so", "PC008 ");
	checks(PLUGINS "bad_major.so", "PC007 ");
	checks(PLUGINS "bad_magic.so", "PC006 ");
	checks(PLUGINS "bad_no_descriptor.so", "PC005 PC030 ");
	checks(PLUGINS "bad_undefined.so", "PC004 PC030 ");
	checks("/etc/passwd", "PC003 ");
	checks("/nonexistent", "PC001 ");
}

static void test_probe(void **state)
{
	const struct plugin *shy = accepted(PLUGINS "backend-shy.so");
	struct err err = ERR_INIT;

	assert_int_equal(probe_kind(shy, NULL, TKIT_TARGET_PID, &err), 7);
	assert_int_equal(probe_kind(shy, NULL, TKIT_TARGET_COMMAND, &err), -EPERM);
	assert_non_null(strstr(err_text(&err), "Operation not permitted"));
	err_done(&err);
	assert_int_equal(probe_kind(shy, NULL, TKIT_TARGET_ALL, &err), -EOPNOTSUPP);
	assert_string_equal(err_text(&err), "cannot watch the whole host");
	err_done(&err);
	assert_int_equal(probe_kind(accepted(PLUGINS "sink-good.so"), NULL, TKIT_TARGET_PID, &err),
			 -EINVAL);
	err_done(&err);
}

static void test_caps(void **state)
{
	struct buf buf = BUF_INIT;

	caps_text(&buf, TKIT_KIND_BACKEND, TKIT_CAN_OPEN | TKIT_CAN_TARGET_ALL | 1ull << 60, ", ");
	buf_char(&buf, '\0');
	assert_string_equal(buf.data, "open, target_all, bit-60");
	buf_done(&buf);
	assert_true(caps_unknown(TKIT_KIND_REPORTER, TKIT_NEEDS_ROOTFS | TKIT_CAN_OPEN) == 0);
	assert_true(caps_unknown(TKIT_KIND_SINK, TKIT_SINK_FOLDS | 2) == 2);
	assert_null(caps_name(TKIT_KIND_SINK, 2));
	for (int kind = TKIT_KIND_BACKEND; kind <= TKIT_KIND_REPORTER; kind++) {
		size_t count;
		const struct cap_name *table = caps_table((enum tkit_kind)kind, &count);

		for (size_t i = 1; i < count; i++)
			assert_true(table[i].bit > table[i - 1].bit);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),       cmocka_unit_test(test_versions),
		cmocka_unit_test(test_descriptor), cmocka_unit_test(test_option_tables),
		cmocka_unit_test(test_no_modules), cmocka_unit_test(test_trust_rule),
		cmocka_unit_test(test_trust),      cmocka_unit_test(test_check),
		cmocka_unit_test(test_probe),      cmocka_unit_test(test_caps),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
