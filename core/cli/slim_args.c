// SPDX-License-Identifier: MIT
#include "cli/slim_args.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/print.h"
#include "cli/run_args.h"
#include "container/runtime.h"
#include "slim/source.h"
#include "util/cleanup.h"
#include "util/log.h"
#include "util/num.h"

enum {
	OPT_EXEC = 256,
	OPT_HTTP,
	OPT_SCRIPT,
	OPT_TAG,
	OPT_ENGINE,
	OPT_RUNTIME,
	OPT_RUNS,
	OPT_ROUNDS,
	OPT_TIMEOUT,
	OPT_STOP,
	OPT_INCLUDE,
	OPT_EXCLUDE,
	OPT_PRESERVE,
	OPT_PRESET,
	OPT_NO_PKGDB,
	OPT_JSON,
	OPT_BACKEND,
	OPT_READ_ONLY,
	OPT_INCOMPLETE,
	OPT_NO_HEALTH,
	OPT_REFERENCE
};

static const struct option long_options[] = {
	{"exec", required_argument, NULL, OPT_EXEC},
	{"http", required_argument, NULL, OPT_HTTP},
	{"script", required_argument, NULL, OPT_SCRIPT},
	{"timeout", required_argument, NULL, OPT_TIMEOUT},
	{"stop-timeout", required_argument, NULL, OPT_STOP},
	{"engine", required_argument, NULL, OPT_ENGINE},
	{"runtime", required_argument, NULL, OPT_RUNTIME},
	{"backend", required_argument, NULL, OPT_BACKEND},
	{"read-only", no_argument, NULL, OPT_READ_ONLY},
	{"allow-incomplete", no_argument, NULL, OPT_INCOMPLETE},
	{"no-health-check", no_argument, NULL, OPT_NO_HEALTH},
	{"json", no_argument, NULL, OPT_JSON},
	{"reference", required_argument, NULL, OPT_REFERENCE},
	/* only slim, from here on */
	{"tag", required_argument, NULL, OPT_TAG},
	{"output", required_argument, NULL, 'o'},
	{"runs", required_argument, NULL, OPT_RUNS},
	{"rounds", required_argument, NULL, OPT_ROUNDS},
	{"include", required_argument, NULL, OPT_INCLUDE},
	{"exclude", required_argument, NULL, OPT_EXCLUDE},
	{"preserve", required_argument, NULL, OPT_PRESERVE},
	{"preset", required_argument, NULL, OPT_PRESET},
	{"no-pkgdb", no_argument, NULL, OPT_NO_PKGDB},
	{NULL, 0, NULL, 0},
};

static int time_option(const struct cli_command *cmd, const char *name, uint64_t *ret)
{
	if (num_duration(optarg, ret) < 0 || !*ret)
		return cli_usage(cmd, "--%s %s: not a time; use 500ms, 10s or 5m", name, optarg);
	return 0;
}

static int count_option(const struct cli_command *cmd, const char *name, int max, unsigned int *ret)
{
	int value;

	if (num_int(optarg, 1, max, &value) < 0)
		return cli_usage(cmd, "--%s %s: must be a number from 1 to %d", name, optarg, max);
	*ret = (unsigned int)value;
	return 0;
}

static int add_step(struct slim_args *args, enum step_kind kind)
{
	struct err err = ERR_INIT;
	int status = 0;

	if (drive_add(&args->drive, kind, optarg, &err) < 0)
		status = cli_error(&err);
	err_done(&err);
	return status;
}

static void add_rule(struct tkit_option_list *list)
{
	((const char **)list->items)[list->count++] = optarg;
}

/* Rules of what is kept; false if it is none of them. */
static bool rule_option(struct slim_options *options, int c)
{
	if (c == OPT_INCLUDE)
		add_rule(&options->include);
	else if (c == OPT_EXCLUDE)
		add_rule(&options->exclude);
	else if (c == OPT_PRESERVE)
		add_rule(&options->preserve);
	else if (c == OPT_PRESET)
		add_rule(&options->presets);
	else if (c == OPT_NO_PKGDB)
		options->no_package_database = true;
	else
		return false;
	return true;
}

