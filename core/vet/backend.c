// SPDX-License-Identifier: MIT
/* Which lives a backend leads. */
#include <fcntl.h>
#include <unistd.h>

#include "plugin/probe.h"
#include "util/buf.h"
#include "util/cleanup.h"
#include "vet/instance.h"

#define PROBE_NS 3000000000ull

/* ---- lives ---- */

static void life_unstarted(struct vet *vet)
{
	struct instance i;

	instance_new(vet, &i);
	if (!instance_open(&i) && !vet->stopped)
		vet_refused(vet, &i.watch.ctx, "open()");
	instance_done(&i);
}

static void life_whole(struct vet *vet)
{
	struct instance i;
	struct err err = ERR_INIT;

	instance_new(vet, &i);
	if (instance_open(&i) && !instance_start(&i)) {
		vet_refused(vet, &i.watch.ctx, "start()");
	} else if (i.open) {
		bool more;

		if (i.commanded && launch_go(&i.launch, &err) < 0)
			vet_found(vet, VET_COMMAND, "the held command is gone after start(): %s",
				  err_text(&err));
		err_done(&err);
		more = instance_pump(&i);
		instance_stop(&i);
		if (more)
			instance_drain(&i);
		instance_stats(&i);
	}
	vet->seen = i.watch.events;
	instance_done(&i);
}

/* Called off between start() and the command's first instruction. */
static void life_called_off(struct vet *vet)
{
	const struct tkit_backend_ops *ops = ops_of(vet);
	struct instance i;

	instance_new(vet, &i);
	if (instance_open(&i) && instance_start(&i)) {
		instance_stage(&i, "stop()");
		if (ops->stop)
			instance_succeeded(&i, ops->stop(&i.watch.ctx, i.self), 0);
	}
	instance_close(&i);
	instance_done(&i);
}

/* While the command is held nothing happens: pump() has to wait. */
static void life_idle(struct vet *vet)
{
	const struct tkit_backend_ops *ops = ops_of(vet);
	struct instance i;

	if (vet->stopped)
		return;
	instance_new(vet, &i);
	if (instance_open(&i) && instance_start(&i)) {
		instance_idle(&i);
		instance_stage(&i, "stop()");
		if (ops->stop)
			instance_succeeded(&i, ops->stop(&i.watch.ctx, i.self), 0);
	}
	instance_done(&i);
}

static void two_at_once(struct vet *vet)
{
	struct instance a, b;

	if (vet->stopped)
		return;
	instance_new(vet, &a);
	if (instance_open(&a)) {
		instance_new(vet, &b);
		vet_stage_as(vet, "open() of a second instance", VET_SECOND,
			     "two instances at a time disturb each other: no globals");
		if (!vet->stopped && !instance_open(&b))
			vet_found(vet, VET_SECOND, "a second instance cannot be opened: %s",
				  err_text(&b.watch.ctx.err));
		vet->shared->crash_id = NULL;
		vet_stage_as(vet, "close() of one of two instances", VET_SECOND,
			     "two instances at a time disturb each other: no globals");
		if (a.open)
			ops_of(vet)->close(&a.watch.ctx, a.self);
		a.open = false;
		if (b.open)
			ops_of(vet)->close(&b.watch.ctx, b.self);
		b.open = false;
		vet_stage(vet, "");
		instance_done(&b);
	}
	instance_done(&a);
}

/* ---- before an instance ---- */

static void check_own_caps(struct vet *vet)
{
	const struct tkit_backend_ops *ops = ops_of(vet);
	uint64_t first, second;

	if (!ops->caps)
		return;
	vet_stage(vet, "caps()");
	first = ops->caps(plugin_options_data(vet->options));
	second = ops->caps(plugin_options_data(vet->options));
	vet_stage(vet, "");
	if (first != second)
		vet_found(vet, VET_CAPS, "caps() says two things about the same options");
	if (first & ~vet->plugin->desc.caps)
		vet_found(vet, VET_CAPS, "caps() has bits that the descriptor's caps lack: 0x%llx",
			  (unsigned long long)(first & ~vet->plugin->desc.caps));
}

/* Asks for one kind of target. True: it can. */
static bool ask(struct vet *vet, enum tkit_target_kind which, struct buf *why)
{
	const struct tkit_backend_ops *ops = ops_of(vet);
	_cleanup_close_ int root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct tkit_target target = {.size = sizeof(target),
				     .kind = (uint32_t)which,
				     .pidfd = -1,
				     .root_fd = root_fd,
				     .self_pid = getpid(),
				     .root = "/"};
	struct tkit_ctx ctx = CTX_INIT(vet->plugin->desc.name);
	uint64_t start = tkit_now_ns();
	int rc = 1;

	if (ops->probe) {
		vet_stage(vet, "probe()");
		rc = ops->probe(&ctx, plugin_options_data(vet->options), &target);
		vet_result(vet, "probe()", &ctx, rc, 100);
		if (rc == 0)
			vet_found(vet, VET_RETURN, "probe() returned 0: its rank is 1..100");
		if (tkit_now_ns() - start > PROBE_NS) {
			vet->stopped = true; /* it would be asked many times */
			vet_found(vet, VET_SLOW,
				  "probe() takes seconds: each `tkit run` would wait for it");
		}
	}
	if (rc < 0 && why)
		buf_printf(why, "%s%s: %s", why->size ? "; " : "", target_name(which),
			   err_text(&ctx.err));
	ctx_done(&ctx);
	return rc >= 0;
}

static void life_probe(struct vet *vet)
{
	for (int which = TKIT_TARGET_NONE; which <= TKIT_TARGET_ALL; which++)
		if (backend_caps(vet->plugin, vet->options) &
		    target_cap((enum tkit_target_kind)which))
			ask(vet, (enum tkit_target_kind)which, NULL);
}

/* What the lives are led with: the target of most use that it can watch here. */
static void choose(struct vet *vet)
{
	static const enum tkit_target_kind order[] = {TKIT_TARGET_COMMAND, TKIT_TARGET_NONE,
						      TKIT_TARGET_ALL, TKIT_TARGET_PID};
	_cleanup_(buf_done) struct buf why = BUF_INIT;

	for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
		if (!(backend_caps(vet->plugin, vet->options) & target_cap(order[i])))
			continue;
		vet->target = order[i];
		if (ask(vet, vet->target, &why))
			return;
	}
	buf_char(&why, '\0');
	vet->stopped = true;
	vet_note(vet, "it cannot run here (%s): its behaviour was not checked",
		 why.failed || !why.data[0] ? "no target for it" : why.data);
}

void vet_backend(struct vet *vet)
{
	check_own_caps(vet);
	vet_lives(vet, "probe()", life_probe);
	if (vet->stopped)
		return;
	choose(vet);
	vet_lives(vet, "open() and close()", life_unstarted);
	vet_lives(vet, "run", life_whole);
	vet_lives(vet, "run that is called off", life_called_off);
	vet_live(vet, life_idle);
	vet_live(vet, two_at_once);
	if (backend_caps(vet->plugin, vet->options) & TKIT_BACKEND_EARLY)
		vet_early(vet);
}
