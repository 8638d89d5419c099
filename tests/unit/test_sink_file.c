// SPDX-License-Identifier: MIT
/* The file sink: the name appears when the run begins, what is there is always readable. */
#include "trace_util.h"

#include <dirent.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "../../sinks/file/file.c"
#include "../../sinks/file/place.c"

static const struct options defaults = {.level = 3, .block_events = 65536, .time_step = 128};

/* Each test runs in a directory of its own. */
static int enter(void **state)
{
	char dir[] = "/tmp/tkit-test-XXXXXX";

	if (!mkdtemp(dir) || chdir(dir) < 0)
		return -1;
	*state = strdup(dir);
	return 0;
}

static int leave(void **state)
{
	DIR *dir = opendir(".");
	struct dirent *entry;

	while (dir && (entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			remove(entry->d_name);
	closedir(dir);
	if (chdir("/") < 0 || rmdir(*state) < 0)
		return -1;
	free(*state);
	return 0;
}

static int file_count(void)
{
	DIR *dir = opendir(".");
	int n = -2;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static void put_events(struct tkit_ctx *ctx, void *sink, uint32_t count)
{
	struct tkit_event event = {0};
	struct tkit_batch batch = test_batch(&event, 1, 0);

	tkit_event_init(&event, TKIT_EVENT_ACCESS);
	event.valid = TKIT_V_TS | TKIT_V_PATH;
	event.path = BYTES_LIT("/x");
	for (uint32_t i = 0; i < count; i++) {
		event.ts_ns = i;
		assert_int_equal(file_write(ctx, sink, &batch), 0);
	}
}

static void assert_trace(const char *path, uint32_t events, uint32_t damages)
{
	struct seen seen = {0};
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	read_fd(fd, &seen);
	close(fd);
	assert_int_equal(seen.rc, 0);
	assert_int_equal(seen.events, events);
	assert_int_equal(seen.damages, damages);
}

static void put_text(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void test_whole_run(void **state)
{
	struct tkit_ctx ctx = CTX_INIT("file");
	struct tkit_run_info run = test_run(1);
	struct tkit_run_end end = {.size = sizeof(end), .complete = 1};
	struct stat st;
	void *sink;

	umask(0);
	assert_int_equal(file_open(&ctx, &defaults, NULL, &sink), 0);
	assert_int_equal(file_count(), 0);
	assert_int_equal(file_begin(&ctx, sink, &run), 0);
	assert_int_equal(file_count(), 1);
	assert_trace("trace.tkit", 0, 1);
	put_events(&ctx, sink, 5);
	assert_int_equal(file_flush(&ctx, sink), 0);
	assert_trace("trace.tkit", 5, 1);
	put_events(&ctx, sink, 5);
	assert_trace("trace.tkit", 5, 1);
	assert_int_equal(file_end(&ctx, sink, &end), 0);
	assert_int_equal(file_close(&ctx, sink), 0);
	assert_trace("trace.tkit", 10, 0);
	assert_int_equal(stat("trace.tkit", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(file_count(), 1);
	ctx_done(&ctx);
}

/* A run that comes to nothing leaves nothing, and keeps what was there. */
static void test_no_run(void **state)
{
	struct tkit_ctx ctx = CTX_INIT("file");
	struct tkit_run_info run = test_run(1);
	char text[8] = "";
	void *sink;
	FILE *f;

	put_text("old.tkit", "old");
	assert_int_equal(file_open(&ctx, &defaults, "old.tkit", &sink), 0);
	assert_int_equal(file_close(&ctx, sink), 0);
	assert_int_equal(file_count(), 1);
	f = fopen("old.tkit", "r");
	assert_non_null(fgets(text, sizeof(text), f));
	fclose(f);
	assert_string_equal(text, "old");
	assert_int_equal(file_open(&ctx, &defaults, "old.tkit", &sink), 0);
	assert_int_equal(file_begin(&ctx, sink, &run), 0);
	assert_int_equal(file_close(&ctx, sink), 0);
	assert_trace("old.tkit", 0, 1);
	assert_int_equal(file_count(), 1);
	ctx_done(&ctx);
}

static void assert_refused(const char *path, int rc, const char *why)
{
	struct tkit_ctx ctx = CTX_INIT("file");
	int before = file_count();
	void *sink = NULL;

	assert_int_equal(file_open(&ctx, &defaults, path, &sink), rc);
	assert_non_null(strstr(err_text(&ctx.err), why));
	assert_null(strchr(err_text(&ctx.err), '\n'));
	assert_int_equal(file_count(), before);
	ctx_done(&ctx);
}

static void test_refused(void **state)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX, .sun_path = "socket"};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char name[400];

	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(mkdir("dir", 0700), 0);
	assert_int_equal(symlink("target", "dangling"), 0);
	put_text("target2", "precious");
	assert_int_equal(symlink("target2", "link"), 0);
	assert_int_equal(mkfifo("fifo", 0600), 0);
	memset(name, 'n', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	assert_refused("", -ENOENT, "empty");
	assert_refused("dir", -EISDIR, "dir");
	assert_refused("dir/", -EISDIR, "dir/");
	assert_refused("missing/x.tkit", -ENOENT, "missing/x.tkit");
	assert_refused("target2/x.tkit", -ENOTDIR, "target2/x.tkit");
	assert_refused("dangling", -ELOOP, "symbolic link");
	assert_refused("link", -ELOOP, "symbolic link");
	assert_refused("socket", -ENOTSUP, "--sink socket");
	assert_refused("fifo", -ENXIO, "no reader");
	assert_refused(name, -ENAMETOOLONG, "creating");
	close(fd);
}

/* Without O_TMPFILE and /proc the file has a name of its own until the run begins. */
static void test_named_temp(void **state)
{
	struct tkit_ctx ctx = CTX_INIT("file");
	struct place place = PLACE_INIT;

	place.path = place.name = "x.tkit";
	place.dir_fd = open(".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	place.regular = true;
	assert_int_equal(open_named(&place), 0);
	assert_int_equal(file_count(), 1);
	assert_int_not_equal(access("x.tkit", F_OK), 0);
	assert_int_equal(place_write(&ctx, &place, "head", 4), 0);
	/* what link_temp() falls back to: go on in another file with what is there */
	unlink(place.temp);
	place.temp[0] = '\0';
	assert_int_equal(name_copy(&place), 0);
	assert_int_equal(place.size, 4);
	assert_int_equal(place_write(&ctx, &place, "tail", 4), 0);
	assert_int_equal(place_publish(&ctx, &place), 0);
	assert_int_equal(place_close(&ctx, &place), 0);
	assert_int_equal(file_count(), 1);
	struct stat st;

	assert_int_equal(stat("x.tkit", &st), 0);
	assert_int_equal(st.st_size, 8);
	ctx_done(&ctx);
}

static void test_device_and_pipe(void **state)
{
	struct tkit_ctx ctx = CTX_INIT("file");
	struct tkit_run_info run = test_run(1);
	struct tkit_run_end end = {.size = sizeof(end)};
	struct seen seen = {0};
	void *sink;
	int fd;

	assert_int_equal(file_open(&ctx, &defaults, "/dev/null", &sink), 0);
	assert_int_equal(file_begin(&ctx, sink, &run), 0);
	assert_int_equal(file_end(&ctx, sink, &end), 0);
	assert_int_equal(file_close(&ctx, sink), 0);

	assert_int_equal(mkfifo("fifo", 0600), 0);
	fd = open("fifo", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	assert_int_equal(file_open(&ctx, &defaults, "fifo", &sink), 0);
	assert_int_equal(file_begin(&ctx, sink, &run), 0);
	put_events(&ctx, sink, 3);
	assert_int_equal(file_end(&ctx, sink, &end), 0);
	assert_int_equal(file_close(&ctx, sink), 0);
	read_fd(fd, &seen);
	assert_int_equal(seen.events, 3);
	close(fd);

	/* the reader leaves: an error, no signal */
	fd = open("fifo", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	assert_int_equal(file_open(&ctx, &defaults, "fifo", &sink), 0);
	close(fd);
	signal(SIGPIPE, SIG_DFL);
	assert_int_equal(file_begin(&ctx, sink, &run), -EPIPE);
	assert_int_equal(file_close(&ctx, sink), 0);
	ctx_done(&ctx);
}

/* The disk is full in mid-run: one error, and the file holds what went in before. */
static void test_full_disk(void **state)
{
	struct tkit_ctx ctx = CTX_INIT("file");
	struct tkit_run_info run = test_run(1);
	struct rlimit before, limit;
	void *sink;
	struct stat st;
	int rc = 0;

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &before);
	assert_int_equal(file_open(&ctx, &defaults, NULL, &sink), 0);
	assert_int_equal(file_begin(&ctx, sink, &run), 0);
	put_events(&ctx, sink, 5);
	assert_int_equal(file_flush(&ctx, sink), 0);
	assert_int_equal(stat("trace.tkit", &st), 0);
	limit = before;
	limit.rlim_cur = (rlim_t)st.st_size + 10;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	put_events(&ctx, sink, 5);
	rc = file_flush(&ctx, sink);
	setrlimit(RLIMIT_FSIZE, &before);
	assert_int_equal(rc, -EFBIG);
	assert_non_null(strstr(err_text(&ctx.err), "trace.tkit"));
	assert_int_equal(file_close(&ctx, sink), 0);
	assert_trace("trace.tkit", 5, 1);
	ctx_done(&ctx);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, enter, leave)
	const struct CMUnitTest tests[] = {
		T(test_whole_run),  T(test_no_run),          T(test_refused),
		T(test_named_temp), T(test_device_and_pipe), T(test_full_disk),
	};

	return cmocka_run_group_tests_name("file sink", tests, NULL, NULL);
}
