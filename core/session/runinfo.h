/* SPDX-License-Identifier: MIT */
/* The facts about a run that go to the head of a trace. */
#ifndef SESSION_RUNINFO_H
#define SESSION_RUNINFO_H

#include <sys/utsname.h>

#include <tkit/sink.h>

#include "session/session.h"

struct runinfo {
	struct tkit_run_info run;
	struct utsname uts;
	char host_id[17];
	char *cwd;
	struct tkit_backend_info *backends;
};

/* Fills *info for a target that is armed now. Strings of config and target are borrowed. */
int runinfo_fill(struct runinfo *info, const struct session_config *config,
		 const struct tkit_target *target);
/* What backend `i` says about itself here; the text is borrowed. */
void runinfo_backend(struct runinfo *info, size_t i, const char *facilities, uint64_t without);
void runinfo_done(struct runinfo *info);

#endif
