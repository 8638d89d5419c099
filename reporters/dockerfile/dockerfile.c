// SPDX-License-Identifier: MIT
/* The dockerfile reporter: a folder from which a minimal image can be built. */
#include "dockerfile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <tkit/reporter.h>

#define ABSENT_SHOWN 5 /* names in the warning; the rest is a number */

static const struct tkit_option options[] = {
	{"format", TKIT_OPTION_ENUM, offsetof(struct options, format), "image",
	 "image|archive|tar|mtree|list|multistage|packages",
	 "Dockerfile and rootfs.tar; image.tar to load; rootfs.tar; rootfs.mtree; files.txt, paths with reasons; a Dockerfile that copies from the image; one that installs packages"},
	{"tag", TKIT_OPTION_STRING, offsetof(struct options, tag), NULL, NULL,
	 "format=archive: the image's name, REPOSITORY[:TAG]"},
	{"from", TKIT_OPTION_STRING, offsetof(struct options, from), NULL, NULL,
	 "format=multistage, packages: the image to copy from (default: the name of --image's)"},
	{"tools", TKIT_OPTION_STRING, offsetof(struct options, tools), "debian:stable-slim", NULL,
	 "format=multistage, packages: image with a shell and GNU tar, if that one has none"},
	{"entrypoint", TKIT_OPTION_LIST, offsetof(struct options, entrypoint), NULL, NULL,
	 "ENTRYPOINT, one word each time; empty for none (default: the traced program)"},
	{"cmd", TKIT_OPTION_LIST, offsetof(struct options, cmd), NULL, NULL,
	 "CMD, one word each time; empty for none (default: the traced arguments)"},
	{"workdir", TKIT_OPTION_STRING, offsetof(struct options, workdir), NULL, NULL,
	 "WORKDIR (default: where the command was started)"},
	{"user", TKIT_OPTION_STRING, offsetof(struct options, user), NULL, NULL,
	 "USER, a name or UID[:GID] (default: the command's, if not root)"},
	{"env", TKIT_OPTION_LIST, offsetof(struct options, env), NULL, NULL, "ENV, NAME=VALUE"},
	{"expose", TKIT_OPTION_LIST, offsetof(struct options, expose), NULL, NULL,
	 "EXPOSE, PORT[/tcp|/udp]"},
	{"label", TKIT_OPTION_LIST, offsetof(struct options, label), NULL, NULL,
	 "LABEL, NAME=VALUE"},
	{"stopsignal", TKIT_OPTION_STRING, offsetof(struct options, stopsignal), NULL, NULL,
	 "STOPSIGNAL"},
	{"include", TKIT_OPTION_LIST, offsetof(struct options, include), NULL, NULL,
	 "also keep what this glob matches (** crosses directories)"},
	{"exclude", TKIT_OPTION_LIST, offsetof(struct options, exclude), NULL, NULL,
	 "leave out what this glob matches, unless an include rule has it"},
	{"preserve", TKIT_OPTION_LIST, offsetof(struct options, preserve), NULL, NULL,
	 "keep what this glob matches as it is in the root, even if excluded or made by the run"},
	{"preset", TKIT_OPTION_LIST, offsetof(struct options, preset), NULL, NULL,
	 "also keep: shell, ca-certificates, timezone, name-service, locale"},
	{"rules", TKIT_OPTION_LIST, offsetof(struct options, rules), NULL, NULL,
	 "no-NAME: without that rule for what the backend cannot see; NAME: with it"},
	{"walked", TKIT_OPTION_BOOL, offsetof(struct options, walked), "yes", NULL,
	 "keep what a program only looked at while it looked through a whole directory"},
	{"pkgdb", TKIT_OPTION_BOOL, offsetof(struct options, pkgdb), "yes", NULL,
	 "keep the package database, pruned to what is kept, for scanners"},
	{"keep-listed", TKIT_OPTION_BOOL, offsetof(struct options, keep_listed), "no", NULL,
	 "keep everything in directories that were listed"},
	{"users", TKIT_OPTION_BOOL, offsetof(struct options, users), "yes", NULL,
	 "keep passwd and group where a user other than root is used"},
};

struct dockerfile {
	const struct options *options;
};

static int dockerfile_open(struct tkit_ctx *ctx, const void *opts, void **ret_self)
{
	struct dockerfile *self = calloc(1, sizeof(*self));

	if (!self)
		return tkit_fail(ctx, -ENOMEM, "opening");
	self->options = opts;
	*ret_self = self;
	return 0;
}

static void dockerfile_close(struct tkit_ctx *ctx, void *self)
{
	free(self);
}

static void log_path(struct tkit_ctx *ctx, enum tkit_log_level level, const char *what,
		     struct tkit_bytes path)
{
	struct text text = {0};

	text_escaped(&text, path);
	text_add(&text, "", 1);
	if (!text.failed)
		tkit_log(ctx, level, "%s%s", what, text.data);
	text_done(&text);
}

