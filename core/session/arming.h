/* SPDX-License-Identifier: MIT */
/*
 * From prepared backends to the released command, without a gap in between. Main thread. Each
 * returns 0 or -errno with the cause; then finish_abort() is due.
 */
#ifndef SESSION_ARMING_H
#define SESSION_ARMING_H

#include "session/priv.h"

/* Lets backends open themselves while it is still to be told whom to watch. */
int arming_await(struct session *s, struct err *err);

/* Starts what is not started yet, and waits until each backend is armed. */
int arming_arm(struct session *s, struct err *err);

/* Opens the trace and the gate, tells who waits for it, and lets the command go. */
int arming_release(struct session *s, struct err *err);

#endif
