// SPDX-License-Identifier: MIT
/* tkit why, tkit why-not: command line, and what both need. */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include <tkit/reporter.h>

#include "cli/print.h"
#include "cli/why.h"
#include "plugin/ctx.h"
#include "rootfs/rootfs.h"
#include "util/cleanup.h"

#define DEFAULT_FILE "trace.tkit"

void why_put(struct why *why, struct tkit_bytes name)
{
	buf_escaped(&why->out, name);
}

void why_put_program(struct why *why, uint32_t index)
{
	const struct tkit_program *program = tkit_model_program(why->model, index);

	if (program && program->exe.len)
		why_put(why, program->exe);
	else
		buf_str(&why->out, "an unknown program");
}

bool why_is_it(const struct why *why, const struct tkit_path *path)
{
	struct tkit_bytes canonical = BYTES(why->canonical.data, why->canonical.size);
	const struct tkit_access *access;

	if (bytes_eq(path->name, why->path))
		return true;
	if (canonical.len && (bytes_eq(path->name, canonical) ||
			      (path->enriched & TKIT_ENRICHED_NODE && path->exists &&
			       bytes_eq(path->canonical, canonical))))
		return true;
	for (size_t i = 0; (access = tkit_model_access(why->model, path, i)); i++)
		if (access->resolved.len && (bytes_eq(access->resolved, why->path) ||
					     bytes_eq(access->resolved, canonical)))
			return true;
	return false;
}

static void put_time(struct why *why, uint64_t ns)
{
	buf_printf(&why->out, "%llu.%06llu s", (unsigned long long)(ns / 1000000000u),
		   (unsigned long long)(ns % 1000000000u / 1000u));
}

static void put_access(struct why *why, const struct tkit_access *access)
{
	const char *op = tkit_op_name(access->op), *error = NULL;

	buf_str(&why->out, "  ");
	put_time(why, access->first_ns);
	buf_printf(&why->out, "  %s", op ? op : "?");
	if (access->requested.len) {
		buf_char(&why->out, ' ');
		why_put(why, access->requested);
	}
	if (access->base.len) {
		buf_str(&why->out, access->requested.len ? " in " : " of ");
		why_put(why, access->base);
	}
	if (access->err > 0)
		error = tkit_errno_name(access->err);
	if (access->err)
		buf_printf(&why->out, "  %s", error ? error : "result unknown");
	buf_str(&why->out, "  by ");
	why_put_program(why, access->program);
	if (access->first_pid)
		buf_printf(&why->out, " (pid %d)", access->first_pid);
	if (access->count > 1) {
		buf_printf(&why->out, ", %llu times until ", (unsigned long long)access->count);
		put_time(why, access->last_ns);
	}
	if (tkit_model_run_count(why->model) > 1)
		buf_printf(&why->out, ", in %u of %zu runs", access->runs,
			   tkit_model_run_count(why->model));
	buf_char(&why->out, '\n');
}

void why_put_accesses(struct why *why, const struct tkit_path *path)
{
	const struct tkit_access *access;

	if (!bytes_eq(path->name, why->path)) {
		buf_str(&why->out, "  as ");
		why_put(why, path->name);
		buf_str(&why->out, ":\n");
	}
	for (size_t i = 0; (access = tkit_model_access(why->model, path, i)); i++)
		put_access(why, access);
}

const struct tkit_mount_info *why_mount(const struct why *why)
{
	const struct tkit_mount_info *mount = tkit_model_mount_of(why->model, why->path);

	return mount || !why->canonical.size
		       ? mount
		       : tkit_model_mount_of(why->model,
					     BYTES(why->canonical.data, why->canonical.size));
}

static void put_mount(struct why *why)
{
	const struct tkit_mount_info *mount = why_mount(why);
	char text[4096];

	if (!mount)
		return;
	buf_str(&why->out, "  lies on ");
	why_put(why, bytes_str(tkit_mount_text(mount, text, sizeof(text))));
	buf_char(&why->out, '\n');
}

