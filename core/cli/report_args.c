// SPDX-License-Identifier: MIT
/* Command line of tkit report. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/report.h"
#include "util/bytes.h"
#include "util/cleanup.h"
#include "util/num.h"
#include "util/suggest.h"

#define DEFAULT_REPORTER "deps"
#define DEFAULT_FILE     "trace.tkit"
#define NAMES_MAX        128

/* tkit report's own options; the rest is a reporter's. */
static const char *const own_names[] = {"reporter",
					"root",
					"image",
					"image-tag",
					"image-platform",
					"image-max-bytes",
					"image-max-entries",
					"output",
					"allow-incomplete",
					"force",
					"json",
					"help"};

static int add_job(struct report_args *args, const char *spec)
{
	struct report_job *job = &args->jobs[args->job_count];

	if (args->job_count == REPORTERS_MAX)
		return cli_usage(&cmd_report, "more than %d reporters", REPORTERS_MAX);
	buf_str(&job->spec, spec);
	args->job_count++;
	return 0;
}

/* -o belongs to the --reporter before it, or to the first. */
static int set_output(struct report_args *args, const char *value, const char **first_output)
{
	const char **at = args->job_count ? &args->jobs[args->job_count - 1].output : first_output;

	if (*at)
		return cli_usage(&cmd_report, "two outputs for one reporter: '%s' and '%s'", *at,
				 value);
	*at = value;
	return 0;
}

/* The value of option `name` ("--root") at argv[*i], if that is what stands there. */
static bool takes(const char *name, int argc, char **argv, int *i, const char **ret_value)
{
	size_t len = strlen(name);
	const char *arg = argv[*i];

	if (strncmp(arg, name, len) != 0)
		return false;
	if (name[1] == '-' && arg[len] == '=') {
		*ret_value = arg + len + 1;
		return true;
	}
	if (name[1] != '-' && arg[len]) {
		*ret_value = arg + len;
		return true;
	}
	if (arg[len])
		return false;
	*ret_value = *i + 1 < argc ? argv[++*i] : NULL;
	return true;
}

static int set_root(struct report_args *args, const char *value)
{
	if (!value)
		return cli_usage(&cmd_report, "--root and --image need a source of files");
	if (args->root)
		return cli_usage(&cmd_report, "two sources of files: '%s' and '%s'", args->root,
				 value);
	args->root = value;
	return 0;
}

/* The --image-* options: which image of several, and how large it may be. */
static bool image_option(int argc, char **argv, int *i, struct report_args *args, int *ret_rc)
{
	struct tkit_rootfs_options *source = &args->source;
	const char *value = NULL;
	uint64_t number;

	*ret_rc = 0;
	if (takes("--image-tag", argc, argv, i, &value))
		source->tag = value;
	else if (takes("--image-platform", argc, argv, i, &value))
		source->platform = value;
	else if (takes("--image-max-bytes", argc, argv, i, &value)) {
		if (value && num_size(value, &source->max_bytes) < 0)
			*ret_rc = cli_usage(&cmd_report, "--image-max-bytes needs a size, not '%s'",
					    value);
	} else if (takes("--image-max-entries", argc, argv, i, &value)) {
		if (value && (num_u64(value, &number) < 0 || !number || number > UINT32_MAX / 2))
			*ret_rc = cli_usage(&cmd_report,
					    "--image-max-entries needs a number, not '%s'", value);
		else if (value)
			source->max_entries = (uint32_t)number;
	} else {
		return false;
	}
	if (!value)
		*ret_rc = cli_usage(&cmd_report, "%s needs a value", argv[argc - 1]);
	return true;
}

static int parse_one(int argc, char **argv, int *i, struct report_args *args,
		     const char **first_output)
{
	const char *arg = argv[*i], *value = NULL;
	int rc;

	if (takes("--reporter", argc, argv, i, &value) || takes("-r", argc, argv, i, &value))
		return value ? add_job(args, value)
			     : cli_usage(&cmd_report, "%s needs the name of a reporter", arg);
	if (takes("--root", argc, argv, i, &value) || takes("--image", argc, argv, i, &value))
		return set_root(args, value);
	if (image_option(argc, argv, i, args, &rc))
		return rc;
	if (takes("--output", argc, argv, i, &value) || takes("-o", argc, argv, i, &value))
		return value ? set_output(args, value, first_output)
			     : cli_usage(&cmd_report, "%s needs a name", arg);
	if (!strcmp(arg, "--allow-incomplete"))
		args->allow_incomplete = true;
	else if (!strcmp(arg, "--force"))
		args->force = true;
	else if (!strcmp(arg, "--json"))
		args->json = true;
	else if (!strncmp(arg, "--", 2))
		args->extra[args->extra_count++] = arg + 2;
	else
		return cli_usage(&cmd_report, "unknown option '%s'", arg);
	return 0;
}

