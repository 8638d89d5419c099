// SPDX-License-Identifier: MIT
/* A reporter's life: events, then a report of the same model, twice. */
#include <stdio.h>
#include <string.h>

#include <tkit/image.h>

#include "model/builder.h"
#include "util/cleanup.h"
#include "vet/priv.h"

#define LOAN_BYTES  (256u << 10)
#define EVENT_BYTES (16u << 10)
#define STATUS_MAX  99

static const struct tkit_reporter_ops *ops_of(struct vet *vet)
{
	return vet->plugin->ops;
}

/* A model of one run of the sample, or of none. */
static struct tkit_model *make_model(struct vet *vet, bool empty)
{
	struct err err = ERR_INIT;
	struct model_builder *builder;
	struct tkit_model *model = NULL;
	struct tkit_run_end end = {.size = sizeof(end), .complete = 1, .duration_ns = 1000000};
	struct tkit_ctx ctx = CTX_INIT(NULL);
	struct tkit_rootfs *rootfs;
	struct loan loan;
	uint32_t run;

	if (model_builder_new(&builder, &err) || loan_new(vet, &loan, LOAN_BYTES))
		return NULL;
	if (!empty && !model_builder_begin_run(builder, sample_run(&loan, 0), &run, &err)) {
		for (uint32_t i = 0; i < sample_count(); i++) {
			struct tkit_event event;

			sample_event(&loan, i, &event);
			if (event.type != TKIT_EVENT_LOSS)
				model_builder_add_event(builder, run, &event, &err);
		}
		model_builder_end_run(builder, run, &end, &err);
	}
	model_builder_finish(builder, &model, &err);
	model_builder_free(builder);
	loan_end(&loan);
	if (model && !tkit_rootfs_open_dir(&ctx, vet->dir, &rootfs))
		model_enrich(model, rootfs, vet->plugin->desc.caps, &err);
	ctx_done(&ctx);
	err_done(&err);
	return model;
}

static void feed(struct vet *vet, struct tkit_ctx *ctx, void *self, const struct tkit_model *model)
{
	const struct tkit_reporter_ops *ops = ops_of(vet);
	const struct tkit_run *run = tkit_model_run(model, 0);

	for (uint32_t i = 0; ops->event && run && i < sample_count(); i++) {
		struct tkit_event *event;
		struct loan loan;

		if (loan_new(vet, &loan, EVENT_BYTES) < 0)
			return;
		event = loan_take(&loan, sizeof(*event));
		sample_event(&loan, i, event);
		loan_give(&loan);
		vet_stage(vet, "event()");
		vet_result(vet, "event()", ctx, ops->event(ctx, self, run, event), 0);
		loan_end(&loan);
	}
}

static const char *place(struct vet *vet, const char *name, char *buf, size_t size)
{
	snprintf(buf, size, "%s/%s", vet->dir, name);
	return buf;
}

static int render(struct vet *vet, struct tkit_ctx *ctx, void *self, const struct tkit_model *model,
		  const char *file)
{
	const struct vet_config *config = vet->config;
	struct err err = ERR_INIT;
	struct tkit_out *out;
	int rc = vet->plugin->desc.caps & TKIT_WRITES_DIRECTORY
			 ? config->out_open_folder(file, true, &out, &err)
			 : config->out_open_file(file, 0600, &out, &err);

	if (rc < 0) {
		vet_note(vet, "no place for a report: %s", err_text(&err));
		vet->stopped = true;
		err_done(&err);
		return rc;
	}
	vet_stage(vet, "render()");
	rc = ops_of(vet)->render(ctx, self, model, out);
	vet_cloexec(vet, "render()");
	vet_result(vet, "render()", ctx, rc, STATUS_MAX);
	if (rc < 0)
		config->out_abandon(out);
	else if (config->out_commit(out, &err) < 0)
		rc = err.rc;
	err_done(&err);
	return rc;
}

