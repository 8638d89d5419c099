// SPDX-License-Identifier: MIT
/* Numbers, typed options, the three layers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../abi/plugins/plugins.h"
#include "plugin/loader.h"
#include "plugin/option.h"
#include "util/num.h"

static void test_u64(void **state)
{
	uint64_t v = 99;

	assert_int_equal(num_u64("0", &v), 0);
	assert_true(v == 0);
	assert_int_equal(num_u64("010", &v), 0);
	assert_true(v == 10);
	assert_int_equal(num_u64("0xFf", &v), 0);
	assert_true(v == 255);
	assert_int_equal(num_u64("18446744073709551615", &v), 0);
	assert_true(v == UINT64_MAX);
	assert_int_equal(num_u64("18446744073709551616", &v), -ERANGE);
	assert_int_equal(num_u64("99999999999999999999999", &v), -ERANGE);
	assert_int_equal(num_u64("99999999999999999999999x", &v), -EINVAL);
	assert_int_equal(num_u64("0x10000000000000000", &v), -ERANGE);
	assert_true(v == UINT64_MAX); /* untouched */
	static const char *const bad[] = {"",   "0x", "x",   "-1",  "+1",
					  " 1", "1 ", "1.0", "1e3", "0b1"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (num_u64(bad[i], &v) != -EINVAL)
			fail_msg("'%s' was taken", bad[i]);
}

static void test_i64(void **state)
{
	int64_t v = 0;
	int n = 5;

	assert_int_equal(num_i64("-9223372036854775808", &v), 0);
	assert_true(v == INT64_MIN);
	assert_int_equal(num_i64("-9223372036854775809", &v), -ERANGE);
	assert_int_equal(num_i64("9223372036854775807", &v), 0);
	assert_true(v == INT64_MAX);
	assert_int_equal(num_i64("9223372036854775808", &v), -ERANGE);
	assert_int_equal(num_i64("-0x10", &v), 0);
	assert_true(v == -16);
	assert_int_equal(num_i64("--1", &v), -EINVAL);
	assert_int_equal(num_i64("-", &v), -EINVAL);
	assert_int_equal(num_int("7", 1, 7, &n), 0);
	assert_int_equal(n, 7);
	assert_int_equal(num_int("8", 1, 7, &n), -ERANGE);
	assert_int_equal(num_int("0", 1, 7, &n), -ERANGE);
	assert_int_equal(num_int("q", 1, 7, &n), -EINVAL);
	assert_int_equal(n, 7);
}

static void test_size(void **state)
{
	uint64_t v = 0;

	assert_int_equal(num_size("4096", &v), 0);
	assert_true(v == 4096);
	assert_int_equal(num_size("16M", &v), 0);
	assert_true(v == 16u << 20);
	assert_int_equal(num_size("2t", &v), 0);
	assert_true(v == 2ull << 40);
	assert_int_equal(num_size("0G", &v), 0);
	assert_true(v == 0);
	assert_int_equal(num_size("16777215T", &v), 0);
	assert_int_equal(num_size("16777216T", &v), -ERANGE);
	assert_int_equal(num_size("99999999999999999999K", &v), -ERANGE);
	assert_int_equal(num_size("1KB", &v), -EINVAL);
	assert_int_equal(num_size("K", &v), -EINVAL);
	assert_int_equal(num_size("-1", &v), -EINVAL);
	assert_int_equal(num_size("1.5G", &v), -EINVAL);
}

static void test_duration(void **state)
{
	static const struct {
		const char *text;
		uint64_t ns;
	} good[] = {
		{"0", 0},
		{"2", 2000000000u},
		{"250ms", 250000000},
		{"1.5s", 1500000000},
		{"0.000000001s", 1},
		{"7ns", 7},
		{"3us", 3000},
		{"1m", 60000000000u},
		{"0.25h", 900000000000u},
		{"1.5m", 90000000000u},
	};
	static const char *const bad[] = {"",    "s",  "1.",  "1.s", ".5s",
					  "1 s", "1d", "1ss", "-1s", "1.5.5s"};
	uint64_t v = 0;

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		if (num_duration(good[i].text, &v) || v != good[i].ns)
			fail_msg("'%s' is %llu", good[i].text, (unsigned long long)v);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (num_duration(bad[i], &v) != -EINVAL)
			fail_msg("'%s' was taken", bad[i]);
	assert_int_equal(num_duration("18446744073709551615ns", &v), 0);
	assert_int_equal(num_duration("18446744073709551616ns", &v), -ERANGE);
	assert_int_equal(num_duration("6000000h", &v), -ERANGE);
	assert_int_equal(num_duration("18446744073.9s", &v), -ERANGE);
}

static const struct plugin *good(void)
{
	const struct plugin *plugin = NULL;
	struct err err = ERR_INIT;

	if (plugin_load_file(TKIT_BUILD_DIR "/tests/plugins/sink-good.so", &plugin, &err))
		fail_msg("%s", err_text(&err));
	return plugin;
}

