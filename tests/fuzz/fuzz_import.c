// SPDX-License-Identifier: MIT
/*
 * Fuzzes the import of other tools' logs: the real bpftrace_log plugin, as core would drive it.
 * The first byte chooses the format, the rest is the log.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "plugin/ctx.h"
#include "plugin/loader.h"

#define PUMPS_MAX 1000 /* a log is at its end long before */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
long fuzz_accepted(void);

static long accepted;

/* How many accesses came out: with none, the logs are not even read. */
long fuzz_accepted(void)
{
	return accepted;
}

/* Reads all that an event has, as a sink would. */
static int take(void *session, const struct tkit_event *event)
{
	const struct tkit_bytes *strings[] = {&event->path, &event->base, &event->resolved,
					      &event->comm};
	uint64_t *sum = session;

	if (event->type <= 0 || event->type > TKIT_EVENT_LOSS)
		abort();
	accepted += event->type == TKIT_EVENT_ACCESS;
	for (size_t i = 0; i < sizeof(strings) / sizeof(strings[0]); i++)
		for (size_t k = 0; k < strings[i]->len; k++)
			*sum += (unsigned char)strings[i]->ptr[k];
	return 0;
}

static int no_fd(void *session)
{
	return -1;
}

static const struct ctx_session_ops session_ops = {.emit = take, .stop_fd = no_fd};

static const struct plugin *the_plugin(void)
{
	static const struct plugin *plugin;
	struct err err = {0};

	if (!plugin && plugin_load_file(TKIT_BUILD_DIR "/plugins/backend-bpftrace_log.so", &plugin,
					&err) < 0) {
		fprintf(stderr, "%s\n", err_text(&err));
		abort();
	}
	return plugin;
}

static void run(const struct plugin *plugin, const void *options)
{
	const struct tkit_backend_ops *ops = plugin->ops;
	struct tkit_target target = {.kind = TKIT_TARGET_NONE};
	uint64_t sum = 0;
	struct tkit_ctx ctx = {.name = "fuzz", .session_ops = &session_ops, .session = &sum};
	void *self = NULL;
	int rc = 0;

	if (ops->open(&ctx, options, &target, &self) == 0) {
		if (ops->start(&ctx, self) == 0)
			for (int i = 0; rc >= 0 && rc != TKIT_END && i < PUMPS_MAX; i++)
				rc = ops->pump(&ctx, self, 0);
		if (rc >= 0 && rc != TKIT_END)
			abort(); /* never at its end */
		if (ops->stop)
			ops->stop(&ctx, self);
		ops->close(&ctx, self);
	}
	ctx_done(&ctx);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const formats[] = {"auto", "article", "opensnoop", "json", "strace"};
	const struct plugin *plugin = the_plugin();
	struct plugin_options *options = NULL;
	struct err err = {0};
	char spec[128];
	int fd;

	if (!size)
		return 0;
	fd = memfd_create("log", MFD_CLOEXEC);
	if (fd < 0 || write(fd, data + 1, size - 1) != (ssize_t)(size - 1))
		abort();
	snprintf(spec, sizeof(spec), "file=/proc/self/fd/%d,cwd=/start,format=%s", fd,
		 formats[data[0] % 5]);
	if (plugin_options_new(plugin, spec, &options, &err) < 0)
		abort();
	run(plugin, plugin_options_data(options));
	plugin_options_free(options);
	err_done(&err);
	close(fd);
	return 0;
}
