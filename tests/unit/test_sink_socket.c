// SPDX-License-Identifier: MIT
/* The socket sink against readers that read, dawdle, and leave. */
#include "trace_util.h"

#include <sys/socket.h>
#include <sys/un.h>

#include "../../sinks/socket/socket.c"
#include "../../sinks/socket/stream.c"

static struct options options_of(int on_slow)
{
	return (struct options){.on_slow = on_slow,
				.timeout_ns = 200000000,
				.buffer = 64,
				.level = 3,
				.block_events = 4};
}

/* A listening unix socket; `to` gets its address. */
static int listen_unix(char *to, size_t size)
{
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "/tmp/tkit-test-%d-%u", getpid(),
		 (unsigned int)rand());
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(fd, 1), 0);
	snprintf(to, size, "unix:%s", addr.sun_path);
	return fd;
}

/* Connects a sink to a listener of our own; returns our end. */
static int connected(struct tkit_ctx *ctx, struct options *opts, void **ret_sink)
{
	static char to[200];
	int fd = listen_unix(to, sizeof(to));
	int reader;

	opts->to = to;
	assert_int_equal(socket_open(ctx, opts, NULL, ret_sink), 0);
	reader = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
	assert_true(reader >= 0);
	unlink(to + 5);
	close(fd);
	return reader;
}

static struct tkit_event sample(uint64_t ts)
{
	/* names that do not compress, so that the queue fills */
	static char path[2000];
	struct tkit_event event;

	for (size_t i = 0; i < sizeof(path); i++)
		path[i] = (char)(33 + rand() % 90);
	tkit_event_init(&event, TKIT_EVENT_ACCESS);
	event.valid = TKIT_V_TS | TKIT_V_PATH;
	event.ts_ns = ts;
	event.path = BYTES(path, sizeof(path));
	return event;
}

static int put(struct tkit_ctx *ctx, void *sink, uint64_t ts)
{
	struct tkit_event event = sample(ts);
	struct tkit_batch batch = test_batch(&event, 1, 0);

	return socket_write(ctx, sink, &batch);
}

static void test_reader_reads(void **state)
{
	struct tkit_ctx ctx = CTX_INIT("socket");
	struct options opts = options_of(SLOW_WAIT);
	struct tkit_run_info run = test_run(1);
	struct tkit_run_end end = {.size = sizeof(end), .complete = 1};
	struct seen seen = {0};
	void *sink;
	int fd = connected(&ctx, &opts, &sink);

	assert_int_equal(socket_begin(&ctx, sink, &run), 0);
	for (uint64_t i = 0; i < 10; i++)
		assert_int_equal(put(&ctx, sink, i), 0);
	assert_int_equal(socket_flush(&ctx, sink), 0);
	assert_int_equal(socket_end(&ctx, sink, &end), 0);
	assert_int_equal(socket_close(&ctx, sink), 0);
	read_fd(fd, &seen);
	assert_int_equal(seen.rc, 0);
	assert_int_equal(seen.events, 10);
	assert_int_equal(seen.damages, 0);
	assert_true(seen.complete);
	close(fd);
	ctx_done(&ctx);
}

/* Writes until the sink says no. */
static int fill(struct tkit_ctx *ctx, void *sink)
{
	int rc = 0;

	for (uint64_t i = 0; rc == 0 && i < 100000; i++)
		rc = put(ctx, sink, i);
	return rc;
}

static void test_slow_reader_times_out(void **state)
{
	struct tkit_ctx ctx = CTX_INIT("socket");
	struct options opts = options_of(SLOW_WAIT);
	struct tkit_run_info run = test_run(1);
	void *sink;
	int fd = connected(&ctx, &opts, &sink);

	assert_int_equal(socket_begin(&ctx, sink, &run), 0);
	assert_int_equal(fill(&ctx, sink), -ETIMEDOUT);
	assert_non_null(strstr(err_text(&ctx.err), "takes nothing"));
	assert_int_equal(socket_close(&ctx, sink), 0);
	close(fd);
	ctx_done(&ctx);
}

static void test_slow_reader_fails(void **state)
{
	struct tkit_ctx ctx = CTX_INIT("socket");
	struct options opts = options_of(SLOW_FAIL);
	struct tkit_run_info run = test_run(1);
	void *sink;
	int fd = connected(&ctx, &opts, &sink);

	assert_int_equal(socket_begin(&ctx, sink, &run), 0);
	assert_int_equal(fill(&ctx, sink), -ENOBUFS);
	assert_int_equal(socket_close(&ctx, sink), 0);
	close(fd);
	ctx_done(&ctx);
}

struct losses {
	uint64_t sink, ring, events;
};

static void count_losses(void *arg, const struct tkit_event *event)
{
	struct losses *losses = arg;

	if (event->type != TKIT_EVENT_LOSS)
		losses->events++;
	else if (event->reason == TKIT_LOSS_SINK)
		losses->sink += event->count;
	else if (event->reason == TKIT_LOSS_RING_FULL)
		losses->ring += event->count;
}

/* Reads in a child, so that neither side waits for the other for ever. */
static int drain_later(int fd, struct seen *seen)
{
	fcntl(fd, F_SETFL, 0);
	read_fd(fd, seen);
	return close(fd);
}

