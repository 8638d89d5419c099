// SPDX-License-Identifier: MIT
/* A sink's life, with a sample of events that is lent for the call and no longer. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <tkit/sink.h>

#include "vet/priv.h"

#define LOAN_BYTES (256u << 10)

struct instance {
	struct vet *vet;
	struct tkit_ctx ctx;
	char output[192];
	void *self;
	bool open;
};

static const struct tkit_sink_ops *ops_of(struct vet *vet)
{
	return vet->plugin->ops;
}

static int sink_emit(void *arg, const struct tkit_event *event)
{
	return event->type == TKIT_EVENT_LOSS ? 0 : -EINVAL;
}

static int sink_stop_fd(void *arg)
{
	return -1;
}

static const struct ctx_session_ops session_ops = {.emit = sink_emit, .stop_fd = sink_stop_fd};

static bool open_instance(struct vet *vet, struct instance *i, const char *name)
{
	const void *options = plugin_options_data(vet->options);
	int rc;

	*i = (struct instance){.vet = vet, .self = VET_SELF_POISON};
	i->ctx = (struct tkit_ctx)CTX_INIT(vet->plugin->desc.name);
	i->ctx.session_ops = &session_ops;
	snprintf(i->output, sizeof(i->output), "%s/%s", vet->dir, name);
	vet_stage(vet, "open()");
	rc = ops_of(vet)->open(&i->ctx, options, !vet->no_output ? i->output : NULL, &i->self);
	i->open = vet_result(vet, "open()", &i->ctx, rc, 0);
	vet_self(vet, "open()", rc, i->self);
	if (!i->open && !vet->no_output) {
		ctx_done(&i->ctx);
		vet->no_output = true;
		return open_instance(vet, i, name);
	}
	if (i->open && i->self == VET_SELF_POISON)
		i->self = NULL;
	vet_cloexec(vet, "open()");
	return i->open;
}

static void close_instance(struct instance *i)
{
	struct vet *vet = i->vet;

	if (i->open) {
		vet_stage(vet, "close()");
		vet_result(vet, "close()", &i->ctx, ops_of(vet)->close(&i->ctx, i->self), 0);
	}
	vet_stage(vet, "");
	ctx_done(&i->ctx);
}

static void write_batch(struct instance *i, uint32_t backend, size_t extra)
{
	struct vet *vet = i->vet;
	struct tkit_batch *batch;
	struct loan loan;

	if (loan_new(vet, &loan, LOAN_BYTES) < 0)
		return;
	batch = sample_batch(&loan, backend, extra);
	loan_give(&loan);
	if (extra)
		vet_stage_as(vet, "write()", VET_STRIDE,
			     "goes from event to event by its own sizeof: use tkit_batch_event()");
	else
		vet_stage(vet, "write()");
	vet_result(vet, "write()", &i->ctx, ops_of(vet)->write(&i->ctx, i->self, batch), 0);
	loan_end(&loan);
}

static void flush(struct instance *i)
{
	if (!ops_of(i->vet)->flush)
		return;
	vet_stage(i->vet, "flush()");
	vet_result(i->vet, "flush()", &i->ctx, ops_of(i->vet)->flush(&i->ctx, i->self), 0);
}

static void whole_run(struct instance *i, size_t extra)
{
	const struct tkit_sink_ops *ops = ops_of(i->vet);
	uint64_t losses[TKIT_LOSS_COUNT_] = {[TKIT_LOSS_RING_FULL] = 3};
	struct tkit_run_end end = {.size = sizeof(end),
				   .wait_status = 0,
				   .duration_ns = 1000000000,
				   .events = 3ull * sample_count(),
				   .accesses = 3ull * sample_count(),
				   .loss_count = TKIT_LOSS_COUNT_,
				   .losses = losses};
	const struct tkit_run_info *run;
	struct loan loan;

	if (loan_new(i->vet, &loan, LOAN_BYTES) < 0)
		return;
	run = sample_run(&loan, extra);
	loan_give(&loan);
	if (ops->begin) {
		vet_stage(i->vet, "begin()");
		vet_result(i->vet, "begin()", &i->ctx, ops->begin(&i->ctx, i->self, run), 0);
	}
	vet_cloexec(i->vet, "begin()");
	write_batch(i, 0, extra);
	flush(i);
	write_batch(i, 1, extra);
	write_batch(i, 0, extra);
	flush(i);
	if (ops->end) {
		vet_stage(i->vet, "end()");
		vet_result(i->vet, "end()", &i->ctx, ops->end(&i->ctx, i->self, &end), 0);
	}
	loan_end(&loan); /* the run lives until end() has returned */
}

static void life_unused(struct vet *vet)
{
	struct instance i;

	if (!open_instance(vet, &i, "unused"))
		vet_refused(vet, &i.ctx, "open()");
	close_instance(&i);
}

static void life_whole(struct vet *vet)
{
	struct instance i;

	if (open_instance(vet, &i, "whole"))
		whole_run(&i, 0);
	close_instance(&i);
}

/* From a core whose structs have grown. */
static void life_newer_core(struct vet *vet)
{
	struct instance i;

	if (open_instance(vet, &i, "newer"))
		whole_run(&i, sizeof(struct tkit_event));
	close_instance(&i);
}

static void two_at_once(struct vet *vet)
{
	struct instance a, b;

	if (vet->stopped)
		return;
	if (open_instance(vet, &a, "one")) {
		if (!open_instance(vet, &b, "two"))
			vet_found(vet, VET_SECOND, "a second instance cannot be opened: %s",
				  err_text(&b.ctx.err));
		close_instance(&a);
		if (b.open) {
			vet_stage_as(vet, "write() of the second of two instances", VET_SECOND,
				     "two instances at a time disturb each other: no globals");
			whole_run(&b, 0);
		}
		a.open = false;
		close_instance(&b);
	} else {
		close_instance(&a);
	}
}

void vet_sink(struct vet *vet)
{
	vet_lives(vet, "open() and close()", life_unused);
	vet_lives(vet, "run", life_whole);
	if (!vet->stopped)
		vet_live(vet, life_newer_core);
	vet_live(vet, two_at_once);
}
