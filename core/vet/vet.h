/* SPDX-License-Identifier: MIT */
/*
 * The whole of `tkit plugin check`: what the file tells (plugin/check.h), and then how the
 * plugin behaves. All of it runs in a child process, so that a module that crashes, hangs or
 * ends the process is a finding and nothing else.
 */
#ifndef VET_VET_H
#define VET_VET_H

#include <tkit/reporter.h>

#include "plugin/check.h"
#include "plugin/loader.h"

/* The findings of this part; docs/PLUGIN_MANUAL.md explains each. */
#define VET_CRASH   "PC050" /* a signal: SIGSEGV, SIGABRT, ... */
#define VET_HANG    "PC051" /* a callback does not return */
#define VET_EXIT    "PC052" /* ends the process */
#define VET_SILENT  "PC053" /* fails without tkit_fail(), or in more than a line */
#define VET_RETURN  "PC054" /* returns what the contract does not have */
#define VET_OUTPUT  "PC055" /* touches an output although it failed */
#define VET_PRINTS  "PC056" /* prints */
#define VET_LEAK    "PC057" /* memory */
#define VET_FD      "PC058" /* descriptors stay open */
#define VET_THREAD  "PC059" /* threads stay */
#define VET_CHILD   "PC060" /* child processes stay */
#define VET_CLOEXEC "PC061" /* a descriptor that the traced command would inherit */
#define VET_PROCESS "PC062" /* signals, environment, umask, limits, ... are changed */
#define VET_SECOND  "PC063" /* not two instances at a time */
#define VET_LENT    "PC064" /* uses memory after the call that lent it */
#define VET_STRIDE  "PC065" /* goes from event to event by sizeof, not by the stride */
#define VET_VARIES  "PC066" /* a report that is not the same for the same input */
#define VET_MEMORY  "PC067" /* too much memory */
#define VET_CHANGES "PC068" /* writes to what it was only lent */
#define VET_SLOW    "PC069" /* probe() takes seconds */
#define VET_EVENT   "PC070" /* an event that breaks the event model */
#define VET_CLOCK   "PC071" /* ts_ns is not CLOCK_MONOTONIC */
#define VET_FOREIGN "PC072" /* emits from another thread */
#define VET_WHEN    "PC073" /* emits when it may not */
#define VET_UNSAID  "PC074" /* sees what its capabilities deny */
#define VET_BLOCKS  "PC075" /* pump() does not return when it should */
#define VET_ENDLESS "PC076" /* pump() never says TKIT_END after stop() */
#define VET_COUNT   "PC077" /* pump() returns 0 although it emitted events */
#define VET_STATS   "PC078" /* stats() contradicts what was emitted */
#define VET_CAPS    "PC079" /* caps() is no part of the descriptor's, or not pure */
#define VET_COMMAND "PC080" /* the watched command fares otherwise than unwatched */
#define VET_ORDER   "PC081" /* events of one thread that are not in order */
#define VET_BUSY    "PC082" /* pump() does not wait */
#define VET_RAW     "PC083" /* a report has names unescaped */
#define VET_EARLY   "PC084" /* TKIT_BACKEND_EARLY is not kept */

struct vet_config {
	const char *file;
	struct plugin_registry *registry; /* NULL: confs are not looked at */
	const char *options;              /* "k=v,..." for the instances; NULL: the defaults */
	unsigned int patience_s;          /* for one callback; 0 = 7, 10 until it is given up */

	/* Where a reporter's output goes: these of cli/out.h. NULL: reporters are not run. */
	int (*out_open_file)(const char *path, unsigned int mode, struct tkit_out **ret_out,
			     struct err *err);
	int (*out_open_folder)(const char *path, bool force, struct tkit_out **ret_out,
			       struct err *err);
	int (*out_commit)(struct tkit_out *out, struct err *err);
	void (*out_abandon)(struct tkit_out *out);
};

/*
 * Checks a module. Calls fn for each finding, and with the ID NULL for each note: why
 * something could not be checked here. Returns the number of findings or -errno when the check
 * itself failed. Forks: call it while there is one thread.
 */
int vet_module(const struct vet_config *config, check_fn fn, void *arg, struct err *err);

#endif
