/* SPDX-License-Identifier: MIT */
/* What is priced: tkit's backends with a sink each, other people's tracers, and nothing at all. */
#ifndef BENCH_TRACER_H
#define BENCH_TRACER_H

#include <stdbool.h>
#include <stddef.h>

#include "bench/tally.h"
#include "plugin/loader.h"

/* Another tracer. */
struct peer {
	const char *name;
	const char *program;
	/*
	 * Its command line. "{out}" is the file that it writes to; "{cmd}" the command with its
	 * arguments, "{line}" the same in one word.
	 */
	const char *argv[16];
	bool attaches; /* watches the whole machine beside the command; ended by SIGINT */
	bool whole;    /* watches the whole machine while it runs the command */
	bool tells_loss;
	enum bench_watch watch;
	tally_line line;
	const char *text;
};

extern const struct peer peers[];
extern const size_t peer_count;

enum tracer_kind { TRACER_NONE, TRACER_TKIT, TRACER_PEER };

struct tracer {
	enum tracer_kind kind;
	char *label;   /* unique */
	char *backend; /* TKIT: with options */
	char *sink;    /* TKIT: with options */
	bool stores;   /* TKIT: the sink makes a file that can be read afterwards */
	const struct peer *peer;
	bool one_cpu; /* it and the command share one CPU */
	bool tells_loss;
	enum bench_watch watch;
	char *skipped; /* why it cannot be used here; NULL: it can */
};

struct tracer_list {
	struct tracer *items;
	size_t count;
};

void tracer_list_done(struct tracer_list *list);

/* What was asked for, comma-separated lists as given; NULL = all that there are. */
struct tracer_request {
	const char *backends;
	const char *sinks;
	const char *peers;
	bool one_cpu; /* everything */
};

/*
 * Makes the list: untraced, on one CPU, too, if somebody needs that; each backend with each
 * sink; each peer. Items may end in "@1cpu". Names that do not exist are an error, what cannot
 * be used here is `skipped`.
 */
int tracer_list_new(struct tracer_list *ret, struct plugin_registry *registry,
		    const struct tracer_request *request, struct err *err);

/*
 * Item number `index` of a comma-separated list, malloc'd; NULL at its end. A part with a '='
 * belongs to the item before it: "ebpf,ring-size=4M,ptrace" has two items.
 */
char *tracer_item(const char *list, size_t index);

#define TRACER_ARGV_MAX 48

/*
 * The command line of a tracer around `command`. Words are borrowed from all of these and from
 * `scratch`, which must live as long and be large enough for the command as one line.
 * The number of words, or -E2BIG.
 */
int tracer_argv(const struct tracer *tracer, const char *out, const char *const *command,
		char *scratch, size_t scratch_size, const char *argv[TRACER_ARGV_MAX]);

#endif
