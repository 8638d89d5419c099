/* SPDX-License-Identifier: MIT */
/* Making the parts of a session, in the order in which they are called. Main thread. */
#ifndef SESSION_SETUP_H
#define SESSION_SETUP_H

#include "session/priv.h"

/* A session without threads; never fails halfway: *err tells, and what there is is freed by
 * session_free(). NULL only when memory is short. */
struct session *session_new(const struct session_config *config, struct err *err);
void session_free(struct session *s);

int setup_bus(struct session *s, struct err *err); /* the bus and the backends' lines to it */
void setup_limits(void); /* tkit's own; after the command was forked, which keeps what it had */
int setup_sinks(struct session *s, struct err *err);   /* opens them */
int setup_command(struct session *s, struct err *err); /* forks and holds it */
int setup_tree(struct session *s, struct err *err);
int setup_entry(struct session *s, struct err *err); /* once the backends are armed */

bool setup_has_snapshot(const struct session *s);

#endif
