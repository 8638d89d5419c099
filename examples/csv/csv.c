// SPDX-License-Identifier: MIT
/*
 * A sink that writes CSV: one row for each access, in files that are changed when they have
 * grown to a size: OUT, then OUT.1, OUT.2, ... The last ones are kept.
 *
 *	tkit run --sink csv,rotate=64M,keep=3 -o accesses.csv -- make
 */
#include <tkit/sink.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct options {
	uint64_t rotate;
	int64_t keep;
};

static const struct tkit_option options[] = {
	{"rotate", TKIT_OPTION_SIZE, offsetof(struct options, rotate), "0", NULL,
	 "size at which a new file is begun; 0 is never"},
	{"keep", TKIT_OPTION_INT, offsetof(struct options, keep), "5", "1..1000000",
	 "older files that are kept"},
};

struct csv {
	const struct options *options; /* live until close() */
	char *name;
	FILE *out;
	uint64_t size;    /* of the file so far */
	uint64_t files;   /* begun so far */
	uint64_t zero_ns; /* of the times that are written */
};

static int begin_file(struct tkit_ctx *ctx, struct csv *csv)
{
	csv->out = fopen(csv->name, "we");
	if (!csv->out)
		return tkit_fail(ctx, -errno, "opening %s", csv->name);
	csv->files++;
	csv->size = (uint64_t)fprintf(csv->out, "seconds,pid,op,errno,path,count\n");
	return 0;
}

static int csv_open(struct tkit_ctx *ctx, const void *opts, const char *output, void **ret_self)
{
	struct csv *csv;
	int rc;

	if (!output)
		return tkit_fail(ctx, -EINVAL, "name a file with -o");
	csv = calloc(1, sizeof(*csv));
	if (!csv)
		return tkit_fail(ctx, -ENOMEM, "opening");
	csv->options = opts;
	csv->name = strdup(output);
	rc = csv->name ? begin_file(ctx, csv) : tkit_fail(ctx, -ENOMEM, "opening");
	if (rc < 0) {
		free(csv->name);
		free(csv);
		return rc;
	}
	*ret_self = csv;
	return 0;
}

static int csv_begin(struct tkit_ctx *ctx, void *self, const struct tkit_run_info *run)
{
	struct csv *csv = self;

	csv->zero_ns = run->armed_monotonic_ns;
	return 0;
}

/* A closed file gets the number with which it was begun; the oldest one goes. */
static int rotate(struct tkit_ctx *ctx, struct csv *csv)
{
	char *old = NULL, *gone = NULL;
	uint64_t keep = (uint64_t)csv->options->keep;
	int rc = fclose(csv->out) ? -errno : 0;

	csv->out = NULL;
	if (asprintf(&old, "%s.%llu", csv->name, (unsigned long long)csv->files) < 0)
		old = NULL;
	if (csv->files > keep &&
	    asprintf(&gone, "%s.%llu", csv->name, (unsigned long long)(csv->files - keep)) < 0)
		gone = NULL;
	if (rc == 0 && (!old || rename(csv->name, old) < 0))
		rc = old ? -errno : -ENOMEM;
	if (rc == 0 && gone)
		unlink(gone);
	free(old);
	free(gone);
	return rc < 0 ? tkit_fail(ctx, rc, "changing %s", csv->name) : begin_file(ctx, csv);
}

/* A field in quotes, as RFC 4180 has it. Names are any bytes: they stay what they are. */
static void put_text(struct csv *csv, struct tkit_bytes text)
{
	putc('"', csv->out);
	for (size_t i = 0; i < text.len; i++) {
		if (text.ptr[i] == '"')
			putc('"', csv->out);
		putc(text.ptr[i], csv->out);
	}
	putc('"', csv->out);
	csv->size += text.len + 2;
}

static void put_access(struct csv *csv, const struct tkit_event *event)
{
	double seconds =
		event->ts_ns > csv->zero_ns ? (double)(event->ts_ns - csv->zero_ns) / 1e9 : 0;
	char path[8192];
	long len = tkit_event_abs(event, path, sizeof(path));
	struct tkit_bytes name = {path, len > 0 ? (size_t)len : 0};

	if (len <= 0 && (event->valid & TKIT_V_RESOLVED))
		name = event->resolved;
	csv->size += (uint64_t)fprintf(csv->out, "%.6f,%d,%s,", seconds,
				       event->valid & TKIT_V_PID ? event->pid : 0,
				       tkit_op_name(event->op));
	if (event->valid & TKIT_V_ERR) /* not known is not 0 */
		csv->size += (uint64_t)fprintf(csv->out, "%d", event->err);
	putc(',', csv->out);
	put_text(csv, name);
	csv->size += (uint64_t)fprintf(csv->out, ",%llu\n",
				       (unsigned long long)(event->count ? event->count : 1));
}

/* A loss is a row as well: who reads the file must know that something is missing. */
static void put_loss(struct csv *csv, const struct tkit_event *event)
{
	csv->size += (uint64_t)fprintf(csv->out, ",,lost:%s,,,%llu\n",
				       tkit_loss_name((int)event->reason),
				       (unsigned long long)(event->count ? event->count : 1));
}

static int csv_write(struct tkit_ctx *ctx, void *self, const struct tkit_batch *batch)
{
	struct csv *csv = self;

	for (uint32_t i = 0; i < batch->count; i++) {
		const struct tkit_event *event = tkit_batch_event(batch, i);
		int rc = 0;

		if (event->type == TKIT_EVENT_ACCESS || event->type == TKIT_EVENT_EXEC)
			put_access(csv, event);
		else if (event->type == TKIT_EVENT_LOSS)
			put_loss(csv, event);
		if (csv->options->rotate && csv->size >= csv->options->rotate)
			rc = rotate(ctx, csv);
		if (rc < 0)
			return rc;
	}
	return ferror(csv->out) ? tkit_fail(ctx, -EIO, "writing %s", csv->name) : 0;
}

static int csv_flush(struct tkit_ctx *ctx, void *self)
{
	struct csv *csv = self;

	return fflush(csv->out) ? tkit_fail(ctx, -errno, "writing %s", csv->name) : 0;
}

static int csv_close(struct tkit_ctx *ctx, void *self)
{
	struct csv *csv = self;
	int rc = csv->out && fclose(csv->out) ? -errno : 0;

	if (rc < 0)
		tkit_fail(ctx, rc, "closing %s", csv->name);
	free(csv->name);
	free(csv);
	return rc;
}

static const struct tkit_sink_ops ops = {
	.open = csv_open,
	.begin = csv_begin,
	.write = csv_write,
	.flush = csv_flush,
	.close = csv_close,
};

TKIT_API const struct tkit_plugin tkit_plugin = {
	TKIT_PLUGIN_HEAD(TKIT_KIND_SINK, struct tkit_sink_ops, &ops),
	.name = "csv",
	.version = "1.0",
	.summary = "writes accesses as CSV, in files that are changed by size",
	.licence = "MIT",
	.options = options,
	.option_count = sizeof(options) / sizeof(options[0]),
	.options_bytes = sizeof(struct options),
};
