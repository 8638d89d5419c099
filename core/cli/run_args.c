// SPDX-License-Identifier: MIT
#include "cli/run_args.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "util/log.h"
#include "util/num.h"
#include "util/suggest.h"

enum {
	OPT_DURATION = 256,
	OPT_UNTIL,
	OPT_ROOT,
	OPT_PID,
	OPT_CGROUP,
	OPT_CONTAINER,
	OPT_INIT_PID,
	OPT_CONTAINER_ID,
	OPT_IMAGE_DIGEST,
	OPT_BUNDLE,
	OPT_ALL,
	OPT_STRICT,
	OPT_READY_FD,
	OPT_AWAIT,
	OPT_NO_SNAPSHOT
};

static const struct option long_options[] = {
	{"backend", required_argument, NULL, 'b'},
	{"sink", required_argument, NULL, 's'},
	{"output", required_argument, NULL, 'o'},
	{"strict", no_argument, NULL, OPT_STRICT},
	{"duration", required_argument, NULL, OPT_DURATION},
	{"until", required_argument, NULL, OPT_UNTIL},
	{"root", required_argument, NULL, OPT_ROOT},
	{"pid", required_argument, NULL, OPT_PID},
	{"cgroup", required_argument, NULL, OPT_CGROUP},
	{"container", required_argument, NULL, OPT_CONTAINER},
	{"init-pid", required_argument, NULL, OPT_INIT_PID},
	{"container-id", required_argument, NULL, OPT_CONTAINER_ID},
	{"image-digest", required_argument, NULL, OPT_IMAGE_DIGEST},
	{"bundle", required_argument, NULL, OPT_BUNDLE},
	{"all", no_argument, NULL, OPT_ALL},
	{"ready-fd", required_argument, NULL, OPT_READY_FD},
	{"await", required_argument, NULL, OPT_AWAIT},
	{"no-snapshot", no_argument, NULL, OPT_NO_SNAPSHOT},
	{"verbose", no_argument, NULL, 'v'},
	{"quiet", no_argument, NULL, 'q'},
	{NULL, 0, NULL, 0},
};
#define OPTION_COUNT (sizeof(long_options) / sizeof(*long_options) - 1)

static int bad_option(const char *word)
{
	const char *names[OPTION_COUNT], *near;
	char name[64];

	if (strncmp(word, "--", 2) != 0)
		return cli_usage(&cmd_run, "unknown option '-%c'", optopt);
	snprintf(name, sizeof(name), "%.*s", (int)strcspn(word + 2, "="), word + 2);
	for (size_t i = 0; i < OPTION_COUNT; i++)
		names[i] = long_options[i].name;
	near = suggest(name, names, OPTION_COUNT);
	if (near && strcmp(near, name) == 0)
		return cli_usage(&cmd_run, "option --%s takes no value", name);
	if (near)
		return cli_usage(&cmd_run, "unknown option '--%s'; did you mean '--%s'?", name,
				 near);
	return cli_usage(&cmd_run, "unknown or ambiguous option '--%s'", name);
}

static int add_plugin(const char **list, size_t *count, const char *spec, const char *what)
{
	if (*count == RUN_PLUGINS_MAX)
		return cli_usage(&cmd_run, "more than %d %ss", RUN_PLUGINS_MAX, what);
	list[(*count)++] = spec;
	return 0;
}

static int set_target(struct run_args *args, enum tkit_target_kind kind)
{
	if (args->target_given)
		return cli_usage(&cmd_run,
				 "more than one target: give one of --pid, --cgroup, --container, "
				 "--all or a "
				 "command");
	args->target = kind;
	args->target_given = true;
	return 0;
}

static int set_until(struct run_args *args, const char *text)
{
	args->until_exit = strcmp(text, "exit") == 0;
	if (!args->until_exit && strcmp(text, "tree") != 0)
		return cli_usage(&cmd_run, "--until %s: must be 'tree' or 'exit'", text);
	return 0;
}

static int set_duration(struct run_args *args, const char *text)
{
	if (num_duration(text, &args->duration_ns) < 0 || !args->duration_ns)
		return cli_usage(&cmd_run, "--duration %s: not a time; use 500ms, 10s, 5m or 2h",
				 text);
	return 0;
}

