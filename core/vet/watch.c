// SPDX-License-Identifier: MIT
/* Stands in for the session: takes a backend's events and judges each by the event model. */
#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "plugin/caps.h"
#include "session/launch.h"
#include "util/bytes.h"
#include "vet/priv.h"

#define KNOWN_VALID ((TKIT_V_PATH2 << 1) - 1)
#define KNOWN_P     ((TKIT_P_DIRECTORY << 1) - 1)
#define COMM_MAX    15

/* What keeps an event from being taken, in a few words; NULL: nothing. */
static const char *wrong_shape(const struct tkit_event *e)
{
	if (e->size < sizeof(struct tkit_event))
		return "its size is too small: begin with tkit_event_init()";
	if (!tkit_event_type_name(e->type) || e->type == TKIT_EVENT_NONE)
		return "its type is unknown";
	if (e->valid & ~KNOWN_VALID)
		return "`valid` has bits without a meaning";
	if (e->pflags & ~KNOWN_P)
		return "`pflags` has bits without a meaning";
	if (e->type == TKIT_EVENT_LOSS &&
	    (!tkit_loss_name((int)e->reason) || e->reason == TKIT_LOSS_NONE))
		return "a loss without a known reason";
	if (e->type == TKIT_EVENT_ACCESS && (!tkit_op_name(e->op) || e->op == TKIT_OP_NONE))
		return "an access without a known operation";
	if (e->type == TKIT_EVENT_EXEC && e->op != TKIT_OP_EXEC)
		return "an exec whose op is not TKIT_OP_EXEC";
	return NULL;
}

static const char *wrong_text(uint32_t valid, uint32_t bit, struct tkit_bytes text,
			      const char *absolute)
{
	if (!(valid & bit))
		return NULL;
	if (text.len && !text.ptr)
		return "a text that is valid has no bytes (NULL)";
	if (text.len && memchr(text.ptr, '\0', text.len))
		return "a name holds a NUL: its length counts the end of the string";
	return absolute && text.len && text.ptr[0] != '/' ? absolute : NULL;
}

static const char *wrong_content(const struct tkit_event *e)
{
	const char *why = wrong_text(e->valid, TKIT_V_PATH, e->path, NULL);

	if (!why)
		why = wrong_text(e->valid, TKIT_V_BASE, e->base, "`base` is not absolute");
	if (!why)
		why = wrong_text(e->valid, TKIT_V_ROOT, e->root, "`root` is not absolute");
	if (!why)
		why = wrong_text(e->valid, TKIT_V_RESOLVED, e->resolved,
				 "`resolved` is not absolute");
	if (!why)
		why = wrong_text(e->valid, TKIT_V_COMM, e->comm, NULL);
	if (!why)
		why = wrong_text(e->valid, TKIT_V_EXE, e->exe, NULL);
	if (why)
		return why;
	if ((e->valid & TKIT_V_COMM) && e->comm.len > COMM_MAX)
		return "`comm` is longer than 15 bytes";
	if ((e->valid & TKIT_V_ERR) && e->err < 0)
		return "`err` is negative: it is an errno, not -errno";
	if ((e->valid & TKIT_V_ERR) && (e->valid & TKIT_V_RET) && e->type != TKIT_EVENT_EXIT &&
	    (e->err != 0) != (e->ret < 0))
		return "`err` and `ret` contradict each other";
	if ((e->valid & TKIT_V_PID) && e->pid <= 0)
		return "`pid` is no process";
	if ((e->type == TKIT_EVENT_FORK || e->type == TKIT_EVENT_EXIT) && !(e->valid & TKIT_V_PID))
		return "a fork or exit without a pid";
	return NULL;
}

