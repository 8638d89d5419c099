// SPDX-License-Identifier: MIT
/* The dockerfile reporter: a folder from which a minimal image can be built. */
#include "dockerfile.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <tkit/reporter.h>

#define ABSENT_SHOWN 5 /* names in the warning; the rest is a number */

static const struct tkit_option options[] = {
	{"format", TKIT_OPTION_ENUM, offsetof(struct options, format), "image", "image|list",
	 "image: Dockerfile and rootfs.tar; list: files.txt, paths with reasons"},
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

static int write_file(struct tkit_ctx *ctx, struct tkit_out *out, const char *name,
		      const struct text *text)
{
	int fd = tkit_out_create(out, name, 0644);
	size_t done = 0;

	if (fd < 0)
		return tkit_fail(ctx, fd, "creating %s", name);
	while (done < text->size) {
		ssize_t n = write(fd, text->data + done, text->size - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			int saved = errno;

			close(fd);
			return tkit_fail(ctx, -saved, "writing %s", name);
		}
		done += (size_t)n;
	}
	if (close(fd) < 0)
		return tkit_fail(ctx, -errno, "writing %s", name);
	return 0;
}

static int write_layer(struct tkit_ctx *ctx, struct tkit_out *out, struct tkit_closure *closure)
{
	int fd = tkit_out_create(out, "rootfs.tar", 0644);
	int rc;

	if (fd < 0)
		return tkit_fail(ctx, fd, "creating rootfs.tar");
	rc = tkit_closure_write_tar(ctx, closure, fd);
	if (close(fd) < 0 && rc == 0)
		rc = tkit_fail(ctx, -errno, "writing rootfs.tar");
	return rc;
}

/* path, reason, what brought it in; tab-separated. */
static int write_list(struct tkit_ctx *ctx, struct tkit_out *out,
		      const struct tkit_closure *closure)
{
	const struct tkit_closure_entry *entry;
	struct text text = {0};
	int rc;

	for (size_t i = 0; (entry = tkit_closure_entry(closure, i)); i++) {
		text_escaped(&text, entry->path);
		text_str(&text, "\t");
		text_str(&text, tkit_reason_name((int)entry->reason));
		text_str(&text, "\t");
		text_escaped(&text, entry->because);
		text_str(&text, "\n");
	}
	rc = text.failed ? tkit_fail(ctx, -ENOMEM, "writing files.txt")
			 : write_file(ctx, out, "files.txt", &text);
	text_done(&text);
	return rc;
}

static int write_image(struct tkit_ctx *ctx, const struct options *given,
		       const struct tkit_model *model, struct tkit_closure *closure,
		       struct tkit_out *out)
{
	struct text text = {0};
	int rc = command_write(ctx, given, model, closure, &text);

	if (rc == 0)
		rc = write_layer(ctx, out, closure);
	if (rc == 0)
		rc = write_file(ctx, out, "Dockerfile", &text);
	text_done(&text);
	return rc;
}

/* A name, not only numbers: somebody has to look it up in the image. */
static uint32_t is_user_name(const char *user)
{
	return user && user[strspn(user, "0123456789:")];
}

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
	};
	struct tkit_closure *closure;
	int rc;

	rc = tkit_closure_new(ctx, model, tkit_model_rootfs(model), &want, &closure);
	if (rc < 0)
		return rc;
	warn_absent(ctx, closure);
	rc = given->format == FORMAT_LIST ? write_list(ctx, out, closure)
					  : write_image(ctx, given, model, closure, out);
	if (rc == 0)
		tkit_log(ctx, TKIT_LOG_INFO, "%zu paths, %llu bytes in files",
			 tkit_closure_count(closure),
			 (unsigned long long)tkit_closure_bytes(closure));
	tkit_closure_free(closure);
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
		TKIT_NEEDS_COMPLETE | TKIT_WANTS_NODES | TKIT_WRITES_DIRECTORY,
	.option_count = sizeof(options) / sizeof(options[0]),
	.options_bytes = sizeof(struct options),
	.options = options,
};