static int set_engine(struct slim_args *args, const struct cli_command *cmd)
{
	args->engine = optarg;
	return strcmp(optarg, "docker") == 0 || strcmp(optarg, "podman") == 0
		       ? 0
		       : cli_usage(cmd, "--engine %s: must be docker or podman", optarg);
}

static int drive_option(struct slim_args *args, const struct cli_command *cmd, int c)
{
	switch (c) {
	case OPT_EXEC:
		return add_step(args, STEP_EXEC);
	case OPT_HTTP:
		return add_step(args, STEP_HTTP);
	case OPT_SCRIPT:
		return add_step(args, STEP_SCRIPT);
	case OPT_TIMEOUT:
		return time_option(cmd, "timeout", &args->drive.timeout_ns);
	default:
		return time_option(cmd, "stop-timeout", &args->drive.grace_ns);
	}
}

static int one_option(struct slim_args *args, const struct cli_command *cmd, int c)
{
	struct slim_options *options = &args->options;

	switch (c) {
	case OPT_ENGINE:
		return set_engine(args, cmd);
	case OPT_RUNTIME:
		args->real = optarg;
		return 0;
	case OPT_BACKEND:
		options->backend = optarg;
		return 0;
	case OPT_READ_ONLY:
		options->read_only = true;
		return 0;
	case OPT_INCOMPLETE:
		options->allow_incomplete = true;
		return 0;
	case OPT_NO_HEALTH:
		options->no_health = true;
		return 0;
	case OPT_JSON:
		args->json = true;
		return 0;
	case OPT_REFERENCE:
		options->reference = optarg;
		return 0;
	case OPT_TAG:
		options->tag = optarg;
		return 0;
	case 'o':
		args->output = optarg;
		return 0;
	case OPT_RUNS:
		return count_option(cmd, "runs", SLIM_RUNS_MAX, &options->runs);
	case OPT_ROUNDS:
		return count_option(cmd, "rounds", SLIM_ROUNDS_MAX, &options->rounds);
	default:
		return rule_option(options, c) ? 0 : drive_option(args, cmd, c);
	}
}

/* What does not belong to the subcommand. */
static bool foreign(const struct cli_command *cmd, int c)
{
	static const int slim[] = {'o',         OPT_TAG,      OPT_RUNS,   OPT_ROUNDS,  OPT_INCLUDE,
				   OPT_EXCLUDE, OPT_PRESERVE, OPT_PRESET, OPT_NO_PKGDB};

	if (cmd == &cmd_slim)
		return c == OPT_REFERENCE;
	for (size_t i = 0; i < sizeof(slim) / sizeof(*slim); i++)
		if (c == slim[i])
			return true;
	return false;
}

static int parse_options(struct slim_args *args, const struct cli_command *cmd, int argc,
			 char **argv)
{
	int status = 0;

	opterr = 0;
	optind = 0;
	for (int c; !status && (c = getopt_long(argc, argv, ":o:", long_options, NULL)) != -1;) {
		if (c == ':')
			status = cli_usage(cmd, "option '%s' needs a value", argv[optind - 1]);
		else if (c == '?' || foreign(cmd, c))
			status = cli_usage(cmd, "unknown option '%s'", argv[optind - 1]);
		else
			status = one_option(args, cmd, c);
	}
	return status;
}

static int find_parts(struct slim_args *args, const char *source)
{
	struct err err = ERR_INIT;
	int rc = runtime_find(args->real, &args->runtime, &err), status = 0;

	args->source = slim_source_name(source, args->engine);
	if (rc == 0 && !args->source)
		rc = err_sys(&err, -ENOMEM, "starting");
	if (rc < 0)
		status = cli_error(&err);
	err_done(&err);
	args->options.source = args->source;
	args->options.runtime = args->runtime;
	return status;
}

