// SPDX-License-Identifier: MIT
/* What tkit slim and tkit verify tell. */
#include <stdio.h>
#include <string.h>

#include "slim/slim.h"
#include "util/bytes.h"

#define LINE_SHOWN  200 /* bytes of a line that differs */
#define NAMES_SHOWN 20  /* added files of a round, in the text; JSON has all */

const char *slim_verdict_name(enum slim_verdict verdict)
{
	static const char *const names[] = {[SLIM_VERIFIED] = "verified",
					    [SLIM_DIFFERS] = "differs",
					    [SLIM_FAILED] = "drive-failed"};

	return verdict >= SLIM_VERIFIED && verdict <= SLIM_FAILED ? names[verdict] : "none";
}

static void megabytes(struct buf *out, uint64_t bytes)
{
	buf_printf(out, bytes < 10000000 ? "%.2f MB" : "%.1f MB", (double)bytes / 1e6);
}

static void seconds(struct buf *out, const char *what, uint64_t ns)
{
	buf_printf(out, "%s %.2f s", what, (double)ns / 1e9);
}

static double saved(const struct slim_report *report)
{
	return report->source_bytes
		       ? 100.0 - 100.0 * (double)report->bytes / (double)report->source_bytes
		       : 0;
}

/* ---- text ---- */

static void text_sizes(const struct slim_report *report, struct buf *out)
{
	if (report->source_files) {
		buf_str(out, "size      ");
		megabytes(out, report->source_bytes);
		buf_str(out, " -> ");
		megabytes(out, report->bytes);
		buf_printf(out, " (%.1f %% smaller)\nfiles     %zu -> %zu\n", saved(report),
			   report->source_files, report->files);
	} else {
		buf_str(out, "size      ");
		megabytes(out, report->bytes);
		buf_printf(out, "\nfiles     %zu\n", report->files);
	}
}

static void text_round(const struct slim_report *report, size_t i, bool last, struct buf *out)
{
	const struct slim_round *round = &report->rounds[i];
	const char *name;

	if (round->problem) {
		buf_printf(out, "round %zu   does not start: ", i + 1);
		buf_escaped(out, bytes_str(round->problem));
		buf_char(out, '\n');
	}
	if (!round->missing.names.count) {
		if (!round->problem)
			buf_printf(out, "round %zu   nothing is missing\n", i + 1);
		return;
	}
	buf_printf(out, "round %zu   %u missing%s%s\n", i + 1, round->missing.names.count,
		   last ? "" : ", added", round->missing.unseen ? " (some of them new)" : "");
	for (size_t k = 0; (name = missing_name(&round->missing, k)) && k < NAMES_SHOWN; k++) {
		buf_str(out, "            ");
		buf_escaped(out, bytes_str(name));
		buf_char(out, '\n');
	}
	if (round->missing.names.count > NAMES_SHOWN)
		buf_printf(out, "            and %u more\n",
			   round->missing.names.count - NAMES_SHOWN);
}

static bool is_http(const struct slim_options *options, size_t step)
{
	return step < options->drive->count && options->drive->steps[step].kind == STEP_HTTP;
}

static const struct outcome *outcome_of(const struct drive_result *result, size_t step)
{
	return step < result->count ? &result->steps[step] : &result->main;
}

static void status_text(struct buf *out, int status)
{
	if (status == STATUS_NONE)
		buf_str(out, "no answer");
	else if (status == STATUS_TIMEOUT)
		buf_str(out, "not ended in time");
	else
		buf_i64(out, status);
}

static struct tkit_bytes line_at(const struct buf *text, size_t at)
{
	const char *end = at < text->size ? memchr(text->data + at, '\n', text->size - at) : NULL;
	size_t len = end ? (size_t)(end - text->data) - at : text->size - at;

	return BYTES(text->data + at, len < LINE_SHOWN ? len : LINE_SHOWN);
}

static void one_line(const char *mark, const struct buf *text, size_t at, struct buf *out)
{
	buf_str(out, mark);
	if (at < text->size)
		buf_escaped(out, line_at(text, at));
	else
		buf_str(out, "(ends)");
}

/* The first line that is not the same. */
static void text_difference(const struct slim_report *report, const struct part *part,
			    struct buf *out)
{
	const struct outcome *a = outcome_of(&report->originals[0], part->step);
	const struct outcome *b = outcome_of(&report->result, part->step);
	const struct buf *was = part->kind == PART_OUT ? &a->out : &a->err;
	const struct buf *is = part->kind == PART_OUT ? &b->out : &b->err;
	size_t line = 0, i = 0;

