/* SPDX-License-Identifier: MIT */
/* Head and foot of a run as JSON objects, for `tkit dump --header`. */
#ifndef TRACE_RUN_JSON_H
#define TRACE_RUN_JSON_H

#include <tkit/sink.h>

#include "util/buf.h"

/* {"type":"run",...}: what is empty or unknown is left out. */
void run_json_head(struct buf *out, uint32_t run, const struct tkit_run_info *info);

/* {"type":"end",...} with the losses by name. */
void run_json_end(struct buf *out, uint32_t run, const struct tkit_run_end *end);

#endif
