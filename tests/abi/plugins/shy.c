// SPDX-License-Identifier: MIT
/* A backend that can watch a process, but never a command: for probes and `doctor`. */
#include <errno.h>
#include <stddef.h>

#include <tkit/backend.h>

static int shy_probe(struct tkit_ctx *ctx, const void *options, const struct tkit_target *target)
{
	return target->kind == TKIT_TARGET_PID ? 7 : -EPERM;
}

static int shy_open(struct tkit_ctx *ctx, const void *options, const struct tkit_target *target,
		    void **ret_self)
{
	*ret_self = NULL;
	return 0;
}

static int shy_start(struct tkit_ctx *ctx, void *self)
{
	return 0;
}

static int shy_pump(struct tkit_ctx *ctx, void *self, int timeout_ms)
{
	return TKIT_END;
}

static void shy_close(struct tkit_ctx *ctx, void *self)
{
}

static const struct tkit_backend_ops ops = {
	.probe = shy_probe,
	.open = shy_open,
	.start = shy_start,
	.pump = shy_pump,
	.close = shy_close,
};

TKIT_API const struct tkit_plugin tkit_plugin = {
	TKIT_PLUGIN_HEAD(TKIT_KIND_BACKEND, struct tkit_backend_ops, &ops),
	.name = "shy",
	.version = "1.0",
	.summary = "can watch a process, but never a command",
	.licence = "MIT",
	.caps = TKIT_CAN_OPEN | TKIT_CAN_TARGET_COMMAND | TKIT_CAN_TARGET_PID,
};
