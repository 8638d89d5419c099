// SPDX-License-Identifier: MIT
/* Trace files into a builder. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "model/builder.h"
#include "model/rows.h"
#include "plugin/ctx.h"
#include "util/cleanup.h"
#include "util/log.h"

#define SKIPPED UINT32_MAX

struct file_reader {
	struct model_builder *builder;
	struct tkit_trace_reader *reader;
	const char *name;
	model_event_fn fn;
	void *arg;
	uint32_t *runs; /* run of the file -> run of the builder, or SKIPPED */
	uint64_t
		*damage; /* of each, not yet counted: a cut-off run is counted by its missing end */
	bool *ended;
	uint32_t run_count;
	struct row_cache cache;
};

/* A copy that nothing can add to is there already. */
static bool known_whole(const struct model_builder *b, const struct tkit_run_info *info)
{
	for (uint32_t i = 0; i < b->run_count; i++)
		if (!memcmp(b->runs[i]->info.id, info->id, sizeof(info->id)) && run_has_id(info) &&
		    run_data_final(b->runs[i]))
			return true;
	return false;
}

static int begin_run(struct file_reader *f, const struct tkit_trace_item *item, struct err *err)
{
	uint32_t count = f->run_count + 1;
	uint32_t *runs = realloc(f->runs, count * sizeof(*runs));
	uint64_t *damage;
	bool *ended;

	if (runs)
		f->runs = runs;
	damage = realloc(f->damage, count * sizeof(*damage));
	if (damage)
		f->damage = damage;
	ended = realloc(f->ended, count * sizeof(*ended));
	if (ended)
		f->ended = ended;
	if (!runs || !damage || !ended)
		return err_sys(err, -ENOMEM, "reading %s", f->name);
	f->runs[f->run_count] = SKIPPED;
	f->damage[f->run_count] = 0;
	f->ended[f->run_count] = false;
	f->run_count = count;
	if (known_whole(f->builder, item->info)) {
		log_info("%s: a run that was read before is skipped", f->name);
		return 0;
	}
	return model_builder_begin_run(f->builder, item->info, &f->runs[count - 1], err);
}

static int add_batch(struct file_reader *f, const struct tkit_trace_item *item, struct err *err)
{
	uint32_t run = item->run < f->run_count ? f->runs[item->run] : SKIPPED;
	const struct trace_rows *rows = trace_reader_rows(f->reader);
	int rc = 0;

	if (run == SKIPPED)
		return 0;
	if (rows)
		return model_builder_add_rows(f->builder, &f->cache, run, rows, err);
	for (uint32_t i = 0; !rc && i < item->batch->count; i++) {
		const struct tkit_event *event = tkit_batch_event(item->batch, i);

		if (f->fn) {
			rc = f->fn(f->arg, &f->builder->runs[run]->pub, event);
			if (rc < 0)
				return rc;
		}
		rc = model_builder_add_event(f->builder, run, event, err);
	}
	return rc;
}

static void add_damage(struct file_reader *f, const struct tkit_trace_item *item)
{
	log_info("%s: damage at byte %llu: %s", f->name, (unsigned long long)item->offset,
		 item->text ? item->text : "unknown");
	if (item->run >= f->run_count) {
		f->builder->orphan_damage = true;
		return;
	}
	f->damage[item->run]++;
	if (f->ended[item->run] && f->runs[item->run] != SKIPPED) {
		f->builder->runs[f->runs[item->run]]->lost[TKIT_LOSS_DAMAGED]++;
		f->damage[item->run] = 0;
	}
}

static int end_run(struct file_reader *f, uint32_t index, const struct tkit_run_end *end,
		   struct err *err)
{
	uint32_t run;

	if (index >= f->run_count || f->ended[index])
		return 0;
	f->ended[index] = true;
	run = f->runs[index];
	if (run == SKIPPED)
		return 0;
	if (end)
		f->builder->runs[run]->lost[TKIT_LOSS_DAMAGED] =
			add_count(f->builder->runs[run]->lost[TKIT_LOSS_DAMAGED], f->damage[index]);
	f->damage[index] = 0;
	return model_builder_end_run(f->builder, run, end, err);
}

static int read_items(struct file_reader *f, struct tkit_ctx *ctx, struct err *err)
{
	struct tkit_trace_item item;
	int rc;

	while ((rc = tkit_trace_reader_next(f->reader, &item)) > 0) {
		switch (item.kind) {
		case TKIT_TRACE_RUN:
			rc = begin_run(f, &item, err);
			break;
		case TKIT_TRACE_BATCH:
			rc = add_batch(f, &item, err);
			break;
		case TKIT_TRACE_FOOT:
			rc = end_run(f, item.run, item.end, err);
			break;
		case TKIT_TRACE_DAMAGE:
			add_damage(f, &item);
			break;
		default:
			break;
		}
		if (rc < 0)
			return rc;
	}
	if (rc < 0)
		return err_set(err, rc, "%s", err_text(&ctx->err));
	for (uint32_t i = 0; !rc && i < f->run_count; i++)
		rc = end_run(f, i, NULL, err);
	if (!rc && !f->run_count)
		rc = err_set(err, -EBADMSG, "%s has no run in it: nothing was traced", f->name);
	return rc;
}

int model_builder_add_file(struct model_builder *builder, const char *file, model_event_fn fn,
			   void *arg, struct err *err)
{
	bool from_stdin = !strcmp(file, "-");
	_cleanup_close_ int fd = from_stdin ? -1 : open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct file_reader f = {.builder = builder,
				.name = from_stdin ? "standard input" : file,
				.fn = fn,
				.arg = arg};
	struct tkit_ctx ctx = CTX_INIT(NULL);
	int rc;

	if (fd < 0 && !from_stdin)
		return err_sys(err, -errno, "opening %s", file);
	rc = tkit_trace_reader_new(&ctx, from_stdin ? STDIN_FILENO : fd, f.name, &f.reader);
	if (rc < 0)
		err_set(err, rc, "%s", err_text(&ctx.err));
	else if (!fn)
		trace_reader_want_rows(f.reader);
	if (rc >= 0)
		rc = read_items(&f, &ctx, err);
	tkit_trace_reader_free(f.reader);
	ctx_done(&ctx);
	row_cache_done(&f.cache);
	free(f.runs);
	free(f.damage);
	free(f.ended);
	return rc;
}

int tkit_model_read(struct tkit_ctx *ctx, const char *file, struct tkit_model **ret_model)
{
	struct err err = ERR_INIT;
	struct model_builder *builder;
	int rc = model_builder_new(&builder, &err);

	if (!rc)
		rc = model_builder_add_file(builder, file, NULL, NULL, &err);
	if (!rc)
		rc = model_builder_finish(builder, ret_model, &err);
	model_builder_free(builder);
	if (rc < 0)
		tkit_fail(ctx, -EINVAL, "%s", err_text(&err));
	err_done(&err);
	return rc;
}

void tkit_model_free(struct tkit_model *model)
{
	model_free(model);
}