void why_put_place(struct why *why)
{
	struct tkit_bytes canonical = BYTES(why->canonical.data, why->canonical.size);
	const struct tkit_package *package;
	struct stat st;

	why_put(why, why->path);
	buf_char(&why->out, '\n');
	put_mount(why);
	if (!why->root)
		return;
	if (!canonical.len || tkit_rootfs_lstat(why->root, canonical, &st) < 0) {
		buf_str(&why->out, "  is not in the root\n");
		return;
	}
	buf_str(&why->out, "  is ");
	why_put(why, canonical);
	if (S_ISREG(st.st_mode))
		buf_printf(&why->out, ", %llu bytes", (unsigned long long)st.st_size);
	else if (S_ISDIR(st.st_mode))
		buf_str(&why->out, ", a folder");
	package = tkit_model_owner(why->model, canonical);
	if (package) {
		buf_str(&why->out, ", of package ");
		why_put(why, package->name);
		buf_char(&why->out, ' ');
		why_put(why, package->version);
	}
	buf_char(&why->out, '\n');
	for (size_t at = 0; at < why->links.size;) {
		struct tkit_bytes link = bytes_str(why->links.data + at);

		buf_str(&why->out, at ? ", " : "  by way of ");
		why_put(why, link);
		at += link.len + 1;
	}
	if (why->links.size)
		buf_char(&why->out, '\n');
}

const struct tkit_closure_entry *why_entry(const struct why *why)
{
	return why->closure && why->canonical.size
		       ? tkit_closure_find(why->closure,
					   BYTES(why->canonical.data, why->canonical.size))
		       : NULL;
}

static void note_link(void *arg, struct tkit_bytes link)
{
	struct buf *links = arg;

	buf_add(links, link.ptr, link.len);
	buf_char(links, '\0');
}

/* The root, what it adds to the model, and the image that would come of both. */
static int open_root(struct why *why, const char *root, struct err *err)
{
	const uint64_t wants = TKIT_WANTS_NODES | TKIT_WANTS_PACKAGES | TKIT_WANTS_ELF;
	struct rootfs_walk walk = {.link = note_link, .arg = &why->links};
	struct tkit_ctx ctx = CTX_INIT(NULL);
	int rc = tkit_rootfs_open(&ctx, root, NULL, &why->root);

	if (rc < 0) {
		err_set(err, rc, "%s", err_text(&ctx.err));
		why->root = NULL;
	} else {
		rc = model_enrich(why->model, why->root, wants, err);
	}
	if (rc >= 0) {
		rc = tkit_closure_new(&ctx, why->model, why->root, &why->options, &why->closure);
		if (rc < 0)
			err_set(err, rc, "%s", err_text(&ctx.err));
	}
	ctx_done(&ctx);
	if (rc < 0)
		return rc;
	rc = rootfs_resolve(why->root, &walk, why->path, &why->canonical);
	/* A symlink to nothing is there, too. */
	walk.nofollow = true;
	walk.link = NULL;
	if (rc < 0 && rc != -ENOMEM)
		rc = rootfs_resolve(why->root, &walk, why->path, &why->canonical);
	if (rc < 0)
		buf_clear(&why->canonical);
	return rc == -ENOMEM ? err_sys(err, rc, "resolving the path") : 0;
}

static int read_traces(struct why *why, char **files, struct err *err)
{
	static char *fallback[] = {(char *)DEFAULT_FILE, NULL};
	struct model_builder *builder;
	int rc = model_builder_new(&builder, err);

	for (char **file = *files ? files : fallback; !rc && *file; file++)
		rc = model_builder_add_file(builder, *file, NULL, NULL, err);
	if (!rc)
		rc = model_builder_finish(builder, &why->model, err);
	model_builder_free(builder);
	return rc;
}

struct why_args {
	const char *root;
	struct tkit_closure_options options;
	const char **include, **exclude;
};

