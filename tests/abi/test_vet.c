// SPDX-License-Identifier: MIT
/* `tkit plugin check`: each way to break the contract is found, by its own ID, and no other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/out.h"
#include "plugin/ctx.h"
#include "util/buf.h"
#include "vet/vet.h"

#define PLUGINS TKIT_BUILD_DIR "/tests/plugins/"

static void collect(void *arg, const char *id, const char *text)
{
	struct buf *found = arg;

	assert_null(strchr(text, '\n'));
	assert_true(text[0] != '\0');
	if (!id)
		return;
	if (found->size < 6 || memcmp(found->data + found->size - 6, id, 5) != 0)
		buf_printf(found, "%s ", id);
	print_message("    %s: %s\n", id, text);
}

/* The module has findings with exactly the IDs in `ids`, "PC050 PC053 ". */
static void finds(const char *variant, const char *kind, const char *ids)
{
	char file[512];
	struct vet_config config = {
		.file = file,
		.patience_s = strstr(variant, "hang") || !strcmp(variant, "endless") ? 1 : 7,
		.out_open_file = out_open_file,
		.out_open_folder = out_open_folder,
		.out_commit = out_commit,
		.out_abandon = out_abandon,
	};
	struct err err = ERR_INIT;
	struct buf found = BUF_INIT;
	char got[256];
	int rc;

	snprintf(file, sizeof(file), PLUGINS "%s/%s-bad.so", variant, kind);
	print_message("%s %s\n", kind, variant);
	rc = vet_module(&config, collect, &found, &err);
	buf_char(&found, '\0');
	snprintf(got, sizeof(got), "%s", rc < 0 ? err_text(&err) : found.data);
	buf_done(&found);
	err_done(&err);
	if (rc < 0 || strcmp(got, ids))
		fail_msg("%s: found '%s', not '%s'", file, got, ids);
}

static void backend(const char *variant, const char *ids)
{
	finds(variant, "backend", ids);
}

static void test_file(void **state)
{
	backend("utf8", "PC031 ");
	backend("execstack", "PC034 ");
}

static void test_sound(void **state)
{
	backend("none", "");
	finds("none", "sink", "");
	finds("none", "reporter", "");
}

static void test_death(void **state)
{
	backend("crash", "PC050 ");
	backend("abort", "PC050 ");
	backend("twice", "PC050 ");
	backend("hang", "PC051 ");
	backend("exit", "PC052 ");
	backend("ctor_crash", "PC050 ");
	backend("ctor_hang", "PC051 ");
	finds("crash", "sink", "PC050 ");
	finds("empty", "reporter", "PC050 ");
}

static void test_results(void **state)
{
	backend("silent", "PC053 ");
	backend("silent_probe", "PC053 ");
	backend("lines", "PC053 ");
	backend("return", "PC054 ");
	backend("rank", "PC054 ");
	backend("confused", "PC054 ");
	backend("no_errno", "PC054 ");
	backend("self", "PC055 ");
	finds("closed", "sink", "PC053 ");
	finds("status", "reporter", "PC054 ");
}

static void test_residue(void **state)
{
	backend("prints", "PC056 ");
	backend("leak", "PC057 ");
	backend("fd", "PC058 ");
	backend("thread", "PC059 ");
	backend("child", "PC060 ");
	backend("cloexec", "PC061 ");
	backend("signal", "PC062 ");
	backend("umask", "PC062 ");
	backend("mask", "PC062 ");
	backend("chdir", "PC062 ");
	backend("env", "PC062 ");
	backend("unset", "PC062 ");
	backend("locale", "PC062 ");
	backend("limit", "PC062 ");
	backend("prctl", "PC062 ");
	backend("alarm", "PC062 ");
	backend("ctor_signal", "PC062 ");
	backend("writes", "PC056 ");
	if (!TKIT_SANITIZED)
		backend("memory", "PC067 ");
	finds("stderr", "sink", "PC056 ");
}

static void test_instances(void **state)
{
	backend("second", "PC063 ");
	backend("shared", "PC063 ");
}

static void test_lent(void **state)
{
	finds("lent", "sink", "PC064 ");
	finds("run", "sink", "PC064 ");
	finds("keeps", "reporter", "PC064 ");
	finds("stride", "sink", "PC065 ");
	finds("scribble", "sink", "PC068 ");
	backend("options", "PC068 ");
	backend("target", "PC068 ");
	finds("varies", "reporter", "PC066 ");
	finds("raw", "reporter", "PC083 ");
}

static void test_events(void **state)
{
	backend("err", "PC070 ");
	backend("nul", "PC070 ");
	backend("size", "PC070 ");
	backend("op", "PC070 ");
	backend("base", "PC070 ");
	backend("clock", "PC071 ");
	backend("order", "PC081 ");
	backend("foreign", "PC072 ");
	backend("when", "PC073 ");
	backend("unsaid", "PC074 ");
}

static void test_pump(void **state)
{
	backend("blocks", "PC075 ");
	backend("endless", "PC076 ");
	backend("count", "PC077 ");
	backend("busy", "PC082 ");
	backend("slow_probe", "PC069 ");
	backend("stats", "PC078 ");
	backend("caps", "PC079 ");
	backend("reaps", "PC080 ");
	backend("kills", "PC080 ");
}

/* An open() before the target is known, of those that say they can. */
static void test_early(void **state)
{
	backend("early", "");
	backend("early_reads", "PC084 ");
	backend("early_needs", "PC084 ");
	backend("early_keeps", "PC084 ");
	backend("early_emits", "PC084 ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_file),    cmocka_unit_test(test_sound),
		cmocka_unit_test(test_death),   cmocka_unit_test(test_results),
		cmocka_unit_test(test_residue), cmocka_unit_test(test_instances),
		cmocka_unit_test(test_lent),    cmocka_unit_test(test_events),
		cmocka_unit_test(test_pump),    cmocka_unit_test(test_early),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
