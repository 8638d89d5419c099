// SPDX-License-Identifier: MIT
/* tkit report and tkit merge on traces that are written here; see tests/golden/deps. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "elf_image.h"
#include "feed.h"
#include "plugin/ctx.h"
#include "util/buf.h"

#define TKIT   TKIT_BUILD_DIR "/tkit"
#define GOLDEN TKIT_SOURCE_DIR "/tests/golden/deps/"

static char dir[] = "/tmp/tkit-golden-XXXXXX";

/* A trace under construction. */
struct recorder {
	struct tkit_ctx ctx;
	struct tkit_trace_writer *writer;
	struct feed feed; /* for its clock only */
	FILE *file;
};

static int put_frame(void *arg, const void *frame, size_t size)
{
	return fwrite(frame, 1, size, arg) == size ? 0 : -EIO;
}

static void record_begin(struct recorder *r, const char *name, struct tkit_run_info info)
{
	static const struct tkit_backend_info backend = {"test", "1", "",
							 FEED_CAPS | TKIT_CAN_REQUESTED};

	info.backends = &backend;
	*r = (struct recorder){.ctx = CTX_INIT("test")};
	r->file = fopen(name, "we");
	assert_non_null(r->file);
	r->feed.ts = info.armed_monotonic_ns;
	assert_int_equal(tkit_trace_writer_new(&r->ctx, NULL, put_frame, r->file, &r->writer), 0);
	assert_true(tkit_trace_writer_begin(r->writer, &info) >= 0);
}

static void record_event(struct recorder *r, const struct tkit_event *event)
{
	struct tkit_batch batch = {sizeof(batch), 0, 1, sizeof(*event), event};

	assert_int_equal(tkit_trace_writer_write(r->writer, &batch), 0);
}

static void record(struct recorder *r, struct ev ev)
{
	struct tkit_event event = feed_event(&r->feed, &ev);

	record_event(r, &event);
}
#define REC(r, ...) record((r), (struct ev){__VA_ARGS__})

static void record_end(struct recorder *r, const uint64_t *losses)
{
	struct tkit_run_end end = {.size = sizeof(end),
				   .duration_ns = 5000000,
				   .complete = !losses,
				   .loss_count = losses ? TKIT_LOSS_COUNT_ : 0,
				   .losses = losses};

	assert_int_equal(tkit_trace_writer_end(r->writer, &end), 0);
	tkit_trace_writer_free(r->writer);
	assert_int_equal(fclose(r->file), 0);
	ctx_done(&r->ctx);
}

/* The story of the first article: a library that only the running program knows it needs. */
static void make_unbound(const char *name)
{
	static const char *const argv[] = {"/usr/sbin/unbound", "-d", NULL};
	struct tkit_run_info info = feed_info(1);
	struct recorder r;

	info.argv = argv;
	info.container_id = "a07acffbfd31c222486540fae8145dd1";
	record_begin(&r, name, info);
	REC(&r, TKIT_OP_EXEC, "/usr/sbin/unbound", .exe = "/usr/sbin/unbound",
	    .resolved = "/usr/sbin/unbound");
	REC(&r, TKIT_OP_INTERP, "/lib64/ld-linux-x86-64.so.2",
	    .resolved = "/usr/lib64/ld-linux-x86-64.so.2");
	REC(&r, TKIT_OP_OPEN, "/etc/ld.so.cache", ENOENT);
	REC(&r, TKIT_OP_OPEN, "/lib64/libcrypto.so.3", .resolved = "/usr/lib64/libcrypto.so.3");
	REC(&r, TKIT_OP_OPEN, "/lib64/libz.so", ENOENT);
	REC(&r, TKIT_OP_OPEN, "/usr/lib64/libz.so", ENOENT, .count = 2);
	REC(&r, TKIT_OP_OPEN, "/usr/lib/engines-3/gost.so", ENOENT);
	REC(&r, TKIT_OP_OPEN, "ssl/openssl.cnf", ENOENT, .base = "/etc");
	REC(&r, TKIT_OP_OPEN, "/etc/ssl/openssl.cnf");
	REC(&r, TKIT_OP_OPEN, "/etc/unbound/unbound.conf");
	REC(&r, TKIT_OP_OPEN, "/etc/shadow", EACCES);
	REC(&r, TKIT_OP_STAT, "/etc/passwd/x", ENOTDIR);
	REC(&r, TKIT_OP_READLINK, "/etc/localtime", EINVAL);
	REC(&r, TKIT_OP_OPEN, "/var/run/unbound.pid", .resolved = "/run/unbound.pid",
	    .flags = O_CREAT | O_WRONLY, .created = 1);
	REC(&r, TKIT_OP_OPEN, "/dev/null");
	REC(&r, TKIT_OP_OPEN, "/proc/sys/kernel/ngroups_max", ENOENT);
	REC(&r, TKIT_OP_STAT, "/sys/firmware/efi", ENOENT);
	REC(&r, TKIT_OP_STAT, "/");
	REC(&r, TKIT_OP_OPEN, "/srv/\xff\n\"name\"");
	record_end(&r, NULL);
}