static int parse(const struct cli_command *cmd, int argc, char **argv, struct why_args *args)
{
	static const struct option options[] = {
		{"root", required_argument, NULL, 'r'},
		{"image", required_argument, NULL, 'r'},
		{"include", required_argument, NULL, 'i'},
		{"exclude", required_argument, NULL, 'x'},
		{"keep-listed", no_argument, NULL, 'k'},
		{NULL, 0, NULL, 0},
	};

	args->include = calloc((size_t)argc, sizeof(*args->include));
	args->exclude = calloc((size_t)argc, sizeof(*args->exclude));
	if (!args->include || !args->exclude)
		return cli_usage(cmd, "no memory");
	args->options.size = sizeof(args->options);
	opterr = 0;
	optind = 0;
	for (int c; (c = getopt_long(argc, argv, ":", options, NULL)) != -1;) {
		if (c == ':')
			return cli_usage(cmd, "%s needs a value", argv[optind - 1]);
		else if (c == 'r')
			args->root = optarg;
		else if (c == 'i')
			args->include[args->options.include.count++] = optarg;
		else if (c == 'x')
			args->exclude[args->options.exclude.count++] = optarg;
		else if (c == 'k')
			args->options.keep_listed = 1;
		else
			return cli_usage(cmd, "unknown option '%s'", argv[optind - 1]);
	}
	args->options.include.items = args->include;
	args->options.exclude.items = args->exclude;
	if (optind >= argc)
		return cli_usage(cmd, "which path? give one");
	if (argv[optind][0] != '/')
		return cli_usage(cmd, "'%s' is not absolute", argv[optind]);
	return 0;
}

static int answer(const struct cli_command *cmd, int argc, char **argv, int (*tell)(struct why *))
{
	struct why why = {0};
	struct why_args args = {0};
	struct err err = ERR_INIT;
	int status = parse(cmd, argc, argv, &args), rc = 0;

	if (!status) {
		why.path = bytes_str(argv[optind]);
		while (why.path.len > 1 && why.path.ptr[why.path.len - 1] == '/')
			why.path.len--;
		why.options = args.options;
		rc = read_traces(&why, argv + optind + 1, &err);
		if (!rc && args.root)
			rc = open_root(&why, args.root, &err);
		if (!rc && !tkit_model_complete(why.model))
			buf_str(&why.out, "INCOMPLETE: the trace lost events; others may have "
					  "used it, too\n");
		status = rc < 0 ? cli_error(&err) : tell(&why);
		if (rc >= 0 && print_out(&why.out))
			status = CLI_FAILED;
	}
	buf_done(&why.out);
	buf_done(&why.links);
	buf_done(&why.canonical);
	tkit_closure_free(why.closure);
	model_free(why.model);
	free(args.include);
	free(args.exclude);
	err_done(&err);
	return status;
}

static int run_why(int argc, char **argv)
{
	return answer(&cmd_why, argc, argv, why_tell);
}

static int run_why_not(int argc, char **argv)
{
	return answer(&cmd_why_not, argc, argv, why_not_tell);
}

#define OPTIONS_HELP                                                                     \
	"Options:\n"                                                                     \
	"      --root DIR      the root file system that belongs to the traces, or an\n" \
	"      --image IMG     archive or image, as for tkit report\n"                   \
	"      --include GLOB  rules of the image, as for the dockerfile reporter\n"     \
	"      --exclude GLOB\n"                                                         \
	"      --keep-listed\n"                                                          \
	"  -h, --help          this text\n"                                              \
	"\n"

static const char why_help[] =
	"Usage: tkit why [OPTION]... PATH [FILE]...\n"
	"\n"
	"Tells each access to a path that the traces (default: trace.tkit) have: who, when,\n"
	"under which name. With a root, any name of the file will do, and the chain of reasons\n"
	"for which it is in a minimal image is told, too.\n"
	"\n" OPTIONS_HELP
	"Exit status: 0 it was used or is in the image, 1 neither, 125 trouble.\n";

static const char why_not_help[] =
	"Usage: tkit why-not [OPTION]... PATH [FILE]...\n"
	"\n"
	"Tells why a path is not in a minimal image: it was looked for in vain, made by the run,\n"
	"only listed, left out by a rule, provided by the runtime, or never touched; and what was\n"
	"used near it.\n"
	"\n" OPTIONS_HELP "Exit status: 0 it is not in, 1 it is (see tkit why), 125 trouble.\n";

const struct cli_command cmd_why = {
	.name = "why",
	.summary = "who used a path, and why it is in the image",
	.help = why_help,
	.run = run_why,
};

const struct cli_command cmd_why_not = {
	.name = "why-not",
	.summary = "why a path is not in the image",
	.help = why_not_help,
	.run = run_why_not,
};
