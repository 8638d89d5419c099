// SPDX-License-Identifier: MIT
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/oci.h"
#include "util/num.h"

#define DEFAULT_DIR  "/var/lib/tkit/traces"
#define DEFAULT_NAME "{name}-{id}-{time}.tkit"

enum setting { SET_DIR, SET_NAME, SET_BACKEND, SET_FAILURE, SET_TIMEOUT, SET_REAL, SET_COUNT };

static const struct {
	const char *option;
	const char *brief;
	const char *environment;
} settings[SET_COUNT] = {
	[SET_DIR] = {"--dir", "-d", "TKIT_TRACE_DIR"},
	[SET_NAME] = {"--name", NULL, "TKIT_TRACE_NAME"},
	[SET_BACKEND] = {"--backend", "-b", "TKIT_BACKEND"},
	[SET_FAILURE] = {"--on-failure", NULL, "TKIT_ON_FAILURE"},
	[SET_TIMEOUT] = {"--timeout", NULL, "TKIT_TIMEOUT"},
	[SET_REAL] = {"--real", NULL, NULL},
};

static int add_backend(struct oci_args *args, const struct cli_command *command, char *value)
{
	static char backend_option[] = "--backend";

	if (args->option_count + 3 > OCI_OPTIONS_MAX)
		return cli_usage(command, "too many backends");
	args->options[args->option_count++] = backend_option;
	args->options[args->option_count++] = value;
	args->options[args->option_count] = NULL;
	return 0;
}

static int set_failure(struct oci_args *args, const struct cli_command *command, const char *name,
		       const char *value)
{
	args->block = strcmp(value, "block") == 0;
	if (!args->block && strcmp(value, "continue") != 0)
		return cli_usage(command, "%s %s: must be 'continue' or 'block'", name, value);
	return 0;
}

/* `name` is for messages: the option, or the variable that it came from. */
static int take(struct oci_args *args, const struct cli_command *command, enum setting setting,
		const char *name, char *value)
{
	switch (setting) {
	case SET_DIR:
		args->tracer.dir = value;
		return 0;
	case SET_NAME:
		args->tracer.name = value;
		return 0;
	case SET_BACKEND:
		return add_backend(args, command, value);
	case SET_FAILURE:
		return set_failure(args, command, name, value);
	case SET_TIMEOUT:
		if (num_duration(value, &args->tracer.timeout_ns) < 0 || !args->tracer.timeout_ns)
			return cli_usage(command, "%s %s: not a time; use 500ms or 10s", name,
					 value);
		return 0;
	default:
		args->real = value;
		return 0;
	}
}

static int take_environment(struct oci_args *args, const struct cli_command *command)
{
	int status = 0;

	for (int i = 0; status == 0 && i < SET_COUNT; i++) {
		const char *name = settings[i].environment;
		char *value = name ? getenv(name) : NULL;

		if (value && *value)
			status = take(args, command, (enum setting)i, name, value);
	}
	return status;
}

/* The setting of an option and its value, also in the form --option=value. */
static int match(char **argv, int *at, char **ret_value)
{
	for (int i = 0; i < SET_COUNT; i++) {
		size_t len = strlen(settings[i].option);

		if (strncmp(argv[*at], settings[i].option, len) == 0 && argv[*at][len] == '=') {
			*ret_value = argv[*at] + len + 1;
			return i;
		}
		if (strcmp(argv[*at], settings[i].option) == 0 ||
		    (settings[i].brief && strcmp(argv[*at], settings[i].brief) == 0)) {
			*ret_value = argv[*at + 1];
			*at += *ret_value != NULL;
			return i;
		}
	}
	return -1;
}

int oci_args_parse(struct oci_args *args, const struct cli_command *command, int argc, char **argv,
		   int *ret_rest)
{
	bool backend_given = false;
	int status, i = 1;

	*args = (struct oci_args){
		.tracer = {.dir = DEFAULT_DIR, .name = DEFAULT_NAME, .timeout_ns = 10000000000ull},
	};
	status = take_environment(args, command);
	for (; status == 0 && i < argc && argv[i][0] == '-'; i++) {
		const char *word = argv[i];
		char *value = NULL;
		int setting;

		if (strcmp(word, "--") == 0) {
			i++;
			break;
		}
		setting = match(argv, &i, &value);
		if (setting < 0)
			break; /* the runtime's own; it says so if it does not know it */
		if (!value)
			return cli_usage(command, "option '%s' needs a value", word);
		if (setting == SET_BACKEND && !backend_given) {
			args->option_count = 0; /* instead of the environment's */
			backend_given = true;
		}
		status = take(args, command, (enum setting)setting, word, value);
	}
	args->tracer.options = args->options;
	*ret_rest = i;
	return status;
}
