// SPDX-License-Identifier: MIT
/* The image's configuration: everything but its command. */
#include "imageconf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

/* In names that an image has already. */
static const char any_name[] = LETTERS "_./-:";
static const char env_name[] = LETTERS "_";
static const char label_name[] = LETTERS "._/-";
static const char digits[] = "0123456789";

void strings_take(struct strings *list, char *text)
{
	if (!text || list->failed) {
		list->failed = 1;
		free(text);
		return;
	}
	if (list->count == list->room) {
		size_t room = list->room ? list->room * 2 : 8;
		char **items = reallocarray(list->items, room, sizeof(*items));

		if (!items) {
			list->failed = 1;
			free(text);
			return;
		}
		list->items = items;
		list->room = room;
	}
	list->items[list->count++] = text;
}

void strings_add(struct strings *list, const char *text)
{
	strings_take(list, strdup(text));
}

void strings_done(struct strings *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->items[i]);
	free(list->items);
	*list = (struct strings){0};
}

struct tkit_option_list strings_list(const struct strings *list)
{
	return (struct tkit_option_list){(const char *const *)list->items, list->count};
}

/* Some item of `list` has the same NAME= as `item`. */
static int overridden(const struct tkit_option_list *list, const char *item)
{
	size_t len = strcspn(item, "=") + 1;

	for (size_t i = 0; i < list->count; i++)
		if (strncmp(list->items[i], item, len) == 0)
			return 1;
	return 0;
}

static int add_assignment(struct conf_job *job, struct strings *list, const char *directive,
			  const char *item, const char *charset)
{
	const char *equals = strchr(item, '=');
	size_t len = equals ? (size_t)(equals - item) : 0;

	if (!len || strspn(item, charset) < len)
		return tkit_fail(job->ctx, -EINVAL, "%s needs NAME=VALUE with an ordinary name",
				 directive);
	strings_add(list, item);
	return 0;
}

static int make_env(struct conf_job *job)
{
	const struct tkit_option_list *env = &job->options->env, none = {0};
	const struct tkit_option_list *own = job->own ? &job->own->env : &none;
	struct strings *list = &job->out->env;
	int rc = 0;

	if (!overridden(env, "PATH=") && !overridden(own, "PATH="))
		strings_add(list, "PATH=" DEFAULT_PATH);
	for (size_t i = 0; rc == 0 && i < own->count; i++)
		if (!overridden(env, own->items[i]))
			rc = add_assignment(job, list, "ENV", own->items[i], any_name);
	for (size_t i = 0; rc == 0 && i < env->count; i++)
		rc = add_assignment(job, list, "ENV", env->items[i], env_name);
	return rc;
}

static int make_user(struct conf_job *job)
{
	const char *user = job->options->user;
	char ids[32];

	if (!user && job->own)
		user = job->own->user ? job->own->user : "";
	if (!user && job->run && job->run->info->uid) {
		snprintf(ids, sizeof(ids), "%u:%u", job->run->info->uid, job->run->info->gid);
		user = ids;
	}
	if (!user || !*user)
		return 0;
	if (strspn(user, LETTERS "._-:") != strlen(user))
		return tkit_fail(job->ctx, -EINVAL, "user must be NAME[:GROUP] or UID[:GID]");
	strings_add(&job->out->texts, user);
	if (!job->out->texts.failed)
		job->out->config.user = job->out->texts.items[job->out->texts.count - 1];
	return 0;
}

/* PORT[-PORT][/tcp|udp|sctp] */
static int is_port(const char *port)
{
	size_t n = strspn(port, digits);

	if (!n || n > 5)
		return 0;
	port += n;
	if (*port == '-') {
		n = strspn(port + 1, digits);
		if (!n || n > 5)
			return 0;
		port += n + 1;
	}
	return !*port || strcmp(port, "/tcp") == 0 || strcmp(port, "/udp") == 0 ||
	       strcmp(port, "/sctp") == 0;
}

static int make_expose(struct conf_job *job)
{
	const struct tkit_option_list *expose = &job->options->expose;

	for (size_t i = 0; i < expose->count; i++)
		if (!is_port(expose->items[i]))
			return tkit_fail(job->ctx, -EINVAL,
					 "expose must be PORT[-PORT][/tcp|/udp|/sctp]");
	if (!expose->count && job->own)
		expose = &job->own->expose;
	for (size_t i = 0; i < expose->count; i++)
		strings_add(&job->out->expose, expose->items[i]);
	return 0;
}

static int make_labels(struct conf_job *job)
{
	const struct tkit_option_list *label = &job->options->label, none = {0};
	const struct tkit_option_list *own = job->own ? &job->own->labels : &none;
	struct strings *list = &job->out->labels;
	int rc = 0;

	for (size_t i = 0; i < own->count; i++)
		if (!overridden(label, own->items[i]))
			strings_add(list, own->items[i]);
	job->out->own_labels = list->count;
	for (size_t i = 0; rc == 0 && i < label->count; i++)
		rc = add_assignment(job, list, "LABEL", label->items[i], label_name);
	return rc;
}

static int make_stopsignal(struct conf_job *job)
{
	const char *given = job->options->stopsignal;

	if (given && strspn(given, LETTERS) != strlen(given))
		return tkit_fail(job->ctx, -EINVAL, "stopsignal must be a signal's name");
	if (!given && job->own)
		given = job->own->stopsignal;
	job->out->config.stopsignal = given && *given ? given : NULL;
	return 0;
}

