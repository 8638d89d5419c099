// SPDX-License-Identifier: MIT
/* Command line of tkit why and tkit why-not. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "cli/why.h"
#include "util/cleanup.h"
#include "util/suggest.h"

enum {
	OPT_ROOT = 256,
	OPT_TAG,
	OPT_PLATFORM,
	OPT_JSON,
	OPT_USER,
	OPT_INCLUDE,
	OPT_EXCLUDE,
	OPT_PRESERVE,
	OPT_PRESET,
	OPT_RULES,
	OPT_KEEP_LISTED,
	OPT_WALKED,
	OPT_PKGDB,
	OPT_NO_PKGDB,
	OPT_USERS
};

static const struct option long_options[] = {
	{"root", required_argument, NULL, OPT_ROOT},
	{"image", required_argument, NULL, OPT_ROOT},
	{"image-tag", required_argument, NULL, OPT_TAG},
	{"image-platform", required_argument, NULL, OPT_PLATFORM},
	{"json", no_argument, NULL, OPT_JSON},
	/* as the dockerfile reporter has them */
	{"user", required_argument, NULL, OPT_USER},
	{"include", required_argument, NULL, OPT_INCLUDE},
	{"exclude", required_argument, NULL, OPT_EXCLUDE},
	{"preserve", required_argument, NULL, OPT_PRESERVE},
	{"preset", required_argument, NULL, OPT_PRESET},
	{"rules", required_argument, NULL, OPT_RULES},
	{"keep-listed", optional_argument, NULL, OPT_KEEP_LISTED},
	{"walked", optional_argument, NULL, OPT_WALKED},
	{"pkgdb", optional_argument, NULL, OPT_PKGDB},
	{"no-pkgdb", no_argument, NULL, OPT_NO_PKGDB},
	{"users", optional_argument, NULL, OPT_USERS},
	{NULL, 0, NULL, 0},
};

#define LISTS 5

/* OPT_INCLUDE to OPT_RULES */
static struct tkit_option_list *list_of(struct tkit_closure_options *options, int c)
{
	switch (c) {
	case OPT_INCLUDE:
		return &options->include;
	case OPT_EXCLUDE:
		return &options->exclude;
	case OPT_PRESERVE:
		return &options->preserve;
	case OPT_PRESET:
		return &options->presets;
	default:
		return &options->rules;
	}
}

/* "--walked" and "--walked=yes" are the same. */
static int truth(const struct cli_command *cmd, const char *name, bool *ret)
{
	if (!optarg || !strcmp(optarg, "yes") || !strcmp(optarg, "no")) {
		*ret = !optarg || optarg[0] == 'y';
		return 0;
	}
	return cli_usage(cmd, "--%s is yes or no, not '%s'", name, optarg);
}

static int bool_option(const struct cli_command *cmd, int c, struct why_args *args)
{
	const char *name = c == OPT_KEEP_LISTED ? "keep-listed"
			   : c == OPT_WALKED    ? "walked"
			   : c == OPT_USERS     ? "users"
						: "pkgdb";
	bool value = false; /* as --no-pkgdb says */
	int rc = c == OPT_NO_PKGDB ? 0 : truth(cmd, name, &value);

	if (c == OPT_KEEP_LISTED)
		args->options.keep_listed = value;
	else if (c == OPT_WALKED)
		args->options.drop_walked = !value;
	else if (c == OPT_USERS)
		args->options.no_users = !value;
	else
		args->options.package_database = value;
	return rc;
}

static int unknown(const struct cli_command *cmd, const char *word)
{
	const char *names[sizeof(long_options) / sizeof(long_options[0])], *near;
	size_t count = 0, len = strcspn(word, "=");
	_cleanup_free_ char *name = strndup(word, len);

	while (long_options[count].name) {
		names[count] = long_options[count].name;
		count++;
	}
	near = name && !strncmp(name, "--", 2) ? suggest(name + 2, names, count) : NULL;
	return near ? cli_usage(cmd, "unknown option '%s'; did you mean '--%s'?", word, near)
		    : cli_usage(cmd, "unknown option '%s'", word);
}

