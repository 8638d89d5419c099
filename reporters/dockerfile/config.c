// SPDX-License-Identifier: MIT
/* The Dockerfile: what the image that the files come from says of itself. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"

/* The file at `path` is kept, whatever links lead to it. */
static int kept(struct command *c, const char *path, size_t len)
{
	char real[4096];
	long n = tkit_rootfs_resolve(c->rootfs, (struct tkit_bytes){path, len}, 0, real,
				     sizeof(real), NULL, NULL);

	return n > 0 && tkit_closure_find(c->closure, (struct tkit_bytes){real, (size_t)n});
}

/* DIR/NAME is kept. */
static int kept_in(struct command *c, const char *dir, size_t dir_len, const char *name)
{
	char path[4096];
	int n = snprintf(path, sizeof(path), "%.*s/%s", (int)dir_len, dir, name);

	return dir_len && dir[0] == '/' && n > 0 && (size_t)n < sizeof(path) &&
	       kept(c, path, (size_t)n);
}

/* As an engine finds it: by PATH, or below the working directory. */
static int program_kept(struct command *c, const char *name)
{
	const char *cwd = c->config->workdir ? c->config->workdir : "/", *path = "/usr/bin:/bin";

	if (name[0] == '/')
		return kept(c, name, strlen(name));
	if (strchr(name, '/'))
		return kept_in(c, cwd, strlen(cwd), name);
	for (size_t i = 0; i < c->config->env.count; i++)
		if (strncmp(c->config->env.items[i], "PATH=", 5) == 0)
			path = c->config->env.items[i] + 5;
	for (;; path += strcspn(path, ":") + 1) {
		if (kept_in(c, path, strcspn(path, ":"), name))
			return 1;
		if (!path[strcspn(path, ":")])
			return 0;
	}
}

int config_has_command(struct command *c)
{
	const struct tkit_option_list *own =
		c->config->entrypoint.count ? &c->config->entrypoint : &c->config->cmd;

	if (c->options->entrypoint.count || !own->count ||
	    (c->options->cmd.count && !c->config->entrypoint.count))
		return 0;
	if (program_kept(c, own->items[0]))
		return 1;
	if (c->run)
		tkit_log(
			c->ctx, TKIT_LOG_WARN,
			"the image's own command was not run in the trace: the traced command takes "
			"its place");
	return !c->run;
}

int config_write_command(struct command *c)
{
	const struct tkit_image_config *config = c->config;
	const struct tkit_option_list *cmd =
		c->options->cmd.count ? &c->options->cmd : &config->cmd;
	int rc = 0;

	if (config->entrypoint.count)
		rc = command_array(c, "ENTRYPOINT", config->entrypoint.items,
				   config->entrypoint.count);
	if (rc == 0 && cmd->count && !(cmd->count == 1 && !*cmd->items[0]))
		rc = command_array(c, "CMD", cmd->items, cmd->count);
	return rc;
}

/* An option's label of the same name is written instead. */
static int has_label(const struct tkit_option_list *labels, const char *item)
{
	size_t len = strcspn(item, "=") + 1;

	for (size_t i = 0; i < labels->count; i++)
		if (strncmp(labels->items[i], item, len) == 0)
			return 1;
	return 0;
}

/* A label can be done without: one that a Dockerfile cannot hold is left out. */
static void write_label(struct command *c, const char *item)
{
	size_t len = strcspn(item, "="), before = c->text->size;
	char *name = strndup(item, len);
	int rc = -1;

	text_str(c->text, "LABEL ");
	if (name && *name && item[len] && text_docker(c->text, name) == 0) {
		text_str(c->text, "=");
		rc = text_docker(c->text, item + len + 1);
	}
	text_str(c->text, "\n");
	if (rc < 0) {
		c->text->size = before;
		tkit_log(c->ctx, TKIT_LOG_WARN,
			 "a label of the image is left out: a Dockerfile cannot hold its bytes");
	}
	free(name);
}

int config_write_meta(struct command *c)
{
	const struct tkit_image_config *config = c->config;
	int rc = 0;

	if (!config)
		return 0;
	for (size_t i = 0; rc == 0 && !c->options->expose.count && i < config->expose.count; i++)
		rc = command_directive(c, "EXPOSE", config->expose.items[i]);
	if (rc == 0 && config->volumes.count)
		rc = command_array(c, "VOLUME", config->volumes.items, config->volumes.count);
	if (rc == 0 && config->shell.count)
		rc = command_array(c, "SHELL", config->shell.items, config->shell.count);
	for (size_t i = 0; rc == 0 && i < config->labels.count; i++)
		if (!has_label(&c->options->label, config->labels.items[i]))
			write_label(c, config->labels.items[i]);
	if (rc == 0 && config->stopsignal && !c->options->stopsignal)
		rc = command_directive(c, "STOPSIGNAL", config->stopsignal);
	return rc;
}

static void duration(struct command *c, const char *name, uint64_t ns)
{
	char text[64];

	if (!ns)
		return;
	snprintf(text, sizeof(text), " --%s=%lluns", name, (unsigned long long)ns);
	text_str(c->text, text);
}

int config_write_health(struct command *c)
{
	const char *shell[] = {"/bin/sh", "-c", NULL};
	const struct tkit_image_config *config = c->config;
	const char *const *words;
	size_t count;
	char retries[40];

	if (!config || !config->health_test.count)
		return 0;
	words = config->health_test.items + 1;
	count = config->health_test.count - 1;
	if (strcmp(words[-1], "NONE") == 0) {
		text_str(c->text, "HEALTHCHECK NONE\n");
		return 0;
	}
	if (!count)
		return 0;
	if (strcmp(words[-1], "CMD-SHELL") == 0) {
		shell[2] = words[0];
		words = shell;
		count = 3;
	}
	if (!program_kept(c, words[0]))
		tkit_log(
			c->ctx, TKIT_LOG_WARN,
			"the image's health check was not run in the trace: its program is not kept "
			"(option include)");
	text_str(c->text, "HEALTHCHECK");
	duration(c, "interval", config->health_interval_ns);
	duration(c, "timeout", config->health_timeout_ns);
	duration(c, "start-period", config->health_start_period_ns);
	if (config->health_retries) {
		snprintf(retries, sizeof(retries), " --retries=%llu",
			 (unsigned long long)config->health_retries);
		text_str(c->text, retries);
	}
	text_str(c->text, " ");
	return command_array(c, "CMD", words, count);
}
