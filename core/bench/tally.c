// SPDX-License-Identifier: MIT
#include "bench/tally.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <tkit/syscalls.h>
#include <tkit/trace.h>

#include "plugin/ctx.h"
#include "util/bytes.h"
#include "util/cleanup.h"

uint64_t tally_of(const struct tally *tally, enum bench_watch watch)
{
	if (watch == BENCH_OPENED)
		return tally->opened;
	return watch == BENCH_OPENS ? tally->opens : tally->all;
}

static void add(struct tally *tally, bool opens, bool succeeded, uint64_t count)
{
	tally->all += count;
	tally->opens += opens ? count : 0;
	tally->opened += opens && succeeded ? count : 0;
}

/* ---- lines ---- */

static bool has(struct tkit_bytes text, const char *word)
{
	return text.len && memmem(text.ptr, text.len, word, strlen(word)) != NULL;
}

/* The number behind `word`; 0 if there is none. */
static uint64_t number_after(struct tkit_bytes line, const char *word)
{
	const char *at = line.len ? memmem(line.ptr, line.len, word, strlen(word)) : NULL;
	const char *end = line.ptr + line.len;
	uint64_t value = 0;

	if (!at)
		return 0;
	for (at += strlen(word); at < end && isdigit((unsigned char)*at); at++)
		value = value * 10 + (uint64_t)(*at - '0');
	return value;
}

/* The name right before the first '(' that follows one; what comes behind it in *ret_rest. */
static bool call_name(struct tkit_bytes line, char *name, size_t size, struct tkit_bytes *ret_rest)
{
	const char *end = line.ptr + line.len;

	for (const char *open = line.ptr; open < end; open++) {
		const char *start = open;

		if (*open != '(')
			continue;
		while (start > line.ptr && (isalnum((unsigned char)start[-1]) || start[-1] == '_'))
			start--;
		if (start == open)
			continue;
		if ((size_t)(open - start) >= size)
			return false;
		memcpy(name, start, (size_t)(open - start));
		name[open - start] = '\0';
		*ret_rest = BYTES(open + 1, (size_t)(end - open - 1));
		return true;
	}
	return false;
}

/* Argument number `index`, with its quotes. */
static struct tkit_bytes argument(struct tkit_bytes args, int index)
{
	bool quoted = false;
	int depth = 0, at = 0;
	size_t start = 0, i;

	for (i = 0; i < args.len; i++) {
		char c = args.ptr[i];

		if (quoted) {
			if (c == '\\')
				i++;
			else if (c == '"')
				quoted = false;
		} else if (c == '"') {
			quoted = true;
		} else if (c == '(' || c == '[' || c == '{') {
			depth++;
		} else if (c == ']' || c == '}' || (c == ')' && depth)) {
			depth--;
		} else if (c == ')') {
			break;
		} else if (c == ',' && !depth) {
			if (at++ == index)
				break;
			start = i + 1;
		}
	}
	if (i > args.len)
		i = args.len;
	if (at < index || start > i)
		return BYTES(NULL, 0);
	return BYTES(args.ptr + start, i - start);
}

static bool counts(int op)
{
	return op != TKIT_OP_NONE && op != TKIT_OP_LIST && op != TKIT_OP_INTERP &&
	       op != TKIT_OP_BIND && tkit_op_class(op) != TKIT_CLASS_SOCKET;
}

void tally_strace(struct tally *tally, struct tkit_bytes line, const char *token)
{
	const struct tkit_syscall *sys;
	struct tkit_bytes args;
	char name[32];

	if (!has(line, token) || !call_name(line, name, sizeof(name), &args))
		return;
	sys = tkit_syscall_by_name(tkit_native_arch(), name);
	if (!sys)
		return;
	if (counts(sys->op) && sys->path >= 0 && has(argument(args, sys->path), token))
		add(tally, sys->op == TKIT_OP_OPEN, !has(line, "= -1 E"), 1);
	if (counts(sys->op2) && has(argument(args, sys->path2), token))
		add(tally, false, false, 1);
}

/* Word number `index` of a line; with what follows it if `rest`. */
static struct tkit_bytes word(struct tkit_bytes line, int index, bool rest)
{
	size_t i = 0, start;

	for (;; index--) {
		while (i < line.len && line.ptr[i] == ' ')
			i++;
		for (start = i; i < line.len && line.ptr[i] != ' '; i++)
			;
		if (!index || start == i)
			return BYTES(line.ptr + start, (rest ? line.len : i) - start);
	}
}

