/* SPDX-License-Identifier: MIT */
/* One instance of a backend, step by step. Each step judges what the backend does. */
#ifndef VET_INSTANCE_H
#define VET_INSTANCE_H

#include <tkit/backend.h>

#include "session/launch.h"
#include "vet/priv.h"

struct instance {
	struct watch watch;
	struct tkit_target target, lent; /* `lent` is what the plugin gets */
	struct launch launch;
	int root_fd;
	void *self;
	bool open, commanded;
};

static inline const struct tkit_backend_ops *ops_of(struct vet *vet)
{
	return vet->plugin->ops;
}

void instance_new(struct vet *vet, struct instance *i); /* holds a command, if it needs one */
bool instance_open(struct instance *i);
bool instance_start(struct instance *i);
bool instance_pump(struct instance *i); /* while there is something; false: it ended by itself */
void instance_idle(struct instance *i);
void instance_stop(struct instance *i);
void instance_drain(struct instance *i);
void instance_stats(struct instance *i);
void instance_close(struct instance *i);
void instance_done(struct instance *i); /* closes, awaits the command */

/* early.c: the lives of a backend with TKIT_BACKEND_EARLY. */
void vet_early(struct vet *vet);

/* For a callback that is called by hand. */
void instance_stage(struct instance *i, const char *name);
bool instance_succeeded(struct instance *i, int rc, int max);

#endif