	for (; i < was->size && i < is->size && was->data[i] == is->data[i]; i++)
		if (was->data[i] == '\n')
			line = i + 1;
	one_line("\n            original: ", was, line, out);
	one_line("\n            now:      ", is, line, out);
}

/* With how the image came to its end, where nothing was done with it. */
static void part_status(const struct drive_result *run, size_t step, struct buf *out)
{
	status_text(out, outcome_of(run, step)->status);
	if (!run->count)
		buf_str(out, run->stopped ? " when it was stopped" : " by itself");
}

static void text_part(const struct slim_options *options, const struct slim_report *report,
		      const struct part *part, struct buf *out)
{
	if (!part->differs && part->noise == ALIKE_BYTES)
		return;
	buf_str(out, part->differs ? "differs   " : "compared  ");
	buf_escaped(out, bytes_str(drive_name(options->drive, part->step)));
	buf_printf(out, ": %s", part_name(part->kind, is_http(options, part->step)));
	if (part->differs && part->kind == PART_STATUS) {
		buf_char(out, ' ');
		part_status(&report->originals[0], part->step, out);
		buf_str(out, ", now ");
		part_status(&report->result, part->step, out);
	} else if (part->differs) {
		text_difference(report, part, out);
	} else if (part->noise == ALIKE_NOT) {
		buf_str(out, ": NOT compared, it differs between runs of the original, too");
	} else if (!part->differs) {
		buf_str(out,
			part->noise == ALIKE_NUMBERS
				? ": without numbers, which differ between runs of the original"
				: ": as a set of lines without numbers, as the original's runs "
				  "differ so");
	}
	buf_char(out, '\n');
}

/* Why a service ended, as far as it said so: the last line. */
static void text_ended(const struct drive_result *run, struct buf *out)
{
	const struct buf *said = run->main.err.size ? &run->main.err : &run->main.out;
	size_t end = said->size, start;

	while (end && strchr("\r\n ", said->data[end - 1]))
		end--;
	for (start = end; start && said->data[start - 1] != '\n'; start--)
		;
	buf_str(out, "note      the image ended by itself before the drive was done, with status ");
	status_text(out, run->main.status);
	if (end > start) {
		buf_str(out, ": ");
		buf_escaped(out, line_at(said, start));
	}
	buf_char(out, '\n');
}

static void text_drive(const struct slim_options *options, const struct slim_report *report,
		       struct buf *out)
{
	const struct drive_result *run =
		report->original_count ? &report->originals[0] : &report->result;

	if (!report->original_count && !report->ran)
		return;
	for (size_t i = 0; i <= run->count; i++) {
		if (i == run->count && options->drive->count)
			continue;
		buf_str(out, "drive     ");
		buf_escaped(out, bytes_str(drive_name(options->drive, i)));
		buf_printf(out, ": %s ", part_name(PART_STATUS, is_http(options, i)));
		status_text(out, outcome_of(run, i)->status);
		buf_printf(out, ", %zu bytes\n", outcome_of(run, i)->out.size);
	}
	if (options->drive->count && !run->listened)
		buf_str(out, "note      nothing listened when the drive began\n");
	if (!options->drive->count && run->stopped)
		buf_str(out,
			"note      nothing was done with the image, only its start is known to "
			"work (--exec, --http, --script)\n");
	if (run->ended_early)
		text_ended(run, out);
	if (run->killed)
		buf_str(out, "note      the image had to be killed: it does not end at its stop "
			     "signal\n");
}

static void text_verdict(const struct slim_report *report, struct buf *out)
{
	buf_str(out, "verdict   ");
	if (report->verdict == SLIM_FAILED)
		buf_str(out, "NOT verified: what was done with the original failed or got no "
			     "answer, so it proves nothing");
	else if (report->verdict != SLIM_VERIFIED)
		buf_str(out, report->ran ? "NOT verified: the minimal image behaves differently"
					 : "NOT verified: the minimal image does not start");
	else if (report->comparison.incomparable)
		buf_printf(out, "verified, but for %zu parts that cannot be compared",
			   report->comparison.incomparable);
	else if (!report->original_count)
		buf_str(out,
			"verified: nothing is missing and the drive succeeds (outputs were not "
			"compared)");
	else
		buf_str(out, "verified: the same behaviour, and nothing is missing");
	buf_char(out, '\n');
}