void tally_opensnoop(struct tally *tally, struct tkit_bytes line, const char *token)
{
	tally->lost += number_after(line, "Lost ");
	if (has(word(line, 4, true), token))
		add(tally, true, !has(word(line, 2, false), "-"), 1);
}

void tally_fatrace(struct tally *tally, struct tkit_bytes line, const char *token)
{
	const char *end = line.len ? memmem(line.ptr, line.len, "): ", 3) : NULL;
	struct tkit_bytes rest =
		end ? BYTES(end + 3, line.len - (size_t)(end + 3 - line.ptr)) : BYTES(NULL, 0);

	if (has(word(rest, 1, true), token) && has(word(rest, 0, false), "O"))
		add(tally, true, true, 1);
}

void tally_bpftrace(struct tally *tally, struct tkit_bytes line, const char *token)
{
	tally->lost += number_after(line, "Lost ");
	if (has(line, token))
		add(tally, bytes_starts(line, BYTES_LIT("o ")), true, 1);
}

void tally_perf(struct tally *tally, struct tkit_bytes line, const char *token)
{
	struct tkit_bytes args;
	char name[32];

	tally->lost += number_after(line, "LOST ");
	/* The time comes first, in brackets of its own, without a name before them. */
	if (call_name(line, name, sizeof(name), &args) && has(args, token))
		add(tally, !strncmp(name, "open", 4), !has(args, "= -1 "), 1);
}

void tally_words(struct tally *tally, struct tkit_bytes line, const char *token)
{
	(void)token;
	tally->total += number_after(line, " events, ");
	tally->lost += number_after(line, "the trace is incomplete: ");
}

int tally_log(struct tally *tally, const char *file, tally_line count, const char *token,
	      struct err *err)
{
	_cleanup_fclose_ FILE *log = fopen(file, "re");
	_cleanup_free_ char *line = NULL;
	size_t room = 0;
	ssize_t len;

	if (!log)
		return errno == ENOENT ? 0 : err_sys(err, -errno, "opening %s", file);
	while ((len = getline(&line, &room, log)) >= 0)
		count(tally, BYTES(line, (size_t)len), token);
	return ferror(log) ? err_set(err, -EIO, "reading %s failed", file) : 0;
}

/* ---- traces ---- */

static void tally_event(struct tally *tally, const struct tkit_event *event, const char *token)
{
	uint64_t count = event->count ? event->count : 1;
	struct tkit_bytes name = event->valid & TKIT_V_PATH ? event->path : event->resolved;

	if (event->type == TKIT_EVENT_LOSS)
		tally->lost += count;
	if (event->type != TKIT_EVENT_ACCESS && event->type != TKIT_EVENT_EXEC)
		return;
	tally->total += count;
	/* A notification names no path: it is of a file. */
	if (event->via == TKIT_VIA_KERNEL ||
	    (event->pflags & TKIT_P_FD && event->via != TKIT_VIA_NOTIFY))
		return;
	if (counts(event->op) && has(name, token))
		add(tally, event->op == TKIT_OP_OPEN,
		    !(event->valid & TKIT_V_ERR) || event->err == 0, count);
}

static int tally_items(struct tally *tally, struct tkit_trace_reader *reader, const char *token)
{
	struct tkit_trace_item item;
	int rc;

	while ((rc = tkit_trace_reader_next(reader, &item)) > 0) {
		if (item.kind == TKIT_TRACE_DAMAGE)
			tally->lost += item.lost_events ? item.lost_events : 1;
		if (item.kind != TKIT_TRACE_BATCH)
			continue;
		for (uint32_t i = 0; i < item.batch->count; i++)
			tally_event(tally, tkit_batch_event(item.batch, i), token);
	}
	return rc;
}

int tally_trace(struct tally *tally, const char *file, const char *token, struct err *err)
{
	_cleanup_close_ int fd = open(file, O_RDONLY | O_CLOEXEC);
	struct tkit_trace_reader *reader = NULL;
	struct tkit_ctx ctx = CTX_INIT(NULL);
	int rc;

	if (fd < 0)
		return err_sys(err, -errno, "opening %s", file);
	rc = tkit_trace_reader_new(&ctx, fd, file, &reader);
	if (rc >= 0)
		rc = tally_items(tally, reader, token);
	if (rc < 0)
		err_set(err, rc, "reading %s: %s", file, err_text(&ctx.err));
	tkit_trace_reader_free(reader);
	ctx_done(&ctx);
	return rc;
}
