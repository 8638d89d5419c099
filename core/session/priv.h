/* SPDX-License-Identifier: MIT */
/* What the files of core/session share about one running session. */
#ifndef SESSION_PRIV_H
#define SESSION_PRIV_H

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include "session/bus.h"
#include "session/entry.h"
#include "session/launch.h"
#include "session/runinfo.h"
#include "session/session.h"
#include "session/snapshot.h"
#include "session/tree.h"

#define PUSH_AGE_NS  50000000ull    /* a batch is not held back longer than this */
#define DRAIN_NS     10000000000ull /* default of session_config.drain_ns */
#define FORCE_NS     2000000000ull  /* what everybody gets to finish once forced */
#define HANG_NS      30000000000ull /* pump() did not return after stop for so long: it hangs */
#define DUPLICATE_NS 200000000ull   /* see watch.c */

enum runner_state {
	RUNNER_ARMING = 0, /* opening, waiting for the target, starting */
	RUNNER_ARMED,      /* waits for the gate */
	RUNNER_PUMPING,
	RUNNER_SERVING, /* the trace is over, but the command still needs its tracer */
	RUNNER_DONE
};

enum gate { GATE_SHUT = 0, GATE_OPEN, GATE_ABORT };

/* One backend and its thread. */
struct runner {
	struct session *session;
	const struct session_plugin *spec;
	const struct tkit_backend_ops *ops;
	const char *name;
	uint32_t index;
	pthread_t thread;
	bool joinable;

	/* The thread's own. */
	struct tkit_ctx ctx;
	struct bus_source *source;
	struct entry entry;
	void *self;
	unsigned int emits;
	int bad_event; /* -errno of an event that the bus refused as invalid */
	bool drained;  /* pump() has said TKIT_END */
	bool quiet;    /* TKIT_BACKEND_WAITS, after stop(): nothing more will be emitted */
	bool settled;  /* its part of the trace is closed */

	/* Under the session's lock. */
	enum runner_state state;
	bool failed;
	struct tkit_stats stats;

	atomic_uint_fast64_t beats; /* goes up as long as the thread does something */
	uint64_t seen_beats;        /* main thread's own */
	uint64_t seen_ns;
};

struct command_state {
	bool alive;
	bool stopped;
	int status;      /* wait status once it is not alive any more */
	int stop_signal; /* a stop that is still to be mirrored; 0 = none */
	bool continued;  /* since the last stop */
};

struct session {
	const struct session_config *config;
	struct tkit_target target;
	char *root;       /* target.root */
	char *cgroup;     /* target.cgroup_path */
	char *executable; /* path of the command */
	int root_fd;
	int pidfd; /* of a PID target, or a container's first process */
	struct bus *bus;
	struct bus_source *own_source; /* main thread's, for losses */
	struct bus_sink *sinks;
	struct runner *runners; /* config->backend_count of them */
	struct launch launch;
	struct runinfo info;
	struct tree tree;
	struct snapshot snapshot;
	uint64_t tree_mask; /* backends that report processes, by index */
	int wake_fd;        /* eventfd: something for the main thread to look at */
	int stop_fd;        /* eventfd: readable when backends are to stop */
	atomic_bool stopping;
	atomic_bool forced;

	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t gate_cond;
	enum gate gate;
	bool target_known; /* all of `target` is filled in */
	struct command_state command;
	struct err err; /* the first failure */

	/* Main thread's own. */
	int signal_fd;
	sigset_t old_mask;
	struct sigaction old_pipe, old_child;
	uint32_t ignored; /* signals that were ignored when tkit started, by number */
	bool signals_set;
	bool arming;
	bool target_gone; /* PID: the process itself */
	int signal;       /* that forced, or that came while arming */
	int exec_errno;
	uint64_t deadline_ns;   /* of --duration; 0 = none */
	uint64_t force_ns;      /* when forced */
	uint64_t gone_ns;       /* when the command or PID was seen to be gone */
	uint64_t prune_ns;      /* next look at /proc */
	bool quiet_once;        /* the bus was idle at the last look */
	bool lingering_told;    /* "still waiting for ..." has been said */
	unsigned int asked_int; /* SIGINTs and SIGTERMs that were forwarded to the command */
	unsigned int asked_term;
	unsigned int asked_stop; /* signals that were taken as a wish to end the trace */
	struct {
		uint64_t at;
		uint32_t pid;
		uint32_t signo;
	} last_signal;
	bool reported;
	bool abandoned;
	bool finished; /* the bus has been finished: its totals are there */
};

/* runner.c */
int runner_start(struct runner *runner, struct err *err);
extern const struct ctx_session_ops runner_ctx_ops;

/* state.c: any thread. */
void session_wake(struct session *s);
void session_stop(struct session *s);           /* clean stop of all backends */
void session_force(struct session *s, int sig); /* main thread: stop at once */
/* Ends the run as failed; who: the backend whose failure it is, NULL = core's own. */
void session_fail(struct session *s, const struct err *cause, const char *who);
int session_failure(struct session *s, struct err *err); /* a copy of the first one, or 0 */
bool session_main_waits(struct session *s); /* the main thread may wait(2) for the command */
bool session_command_running(struct session *s);
void session_open_gate(struct session *s, enum gate how);
/* All backends' threads have come to this point, or beyond. */
bool session_all_reached(struct session *s, enum runner_state state);
enum runner_state session_runner_state(struct session *s, const struct runner *r);

/* watch.c: main thread. */
int watch_begin(struct session *s, struct err *err);
void watch_end(struct session *s);
void watch_step(struct session *s, int timeout_ms); /* waits for and handles what comes */

#endif
