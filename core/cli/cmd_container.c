// SPDX-License-Identifier: MIT
/* tkit container: makes tkit known to docker, podman or containerd as a runtime, and undoes it. */
#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "container/install.h"
#include "util/cleanup.h"
#include "util/log.h"

#define FILES_MAX 4

static const char container_help[] =
	"Usage: tkit container install ENGINE [OPTION]...\n"
	"       tkit container uninstall ENGINE [OPTION]...\n"
	"       tkit container status [OPTION]...\n"
	"\n"
	"Makes tkit known to ENGINE (docker, podman or containerd) as a runtime that traces each\n"
	"container from its first instruction to its end, or takes it out again. Everything else\n"
	"in the configuration stays as it is; the file as it was is kept as FILE.before-tkit until\n"
	"`uninstall` puts it back. What changes is shown. No daemon is restarted.\n"
	"\n"
	"Options:\n"
	"  -n, --dry-run      only show what would change\n"
	"      --name NAME    the runtime's name; default tkit\n"
	"  -d, --dir DIR      where traces go (docker only; default /var/lib/tkit/traces)\n"
	"      --prefix DIR   the configuration lies below DIR instead of /\n"
	"  -h, --help         this text\n"
	"\n"
	"Examples:\n"
	"  tkit container install docker --dry-run\n"
	"  tkit container install docker && systemctl reload docker\n"
	"  docker run --runtime tkit --name web nginx\n";

enum { OPT_NAME = 256, OPT_PREFIX };

struct container_args {
	struct install_spec spec;
	char tkit[PATH_MAX];
	char runc[PATH_MAX + 16];
	bool dry_run;
};

/* The program itself, and tkit-runc beside it. */
static int find_self(struct container_args *args, struct err *err)
{
	ssize_t n = readlink("/proc/self/exe", args->tkit, sizeof(args->tkit) - 1);

	if (n < 0)
		return err_sys(err, -errno, "/proc/self/exe");
	args->tkit[n] = '\0';
	snprintf(args->runc, sizeof(args->runc), "%.*s/tkit-runc",
		 (int)(strrchr(args->tkit, '/') - args->tkit), args->tkit);
	args->spec.tkit = args->tkit;
	args->spec.runc = args->runc;
	return 0;
}

static int parse_options(struct container_args *args, int argc, char **argv)
{
	static const struct option options[] = {{"dry-run", no_argument, NULL, 'n'},
						{"name", required_argument, NULL, OPT_NAME},
						{"dir", required_argument, NULL, 'd'},
						{"prefix", required_argument, NULL, OPT_PREFIX},
						{"help", no_argument, NULL, 'h'},
						{0}};
	int c;

	args->spec.name = "tkit";
	args->spec.prefix = "";
	optind = 0;
	while ((c = getopt_long(argc, argv, "nd:h", options, NULL)) != -1) {
		if (c == 'n')
			args->dry_run = true;
		else if (c == OPT_NAME)
			args->spec.name = optarg;
		else if (c == 'd')
			args->spec.dir = optarg;
		else if (c == OPT_PREFIX)
			args->spec.prefix = optarg;
		else if (c == 'h')
			return fputs(container_help, stdout) < 0 || fflush(stdout) ? CLI_FAILED
										   : -1;
		else
			return CLI_FAILED;
	}
	if (!install_valid_name(args->spec.name))
		return cli_usage(&cmd_container,
				 "--name %s: lower-case letters, digits and '-' make a name",
				 args->spec.name);
	if (args->spec.dir && args->spec.dir[0] != '/')
		return cli_usage(&cmd_container, "--dir %s: must be an absolute path",
				 args->spec.dir);
	return 0;
}

/* ---- what changes ---- */

static size_t line_length(const char *text)
{
	size_t n = strcspn(text, "\n");

	return n + (text[n] == '\n');
}

static void show_lines(char sign, const char *from, const char *to)
{
	while (from < to) {
		size_t n = line_length(from);

		printf("%c%.*s%s", sign, (int)n, from, from[n - 1] == '\n' ? "" : "\n");
		from += n;
	}
}

/* Lines that are the same at the beginning and at the end are left out. */
static void show_change(const struct install_change *change)
{
	const char *a = change->before ? change->before : "",
		   *b = change->after ? change->after : "";
	const char *a_end = a + strlen(a), *b_end = b + strlen(b), *cut_a = a_end, *cut_b = b_end;

	if (!install_changes(change)) {
		printf("%s: nothing to change\n", change->path);
		return;
	}
	printf("%s%s\n", change->path,
	       !change->after     ? ": removed"
	       : !change->before  ? ": new"
	       : change->restored ? ": as it was before tkit"
				  : ":");
	while (*a && line_length(a) == line_length(b) && !strncmp(a, b, line_length(a))) {
		size_t n = line_length(a);

		a += n;
		b += n;
	}
	while (a_end > a && b_end > b && a_end[-1] == b_end[-1]) {
		a_end--;
		b_end--;
		if (*a_end == '\n' || a_end == a || b_end == b) {
			cut_a = a_end + (*a_end == '\n');
			cut_b = b_end + (*b_end == '\n');
		}
	}
	show_lines('-', a, cut_a < a ? a : cut_a);
	show_lines('+', b, cut_b < b ? b : cut_b);
}

/* ---- install, uninstall ---- */

