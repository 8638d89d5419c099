// SPDX-License-Identifier: MIT
/* Parts of tkit slim: words, HTTP, comparing, users, OCI bundles. */
#include <errno.h>
#include <jansson.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "slim/box.h"
#include "slim/compare.h"
#include "slim/drive.h"
#include "slim/http.h"
#include "slim/oci.h"
#include "slim/users.h"
#include "slim/words.h"
#include "util/bytes.h"

static struct buf text(const char *s)
{
	struct buf buf = BUF_INIT;

	buf_str(&buf, s);
	return buf;
}

/* ---- words ---- */

static void check_words(const char *line, const char *joined)
{
	struct buf got = BUF_INIT;
	char **words = NULL;

	assert_int_equal(words_split(line, &words, NULL), 0);
	for (size_t i = 0; words[i]; i++)
		buf_printf(&got, "<%s>", words[i]);
	buf_char(&got, '\0');
	assert_string_equal(got.data, joined);
	words_free(words);
	buf_done(&got);
}

static void test_words(void **state)
{
	char **words;

	check_words("redis-cli ping", "<redis-cli><ping>");
	check_words("  a\tb\n", "<a><b>");
	check_words("sh -c 'echo \"$x\" \\n'", "<sh><-c><echo \"$x\" \\n>");
	check_words("a\"b c\"d ''", "<ab cd><>");
	check_words("a\\ b \"\\\"\"", "<a b><\">");
	assert_int_equal(words_split("", &words, NULL), -EINVAL);
	assert_int_equal(words_split(" \n", &words, NULL), -EINVAL);
	assert_int_equal(words_split("a 'b", &words, NULL), -EINVAL);
	assert_int_equal(words_split("a \"b", &words, NULL), -EINVAL);
	assert_int_equal(words_split("a \\", &words, NULL), -EINVAL);
}

/* ---- HTTP ---- */

static void check_url(const char *url, const char *host, int port, const char *path)
{
	struct http_url got;

	assert_int_equal(http_url_parse(url, &got, NULL), 0);
	assert_string_equal(got.host, host);
	assert_int_equal(got.port, port);
	assert_string_equal(got.path, path);
}

static void test_urls(void **state)
{
	static const char *const bad[] = {"",
					  "http://",
					  "https://a/",
					  "http://a:0/",
					  "http://a:65536/",
					  "http://a:x",
					  "http://[::1",
					  "ftp://a",
					  "http://a/ b",
					  "http://a\r\nb/",
					  "http://:80/",
					  "http://a:123456789/"};
	struct http_url got;

	check_url("http://127.0.0.1/", "127.0.0.1", 80, "/");
	check_url("http://localhost:8080/a?b=c#d", "localhost", 8080, "/a?b=c");
	check_url("http://[::1]:81", "::1", 81, "/");
	check_url("http://a?b", "a", 80, "/?b");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_not_equal(http_url_parse(bad[i], &got, NULL), 0);
}

static void check_answer(const char *raw, int rc, int status, const char *body)
{
	struct buf got = BUF_INIT;
	int got_status = 0;

	assert_int_equal(http_answer(raw, strlen(raw), &got_status, &got), rc);
	if (rc == 0) {
		assert_int_equal(got_status, status);
		assert_int_equal(got.size, strlen(body));
		assert_true(!got.size || memcmp(got.data, body, got.size) == 0);
	}
	buf_done(&got);
}

static void test_answers(void **state)
{
	check_answer("HTTP/1.1 200 OK\r\n\r\nhello", 0, 200, "hello");
	check_answer("HTTP/1.0 404 No\r\nDate: x\r\n\r\n", 0, 404, "");
	check_answer("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhello", 0, 200, "he");
	check_answer("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", -EBADMSG, 0, "");
	check_answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		     "3;x=y\r\nabc\r\n2\r\nde\r\n0\r\n\r\n",
		     0, 200, "abcde");
	check_answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab", -EBADMSG, 0,
		     "");
	check_answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
		     "ffffffffffffffff\r\nab",
		     -EBADMSG, 0, "");
	check_answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz", -EBADMSG, 0, "");
	check_answer("SSH-2.0-x\r\n\r\n", -EBADMSG, 0, "");
	check_answer("HTTP/1.1 2x0 OK\r\n\r\n", -EBADMSG, 0, "");
	check_answer("HTTP/1.1 200 OK\r\n", -EBADMSG, 0, "");
	check_answer("", -EBADMSG, 0, "");
}

/* ---- comparing ---- */

static void check_alike(const char *a, const char *b, enum likeness want)
{
	struct buf x = text(a), y = text(b);

	assert_int_equal(compare_text(&x, &y), want);
	assert_int_equal(compare_text(&y, &x), want);
	buf_done(&x);
	buf_done(&y);
}

