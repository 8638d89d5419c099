// SPDX-License-Identifier: MIT
/* The Dockerfile: the image's own configuration, and the command that was traced where it has none.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"

#define DEFAULT_PATH "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

/* In names that an image has already. */
static const char any_name[] =
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/-:";
static const char digits[] = "0123456789";
static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

static const struct tkit_run *command_run(const struct tkit_model *model)
{
	const struct tkit_run *run;

	for (size_t i = 0; (run = tkit_model_run(model, i)); i++)
		if (run->info->target_kind == TKIT_TARGET_COMMAND && run->info->argv &&
		    run->info->argv[0])
			return run;
	return NULL;
}

/* "DIRECTIVE value", quoted. */
int command_directive(struct command *c, const char *name, const char *value)
{
	text_str(c->text, name);
	text_str(c->text, " ");
	if (text_docker(c->text, value) < 0)
		return tkit_fail(
			c->ctx, -EILSEQ,
			"%s: a Dockerfile cannot hold control bytes or invalid UTF-8 here; "
			"give another value by option",
			name);
	text_str(c->text, "\n");
	return 0;
}

int command_assignment(struct command *c, const char *name, const char *item, const char *charset)
{
	const char *equals = strchr(item, '=');
	size_t len = equals ? (size_t)(equals - item) : 0;

	if (!len || strspn(item, charset ? charset : any_name) < len)
		return tkit_fail(c->ctx, -EINVAL, "%s needs NAME=VALUE with an ordinary name",
				 name);
	text_str(c->text, name);
	text_str(c->text, " ");
	text_add(c->text, item, len + 1);
	/* an empty value is written as "" */
	if (text_docker(c->text, equals + 1) < 0)
		return tkit_fail(c->ctx, -EILSEQ,
				 "%s %.*s: a Dockerfile cannot hold control bytes or invalid UTF-8",
				 name, (int)len, item);
	text_str(c->text, "\n");
	return 0;
}

/* An item of the image's that an option gives another value. */
static int overridden(const struct tkit_option_list *list, const char *item)
{
	size_t len = strcspn(item, "=") + 1;

	for (size_t i = 0; i < list->count; i++)
		if (strncmp(list->items[i], item, len) == 0)
			return 1;
	return 0;
}

