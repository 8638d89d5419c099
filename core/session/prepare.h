/* SPDX-License-Identifier: MIT */
/* Checks a session's target and fills struct tkit_target, before anything is started. */
#ifndef SESSION_PREPARE_H
#define SESSION_PREPARE_H

#include "session/priv.h"

/* Fills what a backend has to know of s->target to be opened, and checks that they all can watch
 * it. */
int prepare_backends(struct session *s, struct err *err);

/*
 * After that: fills the rest of s->target and what it needs. Returns 0 or -errno with the cause;
 * s->exec_errno is set when the command cannot be found or executed.
 */
int prepare_target(struct session *s, struct err *err);
void prepare_done(struct session *s);

#endif