static void test_alike(void **state)
{
	check_alike("", "", ALIKE_BYTES);
	check_alike("a\n", "a\n", ALIKE_BYTES);
	check_alike("pid 12 at 10:11\n", "pid 3456 at 9:01\n", ALIKE_NUMBERS);
	check_alike("id deadbeef01\n", "id 0123abcdef\n", ALIKE_NUMBERS);
	check_alike("1 a\n2 b\n", "3 b\n4 a\n", ALIKE_LINES);
	check_alike("a\na\nb\n", "b\na\n", ALIKE_LINES);
	check_alike("a\n", "b\n", ALIKE_NOT);
	check_alike("", "a", ALIKE_NOT);
	check_alike("bad\n", "dad\n", ALIKE_NOT); /* hexadecimal, but words */
	check_alike("v1\n", "v\n", ALIKE_NOT);
}

static struct drive_result result(int status, const char *out)
{
	struct drive_result r = {.count = 1};

	r.steps[0].status = status;
	r.steps[0].out = text(out);
	return r;
}

static void test_runs(void **state)
{
	struct drive_result originals[2] = {result(0, "time 1\n"), result(0, "time 2\n")};
	struct drive_result same = result(0, "time 1\n"), noise = result(0, "time 3\n");
	struct drive_result other = result(0, "error\n"), status = result(1, "time 1\n");
	struct drive_result wild = result(0, "xyz\n");
	struct comparison c;

	compare_runs(originals, 1, &same, &c);
	assert_int_equal(c.differences, 0);
	/* of a single original every difference counts */
	compare_runs(originals, 1, &noise, &c);
	assert_int_equal(c.differences, 1);
	compare_runs(originals, 2, &noise, &c);
	assert_int_equal(c.differences, 0);
	assert_int_equal(c.incomparable, 0);
	compare_runs(originals, 2, &other, &c);
	assert_int_equal(c.differences, 1);
	compare_runs(originals, 2, &status, &c);
	assert_int_equal(c.differences, 1);
	/* what the original does not repeat is told, and not held against the other */
	drive_result_done(&originals[1]);
	originals[1] = result(0, "something\n");
	compare_runs(originals, 2, &wild, &c);
	assert_int_equal(c.differences, 0);
	assert_int_equal(c.incomparable, 1);
	/* a cut output could differ behind the cut */
	same.steps[0].cut = true;
	compare_runs(originals, 1, &same, &c);
	assert_int_equal(c.differences, 2);
	drive_result_done(&originals[0]);
	drive_result_done(&originals[1]);
	drive_result_done(&same);
	drive_result_done(&noise);
	drive_result_done(&other);
	drive_result_done(&status);
	drive_result_done(&wild);
}

/* A service that was stopped, and one that ends by itself with the same status: not the same. */
static void test_ended(void **state)
{
	struct drive_result service = {.stopped = true}, ended = {.stopped = false};
	struct drive_result twice[2] = {service, ended}, thrice[3] = {service, ended, service};
	struct comparison c;

	compare_runs(&service, 1, &service, &c);
	assert_int_equal(c.differences, 0);
	compare_runs(&service, 1, &ended, &c);
	assert_int_equal(c.differences, 1);
	compare_runs(&ended, 1, &service, &c);
	assert_int_equal(c.differences, 1);
	/* the original does either */
	compare_runs(twice, 2, &ended, &c);
	assert_int_equal(c.differences, 0);
	assert_int_equal(c.incomparable, 1);
	/* the worst that it does counts, not the last */
	compare_runs(thrice, 3, &ended, &c);
	assert_int_equal(c.differences, 0);
}

/* ---- users ---- */

static int look_up(const char *who, struct user *ret)
{
	char passwd[] = "root:x:0:0:root:/root:/bin/sh\nbroken\nredis:x:101:102::/x:/y\n"
			"evil:x:99999999999:1::/:/\n\nwww:x:33:33:a:b:c:d\n";
	char group[] = "root:x:0:\nredis:x:102:\nextra:x:7:www,redis\nalso:x:8:redisx,redis\n"
		       "web:x:33:\nweb:x:99:\n";

	return user_look_up(passwd, group, who, ret, NULL);
}

static void check_user(const char *who, uint32_t uid, uint32_t gid, size_t groups)
{
	struct user user;

	assert_int_equal(look_up(who, &user), 0);
	assert_int_equal(user.uid, uid);
	assert_int_equal(user.gid, gid);
	assert_int_equal(user.group_count, groups);
}

static void test_users(void **state)
{
	struct user user;

	check_user(NULL, 0, 0, 0);
	check_user("", 0, 0, 0);
	check_user("redis", 101, 102, 2);
	check_user("101", 101, 102, 2);
	check_user("redis:web", 101, 33, 0);
	check_user("redis:5", 101, 5, 0);
	check_user("33", 33, 33, 1);
	check_user("4711", 4711, 0, 0);
	check_user("4711:4712", 4711, 4712, 0);
	check_user(":web", 0, 33, 0);
	assert_int_equal(look_up("nobody", &user), -ENOENT);
	assert_int_equal(look_up("redis:nogroup", &user), -ENOENT);
	assert_int_equal(look_up("evil", &user), -ENOENT);
	assert_int_equal(look_up("broken", &user), -ENOENT);
}

/* ---- bundles ---- */