static int one_option(const struct cli_command *cmd, int c, char **argv, struct why_args *args)
{
	if (c >= OPT_INCLUDE && c <= OPT_RULES) {
		struct tkit_option_list *list = list_of(&args->options, c);

		((const char **)list->items)[list->count++] = optarg;
		return 0;
	}
	switch (c) {
	case ':':
		return cli_usage(cmd, "%s needs a value", argv[optind - 1]);
	case '?':
		return unknown(cmd, argv[optind - 1]);
	case OPT_ROOT:
		args->root = optarg;
		return 0;
	case OPT_TAG:
		args->source.tag = optarg;
		return 0;
	case OPT_PLATFORM:
		args->source.platform = optarg;
		return 0;
	case OPT_JSON:
		args->json = true;
		return 0;
	case OPT_USER:
		args->user = optarg;
		return 0;
	default:
		return bool_option(cmd, c, args);
	}
}

int why_args_parse(const struct cli_command *cmd, int argc, char **argv, struct why_args *args)
{
	struct tkit_option_list *lists[LISTS];
	int rc = 0;

	args->source.size = sizeof(args->source);
	args->options.size = sizeof(args->options);
	args->options.package_database = 1;
	args->items = calloc(LISTS * (size_t)argc, sizeof(*args->items));
	if (!args->items)
		return cli_usage(cmd, "no memory");
	for (int i = 0; i < LISTS; i++) {
		lists[i] = list_of(&args->options, OPT_INCLUDE + i);
		lists[i]->items = args->items + i * argc;
	}
	opterr = 0;
	optind = 0;
	for (int c; !rc && (c = getopt_long(argc, argv, ":", long_options, NULL)) != -1;)
		rc = one_option(cmd, c, argv, args);
	if (rc)
		return rc;
	if (optind >= argc)
		return cli_usage(cmd, "which path? give one");
	if (argv[optind][0] != '/')
		return cli_usage(cmd, "'%s' is not absolute", argv[optind]);
	args->path = argv[optind];
	args->files = argv + optind + 1;
	return 0;
}

void why_args_done(struct why_args *args)
{
	free(args->items);
}

#define OPTIONS_HELP                                                                          \
	"Options:\n"                                                                          \
	"      --root DIR          the root file system that belongs to the traces, or an\n"  \
	"      --image IMG         archive or image, as for tkit report\n"                    \
	"      --image-tag NAME    which image of an archive that holds several\n"            \
	"      --image-platform P  OS/ARCHITECTURE[/VARIANT], the same\n"                     \
	"      --json              one JSON object\n"                                         \
	"  -h, --help              this text\n"                                               \
	"\n"                                                                                  \
	"The image, with the options of the dockerfile reporter:\n"                           \
	"      --include GLOB      kept also\n"                                               \
	"      --exclude GLOB      left out\n"                                                \
	"      --preserve GLOB     kept as it is\n"                                           \
	"      --preset NAME       as shell, ca-certificates, timezone\n"                     \
	"      --rules NAME        a rule for what the backend cannot see, no-NAME without\n" \
	"      --keep-listed=YES   all that is in listed directories (default: no)\n"         \
	"      --walked=NO         not what was only looked through\n"                        \
	"      --pkgdb=NO          no package database; --no-pkgdb is the same\n"             \
	"      --users=NO          no passwd and group\n"                                     \
	"      --user NAME         the image's user\n"                                        \
	"\n"

const char why_help[] =
	"Usage: tkit why [OPTION]... PATH [FILE]...\n"
	"\n"
	"Tells each access to a path that the traces (default: trace.tkit) have: who, when,\n"
	"under which name. With a root, any name of the file will do, and the chain of reasons\n"
	"for which it is in a minimal image is told, too.\n"
	"\n" OPTIONS_HELP
	"Exit status: 0 it was used or is in the image, 1 neither, 125 trouble.\n";

const char why_not_help[] =
	"Usage: tkit why-not [OPTION]... PATH [FILE]...\n"
	"\n"
	"Tells why a path is not in a minimal image: it was looked for in vain, made by the run,\n"
	"only listed, left out by a rule, provided by the runtime, or never touched; and what was\n"
	"used near it.\n"
	"\n" OPTIONS_HELP "Exit status: 0 it is not in, 1 it is (see tkit why), 125 trouble.\n";