static bool same_bytes(const char *a, const char *b)
{
	_cleanup_fclose_ FILE *f = fopen(a, "re"), *g = fopen(b, "re");
	int c, d;

	if (!f || !g)
		return true; /* a folder */
	do {
		c = getc(f);
		d = getc(g);
	} while (c == d && c != EOF);
	return c == d;
}

/* The sample has a name with a control sequence; a report for programs may hold it, with NULs. */
static void check_escaped(struct vet *vet, const char *file)
{
	static const char sequence[] = "\x1b[0m";
	_cleanup_fclose_ FILE *f = fopen(file, "re");
	char text[65536];
	size_t n = f ? fread(text, 1, sizeof(text), f) : 0;

	if (memmem(text, n, sequence, strlen(sequence)) && !memchr(text, '\0', n))
		vet_found(vet, VET_RAW,
			  "writes a name with its control bytes as they are: tkit_out_path() or "
			  "tkit_out_json()");
}

/* One instance that makes one report. */
static int report(struct vet *vet, const struct tkit_model *model, const char *file)
{
	struct tkit_ctx ctx = CTX_INIT(vet->plugin->desc.name);
	void *self = VET_SELF_POISON;
	int rc;

	vet_stage(vet, "open()");
	rc = ops_of(vet)->open(&ctx, plugin_options_data(vet->options), &self);
	if (!vet_result(vet, "open()", &ctx, rc, 0)) {
		vet_self(vet, "open()", rc, self);
		vet_refused(vet, &ctx, "open()");
		ctx_done(&ctx);
		return rc;
	}
	if (self == VET_SELF_POISON)
		self = NULL;
	if (model) {
		feed(vet, &ctx, self, model);
		rc = render(vet, &ctx, self, model, file);
		if (rc < 0 && ctx.err.rc && !vet->stopped)
			vet_refused(vet, &ctx, "render()");
	}
	vet_stage(vet, "close()");
	ops_of(vet)->close(&ctx, self);
	vet_stage(vet, "");
	ctx_done(&ctx);
	return rc;
}

static void life_unused(struct vet *vet)
{
	report(vet, NULL, NULL);
}

static void life_whole(struct vet *vet)
{
	char file[192];

	report(vet, vet->model, place(vet, "report", file, sizeof(file)));
}

static void check_same(struct vet *vet)
{
	struct tkit_model *again = make_model(vet, false);
	char one[192], two[192];

	place(vet, "report", one, sizeof(one));
	place(vet, "report2", two, sizeof(two));
	if (again && report(vet, again, two) >= 0 && !same_bytes(one, two))
		vet_found(vet, VET_VARIES, "two reports of the same trace differ");
	check_escaped(vet, one);
	model_free(again);
}

static void two_at_once(struct vet *vet)
{
	struct tkit_ctx a = CTX_INIT(NULL), b = CTX_INIT(NULL);
	const struct tkit_reporter_ops *ops = ops_of(vet);
	const void *options = plugin_options_data(vet->options);
	void *first = NULL, *second = NULL;

	vet_stage_as(vet, "open() and close() of two instances", VET_SECOND,
		     "two instances at a time disturb each other: no globals");
	if (!ops->open(&a, options, &first)) {
		if (ops->open(&b, options, &second))
			vet_found(vet, VET_SECOND, "a second instance cannot be opened: %s",
				  err_text(&b.err));
		else
			ops->close(&b, second);
		ops->close(&a, first);
	}
	vet_stage(vet, "");
	ctx_done(&a);
	ctx_done(&b);
}

void vet_reporter(struct vet *vet)
{
	struct tkit_model *none;

	vet_lives(vet, "open() and close()", life_unused);
	if (vet->stopped || !vet->config->out_open_file)
		return;
	vet->model = make_model(vet, false);
	vet_lives(vet, "report", life_whole);
	if (!vet->stopped)
		vet_live(vet, check_same);
	none = make_model(vet, true);
	if (!vet->stopped && none) {
		char file[192];

		report(vet, none, place(vet, "empty", file, sizeof(file)));
	}
	if (!vet->stopped)
		vet_live(vet, two_at_once);
	model_free(none);
	model_free(vet->model);
}
