// SPDX-License-Identifier: MIT
/* The corrected manifest: what was used or sought and is not declared is put in. */
#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fix.h"

/* Where a library is looked for that the program sought elsewhere. */
static const char *const library_folders[] = {
	"/lib",
	"/usr/lib",
	"/lib64",
	"/usr/lib64",
	"/usr/local/lib",
	"/lib/x86_64-linux-gnu",
	"/usr/lib/x86_64-linux-gnu",
	"/lib/aarch64-linux-gnu",
	"/usr/lib/aarch64-linux-gnu",
	"/lib/arm-linux-gnueabihf",
	"/usr/lib/arm-linux-gnueabihf",
};

static long resolve(const struct fix *f, const char *name, char *out)
{
	long n = tkit_rootfs_resolve(f->fs, (struct tkit_bytes){name, strlen(name)}, 0, out,
				     NAME_SIZE - 1, NULL, NULL);

	if (n >= 0)
		out[n] = '\0';
	return n;
}

/* The source of a file: under its own name, or of a library anywhere it could be. */
int fix_find_source(const struct fix *f, const char *name, int library, char *out, struct stat *st)
{
	int found = f->fs && resolve(f, name, out) >= 0;

	for (size_t i = 0;
	     f->fs && library && !found && i < sizeof(library_folders) / sizeof(*library_folders);
	     i++) {
		char place[NAME_SIZE];

		if (snprintf(place, sizeof(place), "%s/%s", library_folders[i], last_of(name)) >=
		    (int)sizeof(place))
			return 0;
		found = resolve(f, place, out) >= 0;
	}
	return found && tkit_rootfs_lstat(f->fs, (struct tkit_bytes){out, strlen(out)}, st) == 0;
}

int fix_is_elf(const struct fix *f, const char *name)
{
	int fd = tkit_rootfs_openfile(f->fs, (struct tkit_bytes){name, strlen(name)});
	char magic[SELFMAG];
	int found;

	if (fd < 0)
		return 0;
	found = pread(fd, magic, SELFMAG, 0) == SELFMAG && !memcmp(magic, ELFMAG, SELFMAG);
	close(fd);
	return found;
}

/* Declared, or put in already. */
static int is_taken(const struct fix *f, const char *name)
{
	if (plan_find(f->plan, name))
		return 1;
	for (size_t i = 0; i < f->added.count; i++)
		if (!strcmp(f->added.nodes[i].name, name))
			return 1;
	return 0;
}

int fix_can_hold(const struct fix *f, const char *name, const char *source, const char *target)
{
	if (yaml_holds(name) && (!source || yaml_holds(source)) && (!target || yaml_holds(target)))
		return 1;
	tkit_log(f->ctx, TKIT_LOG_WARN,
		 "fix: %s is left out: YAML cannot hold a name that is not UTF-8", name);
	return 0;
}

static int put(struct fix *f, enum list list, const char *name, char *source, const char *target)
{
	struct node *node;

	if (!fix_can_hold(f, name, source, target)) {
		f->helpless++;
		free(source);
		return 0;
	}
	node = plan_add(&f->added, name, NODE_FILE);
	if (!node) {
		free(source);
		return -ENOMEM;
	}
	node->list = list;
	node->source = source;
	node->target = target ? strdup(target) : NULL;
	return (target && !node->target) || (list < LIST_DIRECTORIES && !source) ? -ENOMEM : 0;
}

static int put_file(struct fix *f, const char *name, const char *from)
{
	enum list list = fix_is_elf(f, from) ? LIST_BINARIES : LIST_DATA;
	char *source = NULL;

	if (strstr(from, ":/") || strstr(name, ":/")) {
		tkit_log(f->ctx, TKIT_LOG_WARN, "%s: a manifest cannot hold a name with \":/\"",
			 name);
		f->helpless++;
		return 0;
	}
	/* A folder of its own is no input.path: its files are local ones. */
	if (f->options->source && f->plan->type == TYPE_SCHEMA) {
		list = LIST_DATA;
		if (asprintf(&source, "%s%s", f->options->source, from) < 0)
			return -ENOMEM;
	} else if (asprintf(&source, "%s%s", f->prefix, from) < 0) {
		return -ENOMEM;
	}
	return put(f, list, name, source, NULL);
}

