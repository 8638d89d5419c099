/* SPDX-License-Identifier: MIT */
/* What ptrace_behave's scenarios share: each prints what a program can observe. */
#ifndef PTRACE_BEHAVE_H
#define PTRACE_BEHAVE_H

#include <sys/types.h>

extern const char *behave_dir; /* to work in */
extern char behave_self[4096]; /* this program */

/* A wait status in words; static memory. */
const char *behave_status(int st);
/* What a call returned, with errno if it failed. */
void behave_tell(const char *what, long ret);
/* Waits for a child and prints how it fared. */
void behave_wait(pid_t pid, int flags);
/* A thread that waits for signals for ever. */
void *behave_pause_thread(void *arg);

/* ptrace_behave_signals.c */
void behave_signals(void);
void behave_dying(void);
void behave_restart(void);
void behave_stopping(void);
void behave_stop_threads(void);
void behave_stop_new_threads(void);
/* ptrace_behave_tasks.c */
void behave_threads(void);
void behave_processes(void);
void behave_thread_exec(void);
void behave_untraced(void);
/* ptrace_behave_calls.c */
void behave_arguments(void);
void behave_filters(void);
void behave_compat(void);
void behave_strict(void);

#endif