/* What an event shows and the capabilities deny; 0 for none. */
static uint64_t denied(const struct watch *w, const struct tkit_event *e)
{
	uint64_t shows = 0;

	if (e->type == TKIT_EVENT_EXEC)
		shows |= TKIT_CAN_EXEC;
	if (e->type == TKIT_EVENT_ACCESS && (e->valid & TKIT_V_ERR) && e->err)
		shows |= TKIT_CAN_FAILED;
	if (e->type == TKIT_EVENT_ACCESS && e->op == TKIT_OP_OPEN)
		shows |= TKIT_CAN_OPEN;
	if (e->type == TKIT_EVENT_ACCESS && e->op == TKIT_OP_LIST)
		shows |= TKIT_CAN_LIST;
	if (e->type == TKIT_EVENT_ACCESS && e->op == TKIT_OP_INTERP)
		shows |= TKIT_CAN_INTERP;
	if (e->type == TKIT_EVENT_ACCESS && tkit_op_class(e->op) == TKIT_CLASS_METADATA)
		shows |= TKIT_CAN_METADATA;
	if (e->valid & TKIT_V_CREATED)
		shows |= TKIT_CAN_CREATED;
	/* A backend that makes its events up or imports them says what its input can hold. */
	return w->caps & TKIT_CAN_TARGET_NONE ? 0 : shows & ~w->caps;
}

static void check_clock(struct watch *w, const struct tkit_event *e)
{
	uint64_t now = tkit_now_ns();

	if (!w->timed || !(e->valid & TKIT_V_TS))
		return;
	if (e->ts_ns + 1000000000u < w->since_ns || e->ts_ns > now + 1000000u)
		vet_found(w->vet, VET_CLOCK,
			  "an event's ts_ns is %s of CLOCK_MONOTONIC: use tkit_now_ns()",
			  e->ts_ns > now ? "ahead" : "behind");
}

static void check_order(struct watch *w, const struct tkit_event *e)
{
	const uint32_t known = TKIT_V_TS | TKIT_V_TID;
	size_t slot = (uint32_t)e->tid % (sizeof(w->last) / sizeof(w->last[0]));

	if (!w->timed || (e->valid & known) != known)
		return;
	if (w->last[slot].tid == e->tid && e->ts_ns < w->last[slot].ts_ns)
		vet_found(w->vet, VET_ORDER,
			  "tells an event of a thread after a later one of the same thread");
	w->last[slot].tid = e->tid;
	w->last[slot].ts_ns = e->ts_ns;
}

static int watch_emit(void *arg, const struct tkit_event *e)
{
	struct watch *w = arg;
	const char *why = wrong_shape(e);
	uint64_t unsaid;

	if ((pid_t)syscall(SYS_gettid) != w->thread) {
		vet_found(w->vet, VET_FOREIGN,
			  "emits from another thread than the one that core calls it on");
		return -EINVAL;
	}
	if (!w->may) {
		vet_found(w->vet, VET_WHEN, "emits an event in %s", w->stage);
		return -ECANCELED;
	}
	w->events++;
	if (!why)
		why = wrong_content(e);
	if (why) {
		vet_found(w->vet, VET_EVENT, "an event breaks the event model: %s", why);
		return 0;
	}
	check_clock(w, e);
	check_order(w, e);
	unsaid = denied(w, e);
	if (unsaid) {
		struct buf names = BUF_INIT;

		caps_text(&names, TKIT_KIND_BACKEND, unsaid, ", ");
		buf_char(&names, '\0');
		vet_found(w->vet, VET_UNSAID, "tells what its capabilities deny: %s",
			  names.failed ? "?" : names.data);
		buf_done(&names);
	}
	if (e->type == TKIT_EVENT_LOSS)
		w->lost += e->count ? e->count : 1;
	return 0;
}

static int watch_stop_fd(void *arg)
{
	return ((struct watch *)arg)->stop_fd;
}

static void watch_status(void *arg, int status)
{
	struct watch *w = arg;

	if (WIFSTOPPED(status) || WIFCONTINUED(status))
		return;
	w->statused = true;
	w->status = status;
	if (w->launch)
		w->launch->reaped = true;
}

static int watch_seccomp(void *arg, struct err *err, const struct sock_filter *filter, size_t count,
			 unsigned int flags, int *ret_listener)
{
	struct watch *w = arg;

	if (!w->launch)
		return err_set(err, -EPERM, "there is no command to install a filter in");
	return launch_seccomp(w->launch, err, filter, count, flags, ret_listener);
}

const struct ctx_session_ops watch_ops = {
	.emit = watch_emit,
	.stop_fd = watch_stop_fd,
	.command_status = watch_status,
	.command_seccomp = watch_seccomp,
};
