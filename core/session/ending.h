/* SPDX-License-Identifier: MIT */
/* When a session is over. Main thread. */
#ifndef SESSION_ENDING_H
#define SESSION_ENDING_H

#include "session/priv.h"

/* Whether what is watched is over: time to stop the backends. */
bool ending_reached(struct session *s);

/* After a stop: whether a backend's thread is stuck and will not come back. */
bool ending_hopeless(struct session *s);

/* How long the main thread may sleep until it has to look again, ms; -1 = for ever. */
int ending_timeout(struct session *s);

/* The backends are done: takes the exit status of a command that has ended. */
void reap_before_end(struct session *s);

#endif