void slim_text(const struct slim_options *options, const struct slim_report *report,
	       struct buf *out)
{
	text_sizes(report, out);
	text_drive(options, report, out);
	for (size_t i = 0; i < report->round_count; i++)
		text_round(report, i, i + 1 == report->round_count, out);
	if (report->absent)
		buf_printf(out, "note      %zu names that the run used are not in the source\n",
			   report->absent);
	if (report->blind)
		buf_str(out,
			"note      this backend does not see look-ups that fail: only outputs and "
			"statuses were compared\n");
	if (report->health == SLIM_HEALTH_NOT_RUN)
		buf_str(out, "note      the image's health check was not run\n");
	if (report->events_lost)
		buf_printf(out, "note      the trace is incomplete: %llu lost\n",
			   (unsigned long long)report->events_lost);
	for (size_t i = 0; report->ran && i < report->comparison.count; i++)
		text_part(options, report, &report->comparison.parts[i], out);
	buf_str(out, "time      ");
	if (report->source_files) {
		seconds(out, "reading", report->time_read);
		seconds(out, ", tracing", report->time_trace);
		seconds(out, ", building", report->time_build);
		buf_str(out, ", ");
	}
	seconds(out, "verifying", report->time_verify);
	buf_char(out, '\n');
	text_verdict(report, out);
}

/* ---- JSON ---- */

static void key(struct buf *out, const char *name)
{
	if (out->size && !strchr("[{:", out->data[out->size - 1]))
		buf_char(out, ',');
	buf_json(out, bytes_str(name));
	buf_char(out, ':');
}

static void number(struct buf *out, const char *name, uint64_t value)
{
	key(out, name);
	buf_u64(out, value);
}

static void boolean(struct buf *out, const char *name, bool value)
{
	key(out, name);
	buf_str(out, value ? "true" : "false");
}

static void time_ms(struct buf *out, const char *name, uint64_t ns)
{
	number(out, name, ns / 1000000);
}

static void comma(struct buf *out)
{
	if (out->size && !strchr("[{:", out->data[out->size - 1]))
		buf_char(out, ',');
}

static void json_round(const struct slim_round *round, struct buf *out)
{
	const char *name;

	comma(out);
	buf_char(out, '{');
	number(out, "files", round->files);
	number(out, "bytes", round->bytes);
	boolean(out, "started", !round->problem);
	if (round->problem) {
		key(out, "problem");
		buf_json(out, bytes_str(round->problem));
	}
	key(out, "missing");
	buf_char(out, '[');
	for (size_t i = 0; (name = missing_name(&round->missing, i)); i++) {
		comma(out);
		buf_json(out, bytes_str(name));
	}
	buf_str(out, "]}");
}

static void json_part(const struct slim_options *options, const struct part *part, struct buf *out)
{
	comma(out);
	buf_char(out, '{');
	key(out, "step");
	buf_json(out, bytes_str(drive_name(options->drive, part->step)));
	key(out, "part");
	buf_json(out, bytes_str(part_name(part->kind, is_http(options, part->step))));
	key(out, "original_agrees");
	buf_json(out, bytes_str(likeness_text(part->noise)));
	key(out, "result");
	buf_json(out, bytes_str(likeness_text(part->result)));
	boolean(out, "compared", part->noise != ALIKE_NOT);
	boolean(out, "differs", part->differs);
	buf_char(out, '}');
}

void slim_json(const struct slim_options *options, const struct slim_report *report,
	       struct buf *out)
{
	static const char *const health[] = {[SLIM_HEALTH_NONE] = "\"none\"",
					     [SLIM_HEALTH_RUN] = "\"run\"",
					     [SLIM_HEALTH_NOT_RUN] = "\"not run\""};

	buf_char(out, '{');
	key(out, "verdict");
	buf_json(out, bytes_str(slim_verdict_name(report->verdict)));
	number(out, "source_files", report->source_files);
	number(out, "source_bytes", report->source_bytes);
	number(out, "files", report->files);
	number(out, "bytes", report->bytes);
	number(out, "archive_bytes", report->archive_bytes);
	number(out, "absent", report->absent);
	number(out, "lost", report->events_lost);
	boolean(out, "failed_lookups_seen", !report->blind);
	key(out, "health_check");
	buf_str(out, health[report->health]);
	key(out, "rounds");
	buf_char(out, '[');
	for (size_t i = 0; i < report->round_count; i++)
		json_round(&report->rounds[i], out);
	buf_char(out, ']');
	key(out, "parts");
	buf_char(out, '[');
	for (size_t i = 0; report->ran && i < report->comparison.count; i++)
		json_part(options, &report->comparison.parts[i], out);
	buf_char(out, ']');
	number(out, "differences", report->comparison.differences);
	number(out, "incomparable", report->comparison.incomparable);
	key(out, "ms");
	buf_char(out, '{');
	time_ms(out, "read", report->time_read);
	time_ms(out, "trace", report->time_trace);
	time_ms(out, "build", report->time_build);
	time_ms(out, "verify", report->time_verify);
	buf_str(out, "}}\n");
}
