// SPDX-License-Identifier: MIT
/* A sink that does nothing right, with an option of each type. */
#include <stddef.h>
#include <stdlib.h>

#include <tkit/sink.h>

#include "plugins.h"

static const struct tkit_option options[] = {
	{"follow", TKIT_OPTION_BOOL, offsetof(struct good_options, follow), NULL, NULL, "a bool"},
	{"level", TKIT_OPTION_INT, offsetof(struct good_options, level), "-3", "-10..10", "an int"},
	{"ring-size", TKIT_OPTION_SIZE, offsetof(struct good_options, ring_size), "16M", "64K..1G",
	 "a size"},
	{"wait", TKIT_OPTION_DURATION, offsetof(struct good_options, wait_ns), "2", "1ms..",
	 "a duration"},
	{"label", TKIT_OPTION_STRING, offsetof(struct good_options, label), NULL, NULL, "a text"},
	{"mode", TKIT_OPTION_ENUM, offsetof(struct good_options, mode), "fast", "slow|fast|exact",
	 "an enum"},
	{"skip", TKIT_OPTION_LIST, offsetof(struct good_options, skip), "/proc", NULL, "a list"},
};

static int good_open(struct tkit_ctx *ctx, const void *opts, const char *output, void **ret_self)
{
	*ret_self = NULL;
	return 0;
}

static int good_write(struct tkit_ctx *ctx, void *self, const struct tkit_batch *batch)
{
	return 0;
}

static int good_close(struct tkit_ctx *ctx, void *self)
{
	return 0;
}

static const struct tkit_sink_ops ops = {
	.open = good_open,
	.write = good_write,
	.close = good_close,
};

TKIT_API const struct tkit_plugin tkit_plugin = {
	TKIT_PLUGIN_HEAD(TKIT_KIND_SINK, struct tkit_sink_ops, &ops),
	.name = "good",
	.version = "1.0",
	.summary = "does nothing, with an option of each type",
	.licence = "MIT",
	.option_count = sizeof(options) / sizeof(options[0]),
	.options_bytes = sizeof(struct good_options),
	.options = options,
};