/* The last of them failed: the others are put back. */
static void take_back(const struct install_change *changes, unsigned int count)
{
	while (count-- > 0) {
		const struct install_change back = {.path = changes[count].path,
						    .before = changes[count].after,
						    .after = changes[count].before};
		struct err err = ERR_INIT;

		if (install_apply(&back, &err) < 0)
			log_warn("could not be put back: %s", err_text(&err));
		err_done(&err);
	}
}

/* All files are planned before the first one is written. */
static int change_engine(const struct container_args *args, const struct install_engine *engine,
			 bool undo, bool *ret_changed, struct err *err)
{
	struct install_change changes[FILES_MAX] = {0};
	int rc = 0;

	*ret_changed = false;
	for (unsigned int i = 0; rc == 0 && i < engine->file_count; i++)
		rc = install_plan(&args->spec, &engine->files[i], undo, &changes[i], err);
	for (unsigned int i = 0; rc == 0 && i < engine->file_count; i++) {
		show_change(&changes[i]);
		*ret_changed |= install_changes(&changes[i]);
		if (!args->dry_run)
			rc = install_apply(&changes[i], err);
		if (rc < 0)
			take_back(changes, i);
	}
	for (unsigned int i = 0; i < engine->file_count; i++)
		install_change_done(&changes[i]);
	return rc;
}

static void tell_next(const struct container_args *args, const struct install_engine *engine,
		      bool undo)
{
	if (args->dry_run) {
		printf("(only shown: nothing was changed)\n");
		return;
	}
	if (engine->after)
		printf("Next: %s.\n", engine->after);
	if (undo)
		return;
	printf("Then: ");
	for (const char *p = engine->usage; *p; p++)
		if (p[0] == '%' && p[1] == 's') {
			fputs(args->spec.name, stdout);
			p++;
		} else {
			putchar(*p);
		}
	putchar('\n');
}

static int run_change(struct container_args *args, const char *name, bool undo)
{
	const struct install_engine *engine = install_engine(name);
	struct err err = ERR_INIT;
	bool changed;
	int status;

	if (!engine)
		return cli_usage(&cmd_container,
				 "unknown engine '%s'; known are docker, podman and containerd",
				 name);
	if (args->spec.dir && strcmp(name, "docker") != 0)
		return cli_usage(&cmd_container,
				 "%s hands no options to a runtime: set TKIT_TRACE_DIR in its "
				 "environment instead of --dir",
				 name);
	if (change_engine(args, engine, undo, &changed, &err) < 0) {
		status = cli_error(&err);
		err_done(&err);
		return status;
	}
	if (changed)
		tell_next(args, engine, undo);
	if (!undo && access(args->runc, X_OK) < 0 && strcmp(name, "docker") != 0)
		log_warn("%s is missing: make it a symlink to tkit", args->runc);
	return fflush(stdout) ? CLI_FAILED : 0;
}

/* ---- status ---- */

/* "yes": as it would be installed now; "other": something of that name is there; "no";
 * "unreadable". */
static const char *state_of(const struct container_args *args, const struct install_engine *engine)
{
	unsigned int same = 0, removable = 0;

	for (unsigned int i = 0; i < engine->file_count; i++) {
		struct install_change add, remove;
		int rc = install_plan(&args->spec, &engine->files[i], false, &add, NULL);
		int rc2 = install_plan(&args->spec, &engine->files[i], true, &remove, NULL);

		same += rc == 0 && !install_changes(&add);
		removable += rc2 == 0 && install_changes(&remove);
		install_change_done(&add);
		install_change_done(&remove);
		if (rc < 0 || rc2 < 0)
			return "unclear";
	}
	if (same == engine->file_count)
		return "yes";
	return removable ? "partly" : "no";
}

static int run_status(const struct container_args *args)
{
	const struct install_engine *engine;

	for (unsigned int i = 0; (engine = install_engine_at(i)); i++) {
		const char *state = state_of(args, engine);

		printf("engine=%s runtime=%s installed=%s", engine->name, args->spec.name, state);
		for (unsigned int k = 0; k < engine->file_count; k++)
			printf(" file=%s%s", args->spec.prefix, engine->files[k].path);
		putchar('\n');
		if (strcmp(state, "unclear") == 0)
			printf("# `tkit container install %s --dry-run` says what is wrong\n",
			       engine->name);
	}
	return fflush(stdout) ? CLI_FAILED : 0;
}

static int run_container(int argc, char **argv)
{
	struct container_args args = {0};
	struct err err = ERR_INIT;
	const char *action;
	int status = parse_options(&args, argc, argv);

	if (status)
		return status < 0 ? 0 : status;
	action = argv[optind];
	if (!action)
		return cli_usage(&cmd_container, "install, uninstall or status?");
	if (find_self(&args, &err) < 0) {
		status = cli_error(&err);
		err_done(&err);
		return status;
	}
	if (strcmp(action, "status") == 0 && !argv[optind + 1])
		return run_status(&args);
	if (strcmp(action, "install") != 0 && strcmp(action, "uninstall") != 0)
		return cli_usage(&cmd_container,
				 "'%s': there are install ENGINE, uninstall ENGINE and status",
				 action);
	if (!argv[optind + 1] || argv[optind + 2])
		return cli_usage(&cmd_container,
				 "%s: of which engine? docker, podman or containerd", action);
	return run_change(&args, argv[optind + 1], strcmp(action, "uninstall") == 0);
}

const struct cli_command cmd_container = {
	.name = "container",
	.summary = "make tkit known to docker, podman, containerd",
	.help = container_help,
	.run = run_container,
};