static int is_directory(const struct tkit_path *path)
{
	if (!path)
		return 0;
	if ((path->enriched & TKIT_ENRICHED_NODE) && path->exists)
		return S_ISDIR(path->mode);
	return (path->state & TKIT_PATH_LISTED) != 0;
}

/* A link on the way; if nothing declared is behind it, the files themselves will tell. */
static int put_link(struct fix *f, const char *name)
{
	struct tkit_rootfs *root = tkit_model_rootfs(f->model);
	char out[NAME_SIZE];
	long n = root ? tkit_rootfs_resolve(root, (struct tkit_bytes){name, strlen(name)}, 0, out,
					    sizeof(out) - 1, NULL, NULL)
		      : -1;

	if (n < 0)
		return 0;
	out[n] = '\0';
	if (!plan_find(f->plan, out) && !plan_has_below(f->plan, out) && !is_taken(f, out)) {
		int rc = put(f, LIST_DIRECTORIES, out, NULL, NULL);

		if (rc < 0)
			return rc;
	}
	return put(f, LIST_SYMLINKS, name, NULL, out);
}

static int add_item(struct fix *f, const struct item *item)
{
	char name[NAME_SIZE], from[NAME_SIZE];
	struct stat st;

	if (plan_resolve(f->plan, item->name, 0, name, 0) < 0 || is_taken(f, name))
		return 0;
	if (item->is_link)
		return put_link(f, name);
	if (item->section == SECTION_UNDECLARED && is_directory(item->path))
		return put(f, LIST_DIRECTORIES, name, NULL, NULL);
	if (!fix_find_source(f, item->name, item->library, from, &st)) {
		if (item->section == SECTION_UNDECLARED) {
			tkit_log(f->ctx, TKIT_LOG_WARN, "fix: no source for %s (option source=)",
				 item->name);
			f->helpless++;
		}
		return 0; /* a probe that nothing answers anywhere */
	}
	if (S_ISDIR(st.st_mode))
		return put(f, LIST_DIRECTORIES, name, NULL, NULL);
	if (S_ISREG(st.st_mode))
		return put_file(f, name, from);
	tkit_log(f->ctx, TKIT_LOG_WARN, "fix: %s is no regular file", item->name);
	f->helpless++;
	return 0;
}

static int collect(struct fix *f)
{
	int rc = 0;

	for (size_t i = 0; !rc && i < f->result->count; i++) {
		const struct item *item = &f->result->items[i];

		if (item->section == SECTION_UNDECLARED ||
		    (item->section == SECTION_SOUGHT && !item->accepted))
			rc = add_item(f, item);
	}
	return rc;
}

int write_fix(struct tkit_ctx *ctx, const struct options *options, const struct tkit_model *model,
	      const struct plan *plan, const struct result *result)
{
	const struct tkit_run *run = tkit_model_run(model, 0);
	struct fix f = {.ctx = ctx,
			.options = options,
			.model = model,
			.plan = plan,
			.result = result,
			.prefix = "GENERIC"};
	int rc;

	f.path = plan->path                  ? plan->path
		 : options->source           ? options->source
		 : run && run->info->root[0] ? run->info->root
					     : "/";
	if (plan->backend && !strcmp(plan->backend, "buildroot"))
		f.prefix = "BUILDROOT";
	if (plan->backend && !strcmp(plan->backend, "yocto"))
		f.prefix = "YOCTO";
	rc = open_sources(ctx, options, plan, tkit_model_rootfs(model), &f.fs, &f.owned);
	if (rc < 0)
		return rc;
	rc = collect(&f);
	if (rc < 0)
		tkit_fail(ctx, rc, "correcting the manifest");
	else
		rc = fix_write(&f);
	if (f.owned)
		tkit_rootfs_free(f.fs);
	plan_done(&f.added);
	return rc;
}