/* Events of a slow reader are dropped and counted; losses of others are never dropped. */
static void test_slow_reader_drops(void **state)
{
	struct tkit_ctx ctx = CTX_INIT("socket");
	struct options opts = options_of(SLOW_DROP);
	struct tkit_run_info run = test_run(1);
	struct tkit_run_end end = {.size = sizeof(end), .complete = 1, .events = 3001};
	struct losses losses = {0};
	struct seen seen = {.on_event = count_losses, .arg = &losses};
	struct tkit_event loss = {0};
	struct tkit_batch batch = test_batch(&loss, 1, 0);
	struct socket_sink *self;
	char chunk[65536];
	void *sink;
	int copy = memfd_create("copy", MFD_CLOEXEC);
	int fd = connected(&ctx, &opts, &sink);
	ssize_t n;

	self = sink;
	assert_int_equal(socket_begin(&ctx, sink, &run), 0);
	for (uint64_t i = 0; i < 3000; i++)
		assert_int_equal(put(&ctx, sink, i), 0);
	assert_true(self->dropping);
	tkit_event_init(&loss, TKIT_EVENT_LOSS);
	loss.reason = TKIT_LOSS_RING_FULL;
	loss.count = 42;
	assert_int_equal(socket_write(&ctx, sink, &batch), 0);
	assert_int_equal(socket_flush(&ctx, sink), 0);
	/* the reader wakes up: what comes now goes out, after the losses */
	fcntl(fd, F_SETFL, O_NONBLOCK);
	while ((n = read(fd, chunk, sizeof(chunk))) > 0 || stream_queued(&self->stream)) {
		assert_int_equal(write(copy, chunk, n > 0 ? (size_t)n : 0), n > 0 ? n : 0);
		assert_int_equal(socket_flush(&ctx, sink), 0);
	}
	assert_int_equal(put(&ctx, sink, 9999), 0);
	assert_false(self->dropping);
	assert_int_equal(socket_end(&ctx, sink, &end), 0);
	assert_int_equal(socket_close(&ctx, sink), 0);
	while ((n = read(fd, chunk, sizeof(chunk))) > 0)
		assert_int_equal(write(copy, chunk, (size_t)n), n);
	close(fd);
	lseek(copy, 0, SEEK_SET);
	assert_int_equal(drain_later(copy, &seen), 0);
	assert_int_equal(seen.rc, 0);
	assert_int_equal(seen.damages, 0);
	assert_int_equal(seen.feet, 1);
	assert_false(seen.complete);
	assert_int_equal(losses.ring, 42);
	assert_true(losses.sink > 0);
	assert_int_equal(losses.events + losses.sink, 3001);
	ctx_done(&ctx);
}

static void test_reader_leaves(void **state)
{
	for (int on_slow = SLOW_WAIT; on_slow <= SLOW_FAIL; on_slow++) {
		struct tkit_ctx ctx = CTX_INIT("socket");
		struct options opts = options_of(on_slow);
		struct tkit_run_info run = test_run(1);
		struct tkit_run_end end = {.size = sizeof(end)};
		struct socket_sink *self;
		void *sink;
		int fd = connected(&ctx, &opts, &sink);
		int rc = 0;

		self = sink;
		assert_int_equal(socket_begin(&ctx, sink, &run), 0);
		close(fd);
		for (uint64_t i = 0; rc == 0 && i < 100; i++)
			rc = put(&ctx, sink, i);
		if (on_slow == SLOW_DROP) {
			assert_int_equal(rc, 0);
			assert_int_equal(socket_flush(&ctx, sink), 0);
			assert_int_equal(socket_end(&ctx, sink, &end), 0);
			assert_true(self->gone);
			assert_int_equal(self->dropped, 100);
		} else {
			assert_int_equal(rc, -EPIPE);
			assert_non_null(strstr(err_text(&ctx.err), "sending to unix:"));
		}
		assert_int_equal(socket_close(&ctx, sink), 0);
		ctx_done(&ctx);
	}
}

static void assert_refused(const char *to, int rc, const char *why)
{
	struct tkit_ctx ctx = CTX_INIT("socket");
	struct options opts = options_of(SLOW_WAIT);
	void *sink = NULL;

	opts.to = to;
	assert_int_equal(socket_open(&ctx, &opts, NULL, &sink), rc);
	assert_non_null(strstr(err_text(&ctx.err), why));
	ctx_done(&ctx);
}

static void test_refused(void **state)
{
	char name[200] = "unix:";

	memset(name + 5, 'x', 150);
	assert_refused(NULL, -EINVAL, "where to");
	assert_refused("host", -EINVAL, "neither");
	assert_refused("unix:", -EINVAL, "socket");
	assert_refused(name, -EINVAL, "socket");
	assert_refused("unix:/nowhere/at/all", -ENOENT, "connecting to unix:/nowhere");
	assert_refused("tcp:127.0.0.1", -EINVAL, "tcp:HOST:PORT");
	assert_refused("tcp:127.0.0.1:", -EINVAL, "tcp:HOST:PORT");
	assert_refused("tcp:192.0.2.1:7000", -EPERM, "allow-remote");
	assert_refused("tcp:example.org:7000", -EINVAL, "example.org");
	assert_refused("tcp:127.0.0.1:1", -ECONNREFUSED, "connecting to tcp:127.0.0.1:1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reader_reads),
		cmocka_unit_test(test_slow_reader_times_out),
		cmocka_unit_test(test_slow_reader_fails),
		cmocka_unit_test(test_slow_reader_drops),
		cmocka_unit_test(test_reader_leaves),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests_name("socket sink", tests, NULL, NULL);
}