/* What cannot watch a container is told before anything is read or run. */
static int check_backend(const char *spec)
{
	struct plugin_registry *registry = NULL;
	struct session_plugin backend = {0};
	struct err err = ERR_INIT;
	int status = 0, rc;

	if (!spec || run_is_auto(spec))
		return 0;
	rc = registry_new(&registry, &err);
	if (rc == 0)
		rc = plugin_instance_spec(registry, TKIT_KIND_BACKEND, spec, &backend.plugin,
					  &backend.options, &err);
	if (rc == 0)
		rc = run_check_targets(registry, TKIT_TARGET_CGROUP, &backend, 1, &err);
	if (rc < 0)
		status = cli_error(&err);
	plugin_options_free(backend.options);
	registry_free(registry);
	err_done(&err);
	return status;
}

static void progress(void *arg, const char *text)
{
	(void)arg;
	log_info("%s", text);
	if (isatty(STDERR_FILENO) && log_level() == TKIT_LOG_WARN)
		fprintf(stderr, "tkit: %s\n", text);
}

/* Words before "--" are ours, those behind it the image's. */
static int split_words(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (strcmp(argv[i], "--") == 0)
			return i;
	return argc;
}

int slim_args_parse(struct slim_args *args, const struct cli_command *cmd, int argc, char **argv)
{
	int own = split_words(argc, argv), status;
	char **words = calloc((size_t)own + 1, sizeof(*words));

	*args = (struct slim_args){0};
	args->drive.timeout_ns = 60 * PROC_S;
	args->drive.grace_ns = 10 * PROC_S;
	args->rules = calloc(4 * (size_t)argc, sizeof(*args->rules));
	args->options = (struct slim_options){.drive = &args->drive,
					      .runs = 1,
					      .rounds = 5,
					      .progress = progress,
					      .include = {.items = args->rules},
					      .exclude = {.items = args->rules + argc},
					      .preserve = {.items = args->rules + 2 * argc},
					      .presets = {.items = args->rules + 3 * argc}};
	if (!words || !args->rules) {
		free(words);
		return cli_usage(cmd, "out of memory");
	}
	memcpy(words, argv, (size_t)own * sizeof(*words));
	if (own < argc) {
		args->options.args = (const char *const *)argv + own + 1;
		args->options.arg_count = (size_t)(argc - own - 1);
	}
	status = parse_options(args, cmd, own, words);
	if (!status && optind >= own)
		status = cli_usage(cmd, "an IMAGE or SOURCE of files is needed");
	if (!status)
		status = check_backend(args->options.backend);
	if (!status)
		status = find_parts(args, words[optind]);
	if (!status && cmd == &cmd_slim && optind + 1 < own)
		status = cli_usage(cmd, "one IMAGE only; words for it come after --");
	if (!status && cmd == &cmd_verify && optind + 1 >= own)
		status = cli_usage(cmd, "a TRACE is needed");
	if (!status && cmd == &cmd_verify) {
		/* argv's own array stays; getopt has moved the words behind the options. */
		memcpy(argv, words, (size_t)own * sizeof(*words));
		if (own < argc)
			argv[own] = NULL;
		args->options.traces = (const char *const *)argv + optind + 1;
	}
	free(words);
	return status;
}

void slim_args_done(struct slim_args *args)
{
	drive_done(&args->drive);
	free(args->source);
	free(args->runtime);
	free(args->rules);
}

int slim_finish(const struct slim_args *args, const struct slim_report *report, int rc,
		struct err *err)
{
	struct buf out = BUF_INIT;
	int status;

	if (report->signal) {
		log_error("interrupted; everything is removed");
		return 128 + report->signal;
	}
	if (rc < 0)
		return cli_error(err);
	if (args->json)
		slim_json(&args->options, report, &out);
	else
		slim_text(&args->options, report, &out);
	status = print_out(&out);
	return status ? status : report->verdict == SLIM_VERIFIED ? 0 : 1;
}