static void make_health(struct conf_job *job)
{
	struct tkit_image_config *config = &job->out->config;
	const struct tkit_image_config *own = job->own;
	const char *program;

	if (!own || !own->health_test.count)
		return;
	program = own->health_test.items[0];
	if (own->health_test.count == 1 && strcmp(program, "NONE") != 0)
		return;
	config->health_test = own->health_test;
	config->health_interval_ns = own->health_interval_ns;
	config->health_timeout_ns = own->health_timeout_ns;
	config->health_start_period_ns = own->health_start_period_ns;
	config->health_start_interval_ns = own->health_start_interval_ns;
	config->health_retries = own->health_retries;
	if (strcmp(program, "NONE") == 0)
		return;
	program = strcmp(program, "CMD-SHELL") != 0 ? own->health_test.items[1]
		  : own->shell.count                ? own->shell.items[0]
						    : "/bin/sh";
	if (!conf_program_kept(job, program))
		tkit_log(
			job->ctx, TKIT_LOG_WARN,
			"the image's health check was not run in the trace: its program is not kept "
			"(option include)");
}

/* SOURCE_DATE_EPOCH (reproducible-builds.org), else when the source was made. */
static int make_created(struct conf_job *job)
{
	const char *epoch = getenv("SOURCE_DATE_EPOCH");
	char text[64], *end;
	struct tm tm;
	long long value;
	time_t when;

	job->out->config.created = job->own ? job->own->created : NULL;
	if (!epoch || !*epoch)
		return 0;
	errno = 0;
	value = strtoll(epoch, &end, 10);
	when = (time_t)value;
	/* four digits of a year, as RFC 3339 has them */
	if (errno || *end || strspn(epoch, digits) == 0 || value > 253402300799ll ||
	    !gmtime_r(&when, &tm))
		return tkit_fail(job->ctx, -EINVAL,
				 "the environment's SOURCE_DATE_EPOCH is no number of seconds");
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	strings_add(&job->out->texts, text);
	if (!job->out->texts.failed)
		job->out->config.created = job->out->texts.items[job->out->texts.count - 1];
	return 0;
}

/* REPOSITORY[:TAG]; engines want a tag. */
static int make_name(struct conf_job *job)
{
	static const char charset[] = "abcdefghijklmnopqrstuvwxyz0123456789._/-:";
	const char *tag = job->options->tag, *slash, *colon;
	char *name;

	if (!tag || !*tag)
		return 0;
	slash = strrchr(tag, '/');
	colon = strchr(slash ? slash : tag, ':');
	/* Upper case is for the tag only. */
	if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789", *tag) ||
	    strspn(tag, charset) < (colon ? (size_t)(colon - tag) : strlen(tag)) ||
	    (colon && (!colon[1] || strspn(colon + 1, LETTERS "._-") != strlen(colon + 1))))
		return tkit_fail(job->ctx, -EINVAL, "tag must be REPOSITORY[:TAG]");
	if (asprintf(&name, "%s%s", tag, colon ? "" : ":latest") < 0)
		name = NULL;
	strings_take(&job->out->texts, name);
	if (!job->out->texts.failed)
		job->out->config.name = name;
	return 0;
}

static const struct tkit_run *command_run(const struct tkit_model *model)
{
	const struct tkit_run *run;

	for (size_t i = 0; (run = tkit_model_run(model, i)); i++)
		if (run->info->target_kind == TKIT_TARGET_COMMAND && run->info->argv &&
		    run->info->argv[0])
			return run;
	return NULL;
}

static int make_all(struct conf_job *job)
{
	int rc;

	if ((rc = make_env(job)) < 0 || (rc = make_expose(job)) < 0 ||
	    (rc = make_labels(job)) < 0 || (rc = make_stopsignal(job)) < 0)
		return rc;
	make_health(job);
	if ((rc = conf_command(job)) < 0 || (rc = make_user(job)) < 0 ||
	    (rc = make_created(job)) < 0)
		return rc;
	return make_name(job);
}

int imageconf_make(struct tkit_ctx *ctx, const struct options *options,
		   const struct tkit_model *model, const struct tkit_closure *closure,
		   struct imageconf *ret_conf)
{
	struct conf_job job = {.ctx = ctx,
			       .options = options,
			       .model = model,
			       .closure = closure,
			       .run = command_run(model),
			       .rootfs = tkit_model_rootfs(model),
			       .out = ret_conf};
	struct imageconf *conf = ret_conf;
	int rc;

	*conf = (struct imageconf){.config = {.size = sizeof(conf->config)}};
	job.own = tkit_rootfs_config(job.rootfs);
	if (job.own) {
		conf->config.os = job.own->os;
		conf->config.architecture = job.own->architecture;
		conf->config.variant = job.own->variant;
		conf->config.author = job.own->author;
		conf->config.volumes = job.own->volumes;
		conf->config.shell = job.own->shell;
	}
	rc = make_all(&job);
	if (rc == 0 && (conf->env.failed || conf->entrypoint.failed || conf->cmd.failed ||
			conf->expose.failed || conf->labels.failed || conf->texts.failed))
		rc = tkit_fail(ctx, -ENOMEM, "the image's configuration");
	conf->config.env = strings_list(&conf->env);
	conf->config.entrypoint = strings_list(&conf->entrypoint);
	conf->config.cmd = strings_list(&conf->cmd);
	conf->config.expose = strings_list(&conf->expose);
	conf->config.labels = strings_list(&conf->labels);
	return rc;
}

void imageconf_done(struct imageconf *conf)
{
	strings_done(&conf->env);
	strings_done(&conf->entrypoint);
	strings_done(&conf->cmd);
	strings_done(&conf->expose);
	strings_done(&conf->labels);
	strings_done(&conf->texts);
}