static struct plugin_options *parse(const struct plugin *plugin, const char *spec)
{
	struct plugin_options *options = NULL;
	struct err err = ERR_INIT;

	if (plugin_options_new(plugin, spec, &options, &err))
		fail_msg("'%s': %s", spec, err_text(&err));
	return options;
}

static void refused(const struct plugin *plugin, const char *spec, const char *text)
{
	struct plugin_options *options = NULL;
	struct err err = ERR_INIT;

	if (!plugin_options_new(plugin, spec, &options, &err))
		fail_msg("'%s' was taken", spec);
	assert_string_equal(err_text(&err), text);
	assert_null(options);
	err_done(&err);
}

static void test_defaults(void **state)
{
	struct plugin_options *options = parse(good(), NULL);
	const struct good_options *o = plugin_options_data(options);

	assert_int_equal(o->follow, 0);
	assert_true(o->level == -3);
	assert_true(o->ring_size == 16u << 20);
	assert_true(o->wait_ns == 2000000000u);
	assert_null(o->label);
	assert_int_equal(o->mode, 1);
	assert_int_equal(o->skip.count, 1);
	assert_string_equal(o->skip.items[0], "/proc");
	assert_string_equal(plugin_options_text(options), "");
	plugin_options_free(options);
	plugin_options_free(NULL);
	assert_null(plugin_options_data(NULL));
	assert_string_equal(plugin_options_text(NULL), "");
}

static void test_user(void **state)
{
	struct plugin_options *options, *again;
	const struct good_options *o;

	options = parse(good(), "level=0x5,follow,label=a\\,b\\\\c\\d=e,ring-size=1G,mode=exact,"
				"wait=5ms,skip=/a,skip=/b,level=6");
	o = plugin_options_data(options);
	assert_int_equal(o->follow, 1);
	assert_true(o->level == 6); /* the last one counts */
	assert_true(o->ring_size == 1u << 30);
	assert_true(o->wait_ns == 5000000);
	assert_string_equal(o->label, "a,b\\c\\d=e");
	assert_int_equal(o->mode, 2);
	assert_int_equal(o->skip.count, 2); /* given ones replace the default */
	assert_string_equal(o->skip.items[1], "/b");
	assert_string_equal(plugin_options_text(options),
			    "follow=yes,level=6,ring-size=1073741824,wait=5000000ns,"
			    "label=a\\,b\\\\c\\\\d=e,mode=exact,skip=/a,skip=/b");

	again = parse(good(), plugin_options_text(options));
	assert_string_equal(plugin_options_text(again), plugin_options_text(options));
	plugin_options_free(again);
	plugin_options_free(options);

	options = parse(good(), "skip=");
	o = plugin_options_data(options);
	assert_int_equal(o->skip.count, 0);
	assert_string_equal(plugin_options_text(options), "skip=");
	plugin_options_free(options);

	options = parse(good(), "label=");
	o = plugin_options_data(options);
	assert_string_equal(o->label, "");
	plugin_options_free(options);
}

static void test_bools(void **state)
{
	static const char *const words[] = {"no", "yes", "false", "true", "off", "on", "0", "1"};
	char spec[32];

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		struct plugin_options *options;

		snprintf(spec, sizeof(spec), "follow=%s", words[i]);
		options = parse(good(), spec);
		assert_int_equal(
			((const struct good_options *)plugin_options_data(options))->follow, i % 2);
		plugin_options_free(options);
	}
	refused(good(), "follow=maybe", "sink 'good': option 'follow': 'maybe' is not yes or no");
	refused(good(), "follow=", "sink 'good': option 'follow': '' is not yes or no");
}

static void test_refused(void **state)
{
	refused(good(), "ring-siz=1M",
		"sink 'good': unknown option 'ring-siz'; did you mean 'ring-size'?");
	refused(good(), "zzzzzzzzz=1",
		"sink 'good': unknown option 'zzzzzzzzz' (see `tkit plugin show good`)");
	refused(good(), "ring-size=1K",
		"sink 'good': option 'ring-size': '1K' is out of range 64K..1G");
	refused(good(), "ring-size=99999999999999999999",
		"sink 'good': option 'ring-size': '99999999999999999999' is out of range 64K..1G");
	refused(good(), "ring-size=big",
		"sink 'good': option 'ring-size': 'big' is not a size like "
		"4096, 64K, 16M, 1G");
	refused(good(), "wait=0", "sink 'good': option 'wait': '0' is out of range 1ms..");
	refused(good(), "level=11", "sink 'good': option 'level': '11' is out of range -10..10");
	refused(good(), "level", "sink 'good': option 'level' needs a value: level=int");
	refused(good(), "mode=fats",
		"sink 'good': option 'mode': 'fats' is not one of "
		"slow|fast|exact; did you mean 'fast'?");
	refused(good(), "level=1,,level=2", "sink 'good': empty option in 'level=1,,level=2'");
	refused(good(), "=5", "sink 'good': empty option in '=5'");
	/* What is not printable is escaped, what is long is cut. */
	refused(good(), "level=\x1b[2J\n",
		"sink 'good': option 'level': '\\x1b[2J\\n' is not a whole number");
	refused(good(),
		"mode=xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxyy",
		"sink 'good': option 'mode': "
		"'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...' "
		"is not one of slow|fast|exact");
}