static int set_pid(struct run_args *args, const char *text)
{
	if (num_int(text, 1, INT_MAX, &args->pid) < 0)
		return cli_usage(&cmd_run, "--pid %s: not a process id", text);
	return set_target(args, TKIT_TARGET_PID);
}

static int set_fd(const char *option, const char *text, int *ret_fd)
{
	if (num_int(text, 3, INT_MAX, ret_fd) < 0)
		return cli_usage(&cmd_run, "%s %s: not a descriptor above 2", option, text);
	return 0;
}

static void louder(void)
{
	log_set_level(log_level() < TKIT_LOG_INFO ? TKIT_LOG_INFO : TKIT_LOG_DEBUG);
}

static int take_option(struct run_args *args, int option, const char *word)
{
	switch (option) {
	case 'b':
		return add_plugin(args->backends, &args->backend_count, optarg, "backend");
	case 's':
		return add_plugin(args->sinks, &args->sink_count, optarg, "sink");
	case 'o':
		args->output = optarg;
		return 0;
	case 'v':
		louder();
		return 0;
	case 'q':
		log_set_level(TKIT_LOG_ERROR);
		return 0;
	case OPT_STRICT:
		args->strict = true;
		return 0;
	case OPT_NO_SNAPSHOT:
		args->no_snapshot = true;
		return 0;
	case OPT_DURATION:
		return set_duration(args, optarg);
	case OPT_UNTIL:
		return set_until(args, optarg);
	case OPT_ROOT:
		args->root = optarg;
		return 0;
	case OPT_PID:
		return set_pid(args, optarg);
	case OPT_CGROUP:
		args->cgroup = optarg;
		return set_target(args, TKIT_TARGET_CGROUP);
	case OPT_CONTAINER:
		args->container = optarg;
		return set_target(args, TKIT_TARGET_CGROUP);
	case OPT_INIT_PID:
		if (num_int(optarg, 1, INT_MAX, &args->init_pid) < 0)
			return cli_usage(&cmd_run, "--init-pid %s: not a process id", optarg);
		return 0;
	case OPT_CONTAINER_ID:
		args->container_id = optarg;
		return 0;
	case OPT_IMAGE_DIGEST:
		args->image_digest = optarg;
		return 0;
	case OPT_BUNDLE:
		args->bundle = optarg;
		return 0;
	case OPT_READY_FD:
		return set_fd("--ready-fd", optarg, &args->ready_fd);
	case OPT_AWAIT:
		return set_fd("--await", optarg, &args->await_fd);
	case OPT_ALL:
		return set_target(args, TKIT_TARGET_ALL);
	case ':':
		return cli_usage(&cmd_run, "option '%s' needs a value", word);
	default:
		return bad_option(word);
	}
}

int run_args_parse(struct run_args *args, int argc, char **argv)
{
	int option, status;

	optind = 0; /* a fresh start, also when this is not the first scan */
	opterr = 0;
	while ((option = getopt_long(argc, argv, "+:b:s:o:vq", long_options, NULL)) != -1) {
		status = take_option(args, option, argv[optind - 1]);
		if (status)
			return status;
	}
	if (optind < argc) {
		args->command = argv + optind;
		status = set_target(args, TKIT_TARGET_COMMAND);
		if (status)
			return status;
	} else if (strcmp(argv[argc - 1], "--") == 0) {
		return cli_usage(&cmd_run, "there is no command behind --");
	}
	if (args->await_fd) {
		status = set_target(args, TKIT_TARGET_CGROUP);
		if (status)
			return status;
	}
	if (args->root && !args->command && !args->init_pid)
		return cli_usage(&cmd_run, "--root needs a command to run in it");
	if (args->init_pid && !args->cgroup)
		return cli_usage(&cmd_run, "--init-pid needs --cgroup");
	if (!args->backend_count)
		args->backends[args->backend_count++] = "auto";
	if (!args->sink_count)
		args->sinks[args->sink_count++] = "file";
	return 0;
}
