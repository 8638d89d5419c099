// SPDX-License-Identifier: MIT
#include "directives.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct writer {
	struct tkit_ctx *ctx;
	const struct tkit_image_config *config;
	struct text *text;
};

/* "DIRECTIVE value", quoted. */
static int directive(struct writer *w, const char *name, const char *value)
{
	text_str(w->text, name);
	text_str(w->text, " ");
	if (text_docker(w->text, value) < 0)
		return tkit_fail(
			w->ctx, -EILSEQ,
			"%s: a Dockerfile cannot hold control bytes or invalid UTF-8 here; "
			"give another value by option",
			name);
	text_str(w->text, "\n");
	return 0;
}

/* "ENV NAME=value"; a label's name may need quotes, too. */
static int assign(struct writer *w, const char *name, const char *item)
{
	size_t len = strcspn(item, "=");
	char *key = strndup(item, len);
	int rc = key && *key && item[len] ? 0 : -EILSEQ;

	text_str(w->text, name);
	text_str(w->text, " ");
	if (rc == 0)
		rc = text_docker(w->text, key);
	text_str(w->text, "=");
	if (rc == 0) /* an empty value is written as "" */
		rc = text_docker(w->text, item + len + 1);
	text_str(w->text, "\n");
	free(key);
	return rc;
}

static int write_env(struct writer *w)
{
	const struct tkit_option_list *env = &w->config->env;

	for (size_t i = 0; i < env->count; i++)
		if (assign(w, "ENV", env->items[i]) < 0)
			return tkit_fail(
				w->ctx, -EILSEQ,
				"ENV %.*s: a Dockerfile cannot hold control bytes or invalid UTF-8",
				(int)strcspn(env->items[i], "="), env->items[i]);
	return 0;
}

/* The source's labels can be done without: one that a Dockerfile cannot hold is left out. */
static int write_labels(struct writer *w, size_t own)
{
	const struct tkit_option_list *labels = &w->config->labels;

	for (size_t i = 0; i < labels->count; i++) {
		size_t before = w->text->size, name = strcspn(labels->items[i], "=");

		/* nor an equals sign in a name, whatever stands around it */
		if (!memchr(labels->items[i], '\\', name) &&
		    assign(w, "LABEL", labels->items[i]) == 0)
			continue;
		if (i >= own)
			return tkit_fail(
				w->ctx, -EILSEQ,
				"LABEL %.*s: a Dockerfile cannot hold control bytes or invalid UTF-8",
				(int)strcspn(labels->items[i], "="), labels->items[i]);
		w->text->size = before;
		tkit_log(w->ctx, TKIT_LOG_WARN,
			 "a label of the image is left out: a Dockerfile cannot hold its bytes");
	}
	return 0;
}

/* "DIRECTIVE [JSON]"; nothing for an empty list. */
static int array(struct writer *w, const char *name, const struct tkit_option_list *list)
{
	if (!list->count)
		return 0;
	text_str(w->text, name);
	text_str(w->text, " [");
	for (size_t i = 0; i < list->count; i++) {
		if (i)
			text_str(w->text, ", ");
		if (text_json(w->text, list->items[i]) < 0)
			return tkit_fail(
				w->ctx, -EILSEQ,
				"argument %zu of %s is not valid UTF-8, which a Dockerfile "
				"cannot hold; give it by option",
				i, name);
	}
	text_str(w->text, "]\n");
	return 0;
}

static void duration(struct writer *w, const char *name, uint64_t ns)
{
	char text[64];

	if (!ns)
		return;
	snprintf(text, sizeof(text), " --%s=%lluns", name, (unsigned long long)ns);
	text_str(w->text, text);
}

/* The words of a check, which the engine gives to the image's shell, as a list that is freed. */
static int shell_words(struct writer *w, const char *script, struct tkit_option_list *ret)
{
	static const char *const sh[] = {"/bin/sh", "-c"};
	const struct tkit_option_list *own = &w->config->shell;
	size_t count = own->count ? own->count : 2;

	ret->items = calloc(count + 1, sizeof(*ret->items));
	if (!ret->items)
		return tkit_fail(w->ctx, -ENOMEM, "writing the Dockerfile");
	for (size_t i = 0; i < count; i++)
		((const char **)ret->items)[i] = own->count ? own->items[i] : sh[i];
	((const char **)ret->items)[count] = script;
	ret->count = count + 1;
	return 0;
}

static int write_health(struct writer *w)
{
	const struct tkit_image_config *config = w->config;
	struct tkit_option_list test = config->health_test, words;
	char retries[40];
	int shell;
	int rc = 0;

	if (!test.count)
		return 0;
	if (strcmp(test.items[0], "NONE") == 0) {
		text_str(w->text, "HEALTHCHECK NONE\n");
		return 0;
	}
	shell = strcmp(test.items[0], "CMD-SHELL") == 0;
	words = (struct tkit_option_list){test.items + 1, test.count - 1};
	if (shell)
		rc = shell_words(w, test.items[1], &words);
	if (rc < 0)
		return rc;
	text_str(w->text, "HEALTHCHECK");
	duration(w, "interval", config->health_interval_ns);
	duration(w, "timeout", config->health_timeout_ns);
	duration(w, "start-period", config->health_start_period_ns);
	duration(w, "start-interval", config->health_start_interval_ns);
	if (config->health_retries) {
		snprintf(retries, sizeof(retries), " --retries=%llu",
			 (unsigned long long)config->health_retries);
		text_str(w->text, retries);
	}
	text_str(w->text, " ");
	rc = array(w, "CMD", &words);
	if (shell)
		free((void *)words.items);
	return rc;
}

int directives_write(struct tkit_ctx *ctx, const struct imageconf *conf, struct text *text)
{
	struct writer w = {.ctx = ctx, .config = &conf->config, .text = text};
	const struct tkit_image_config *c = w.config;
	int rc = write_env(&w);

	for (size_t i = 0; rc == 0 && i < c->expose.count; i++)
		rc = directive(&w, "EXPOSE", c->expose.items[i]);
	if (rc == 0)
		rc = array(&w, "VOLUME", &c->volumes);
	if (rc == 0)
		rc = array(&w, "SHELL", &c->shell);
	if (rc == 0)
		rc = write_labels(&w, conf->own_labels);
	if (rc == 0 && c->stopsignal)
		rc = directive(&w, "STOPSIGNAL", c->stopsignal);
	if (rc == 0)
		rc = write_health(&w);
	if (rc == 0 && c->workdir)
		rc = directive(&w, "WORKDIR", c->workdir);
	if (rc == 0 && c->user)
		rc = directive(&w, "USER", c->user);
	if (rc == 0)
		rc = array(&w, "ENTRYPOINT", &c->entrypoint);
	if (rc == 0)
		rc = array(&w, "CMD", &c->cmd);
	if (rc == 0 && text->failed)
		rc = tkit_fail(ctx, -ENOMEM, "writing the Dockerfile");
	return rc;
}