static int write_env(struct command *c)
{
	static const char charset[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_";
	const struct tkit_option_list *env = &c->options->env, none = {0};
	const struct tkit_option_list *own = c->config ? &c->config->env : &none;
	int rc = 0;

	if (!overridden(env, "PATH=") && !overridden(own, "PATH="))
		rc = command_assignment(c, "ENV", "PATH=" DEFAULT_PATH, charset);
	for (size_t i = 0; rc == 0 && i < own->count; i++)
		if (!overridden(env, own->items[i]))
			rc = command_assignment(c, "ENV", own->items[i], NULL);
	for (size_t i = 0; rc == 0 && i < env->count; i++)
		rc = command_assignment(c, "ENV", env->items[i], charset);
	return rc;
}

static int write_workdir(struct command *c)
{
	const char *cwd = c->options->workdir;

	if (!cwd && c->config && (c->own_command || c->options->entrypoint.count))
		cwd = c->config->workdir ? c->config->workdir : "/";
	if (!cwd && c->run && c->run->info->cwd) {
		struct tkit_bytes path = {c->run->info->cwd, strlen(c->run->info->cwd)};
		const struct tkit_closure_entry *entry = tkit_closure_find(c->closure, path);

		if (entry && S_ISDIR(entry->st.st_mode))
			cwd = c->run->info->cwd;
		else if (path.len)
			tkit_log(c->ctx, TKIT_LOG_WARN,
				 "the command's working directory is not in the root; the image "
				 "starts in / (option workdir)");
	}
	if (!cwd || !*cwd || strcmp(cwd, "/") == 0)
		return 0;
	if (cwd[0] != '/')
		return tkit_fail(c->ctx, -EINVAL, "workdir must be an absolute path");
	return command_directive(c, "WORKDIR", cwd);
}

static int write_user(struct command *c)
{
	const char *user = c->options->user;
	char ids[32];

	if (!user && c->config)
		user = c->config->user ? c->config->user : "";
	if (!user && c->run && c->run->info->uid) {
		snprintf(ids, sizeof(ids), "%u:%u", c->run->info->uid, c->run->info->gid);
		user = ids;
	}
	if (!user || !*user)
		return 0;
	for (const char *p = user; *p; p++)
		if (!strchr(letters, *p) && !strchr("._-:", *p))
			return tkit_fail(c->ctx, -EINVAL, "user must be NAME[:GROUP] or UID[:GID]");
	return command_directive(c, "USER", user);
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

static int write_meta(struct command *c)
{
	static const char label_charset[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/-";
	const struct options *o = c->options;
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < o->expose.count; i++) {
		if (!is_port(o->expose.items[i]))
			return tkit_fail(c->ctx, -EINVAL,
					 "expose must be PORT[-PORT][/tcp|/udp|/sctp]");
		rc = command_directive(c, "EXPOSE", o->expose.items[i]);
	}
	if (rc == 0)
		rc = config_write_meta(c);
	for (size_t i = 0; rc == 0 && i < o->label.count; i++)
		rc = command_assignment(c, "LABEL", o->label.items[i], label_charset);
	if (rc == 0 && o->stopsignal && *o->stopsignal) {
		if (strspn(o->stopsignal, letters) != strlen(o->stopsignal))
			return tkit_fail(c->ctx, -EINVAL, "stopsignal must be a signal's name");
		rc = command_directive(c, "STOPSIGNAL", o->stopsignal);
	}
	if (rc == 0)
		rc = config_write_health(c);
	return rc;
}

/* Under which path the command was executed: the first exec with that last component. */
static struct tkit_bytes executed_as(const struct tkit_model *model, const char *name)
{
	struct tkit_bytes found = {"", 0};
	const struct tkit_path *path;
	uint64_t first = UINT64_MAX;
	size_t len = strlen(name);

	for (size_t i = 0; (path = tkit_model_path(model, i)); i++) {
		const struct tkit_access *access;

		if (path->name.len <= len || path->name.ptr[path->name.len - len - 1] != '/' ||
		    memcmp(path->name.ptr + path->name.len - len, name, len) != 0)
			continue;
		for (size_t k = 0; (access = tkit_model_access(model, path, k)); k++)
			if (access->op == TKIT_OP_EXEC && !access->err &&
			    access->first_ns < first) {
				first = access->first_ns;
				found = path->name;
			}
	}
	return found;
}

/* argv[0] as an absolute path where that is known: nothing depends on PATH then. */
static int program_path(struct command *c, struct text *ret_path)
{
	const char *name = c->run->info->argv[0], *cwd = c->run->info->cwd;
	struct tkit_bytes found;

	if (!strchr(name, '/')) {
		found = executed_as(c->model, name);
		if (found.len)
			text_add(ret_path, found.ptr, found.len);
		else
			text_str(ret_path, name);
	} else {
		if (name[0] != '/' && cwd && cwd[0] == '/') {
			while (strncmp(name, "./", 2) == 0)
				name += 2;
			text_str(ret_path, strcmp(cwd, "/") == 0 ? "" : cwd);
			text_str(ret_path, "/");
		}
		text_str(ret_path, name);
	}
	text_add(ret_path, "", 1);
	return ret_path->failed ? tkit_fail(c->ctx, -ENOMEM, "writing the Dockerfile") : 0;
}

int command_array(struct command *c, const char *name, const char *const *items, size_t count)
{
	text_str(c->text, name);
	text_str(c->text, " [");
	for (size_t i = 0; i < count; i++) {
		if (i)
			text_str(c->text, ", ");
		if (text_json(c->text, items[i]) < 0)
			return tkit_fail(
				c->ctx, -EILSEQ,
				"argument %zu of %s is not valid UTF-8, which a Dockerfile "
				"cannot hold; give it by option",
				i, name);
	}
	text_str(c->text, "]\n");
	return 0;
}

/* A list given as one empty item means: none. */
static int given(const struct tkit_option_list *list)
{
	return list->count && !(list->count == 1 && !*list->items[0]);
}

static int write_command(struct command *c)
{
	const struct options *o = c->options;
	struct text path = {0};
	int rc = 0;

	if (c->own_command)
		return config_write_command(c);
	if (given(&o->entrypoint)) {
		rc = command_array(c, "ENTRYPOINT", o->entrypoint.items, o->entrypoint.count);
	} else if (!o->entrypoint.count && c->run) {
		rc = program_path(c, &path);
		if (rc == 0)
			rc = command_array(c, "ENTRYPOINT", (const char *const[]){path.data}, 1);
	}
	text_done(&path);
	if (rc < 0)
		return rc;
	if (given(&o->cmd))
		return command_array(c, "CMD", o->cmd.items, o->cmd.count);
	if (!o->cmd.count && !o->entrypoint.count && c->run && c->run->info->argv[1]) {
		size_t count = 0;

		while (c->run->info->argv[count + 1])
			count++;
		return command_array(c, "CMD", c->run->info->argv + 1, count);
	}
	if (!c->run && !given(&o->entrypoint))
		tkit_log(c->ctx, TKIT_LOG_WARN,
			 "the trace has no command: the image has none (options entrypoint, cmd)");
	return 0;
}

int command_write(struct tkit_ctx *ctx, const struct options *options,
		  const struct tkit_model *model, const struct tkit_closure *closure,
		  struct text *text)
{
	struct command c = {.ctx = ctx,
			    .options = options,
			    .model = model,
			    .closure = closure,
			    .run = command_run(model),
			    .rootfs = tkit_model_rootfs(model),
			    .text = text};
	int rc;

	c.config = tkit_rootfs_config(c.rootfs);
	c.own_command = c.config && config_has_command(&c);

	text_str(text, "FROM scratch\nADD rootfs.tar /\n");
	rc = write_env(&c);
	if (rc == 0)
		rc = write_meta(&c);
	if (rc == 0)
		rc = write_workdir(&c);
	if (rc == 0)
		rc = write_user(&c);
	if (rc == 0)
		rc = write_command(&c);
	if (rc == 0 && text->failed)
		rc = tkit_fail(ctx, -ENOMEM, "writing the Dockerfile");
	return rc;
}
