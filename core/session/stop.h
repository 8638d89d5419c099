/* SPDX-License-Identifier: MIT */
/* Job control: when the command stops, tkit stops, so that the shell sees a stopped job. */
#ifndef SESSION_STOP_H
#define SESSION_STOP_H

struct session;

/* The command was stopped by `sig`: stops tkit alike, and continues it when tkit goes on. */
void stop_mirror(struct session *s, int sig);

/* tkit got a SIGCONT: a command that is still stopped goes on, too. */
void stop_continue(struct session *s);

#endif