static void make_lossy(const char *name)
{
	uint64_t losses[TKIT_LOSS_COUNT_] = {
		[TKIT_LOSS_RING_FULL] = 12, [TKIT_LOSS_UNREADABLE] = 1};
	struct recorder r;

	record_begin(&r, name, feed_info(2));
	REC(&r, TKIT_OP_OPEN, "/etc/hosts");
	REC(&r, TKIT_OP_OPEN, "relative", .count = 3);
	REC(&r, TKIT_OP_OPEN, "cut", ENOENT, .pflags = TKIT_P_TRUNCATED);
	REC(&r, TKIT_OP_OPEN, "/etc/unbound/unbound.conf");
	record_end(&r, losses);
}

static void put_file(const char *name, const void *data, size_t size)
{
	FILE *f = fopen(name, "we");

	assert_non_null(f);
	assert_int_equal(fwrite(data, 1, size, f), size);
	assert_int_equal(fclose(f), 0);
}

/* With a root: files under two names, libraries in no DT_NEEDED, what one program could not use. */
static void make_rooted(const char *name)
{
	struct elf_image elf;
	struct recorder r;

	assert_int_equal(system("mkdir -p root/usr/lib root/dev root/opt/b root/etc &&"
				"ln -s usr/lib root/lib"),
			 0);
	elf_image_make(&elf, &(struct elf_spec){0});
	put_file("root/usr/lib/libhidden.so", &elf, sizeof(elf));
	put_file("root/dev/ignored.so", &elf, sizeof(elf));
	put_file("root/opt/b/late.so", "here", 4);
	put_file("root/etc/secret", "for one only", 12);
	record_begin(&r, name, feed_info(4));
	REC(&r, TKIT_OP_OPEN, "/lib/libhidden.so", .exe = "/bin/one");
	REC(&r, TKIT_OP_OPEN, "/usr/lib/libhidden.so", .exe = "/bin/one");
	REC(&r, TKIT_OP_OPEN, "/dev/ignored.so", .exe = "/bin/one");
	REC(&r, TKIT_OP_OPEN, "/opt/a/late.so", ENOENT, .exe = "/bin/one");
	REC(&r, TKIT_OP_OPEN, "/opt/b/late.so", .exe = "/bin/one");
	REC(&r, TKIT_OP_OPEN, "/etc/secret", EACCES, .exe = "/bin/two");
	REC(&r, TKIT_OP_OPEN, "/etc/secret", .exe = "/bin/one");
	REC(&r, TKIT_OP_STAT, "/etc/secret", .exe = "/bin/one");
	record_end(&r, NULL);
}

