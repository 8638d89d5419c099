// SPDX-License-Identifier: MIT
/* One event as one line for people, in the manner of strace. */
#include <tkit/trace.h>

#include <string.h>
#include <sys/wait.h>
#include <tkit/syscalls.h>

#include "trace/flags.h"
#include "trace/out.h"
#include "util/bytes.h"

static void head(struct out *out, const struct tkit_event *event, uint64_t zero_ns)
{
	if (event->valid & TKIT_V_PID) {
		out_i64(out, event->pid);
		if ((event->valid & TKIT_V_TID) && event->tid != event->pid) {
			out_char(out, '/');
			out_i64(out, event->tid);
		}
		out_char(out, ' ');
	}
	if (zero_ns && (event->valid & TKIT_V_TS)) {
		uint64_t ns = event->ts_ns - zero_ns;

		if ((int64_t)ns < 0) {
			out_char(out, '-');
			ns = 0 - ns;
		}
		out_u64(out, ns / 1000000000u);
		out_char(out, '.');
		out_padded(out, ns / 1000u % 1000000u, 6);
		out_char(out, ' ');
	}
}

static void call_name(struct out *out, const struct tkit_event *event)
{
	const struct tkit_syscall *sys = NULL;
	const char *op = tkit_op_name(event->op);

	if ((event->valid & TKIT_V_SYSNO) && event->via != TKIT_VIA_IO_URING)
		sys = tkit_syscall_by_nr(event->arch, event->sysno);
	if (event->via == TKIT_VIA_IO_URING)
		out_lit(out, "io_uring:");
	if (sys) {
		out_str(out, sys->name);
	} else if (op) {
		out_str(out, op);
	} else {
		out_lit(out, "op-");
		out_u64(out, event->op);
	}
	/* The two halves of rename and the like carry one call's name. */
	if (sys && op && sys->op2 != TKIT_OP_NONE) {
		out_char(out, '.');
		out_str(out, op);
	}
}

static void arguments(struct out *out, const struct tkit_event *event)
{
	bool first = true;

	if (event->valid & TKIT_V_BASE) {
		out_char(out, '<');
		out_bracketed(out, event->base);
		out_char(out, '>');
		first = false;
	}
	if ((event->valid & TKIT_V_PATH) || (event->pflags & TKIT_P_UNREADABLE)) {
		if (!first)
			out_lit(out, ", ");
		if (event->pflags & TKIT_P_ABSTRACT)
			out_char(out, '@');
		if (event->valid & TKIT_V_PATH)
			out_quoted(out, event->path);
		else
			out_char(out, '?');
		if (event->pflags & TKIT_P_TRUNCATED)
			out_lit(out, "...");
		first = false;
	}
	if (event->valid & TKIT_V_FLAGS) {
		int kind = flags_kind(event);

		if (kind != TKIT_SYS_FLAGS_NONE || event->flags) {
			if (!first)
				out_lit(out, ", ");
			flags_put(out, kind, event->arch, event->flags);
		}
	}
}

static void outcome(struct out *out, const struct tkit_event *event)
{
	if (!(event->valid & TKIT_V_ERR) && !(event->valid & TKIT_V_RET))
		return;
	out_lit(out, " = ");
	if ((event->valid & TKIT_V_ERR) && event->err) {
		const char *name = tkit_errno_name(event->err);
		const char *text = strerrordesc_np(event->err);

		out_lit(out, "-1 ");
		if (name)
			out_str(out, name);
		else
			out_i64(out, event->err);
		if (text) {
			out_lit(out, " (");
			out_str(out, text);
			out_char(out, ')');
		}
		return;
	}
	out_i64(out, event->valid & TKIT_V_RET ? event->ret : 0);
	if (event->valid & TKIT_V_RESOLVED) {
		out_char(out, '<');
		out_bracketed(out, event->resolved);
		out_char(out, '>');
	}
}

static void access_line(struct out *out, const struct tkit_event *event)
{
	call_name(out, event);
	out_char(out, '(');
	arguments(out, event);
	out_char(out, ')');
	outcome(out, event);
	if (event->pflags & TKIT_P_CREATED)
		out_lit(out, " [created]");
	if (event->pflags & TKIT_P_DELETED)
		out_lit(out, " [deleted]");
	if (event->pflags & TKIT_P_OUTSIDE_ROOT)
		out_lit(out, " [outside root]");
	if (event->via == TKIT_VIA_COMPAT32)
		out_lit(out, " [32 bit]");
	if (event->count > 1) {
		out_lit(out, " x");
		out_u64(out, event->count);
	}
}

static void exit_line(struct out *out, const struct tkit_event *event)
{
	int status = (int)event->ret;

	if (!(event->valid & TKIT_V_RET)) {
		out_lit(out, "+++ ended +++");
	} else if (WIFSIGNALED(status)) {
		const char *name = sigabbrev_np(WTERMSIG(status));

		out_lit(out, "+++ killed by ");
		if (name) {
			out_lit(out, "SIG");
			out_str(out, name);
		} else {
			out_lit(out, "signal ");
			out_i64(out, WTERMSIG(status));
		}
		out_lit(out, " +++");
	} else {
		out_lit(out, "+++ exited with ");
		out_i64(out, WEXITSTATUS(status));
		out_lit(out, " +++");
	}
}

static void loss_line(struct out *out, const struct tkit_event *event)
{
	const char *name = tkit_loss_name((int)event->reason);

	out_lit(out, "!!! lost ");
	out_u64(out, event->count ? event->count : 1);
	out_lit(out, " (");
	if (name)
		out_str(out, name);
	else
		out_u64(out, event->reason);
	out_char(out, ')');
	if (event->valid & TKIT_V_PATH) {
		out_lit(out, ": ");
		out_bracketed(out, event->path);
	}
}

size_t tkit_event_text(const struct tkit_event *event, uint64_t zero_ns, char *buf, size_t size)
{
	struct out out = {.data = buf, .size = size};

	head(&out, event, zero_ns);
	switch (event->type) {
	case TKIT_EVENT_ACCESS:
	case TKIT_EVENT_EXEC:
		access_line(&out, event);
		break;
	case TKIT_EVENT_FORK:
		out_lit(&out, "+++ created");
		if (event->valid & TKIT_V_PPID) {
			out_lit(&out, " by ");
			out_i64(&out, event->ppid);
		}
		out_lit(&out, " +++");
		break;
	case TKIT_EVENT_EXIT:
		exit_line(&out, event);
		break;
	case TKIT_EVENT_LOSS:
		loss_line(&out, event);
		break;
	default:
		out_lit(&out, "event of type ");
		out_u64(&out, event->type);
		break;
	}
	return out.len;
}
