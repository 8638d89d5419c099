// SPDX-License-Identifier: MIT
/* tkit dump: a trace as text, one event a line. */
#include "cli/cli.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <tkit/trace.h>

#include "plugin/ctx.h"
#include "trace/proctrack.h"
#include "trace/run_json.h"
#include "util/buf.h"
#include "util/bytes.h"
#include "util/cleanup.h"
#include "util/log.h"

#define OUT_FLUSH (256u * 1024)
#define LINE_ROOM 4096u

static const char help[] =
	"Usage: tkit dump [OPTION]... [FILE]\n"
	"\n"
	"Prints the events of a trace, one a line. FILE is trace.tkit if not given; - reads\n"
	"standard input.\n\n"
	"Options:\n"
	"  -f, --format F   json (default): one JSON object a line; text: for people, like strace\n"
	"  -n, --limit N    the first N events only\n"
	"      --header     also print head and foot of each run (JSON objects of type run and end)\n"
	"  -h, --help       this text\n\n"
	"Fields: ts (ns since the run was armed), type, op, path (as the program passed it), base\n"
	"(directory of a relative path), abs, resolved (after symbolic links), errno (0 = success),\n"
	"ret, flags, pid, tid, ppid, comm, exe, cgroup, count, via, backend, and more where there\n"
	"is more to tell (docs/EVENT_MODEL.md). What is unknown is left out. A path that is not\n"
	"UTF-8 also comes in base64 as path_raw.\n\n"
	"What is damaged or cut off is named on standard error, and the rest is printed.\n"
	"\n"
	"Exit status: 0, or 125 if nothing could be read.\n";

struct dump {
	const char *file;
	bool json;
	bool header;
	uint64_t limit;

	struct buf out;
	uint64_t printed;
	struct proctrack *tracks; /* by run */
	uint32_t track_count;
	struct err err;
};