/* The conf's layer lies between table and user, and its mistakes have a line. */
static void test_conf(void **state)
{
	struct plugin_default defaults[] = {
		{(char *)"skip", (char *)"/x", 7},
		{(char *)"skip", (char *)"/y", 8},
		{(char *)"level", (char *)"4", 9},
	};
	struct plugin_conf conf = {
		.kind = TKIT_KIND_SINK,
		.name = (char *)"good",
		.module = (char *)TKIT_BUILD_DIR "/tests/plugins/sink-good.so",
		.file = (char *)"/etc/tkit/plugins.d/10-good.yaml",
		.default_count = 3,
		.defaults = defaults,
	};
	const struct plugin *plugin, *same;
	struct plugin_options *options;
	const struct good_options *o;
	struct err err = ERR_INIT;

	assert_int_equal(plugin_load(&conf, &plugin, &err), 0);
	assert_int_equal(plugin_load(&conf, &same, &err), 0);
	assert_ptr_equal(plugin, same);
	assert_ptr_not_equal(plugin, good());
	options = parse(plugin, "level=5");
	o = plugin_options_data(options);
	assert_true(o->level == 5);
	assert_int_equal(o->skip.count, 2);
	assert_string_equal(plugin_options_text(options), "level=5,skip=/x,skip=/y");
	plugin_options_free(options);
	options = parse(plugin, "skip=/z");
	assert_string_equal(plugin_options_text(options), "level=4,skip=/z");
	plugin_options_free(options);

	defaults[2].value = (char *)"44";
	assert_int_equal(plugin_load(&conf, &plugin, &err), 0);
	assert_ptr_not_equal(plugin, same); /* the conf has changed */
	refused(plugin, NULL,
		"/etc/tkit/plugins.d/10-good.yaml:9: option 'level': '44' is out of range -10..10");
	conf.name = (char *)"other";
	assert_int_equal(plugin_load(&conf, &plugin, &err), -EINVAL);
	assert_non_null(strstr(err_text(&err), "names the sink 'other', but"));
	err_done(&err);
}

static void test_types(void **state)
{
	assert_string_equal(option_type_name(TKIT_OPTION_DURATION), "duration");
	assert_null(option_type_name(0));
	assert_null(option_type_name(8));
	assert_int_equal(option_field_size(99), 0);
}

static void range_is(uint32_t type, const char *range, int good_one)
{
	struct tkit_option option = {.name = "x", .type = type, .range = range};

	if ((option_check_range(&option, NULL) == 0) != good_one)
		fail_msg("range '%s' of type %u", range, type);
}

static void test_ranges(void **state)
{
	range_is(TKIT_OPTION_INT, NULL, 1);
	range_is(TKIT_OPTION_INT, "-5..5", 1);
	range_is(TKIT_OPTION_INT, "..5", 1);
	range_is(TKIT_OPTION_INT, "5..", 1);
	range_is(TKIT_OPTION_INT, "..", 0);
	range_is(TKIT_OPTION_INT, "5", 0);
	range_is(TKIT_OPTION_INT, "", 0);
	range_is(TKIT_OPTION_INT, "5..4", 0);
	range_is(TKIT_OPTION_INT, "a..b", 0);
	range_is(TKIT_OPTION_SIZE, "4K..1G", 1);
	range_is(TKIT_OPTION_SIZE, "-1..1G", 0);
	range_is(TKIT_OPTION_DURATION, "1ms..1.5h", 1);
	range_is(TKIT_OPTION_ENUM, "a|b", 1);
	range_is(TKIT_OPTION_ENUM, NULL, 0);
	range_is(TKIT_OPTION_ENUM, "", 0);
	range_is(TKIT_OPTION_ENUM, "a||b", 0);
	range_is(TKIT_OPTION_ENUM, "a|b|a", 0);
	range_is(TKIT_OPTION_ENUM, "a,b|c", 0);
	range_is(TKIT_OPTION_BOOL, "0..1", 0);
	range_is(TKIT_OPTION_STRING, NULL, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_u64),      cmocka_unit_test(test_i64),
		cmocka_unit_test(test_size),     cmocka_unit_test(test_duration),
		cmocka_unit_test(test_defaults), cmocka_unit_test(test_user),
		cmocka_unit_test(test_bools),    cmocka_unit_test(test_refused),
		cmocka_unit_test(test_conf),     cmocka_unit_test(test_types),
		cmocka_unit_test(test_ranges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