/* A backend that sees what is asked, not what comes of it. */
static void make_blind(const char *name)
{
	struct recorder r;

	record_begin(&r, name, feed_info(3));
	REC(&r, TKIT_OP_OPEN, "/etc/hosts", -1);
	REC(&r, TKIT_OP_OPEN, "/nowhere", -1, .count = 2);
	REC(&r, TKIT_OP_OPEN, "/etc/shadow", EACCES);
	REC(&r, TKIT_OP_STAT, "/etc/shadow", -1);
	record_end(&r, NULL);
}

static int setup(void **state)
{
	FILE *f;

	if (!mkdtemp(dir) || chdir(dir) < 0)
		return -1;
	make_unbound("unbound.tkit");
	make_lossy("lossy.tkit");
	make_blind("blind.tkit");
	make_rooted("rooted.tkit");
	f = fopen("rules.yaml", "we");
	assert_non_null(f);
	fputs("rules:\n"
	      "- path: /lib64\n  reason: \"ours: libraries\"\n"
	      "- {path: /dev/null, keep: yes}\n"
	      "- {path: \"/usr/*/engines-?\", reason: engines}\n"
	      "- {path: /etc, exact: yes, reason: not its content}\n",
	      f);
	fclose(f);
	return 0;
}

static int teardown(void **state)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", dir);
	return chdir("/") || system(command);
}

static char *slurp(const char *name)
{
	FILE *f = fopen(name, "re");
	struct buf text = BUF_INIT;
	char part[4096];
	size_t n;

	if (!f)
		return NULL;
	while ((n = fread(part, 1, sizeof(part), f)))
		buf_add(&text, part, n);
	fclose(f);
	buf_char(&text, '\0');
	assert_false(text.failed);
	return text.data;
}

