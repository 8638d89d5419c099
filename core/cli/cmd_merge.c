// SPDX-License-Identifier: MIT
/* tkit merge: many traces into one. */
#include <errno.h>
#include <getopt.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/out.h"
#include "model/model.h"
#include "plugin/ctx.h"

static int put_frame(void *arg, const void *frame, size_t size)
{
	return tkit_out_write(arg, frame, size);
}

static int read_all(char **files, struct tkit_model **ret_model, struct err *err)
{
	struct model_builder *builder;
	int rc = model_builder_new(&builder, err);

	for (; !rc && *files; files++)
		rc = model_builder_add_file(builder, *files, NULL, NULL, err);
	if (!rc)
		rc = model_builder_finish(builder, ret_model, err);
	model_builder_free(builder);
	return rc;
}

static int write_model(const struct tkit_model *model, struct tkit_out *out, struct err *err)
{
	struct tkit_ctx ctx = CTX_INIT(NULL);
	struct tkit_trace_writer *writer = NULL;
	int rc = tkit_trace_writer_new(&ctx, NULL, put_frame, out, &writer);

	if (rc < 0)
		err_set(err, rc, "%s", err_text(&ctx.err));
	else
		rc = model_write(model, writer, err);
	tkit_trace_writer_free(writer);
	ctx_done(&ctx);
	return rc;
}

static int merge(char **files, const char *output, struct err *err)
{
	struct tkit_model *model = NULL;
	struct tkit_out *out = NULL;
	int rc = read_all(files, &model, err);

	if (!rc)
		rc = out_open_file(output, 0600, &out, err); /* as traces are */
	if (!rc) {
		rc = write_model(model, out, err);
		if (rc < 0 && !out_error(out)) {
			out_abandon(out);
		} else {
			err_done(err);
			rc = out_commit(out, err);
		}
	}
	model_free(model);
	return rc;
}

static int run_command(int argc, char **argv)
{
	static const struct option options[] = {
		{"output", required_argument, NULL, 'o'},
		{NULL, 0, NULL, 0},
	};
	const char *output = NULL;
	struct err err = ERR_INIT;
	int status = 0;

	opterr = 0;
	optind = 0;
	for (int c; (c = getopt_long(argc, argv, ":o:", options, NULL)) != -1;) {
		if (c == ':')
			return cli_usage(&cmd_merge, "-o needs the name of a file");
		if (c != 'o')
			return cli_usage(&cmd_merge, "unknown option '%s'", argv[optind - 1]);
		output = optarg;
	}
	if (!output)
		return cli_usage(&cmd_merge, "-o FILE is needed: where the merged trace goes");
	if (optind >= argc)
		return cli_usage(&cmd_merge, "no trace to merge was given");
	if (!strcmp(output, "-") && isatty(STDOUT_FILENO))
		return cli_usage(&cmd_merge, "a trace is no text for a terminal");
	if (merge(argv + optind, output, &err) < 0)
		status = cli_error(&err);
	err_done(&err);
	return status;
}

static const char help[] =
	"Usage: tkit merge -o OUT FILE...\n"
	"\n"
	"Writes one trace that holds all runs of the given ones, each run once, and of each run\n"
	"every distinct fact (operation, path, result, program) with its count. Reports from it\n"
	"are the same as from the traces themselves, in whatever order and grouping they are\n"
	"merged; process ids and times of all but the first and last access go.\n"
	"\n"
	"Options:\n"
	"  -o, --output OUT  the merged trace, - for standard output; it appears only when it\n"
	"                    is whole, and may be one of the FILEs\n"
	"  -h, --help        this text\n"
	"\n"
	"Exit status: 0, or 125 when it could not be done.\n";

const struct cli_command cmd_merge = {
	.name = "merge",
	.summary = "put several traces into one",
	.help = help,
	.run = run_command,
};
