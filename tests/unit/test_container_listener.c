// SPDX-License-Identifier: MIT
/* The filter of the seccomp_notify backend in a container's config.json. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "container/json.h"
#include "container/listener.h"

/* The action of a profile for a call that has no conditions on it; "" = the default. */
static const char *action_of(const json_t *config, const char *call)
{
	const json_t *seccomp = json_object_get(json_object_get(config, "linux"), "seccomp");
	const json_t *rule, *name;
	const char *found = "";
	size_t i, k;

	json_array_foreach(json_object_get(seccomp, "syscalls"), i, rule)
	{
		json_array_foreach(json_object_get(rule, "names"), k, name)
		{
			if (strcmp(json_string_value(name), call) != 0 ||
			    json_object_get(rule, "args"))
				continue;
			if (*found)
				fail_msg("%s stands in two rules", call);
			found = json_member(rule, "action");
		}
	}
	return found;
}

static void test_profile(void **state)
{
	_cleanup_json_ json_t *config = json_loads(
		"{\"ociVersion\": \"1.0.2\", \"process\": {\"args\": [\"a\"]}, \"linux\": {\"seccomp\": {"
		"\"defaultAction\": \"SCMP_ACT_ERRNO\", \"syscalls\": ["
		"{\"names\": [\"openat\", \"read\", \"execve\", \"sendto\", \"write\"], \"action\": \"SCMP_ACT_ALLOW\"},"
		"{\"names\": [\"stat\"], \"action\": \"SCMP_ACT_ALLOW\"},"
		"{\"names\": [\"chroot\"], \"action\": \"SCMP_ACT_ALLOW\", \"args\": [{\"index\": 0, \"value\": 1, \"op\": \"SCMP_CMP_EQ\"}]},"
		"{\"names\": [\"mkdir\"], \"action\": \"SCMP_ACT_ERRNO\"}]}}}",
		0, NULL);

	assert_non_null(config);
	assert_int_equal(listener_edit(config, "/run/x.sock", NULL), 0);
	assert_string_equal(action_of(config, "openat"), "SCMP_ACT_NOTIFY");
	assert_string_equal(action_of(config, "execve"), "SCMP_ACT_NOTIFY");
	assert_string_equal(action_of(config, "stat"), "SCMP_ACT_NOTIFY");
	assert_string_equal(action_of(config, "read"), "SCMP_ACT_ALLOW");
	assert_string_equal(action_of(config, "write"), "SCMP_ACT_ALLOW");
	assert_string_equal(action_of(config, "mkdir"), "SCMP_ACT_ERRNO");
	assert_string_equal(action_of(config, "sendto"), ""); /* by its arguments */
	assert_string_equal(action_of(config, "chroot"), "");
	assert_string_equal(action_of(config, "mount"), ""); /* refused as before */
	assert_int_equal(listener_edit(config, "/run/x.sock", NULL), -EEXIST);
}

/* A bundle that was run before: as if it had not been. */
static void test_again(void **state)
{
	static const char *const profiles[] = {
		"{\"linux\": {}}",
		("{\"linux\": {\"seccomp\": {\"defaultAction\": \"SCMP_ACT_ERRNO\", \"syscalls\": ["
		 "{\"names\": [\"openat\", \"read\", \"sendto\"], \"action\": \"SCMP_ACT_ALLOW\"},"
		 "{\"names\": [\"mkdir\"], \"action\": \"SCMP_ACT_ERRNO\"}]}}}"),
		("{\"linux\": {\"seccomp\": {\"defaultAction\": \"SCMP_ACT_ERRNO\", \"syscalls\": ["
		 "{\"names\": [\"openat\", \"read\"], \"action\": \"SCMP_ACT_ALLOW\"}]}}}"),
	};

	for (size_t i = 0; i < sizeof(profiles) / sizeof(profiles[0]); i++) {
		_cleanup_json_ json_t *config = json_loads(profiles[i], 0, NULL), *once = NULL;
		json_t *seccomp;

		assert_int_equal(listener_edit(config, "/none/tkit/a.sock", NULL), 0);
		once = json_deep_copy(config);
		assert_int_equal(listener_edit(config, "/none/tkit/b.sock", NULL), 0);
		seccomp = json_object_get(json_object_get(config, "linux"), "seccomp");
		assert_string_equal(json_member(seccomp, "listenerPath"), "/none/tkit/b.sock");
		assert_string_equal(action_of(config, "openat"), "SCMP_ACT_NOTIFY");
		assert_string_equal(action_of(config, "mkdir"), action_of(once, "mkdir"));
		assert_string_equal(action_of(config, "read"), action_of(once, "read"));
		assert_int_equal(json_array_size(json_object_get(seccomp, "syscalls")),
				 json_array_size(json_object_get(
					 json_object_get(json_object_get(once, "linux"), "seccomp"),
					 "syscalls")));
	}
}

static void test_unconfined(void **state)
{
	_cleanup_json_ json_t *config = json_loads("{\"linux\": {}}", 0, NULL);

	assert_int_equal(listener_edit(config, "/run/x.sock", NULL), 0);
	assert_string_equal(action_of(config, "openat"), "SCMP_ACT_NOTIFY");
	assert_string_equal(action_of(config, "mount"), "SCMP_ACT_NOTIFY");
	assert_string_equal(action_of(config, "write"), ""); /* allowed, not asked about */
	assert_string_equal(
		json_member(json_object_get(json_object_get(config, "linux"), "seccomp"),
			    "defaultAction"),
		"SCMP_ACT_ALLOW");
}

static void test_odd(void **state)
{
	static const char *const texts[] = {
		"{}",
		"{\"linux\": 7}",
		"{\"linux\": {\"seccomp\": []}}",
		"{\"linux\": {\"seccomp\": {\"defaultAction\": 3, \"syscalls\": [1, {}, {\"names\": [2]}]}}}",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		_cleanup_json_ json_t *config = json_loads(texts[i], 0, NULL);

		assert_non_null(config);
		assert_int_equal(listener_edit(config, "/run/x.sock", NULL), 0);
	}
}

static void test_wanted(void **state)
{
	char backend[] = "--backend", plain[] = "seccomp_notify", with[] = "seccomp_notify,sync=no",
	     other[] = "ebpf";
	char *const none[] = {NULL}, *const yes[] = {backend, plain, NULL},
		    *const more[] = {backend, with, NULL}, *const no[] = {backend, other, NULL},
		    *const cut[] = {backend, NULL};

	assert_false(listener_wanted(NULL, "seccomp_notify"));
	assert_false(listener_wanted(none, "seccomp_notify"));
	assert_true(listener_wanted(yes, "seccomp_notify"));
	assert_true(listener_wanted(more, "seccomp_notify"));
	assert_false(listener_wanted(no, "seccomp_notify"));
	assert_false(listener_wanted(cut, "seccomp_notify"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_profile),    cmocka_unit_test(test_again),
		cmocka_unit_test(test_unconfined), cmocka_unit_test(test_odd),
		cmocka_unit_test(test_wanted),
	};

	return cmocka_run_group_tests_name("listeners of containers", tests, NULL, NULL);
}