/* What the run used and this root does not have: never in silence. */
static void warn_absent(struct tkit_ctx *ctx, const struct tkit_closure *closure)
{
	size_t count = tkit_closure_absent_count(closure);

	if (!count)
		return;
	tkit_log(ctx, TKIT_LOG_WARN,
		 "%zu files that the run used are not in this root; is it the right one?", count);
	for (size_t i = 0; i < count && i < ABSENT_SHOWN; i++)
		log_path(ctx, TKIT_LOG_WARN, "not in the root: ", *tkit_closure_absent(closure, i));
	if (count > ABSENT_SHOWN)
		tkit_log(ctx, TKIT_LOG_WARN, "not in the root: and %zu more", count - ABSENT_SHOWN);
}

/* What is kept for a reason that a user may want to think about. */
static void tell_reasons(struct tkit_ctx *ctx, const struct tkit_closure *closure)
{
	const struct tkit_closure_entry *entry;
	uint64_t walked = 0, bytes = 0, rules = 0;

	for (size_t i = 0; (entry = tkit_closure_entry(closure, i)); i++) {
		rules += entry->reason == TKIT_REASON_RULE;
		if (entry->reason != TKIT_REASON_WALKED)
			continue;
		walked++;
		bytes += S_ISREG(entry->st.st_mode) ? (uint64_t)entry->st.st_size : 0;
	}
	if (walked)
		tkit_log(ctx, TKIT_LOG_INFO,
			 "%llu paths (%llu bytes) are kept only because a program looked through "
			 "their directories (walked=no leaves them out)",
			 (unsigned long long)walked, (unsigned long long)bytes);
	if (rules)
		tkit_log(ctx, TKIT_LOG_INFO,
			 "%llu paths are kept by rules for what the backend cannot see "
			 "(format=list shows which)",
			 (unsigned long long)rules);
}

/* Several runs: whether one more would add anything. */
static void tell_saturation(struct tkit_ctx *ctx, const struct tkit_model *model)
{
	struct tkit_saturation s;

	if (tkit_model_run_count(model) < 2 || tkit_model_saturation(model, &s) < 0)
		return;
	tkit_log(
		ctx, TKIT_LOG_INFO,
		"%llu runs: the last added %llu files (%llu bytes) to %llu; %llu of all are in one "
		"run only",
		(unsigned long long)s.runs, (unsigned long long)s.last,
		(unsigned long long)s.last_bytes, (unsigned long long)(s.files - s.last),
		(unsigned long long)s.once);
}

/* A name, not only numbers: somebody has to look it up in the image. */
static uint32_t is_user_name(const char *user)
{
	return user && user[strspn(user, "0123456789:")];
}

static int (*const formats[FORMAT_COUNT_])(struct job *job) = {
	[FORMAT_IMAGE] = format_image,       [FORMAT_ARCHIVE] = format_archive,
	[FORMAT_TAR] = format_tar,           [FORMAT_MTREE] = format_mtree,
	[FORMAT_LIST] = format_list,         [FORMAT_MULTISTAGE] = format_multistage,
	[FORMAT_PACKAGES] = format_packages,
};

static int dockerfile_render(struct tkit_ctx *ctx, void *self, const struct tkit_model *model,
			     struct tkit_out *out)
{
	const struct options *given = ((struct dockerfile *)self)->options;
	const struct tkit_image_config *config = tkit_rootfs_config(tkit_model_rootfs(model));
	const char *user = given->user || !config ? given->user : config->user;
	struct tkit_closure_options want = {
		.size = sizeof(want),
		.keep_listed = (uint32_t)given->keep_listed,
		.no_users = !given->users,
		.need_users = is_user_name(user),
		.include = given->include,
		.exclude = given->exclude,
		.preserve = given->preserve,
		.presets = given->preset,
		.rules = given->rules,
		.package_database = (uint32_t)given->pkgdb,
		.drop_walked = !given->walked,
	};
	struct job job = {.ctx = ctx, .options = given, .model = model, .out = out};
	int rc = tkit_closure_new(ctx, model, tkit_model_rootfs(model), &want, &job.closure);

	if (rc < 0)
		return rc;
	warn_absent(ctx, job.closure);
	tell_reasons(ctx, job.closure);
	tell_saturation(ctx, model);
	rc = formats[given->format](&job);
	if (rc == 0)
		tkit_log(ctx, TKIT_LOG_INFO, "%zu paths, %llu bytes in files",
			 tkit_closure_count(job.closure),
			 (unsigned long long)tkit_closure_bytes(job.closure));
	tkit_closure_free(job.closure);
	return rc;
}

static const struct tkit_reporter_ops ops = {
	.open = dockerfile_open,
	.render = dockerfile_render,
	.close = dockerfile_close,
};

TKIT_API const struct tkit_plugin tkit_plugin = {
	TKIT_PLUGIN_HEAD(TKIT_KIND_REPORTER, struct tkit_reporter_ops, &ops),
	.name = "dockerfile",
	.version = "0.1.0",
	.summary = "a minimal image: Dockerfile and rootfs.tar with what the run needed",
	.licence = "MIT",
	.caps = TKIT_CAN_OPEN | TKIT_CAN_EXEC | TKIT_CAN_METADATA | TKIT_NEEDS_ROOTFS |
		TKIT_NEEDS_COMPLETE | TKIT_WANTS_NODES | TKIT_WANTS_PACKAGES |
		TKIT_WRITES_DIRECTORY,
	.option_count = sizeof(options) / sizeof(options[0]),
	.options_bytes = sizeof(struct options),
	.options = options,
};
