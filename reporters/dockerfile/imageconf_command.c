// SPDX-License-Identifier: MIT
/* What the image starts: its own command, or the one that was traced; and where. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "imageconf.h"

/* The file at `path` is kept, whatever links lead to it. */
static int kept(const struct conf_job *job, const char *path, size_t len)
{
	char real[4096];
	long n = tkit_rootfs_resolve(job->rootfs, (struct tkit_bytes){path, len}, 0, real,
				     sizeof(real), NULL, NULL);

	return n > 0 && tkit_closure_find(job->closure, (struct tkit_bytes){real, (size_t)n});
}

/* DIR/NAME is kept. */
static int kept_in(const struct conf_job *job, const char *dir, size_t dir_len, const char *name)
{
	char path[4096];
	int n = snprintf(path, sizeof(path), "%.*s/%s", (int)dir_len, dir, name);

	return dir_len && dir[0] == '/' && n > 0 && (size_t)n < sizeof(path) &&
	       kept(job, path, (size_t)n);
}

/* As an engine finds it: by PATH, or below the working directory. */
int conf_program_kept(const struct conf_job *job, const char *name)
{
	const char *cwd = job->own->workdir ? job->own->workdir : "/", *path = "/usr/bin:/bin";

	if (name[0] == '/')
		return kept(job, name, strlen(name));
	if (strchr(name, '/'))
		return kept_in(job, cwd, strlen(cwd), name);
	for (size_t i = 0; i < job->own->env.count; i++)
		if (strncmp(job->own->env.items[i], "PATH=", 5) == 0)
			path = job->own->env.items[i] + 5;
	for (;; path += strcspn(path, ":") + 1) {
		if (kept_in(job, path, strcspn(path, ":"), name))
			return 1;
		if (!path[strcspn(path, ":")])
			return 0;
	}
}

/* The source image has a command, and its program is among what is kept. */
static int has_own_command(const struct conf_job *job)
{
	const struct options *o = job->options;
	const struct tkit_option_list *own;

	if (!job->own)
		return 0;
	own = job->own->entrypoint.count ? &job->own->entrypoint : &job->own->cmd;
	if (o->entrypoint.count || !own->count || (o->cmd.count && !job->own->entrypoint.count))
		return 0;
	if (conf_program_kept(job, own->items[0]))
		return 1;
	if (job->run)
		tkit_log(
			job->ctx, TKIT_LOG_WARN,
			"the image's own command was not run in the trace: the traced command takes "
			"its place");
	return !job->run;
}

/* A list given as one empty item means: none. */
static int given(const struct tkit_option_list *list)
{
	return list->count && !(list->count == 1 && !*list->items[0]);
}

static void add_all(struct strings *out, const struct tkit_option_list *list)
{
	for (size_t i = 0; given(list) && i < list->count; i++)
		strings_add(out, list->items[i]);
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
static char *program_path(const struct conf_job *job)
{
	const char *name = job->run->info->argv[0], *cwd = job->run->info->cwd;
	struct tkit_bytes found;
	char *text;

	if (!strchr(name, '/')) {
		found = executed_as(job->model, name);
		return found.len ? strndup(found.ptr, found.len) : strdup(name);
	}
	if (name[0] == '/' || !cwd || cwd[0] != '/')
		return strdup(name);
	while (strncmp(name, "./", 2) == 0)
		name += 2;
	return asprintf(&text, "%s/%s", strcmp(cwd, "/") == 0 ? "" : cwd, name) < 0 ? NULL : text;
}

static void traced_command(struct conf_job *job)
{
	const struct options *o = job->options;
	const char *const *argv = job->run ? job->run->info->argv : NULL;

	if (o->entrypoint.count)
		add_all(&job->out->entrypoint, &o->entrypoint);
	else if (argv)
		strings_take(&job->out->entrypoint, program_path(job));
	if (o->cmd.count)
		add_all(&job->out->cmd, &o->cmd);
	for (size_t i = 1; !o->cmd.count && !o->entrypoint.count && argv && argv[i]; i++)
		strings_add(&job->out->cmd, argv[i]);
	if (!argv && !given(&o->entrypoint) && !given(&o->cmd))
		tkit_log(job->ctx, TKIT_LOG_WARN,
			 "the trace has no command: the image has none (options entrypoint, cmd)");
}

static int working_directory(struct conf_job *job, int own_command)
{
	const char *cwd = job->options->workdir;
	const char *traced = job->run ? job->run->info->cwd : NULL;

	if (!cwd && job->own && (own_command || job->options->entrypoint.count))
		cwd = job->own->workdir ? job->own->workdir : "/";
	if (!cwd && traced) {
		struct tkit_bytes path = {traced, strlen(traced)};
		const struct tkit_closure_entry *entry = tkit_closure_find(job->closure, path);

		if (entry && S_ISDIR(entry->st.st_mode))
			cwd = traced;
		else if (path.len)
			tkit_log(job->ctx, TKIT_LOG_WARN,
				 "the command's working directory is not in the root; the image "
				 "starts in / (option workdir)");
	}
	if (!cwd || !*cwd || strcmp(cwd, "/") == 0)
		return 0;
	if (cwd[0] != '/')
		return tkit_fail(job->ctx, -EINVAL, "workdir must be an absolute path");
	job->out->config.workdir = cwd;
	return 0;
}

int conf_command(struct conf_job *job)
{
	int own = has_own_command(job);

	if (own) {
		add_all(&job->out->entrypoint, &job->own->entrypoint);
		add_all(&job->out->cmd,
			job->options->cmd.count ? &job->options->cmd : &job->own->cmd);
	} else {
		traced_command(job);
	}
	return working_directory(job, own);
}