/* Runs `tkit ARGS`; its outputs are in ./out and ./err. Returns the exit status. */
static int tkit(const char *args)
{
	char command[1024];
	int status;

	snprintf(command, sizeof(command), TKIT " </dev/null %s >out 2>err", args);
	status = system(command);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* What `tkit ARGS` prints is what the golden file holds. */
static void check(const char *args, const char *golden)
{
	char name[256], command[1024];
	char *want, *got;

	if (tkit(args) != 0) {
		got = slurp("err");
		fail_msg("tkit %s failed: %s", args, got);
	}
	snprintf(name, sizeof(name), GOLDEN "%s", golden);
	if (getenv("TKIT_UPDATE_GOLDEN")) {
		snprintf(command, sizeof(command), "cp out %s", name);
		assert_int_equal(system(command), 0);
	}
	want = slurp(name);
	got = slurp("out");
	if (!want)
		fail_msg("no %s; make it with TKIT_UPDATE_GOLDEN=1", name);
	if (strcmp(want, got) != 0) {
		snprintf(command, sizeof(command), "diff %s out >&2", name);
		if (system(command) != 0)
			fail_msg("tkit %s: output differs from %s", args, golden);
	}
	free(want);
	free(got);
}

static void test_reports(void **state)
{
	check("report unbound.tkit", "unbound.txt");
	check("report --show-ignored unbound.tkit", "unbound-ignored.txt");
	check("report --reporter deps,show-ignored=yes,format=text unbound.tkit",
	      "unbound-ignored.txt");
	check("report --json unbound.tkit", "unbound.json");
	check("report lossy.tkit", "lossy.txt");
	check("report lossy.tkit unbound.tkit", "both.txt");
	check("report unbound.tkit lossy.tkit unbound.tkit", "both.txt");
	check("report --json unbound.tkit lossy.tkit", "both.json");
	check("report --ignore=rules.yaml --show-ignored unbound.tkit", "rules.txt");
	check("report --details --group=process unbound.tkit", "details.txt");
	check("report --json --group=directory unbound.tkit", "group.json");
	check("report blind.tkit", "blind.txt");
	check("report --group=process --root root rooted.tkit", "rooted.txt");
	check("report --no-default-ignore --ops=metadata unbound.tkit", "metadata.txt");
}

static void test_merge(void **state)
{
	assert_int_equal(tkit("merge -o merged.tkit lossy.tkit unbound.tkit"), 0);
	check("report --json merged.tkit", "both.json");
	check("report --json - <merged.tkit", "both.json");
	/* over one of its inputs */
	assert_int_equal(tkit("merge -o merged.tkit merged.tkit unbound.tkit"), 0);
	check("report merged.tkit", "both.txt");
}

static void test_outputs(void **state)
{
	struct stat st;

	check("report -o r.txt unbound.tkit; cat r.txt", "unbound.txt");
	assert_int_equal(chmod("r.txt", 0640), 0);
	assert_int_equal(symlink("r.txt", "link"), 0);
	check("report -o link lossy.tkit; cat r.txt", "lossy.txt");
	assert_int_equal(lstat("link", &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(stat("r.txt", &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	assert_int_equal(tkit("report -o /dev/null unbound.tkit"), 0);
	/* two reporters, the file is the first one's */
	check("report -r deps -o r.txt -r deps unbound.tkit", "unbound.txt");
	check("report -o - unbound.tkit", "unbound.txt");
	assert_int_equal(system("test -z \"$(ls -A | grep XXXX)\""), 0);
	assert_int_equal(system("test \"$(ls -A | grep -c '^[.]')\" = 0"), 0);
}

static void test_errors(void **state)
{
	static const struct {
		const char *args, *text;
	} rows[] = {
		{"report nowhere.tkit", "nowhere.tkit: No such file"},
		{"report", "trace.tkit: No such file"},
		{"report rules.yaml", "rules.yaml"},
		{"report --show-ignord unbound.tkit", "did you mean '--show-ignored'"},
		{"report --show-ignored=perhaps unbound.tkit", "show-ignored"},
		{"report --reporter dep unbound.tkit", "deps"},
		{"report --root", "--root and --image need"},
		{"report --root /nowhere/at/all unbound.tkit", "/nowhere/at/all"},
		{"report -x unbound.tkit", "unknown option '-x'"},
		{"report --ops=contents unbound.tkit", "no class 'contents'"},
		{"report --removed unbound.tkit", "the root file system is needed"},
		{"report --group=package-name unbound.tkit", "group"},
		{"report --ignore=/nowhere.yaml unbound.tkit", "/nowhere.yaml: No such file"},
		{"report --ignore=bad.yaml unbound.tkit", "bad.yaml:2: unknown key"},
		{"report --ignore=broken.yaml unbound.tkit", "broken.yaml:"},
		{"report -o . unbound.tkit", "is a folder"},
		{"report -o none/r.txt unbound.tkit", "none/r.txt: there is no folder none"},
		{"report -o a -o b unbound.tkit", "two outputs"},
		{"report -o /dev/full unbound.tkit", "/dev/full: No space left"},
		{"report unbound.tkit >/dev/full 2>err; exit $?; ",
		 "standard output: No space left"},
		{"report empty", "empty"},
		{"merge unbound.tkit", "-o FILE is needed"},
		{"merge -o m.tkit", "no trace to merge"},
		{"merge -o m.tkit nowhere.tkit", "nowhere.tkit: No such file"},
		{"merge -o none/m.tkit unbound.tkit", "none/m.tkit: there is no folder none"},
		{"merge --frob -o m.tkit unbound.tkit", "unknown option '--frob'"},
	};

	assert_int_equal(system("printf 'rules:\\n- {path: /a, raison: x}\\n' >bad.yaml;"
				"printf '{' >broken.yaml; : >empty"),
			 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int status = tkit(rows[i].args);
		char *err = slurp("err"), *line = strchr(err, '\n');

		if (status != 125 || !strstr(err, rows[i].text) || !line || line[1])
			fail_msg("tkit %s: status %d, want 125 and one line with \"%s\", got: %s",
				 rows[i].args, status, rows[i].text, err);
		free(err);
	}
	assert_int_not_equal(access("m.tkit", F_OK), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reports),
		cmocka_unit_test(test_merge),
		cmocka_unit_test(test_outputs),
		cmocka_unit_test(test_errors),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