int report_parse(int argc, char **argv, struct report_args *args)
{
	const char *first_output = NULL;
	bool plain = false;
	int rc = 0;

	args->source.size = sizeof(args->source);
	args->extra = calloc((size_t)argc + 1, sizeof(*args->extra));
	args->files = calloc((size_t)argc + 1, sizeof(*args->files));
	if (!args->extra || !args->files)
		return cli_usage(&cmd_report, "no memory");
	for (int i = 1; !rc && i < argc; i++) {
		if (plain || argv[i][0] != '-' || !argv[i][1])
			args->files[args->file_count++] = argv[i];
		else if (!strcmp(argv[i], "--"))
			plain = true;
		else
			rc = parse_one(argc, argv, &i, args, &first_output);
	}
	if (rc)
		return rc;
	if (!args->job_count && (rc = add_job(args, DEFAULT_REPORTER)))
		return rc;
	if (first_output && args->jobs[0].output)
		return cli_usage(&cmd_report, "two outputs for one reporter: '%s' and '%s'",
				 first_output, args->jobs[0].output);
	if (first_output)
		args->jobs[0].output = first_output;
	if (!args->file_count)
		args->files[args->file_count++] = DEFAULT_FILE;
	return 0;
}

void report_args_done(struct report_args *args)
{
	for (size_t i = 0; i < REPORTERS_MAX; i++) {
		buf_done(&args->jobs[i].spec);
		plugin_options_free(args->jobs[i].options);
		ctx_done(&args->jobs[i].ctx);
	}
	free(args->extra);
	free(args->files);
}

static bool has_option(const struct plugin *plugin, const char *name, size_t len)
{
	for (uint32_t i = 0; i < plugin->desc.option_count; i++)
		if (strlen(plugin->desc.options[i].name) == len &&
		    !strncmp(plugin->desc.options[i].name, name, len))
			return true;
	return false;
}

/* Adds ",text" to a spec, with the commas in the value escaped. */
static void add_option(struct buf *spec, const char *text)
{
	buf_char(spec, ',');
	for (; *text; text++) {
		if (*text == ',' || *text == '\\')
			buf_char(spec, '\\');
		buf_char(spec, *text);
	}
}

static int unknown_option(const struct report_args *args, const char *name, size_t len,
			  struct err *err)
{
	size_t own = sizeof(own_names) / sizeof(own_names[0]), count = 0;
	const char *names[NAMES_MAX], *near;
	char word[64] = "";

	for (; count < own; count++)
		names[count] = own_names[count];
	for (size_t j = 0; j < args->job_count; j++)
		for (uint32_t i = 0; i < args->jobs[j].plugin->desc.option_count; i++)
			if (count < NAMES_MAX)
				names[count++] = args->jobs[j].plugin->desc.options[i].name;
	if (len < sizeof(word))
		memcpy(word, name, len);
	near = suggest(word, names, count);
	if (near)
		return err_set(err, -EINVAL, "unknown option '--%.*s'; did you mean '--%s'?",
			       (int)len, name, near);
	return err_set(err, -EINVAL, "neither tkit report nor reporter %s has an option '--%.*s'",
		       args->jobs[0].plugin->desc.name, (int)len, name);
}

/* --foo[=v] goes to every reporter that has an option foo. */
static int spread_option(struct report_args *args, const char *text, struct err *err)
{
	size_t len = strcspn(text, "=");
	bool found = false;

	for (size_t j = 0; j < args->job_count; j++) {
		if (!has_option(args->jobs[j].plugin, text, len))
			continue;
		add_option(&args->jobs[j].spec, text);
		found = true;
	}
	return found ? 0 : unknown_option(args, text, len, err);
}

static int load_plugins(struct plugin_registry *registry, struct report_args *args, struct err *err)
{
	for (size_t j = 0; j < args->job_count; j++) {
		struct report_job *job = &args->jobs[j];
		_cleanup_(buf_done) struct buf name = BUF_INIT;
		const struct plugin_conf *conf;
		int rc;

		if (job->spec.failed)
			return err_sys(err, -ENOMEM, "reading the options");
		buf_add(&name, job->spec.data, job->spec.size);
		buf_char(&name, '\0');
		if (name.failed)
			return err_sys(err, -ENOMEM, "reading the options");
		name.data[strcspn(name.data, ",")] = '\0';
		rc = registry_find(registry, TKIT_KIND_REPORTER, name.data, &conf, err);
		if (!rc)
			rc = plugin_load(conf, &job->plugin, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

int report_load(struct plugin_registry *registry, struct report_args *args, struct err *err)
{
	int rc = load_plugins(registry, args, err);

	for (size_t i = 0; !rc && i < args->extra_count; i++)
		rc = spread_option(args, args->extra[i], err);
	if (!rc && args->json)
		rc = spread_option(args, "format=json", err);
	for (size_t j = 0; !rc && j < args->job_count; j++) {
		struct report_job *job = &args->jobs[j];

		buf_char(&job->spec, '\0');
		if (job->spec.failed)
			return err_sys(err, -ENOMEM, "reading the options");
		rc = plugin_instance_spec(registry, TKIT_KIND_REPORTER, job->spec.data,
					  &job->plugin, &job->options, err);
		job->ctx = (struct tkit_ctx)CTX_INIT(job->plugin->desc.name);
	}
	return rc;
}
