// SPDX-License-Identifier: MIT
#include "plugin/ctx.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "util/bytes.h"
#include "util/log.h"

void ctx_done(struct tkit_ctx *ctx)
{
	err_done(&ctx->err);
	free(ctx->facilities);
	ctx->facilities = NULL;
}

void tkit_facilities(struct tkit_ctx *ctx, const char *text, uint64_t without)
{
	if (!ctx)
		return;
	free(ctx->facilities);
	ctx->facilities = text ? strdup(text) : NULL;
	ctx->without = without;
}

int tkit_fail(struct tkit_ctx *ctx, int rc, const char *fmt, ...)
{
	int saved = errno;
	char *text = NULL;
	va_list ap;

	if (rc >= 0)
		rc = -EINVAL;
	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	va_end(ap);
	if (ctx && ctx->err.rc) {
		/* An inner cause is known already: this is its context. */
		err_wrap(&ctx->err, "%s", text ? text : fmt);
		ctx->err.rc = rc;
	} else if (ctx && (rc == -EINVAL || rc == -EBADMSG)) {
		/* Mostly a plugin's own verdict on its input: the text says it, strerror would not.
		 */
		err_set(&ctx->err, rc, "%s", text ? text : fmt);
	} else if (ctx) {
		err_sys(&ctx->err, rc, "%s", text ? text : fmt);
	}
	free(text);
	errno = saved;
	return rc;
}

void tkit_log(struct tkit_ctx *ctx, enum tkit_log_level level, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_vline(level, ctx ? ctx->name : NULL, fmt, ap);
	va_end(ap);
}

int tkit_log_enabled(struct tkit_ctx *ctx, enum tkit_log_level level)
{
	return level <= log_level();
}

const char *tkit_version(void)
{
	return TKIT_VERSION;
}

uint64_t tkit_now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

int tkit_emit(struct tkit_ctx *ctx, const struct tkit_event *event)
{
	if (!ctx || !ctx->session_ops)
		return -EINVAL;
	return ctx->session_ops->emit(ctx->session, event);
}

int tkit_lose(struct tkit_ctx *ctx, enum tkit_loss reason, uint64_t count, const char *detail)
{
	struct tkit_event event;

	if (!count)
		return 0;
	tkit_event_init(&event, TKIT_EVENT_LOSS);
	event.valid = TKIT_V_TS;
	event.ts_ns = tkit_now_ns();
	event.reason = (uint32_t)reason;
	event.count = count;
	if (detail) {
		event.valid |= TKIT_V_PATH;
		event.path = bytes_str(detail);
	}
	return tkit_emit(ctx, &event);
}

int tkit_stop_fd(struct tkit_ctx *ctx)
{
	return ctx && ctx->session_ops ? ctx->session_ops->stop_fd(ctx->session) : -1;
}

void tkit_command_status(struct tkit_ctx *ctx, int status)
{
	if (ctx && ctx->session_ops)
		ctx->session_ops->command_status(ctx->session, status);
}

int tkit_command_seccomp(struct tkit_ctx *ctx, const struct sock_filter *filter, size_t count,
			 unsigned int flags, int *ret_listener)
{
	if (!ctx || !ctx->session_ops)
		return -EINVAL;
	return ctx->session_ops->command_seccomp(ctx->session, &ctx->err, filter, count, flags,
						 ret_listener);
}