static void test_bundle(void **state)
{
	const char *env[] = {"A=\"b\"", "PATH=/bin"}, *entry[] = {"/run.sh"}, *cmd[] = {"x"};
	const char *args[] = {"y", "z"};
	struct tkit_image_config config = {.size = sizeof(config),
					   .env = {.items = env, .count = 2},
					   .entrypoint = {.items = entry, .count = 1},
					   .cmd = {.items = cmd, .count = 1},
					   .workdir = "/w"};
	struct user user = {.uid = 5, .gid = 6, .groups = {7, 8}, .group_count = 2};
	struct oci_spec spec = {.image = &config,
				.user = &user,
				.root = "/r\"oot",
				.files = "/f",
				.cgroup = "/c",
				.hostname = "h"};
	struct buf out = BUF_INIT;
	json_t *json, *process;
	const char *words[4];

	assert_int_equal(oci_command(&spec, words, 4), 2);
	assert_string_equal(words[1], "x");
	spec.args = args;
	spec.arg_count = 2;
	assert_int_equal(oci_command(&spec, words, 4), 3);
	assert_string_equal(words[1], "y");
	for (int v2 = 0; v2 < 2; v2++) {
		spec.cgroup_ns = v2;
		buf_clear(&out);
		oci_config(&spec, &out);
		json = json_loadb(out.data, out.size, 0, NULL);
		assert_non_null(json);
		process = json_object_get(json, "process");
		assert_int_equal(json_array_size(json_object_get(process, "args")), 3);
		/* PATH is the image's; HOSTNAME comes along */
		assert_int_equal(json_array_size(json_object_get(process, "env")), 3);
		assert_string_equal(json_string_value(json_object_get(process, "cwd")), "/w");
		assert_string_equal(
			json_string_value(json_object_get(json_object_get(json, "root"), "path")),
			"/r\"oot");
		assert_int_equal(json_array_size(json_object_get(json_object_get(json, "linux"),
								 "namespaces")),
				 5 + v2);
		/* no more rights than docker gives to a user */
		assert_null(json_object_get(json_object_get(process, "capabilities"), "effective"));
		json_decref(json);
	}
	spec.image = NULL;
	spec.arg_count = 0;
	assert_int_equal(oci_command(&spec, words, 4), 0);
	buf_done(&out);
}

/* ---- health checks ---- */

static void check_health(const struct tkit_image_config *config, const char *text, size_t words,
			 const char *last)
{
	struct drive drive = {.count = 0};

	assert_int_equal(drive_add_health(&drive, config, NULL), text != NULL);
	assert_int_equal(drive.count, text != NULL);
	if (text) {
		const struct step *step = &drive.steps[0];

		assert_int_equal(step->kind, STEP_HEALTH);
		assert_string_equal(drive_name(&drive, 0), text);
		assert_string_equal(step->argv[words - 1], last);
		assert_null(step->argv[words]);
	}
	drive_done(&drive);
}

/* As the engine runs them. */
static void test_health(void **state)
{
	const char *none[] = {"NONE"}, *shell[] = {"CMD-SHELL", "ping | grep -q x"};
	const char *cmd[] = {"CMD", "ping", "-c", "a b"}, *bash[] = {"/bin/bash", "-ec"};
	struct tkit_image_config config = {.size = sizeof(config)};

	check_health(NULL, NULL, 0, NULL);
	check_health(&config, NULL, 0, NULL);
	config.health_test = (struct tkit_option_list){.items = none, .count = 1};
	check_health(&config, NULL, 0, NULL);
	config.health_test = (struct tkit_option_list){.items = cmd, .count = 1};
	check_health(&config, NULL, 0, NULL);
	config.health_test.count = 4;
	check_health(&config, "health check ping -c a b", 3, "a b");
	config.health_test = (struct tkit_option_list){.items = shell, .count = 2};
	check_health(&config, "health check /bin/sh -c ping | grep -q x", 3, "ping | grep -q x");
	config.shell = (struct tkit_option_list){.items = bash, .count = 2};
	check_health(&config, "health check /bin/bash -ec ping | grep -q x", 3, "ping | grep -q x");
}

static void test_signals(void **state)
{
	assert_int_equal(box_signal(NULL), SIGTERM);
	assert_int_equal(box_signal("SIGQUIT"), SIGQUIT);
	assert_int_equal(box_signal("WINCH"), SIGWINCH);
	assert_int_equal(box_signal("3"), 3);
	assert_int_equal(box_signal("SIGRTMIN+3"), SIGRTMIN + 3);
	assert_int_equal(box_signal("SIGNONSENSE"), SIGTERM);
	assert_int_equal(box_signal("99999"), SIGTERM);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),   cmocka_unit_test(test_urls),
		cmocka_unit_test(test_answers), cmocka_unit_test(test_alike),
		cmocka_unit_test(test_runs),    cmocka_unit_test(test_ended),
		cmocka_unit_test(test_users),   cmocka_unit_test(test_bundle),
		cmocka_unit_test(test_signals), cmocka_unit_test(test_health),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
