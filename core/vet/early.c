// SPDX-License-Identifier: MIT
/* What a backend with TKIT_BACKEND_EARLY has promised: an open() before the target is known. */
#include "vet/instance.h"

/* Opened with what is known then: size, kind, self_pid and flags. */
static bool open_blind(struct vet *vet, struct instance *i)
{
	void *self = VET_SELF_POISON;
	int rc;

	instance_new(vet, i);
	if (vet->stopped)
		return false;
	i->target.flags |= TKIT_TARGET_LATE;
	i->lent = (struct tkit_target){.size = i->target.size,
				       .kind = i->target.kind,
				       .pidfd = -1,
				       .root_fd = -1,
				       .self_pid = i->target.self_pid,
				       .flags = i->target.flags};
	i->watch.stage = "open()";
	vet_stage_as(vet, "open() before its target is known", VET_EARLY,
		     "has TKIT_BACKEND_EARLY, but looks at a target that is not known yet");
	rc = ops_of(vet)->open(&i->watch.ctx, plugin_options_data(vet->options), &i->lent, &self);
	vet_stage(vet, "");
	i->lent = i->target; /* now it is known */
	if (rc < 0) {
		vet_found(vet, VET_EARLY,
			  "has TKIT_BACKEND_EARLY, but cannot be opened before its target is "
			  "known: %s",
			  err_text(&i->watch.ctx.err));
		return false;
	}
	i->self = self == VET_SELF_POISON ? NULL : self;
	i->open = true;
	if (i->watch.events)
		vet_found(vet, VET_EARLY, "emits in open(), before its target is known");
	return true;
}

/* Nobody came to be watched. */
static void life_unneeded(struct vet *vet)
{
	struct instance i;

	open_blind(vet, &i);
	instance_done(&i);
}

/* Told whom to watch when it was open; it must see what it sees elsewhere. */
static void life_told_late(struct vet *vet)
{
	struct err err = ERR_INIT;
	struct instance i;

	if (open_blind(vet, &i)) {
		bool started = instance_start(&i), more = false;

		if (!started)
			vet_found(vet, VET_EARLY,
				  "has TKIT_BACKEND_EARLY, but cannot start on a target that it "
				  "was told late: %s",
				  err_text(&i.watch.ctx.err));
		if (started && i.commanded && launch_go(&i.launch, &err) < 0)
			vet_found(vet, VET_COMMAND, "the held command is gone after start(): %s",
				  err_text(&err));
		if (started) {
			more = instance_pump(&i);
			instance_stop(&i);
		}
		if (more)
			instance_drain(&i);
		if (started && vet->seen && !i.watch.events)
			vet_found(
				vet, VET_EARLY,
				"has TKIT_BACKEND_EARLY, but sees nothing of a target that it was "
				"told late");
	}
	err_done(&err);
	instance_done(&i);
}

void vet_early(struct vet *vet)
{
	if (vet->stopped)
		return;
	vet_live(vet, life_unneeded);
	vet_live(vet, life_told_late);
}
