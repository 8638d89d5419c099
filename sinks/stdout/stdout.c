// SPDX-License-Identifier: MIT
/* The stdout sink: one line per event, as text for people or as JSON for programs. */
#include <tkit/sink.h>
#include <tkit/trace.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHUNK_BYTES (64 * 1024) /* written when this much has come together */
#define LINE_BYTES  4096        /* first try; a longer line makes its own room */

enum { FORMAT_AUTO, FORMAT_JSON, FORMAT_TEXT };

struct options {
	int format;
};

static const struct tkit_option options[] = {
	{"format", TKIT_OPTION_ENUM, offsetof(struct options, format), "auto", "auto|json|text",
	 "text is one line for people, json one object a line; auto: text on a terminal"},
};

struct stdout_sink {
	char *data;
	size_t size;
	size_t room;
	int fd;
	int format;
	int live;                        /* a terminal: lines are wanted at once */
	const struct tkit_run_info *run; /* NULL before begin() */
	uint64_t zero_ns;                /* of the times printed */
};

static int stdout_open(struct tkit_ctx *ctx, const void *opts, const char *output, void **ret_self)
{
	const struct options *given = opts;
	struct stdout_sink *sink;

	if (output && strcmp(output, "-") != 0)
		return tkit_fail(ctx, -EINVAL,
				 "-o %s is for a file: use it with the file sink, or redirect",
				 output);
	sink = calloc(1, sizeof(*sink));
	if (!sink)
		return tkit_fail(ctx, -ENOMEM, "opening");
	/* A descriptor of its own: the command shares number 1, not this one. */
	sink->fd = fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 3);
	if (sink->fd < 0) {
		int rc = -errno;

		free(sink);
		return tkit_fail(ctx, rc, "standard output");
	}
	sink->live = isatty(sink->fd);
	sink->format = given->format;
	if (sink->format == FORMAT_AUTO)
		sink->format = sink->live ? FORMAT_TEXT : FORMAT_JSON;
	*ret_self = sink;
	return 0;
}

static int stdout_begin(struct tkit_ctx *ctx, void *self, const struct tkit_run_info *run)
{
	struct stdout_sink *sink = self;

	sink->run = run;
	sink->zero_ns = run->armed_monotonic_ns;
	return 0;
}

/* Standard output may have been set to non-blocking by whoever shares it. */
static int wait_writable(struct tkit_ctx *ctx, struct stdout_sink *sink)
{
	struct pollfd fds[] = {
		{.fd = sink->fd, .events = POLLOUT},
		{.fd = tkit_stop_fd(ctx), .events = POLLIN},
	};

	if (poll(fds, 2, -1) < 0 && errno != EINTR)
		return -errno;
	if (fds[1].revents && !fds[0].revents)
		return -ECANCELED;
	return 0;
}

static int put_out(struct tkit_ctx *ctx, struct stdout_sink *sink)
{
	size_t done = 0;

	while (done < sink->size) {
		ssize_t n = write(sink->fd, sink->data + done, sink->size - done);
		int rc;

		if (n >= 0) {
			done += (size_t)n;
			continue;
		}
		if (errno == EINTR)
			continue;
		rc = errno == EAGAIN ? wait_writable(ctx, sink) : -errno;
		if (rc < 0) {
			sink->size = 0;
			return tkit_fail(ctx, rc, "writing to standard output");
		}
	}
	sink->size = 0;
	return 0;
}

static size_t format_event(struct stdout_sink *sink, const struct tkit_event *event,
			   const char *backend)
{
	uint64_t zero = sink->zero_ns;
	char *to = sink->data + sink->size;
	size_t room = sink->room - sink->size;

	if (sink->format == FORMAT_JSON)
		return tkit_event_json(event, zero, backend, to, room);
	return tkit_event_text(event, zero, to, room);
}

static int add_line(struct tkit_ctx *ctx, struct stdout_sink *sink, const struct tkit_event *event,
		    const char *backend)
{
	for (;;) {
		size_t len = format_event(sink, event, backend), room;
		char *data;

		if (sink->size + len + 1 <= sink->room) {
			sink->size += len;
			sink->data[sink->size++] = '\n';
			return 0;
		}
		room = sink->size + len + LINE_BYTES + CHUNK_BYTES;
		data = realloc(sink->data, room);
		if (!data)
			return tkit_fail(ctx, -ENOMEM, "formatting an event");
		sink->data = data;
		sink->room = room;
	}
}

static int stdout_write(struct tkit_ctx *ctx, void *self, const struct tkit_batch *batch)
{
	struct stdout_sink *sink = self;
	const char *backend = NULL;

	if (sink->run && batch->backend < sink->run->backend_count)
		backend = ((const struct tkit_backend_info
				    *)(const void *)((const char *)sink->run->backends +
						     (size_t)sink->run->backend_stride *
							     batch->backend))
				  ->name;
	for (uint32_t i = 0; i < batch->count; i++) {
		int rc = add_line(ctx, sink, tkit_batch_event(batch, i), backend);

		if (rc == 0 && sink->size >= CHUNK_BYTES)
			rc = put_out(ctx, sink);
		if (rc < 0)
			return rc;
	}
	return sink->live ? put_out(ctx, sink) : 0;
}

static int stdout_flush(struct tkit_ctx *ctx, void *self)
{
	return put_out(ctx, self);
}

static int stdout_end(struct tkit_ctx *ctx, void *self, const struct tkit_run_end *end)
{
	return put_out(ctx, self);
}

static int stdout_close(struct tkit_ctx *ctx, void *self)
{
	struct stdout_sink *sink = self;

	/* Whole lines only, also after a failure; end() has written them in a good run. */
	close(sink->fd);
	free(sink->data);
	free(sink);
	return 0;
}

static const struct tkit_sink_ops ops = {
	.open = stdout_open,
	.begin = stdout_begin,
	.write = stdout_write,
	.flush = stdout_flush,
	.end = stdout_end,
	.close = stdout_close,
};

TKIT_API const struct tkit_plugin tkit_plugin = {
	TKIT_PLUGIN_HEAD(TKIT_KIND_SINK, struct tkit_sink_ops, &ops),
	.name = "stdout",
	.version = "1",
	.summary = "prints one line per event: text on a terminal, JSON in a pipe",
	.licence = "MIT",
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
	.options_bytes = sizeof(struct options),
};