static int flush_out(struct dump *dump)
{
	size_t at = 0;

	if (dump->out.failed)
		return err_sys(&dump->err, -ENOMEM, "printing");
	while (at < dump->out.size) {
		ssize_t n = write(STDOUT_FILENO, dump->out.data + at, dump->out.size - at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return err_sys(&dump->err, n < 0 ? -errno : -EIO,
				       "writing to standard output");
		at += (size_t)n;
	}
	buf_clear(&dump->out);
	return 0;
}

static const char *backend_name(const struct tkit_trace_item *item)
{
	const struct tkit_run_info *info = item->info;

	if (item->batch->backend >= info->backend_count)
		return NULL;
	return ((const struct tkit_backend_info *)(const void *)((const char *)info->backends +
								 (size_t)info->backend_stride *
									 item->batch->backend))
		->name;
}

/* One line, straight into the output buffer. */
static void put_line(struct dump *dump, const struct tkit_trace_item *item,
		     const struct tkit_event *event)
{
	uint64_t zero = item->info->armed_monotonic_ns;
	size_t room = LINE_ROOM, need = 0;

	for (int tries = 0; tries < 2; tries++) {
		char *p = buf_reserve(&dump->out, room + 1);

		if (!p)
			return;
		need = dump->json ? tkit_event_json(event, zero, backend_name(item), p, room)
				  : tkit_event_text(event, zero, p, room);
		if (need <= room)
			break;
		room = need;
	}
	dump->out.size += need;
	buf_char(&dump->out, '\n');
	dump->printed++;
}

static struct proctrack *track_of(struct dump *dump, uint32_t run)
{
	while (dump->track_count <= run) {
		struct proctrack *tracks =
			realloc(dump->tracks, (dump->track_count + 1) * sizeof(*tracks));

		if (!tracks)
			return NULL;
		dump->tracks = tracks;
		proctrack_init(&tracks[dump->track_count++]);
	}
	return &dump->tracks[run];
}

static int put_batch(struct dump *dump, const struct tkit_trace_item *item)
{
	struct proctrack *track = track_of(dump, item->run);

	if (!track)
		return err_sys(&dump->err, -ENOMEM, "reading %s", dump->file);
	for (uint32_t i = 0; i < item->batch->count && dump->printed < dump->limit; i++) {
		struct tkit_event event = *tkit_batch_event(item->batch, i);

		/* What has ended is known until the next event, what an exec brings from now on. */
		if (event.type == TKIT_EVENT_EXIT)
			proctrack_fill(track, &event);
		if (proctrack_event(track, &event) < 0)
			log_debug("%s: too many processes to follow", dump->file);
		if (event.type != TKIT_EVENT_EXIT)
			proctrack_fill(track, &event);
		put_line(dump, item, &event);
		if (dump->out.size >= OUT_FLUSH) {
			int rc = flush_out(dump);

			if (rc < 0)
				return rc;
		}
	}
	return 0;
}

static void warn_damage(const struct dump *dump, const struct tkit_trace_item *item)
{
	struct buf more = BUF_INIT;

	if (item->lost_bytes)
		buf_printf(&more, ", %llu bytes unreadable", (unsigned long long)item->lost_bytes);
	if (item->lost_events)
		buf_printf(&more, ", %llu events lost", (unsigned long long)item->lost_events);
	buf_char(&more, '\0');
	log_warn("%s: at byte %llu: %s%s", dump->file, (unsigned long long)item->offset, item->text,
		 more.data ? more.data : "");
	buf_done(&more);
}

static int put_item(struct dump *dump, const struct tkit_trace_item *item)
{
	switch (item->kind) {
	case TKIT_TRACE_BATCH:
		return put_batch(dump, item);
	case TKIT_TRACE_DAMAGE:
		warn_damage(dump, item);
		break;
	case TKIT_TRACE_RUN:
		if (dump->header) {
			run_json_head(&dump->out, item->run, item->info);
			buf_char(&dump->out, '\n');
		}
		break;
	case TKIT_TRACE_FOOT:
		if (dump->header) {
			run_json_end(&dump->out, item->run, item->end);
			buf_char(&dump->out, '\n');
		}
		break;
	default:
		break;
	}
	return 0;
}

static int dump_fd(struct dump *dump, int fd)
{
	struct tkit_ctx ctx = CTX_INIT(NULL);
	struct tkit_trace_reader *reader = NULL;
	struct tkit_trace_item item;
	int rc = tkit_trace_reader_new(&ctx, fd, dump->file, &reader);

	while (rc >= 0 && dump->printed < dump->limit) {
		rc = tkit_trace_reader_next(reader, &item);
		if (rc <= 0)
			break;
		rc = put_item(dump, &item);
	}
	tkit_trace_reader_free(reader);
	if (rc < 0 && ctx.err.rc)
		err_set(&dump->err, rc, "%s", err_text(&ctx.err));
	ctx_done(&ctx);
	/* What was read before a failure is printed all the same. */
	if (rc >= 0 || dump->out.size) {
		int out_rc = flush_out(dump);

		rc = rc < 0 ? rc : out_rc;
	}
	return rc < 0 ? rc : 0;
}

static int dump_file(struct dump *dump)
{
	_cleanup_close_ int fd = -1;

	if (!strcmp(dump->file, "-")) {
		dump->file = "standard input";
		return dump_fd(dump, STDIN_FILENO);
	}
	fd = open(dump->file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0)
		return err_sys(&dump->err, -errno, "opening %s", dump->file);
	return dump_fd(dump, fd);
}

static bool parse_limit(const char *text, uint64_t *ret_limit)
{
	char *end;

	errno = 0;
	*ret_limit = strtoull(text, &end, 10);
	return *text >= '0' && *text <= '9' && !*end && !errno;
}

/* 0, or an exit status. */
static int parse(struct dump *dump, int argc, char **argv)
{
	static const struct option options[] = {{"format", required_argument, NULL, 'f'},
						{"limit", required_argument, NULL, 'n'},
						{"header", no_argument, NULL, 'H'},
						{NULL, 0, NULL, 0}};
	int c;

	optind = 0;
	opterr = 0;
	while ((c = getopt_long(argc, argv, ":f:n:", options, NULL)) != -1) {
		switch (c) {
		case 'f':
			if (strcmp(optarg, "json") && strcmp(optarg, "text"))
				return cli_usage(&cmd_dump, "unknown format '%s': json or text",
						 optarg);
			dump->json = !strcmp(optarg, "json");
			break;
		case 'n':
			if (!parse_limit(optarg, &dump->limit))
				return cli_usage(&cmd_dump, "--limit: '%s' is not a number",
						 optarg);
			break;
		case 'H':
			dump->header = true;
			break;
		case ':':
			return cli_usage(&cmd_dump, "option '%s' needs a value", argv[optind - 1]);
		default:
			return cli_usage(&cmd_dump, "unknown option '%s'", argv[optind - 1]);
		}
	}
	if (argc - optind > 1)
		return cli_usage(&cmd_dump, "one trace at a time, not '%s' as well",
				 argv[optind + 1]);
	if (optind < argc)
		dump->file = argv[optind];
	return 0;
}

static int run_command(int argc, char **argv)
{
	struct dump dump = {.file = "trace.tkit", .json = true, .limit = UINT64_MAX};
	int rc = parse(&dump, argc, argv);

	if (rc)
		return rc;
	rc = dump_file(&dump) < 0 ? cli_error(&dump.err) : 0;
	while (dump.track_count)
		proctrack_done(&dump.tracks[--dump.track_count]);
	free(dump.tracks);
	buf_done(&dump.out);
	err_done(&dump.err);
	return rc;
}

const struct cli_command cmd_dump = {
	.name = "dump",
	.summary = "print the events of a trace",
	.help = help,
	.run = run_command,
};
