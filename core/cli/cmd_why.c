// SPDX-License-Identifier: MIT
/* tkit why, tkit why-not: the traces, the root and the image that a question is about. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/print.h"
#include "cli/why.h"
#include "plugin/ctx.h"
#include "rootfs/rootfs.h"
#include "util/cleanup.h"

#define DEFAULT_FILE "trace.tkit"

bool why_is_it(const struct why *why, const struct tkit_path *path)
{
	struct tkit_bytes canonical = why_canonical(why);
	const struct tkit_access *access;

	if (bytes_eq(path->name, why->path))
		return true;
	if (canonical.len && (bytes_eq(path->name, canonical) ||
			      (path->enriched & TKIT_ENRICHED_NODE && path->exists &&
			       bytes_eq(path->canonical, canonical))))
		return true;
	for (size_t i = 0; (access = tkit_model_access(why->model, path, i)); i++)
		if (access->resolved.len && (bytes_eq(access->resolved, why->path) ||
					     bytes_eq(access->resolved, canonical)))
			return true;
	return false;
}

const struct tkit_closure_entry *why_entry(const struct why *why)
{
	/* What is not in the root may have been made for the image. */
	return why->closure
		       ? tkit_closure_find(why->closure,
					   why->canonical.size ? why_canonical(why) : why->path)
		       : NULL;
}

bool why_stat(const struct why *why, struct stat *ret_st)
{
	return why->root && why->canonical.size &&
	       tkit_rootfs_lstat(why->root, why_canonical(why), ret_st) >= 0;
}

const struct tkit_mount_info *why_mount(const struct why *why)
{
	const struct tkit_mount_info *mount = tkit_model_mount_of(why->model, why->path);

	return mount || !why->canonical.size ? mount
					     : tkit_model_mount_of(why->model, why_canonical(why));
}

static void note_link(void *arg, struct tkit_bytes link)
{
	struct buf *links = arg;

	buf_add(links, link.ptr, link.len);
	buf_char(links, '\0');
}

/* A user by name, who has to be looked up in the image. */
static bool needs_users(const struct tkit_rootfs *root, const char *user)
{
	const struct tkit_image_config *config = tkit_rootfs_config(root);

	if (!user && config)
		user = config->user;
	return user && user[strspn(user, "0123456789:")];
}

/* The root, what it adds to the model, and the image that would come of both. */
static int open_root(struct why *why, struct why_args *args, struct err *err)
{
	const uint64_t wants = TKIT_WANTS_NODES | TKIT_WANTS_PACKAGES | TKIT_WANTS_ELF;
	struct rootfs_walk walk = {.link = note_link, .arg = &why->links};
	struct tkit_ctx ctx = CTX_INIT(NULL);
	int rc = tkit_rootfs_open(&ctx, args->root, &args->source, &why->root);

	if (rc < 0) {
		err_set(err, rc, "%s", err_text(&ctx.err));
		why->root = NULL;
	} else {
		rc = model_enrich(why->model, why->root, wants, err);
	}
	if (rc >= 0) {
		args->options.need_users = needs_users(why->root, args->user);
		rc = tkit_closure_new(&ctx, why->model, why->root, &args->options, &why->closure);
		if (rc < 0)
			err_set(err, rc, "%s", err_text(&ctx.err));
	}
	ctx_done(&ctx);
	if (rc < 0)
		return rc;
	rc = rootfs_resolve(why->root, &walk, why->path, &why->canonical);
	/* A symlink to nothing is there, too. */
	walk.nofollow = true;
	walk.link = NULL;
	if (rc < 0 && rc != -ENOMEM)
		rc = rootfs_resolve(why->root, &walk, why->path, &why->canonical);
	if (rc < 0)
		buf_clear(&why->canonical);
	return rc == -ENOMEM ? err_sys(err, rc, "resolving the path") : 0;
}

static int read_traces(struct why *why, char **files, struct err *err)
{
	static char *fallback[] = {(char *)DEFAULT_FILE, NULL};
	struct model_builder *builder;
	int rc = model_builder_new(&builder, err);

	for (char **file = *files ? files : fallback; !rc && *file; file++)
		rc = model_builder_add_file(builder, *file, NULL, NULL, err);
	if (!rc)
		rc = model_builder_finish(builder, &why->model, err);
	model_builder_free(builder);
	return rc;
}

static int answer(const struct cli_command *cmd, int argc, char **argv, int (*tell)(struct why *),
		  int (*tell_json)(struct why *))
{
	struct why why = {0};
	struct why_args args = {0};
	struct err err = ERR_INIT;
	int status = why_args_parse(cmd, argc, argv, &args), rc = 0;

	if (!status) {
		why.path = bytes_str(args.path);
		while (why.path.len > 1 && why.path.ptr[why.path.len - 1] == '/')
			why.path.len--;
		why.options = &args.options;
		rc = read_traces(&why, args.files, &err);
		if (!rc && args.root)
			rc = open_root(&why, &args, &err);
		status = rc < 0 ? cli_error(&err) : args.json ? tell_json(&why) : tell(&why);
		if (rc >= 0 && print_out(&why.out))
			status = CLI_FAILED;
	}
	buf_done(&why.out);
	buf_done(&why.links);
	buf_done(&why.canonical);
	tkit_closure_free(why.closure);
	model_free(why.model);
	why_args_done(&args);
	err_done(&err);
	return status;
}

static int run_why(int argc, char **argv)
{
	return answer(&cmd_why, argc, argv, why_tell, why_tell_json);
}

static int run_why_not(int argc, char **argv)
{
	return answer(&cmd_why_not, argc, argv, why_not_tell, why_not_tell_json);
}

const struct cli_command cmd_why = {
	.name = "why",
	.summary = "who used a path, and why it is in the image",
	.help = why_help,
	.run = run_why,
};

const struct cli_command cmd_why_not = {
	.name = "why-not",
	.summary = "why a path is not in the image",
	.help = why_not_help,
	.run = run_why_not,
};
