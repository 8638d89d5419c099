/* SPDX-License-Identifier: MIT */
/* The end of a session: threads are joined, what is known is written. Main thread. */
#ifndef SESSION_FINISH_H
#define SESSION_FINISH_H

#include "session/priv.h"

/* Ends the trace of a session that was released. Returns the first failure of the run. */
int finish_trace(struct session *s, struct err *err);

/*
 * The trace is over (`rc`: how), the command may not be: it goes on as if tkit were not there. A
 * backend that it cannot do without serves on.
 */
void finish_outlast(struct session *s, int rc, struct err *err);

/* Ends a session that was not released. Returns 0, or what a sink said. */
int finish_abort(struct session *s);

#endif
