/* SPDX-License-Identifier: MIT */
/* Building a model from traces; reading it is <tkit/model.h>. */
#ifndef MODEL_MODEL_H
#define MODEL_MODEL_H

#include <tkit/model.h>
#include <tkit/trace.h>

#include "util/err.h"

struct model_builder;

int model_builder_new(struct model_builder **ret_builder, struct err *err);
void model_builder_free(struct model_builder *builder); /* NULL-safe */

/* Called for each event before it is added; <0 ends the reading with that error. */
typedef int (*model_event_fn)(void *arg, const struct tkit_run *run,
			      const struct tkit_event *event);

/*
 * Adds all runs of a trace file. A run whose id is known already is skipped (merging is
 * idempotent). `fn` may be NULL.
 */
int model_builder_add_file(struct model_builder *builder, const char *file, model_event_fn fn,
			   void *arg, struct err *err);

/* Sorts and freezes. The builder is empty afterwards. */
int model_builder_finish(struct model_builder *builder, struct tkit_model **ret_model,
			 struct err *err);
void model_free(struct tkit_model *model); /* NULL-safe */

/* Enrichment: gives the model a root (owned by it) and annotates its paths. `passes` is a
 * mask of TKIT_WANTS_*. */
int model_enrich(struct tkit_model *model, struct tkit_rootfs *rootfs, uint64_t passes,
		 struct err *err);

/* Writes the model as a trace of aggregated events, one run after the other (tkit merge). */
int model_write(const struct tkit_model *model, struct tkit_trace_writer *writer, struct err *err);

#endif
