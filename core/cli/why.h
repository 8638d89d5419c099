/* SPDX-License-Identifier: MIT */
/* tkit why and tkit why-not: one path, and all that is known of it. */
#ifndef CLI_WHY_H
#define CLI_WHY_H

#include <tkit/image.h>

#include "cli/cli.h"
#include "model/model.h"
#include "util/buf.h"
#include "util/bytes.h"

/* The command line. */
struct why_args {
	const char *path;
	char **files; /* NULL-terminated; none = the default */
	const char *root;
	const char *user; /* of the image; NULL = its configuration's */
	struct tkit_rootfs_options source;
	struct tkit_closure_options options;
	const char **items; /* of the lists in `options` */
	bool json;
};

/* 0, or an exit status after a complaint. */
int why_args_parse(const struct cli_command *cmd, int argc, char **argv, struct why_args *args);
void why_args_done(struct why_args *args);
extern const char why_help[], why_not_help[];

struct why {
	struct tkit_model *model;
	struct tkit_rootfs *root;     /* NULL = none given */
	struct tkit_closure *closure; /* with a root */
	const struct tkit_closure_options *options;
	struct tkit_bytes path; /* as given, absolute */
	struct buf canonical;   /* in the root, of what is there; empty = not there */
	struct buf links;       /* NUL-terminated: symlinks on the way */
	struct buf out;
};

/* The answers; all return the exit status. */
int why_tell(struct why *why);
int why_tell_json(struct why *why);
int why_not_tell(struct why *why);
int why_not_tell_json(struct why *why);

/* 1 if the path of the model leads to what is asked for: by its name, the root or the kernel. */
bool why_is_it(const struct why *why, const struct tkit_path *path);
static inline struct tkit_bytes why_canonical(const struct why *why)
{
	return BYTES(why->canonical.data, why->canonical.size);
}

/* The state of what is in the root. */
bool why_stat(const struct why *why, struct stat *ret_st);

/* The entry of the image that it leads to; NULL: none, or no root. */
const struct tkit_closure_entry *why_entry(const struct why *why);

/* The chain of reasons for an entry, then what symlinks on the way are in for, with a NULL
 * behind it. */
#define WHY_CHAIN_MAX 32
void why_chain(const struct why *why, const struct tkit_closure_entry *entry,
	       const struct tkit_closure_entry *chain[WHY_CHAIN_MAX + 1]);

/* What a library is there for; NULL: no library that was loaded. */
const struct tkit_path *why_library(const struct why *why);

/* What was mounted where the path is; NULL: nothing. */
const struct tkit_mount_info *why_mount(const struct why *why);

/* Text. */
void why_put(struct why *why, struct tkit_bytes name); /* escaped */
void why_put_accesses(struct why *why, const struct tkit_path *path);
void why_put_place(struct why *why);

/* Why a path is not in the image. */
enum why_not_cause {
	WHY_NOT_IN_IMAGE, /* it is */
	WHY_NOT_RUNTIME,  /* below `rule`, which the container runtime provides */
	WHY_NOT_MOUNTED,  /* something lay over it: what a run saw was not of the image */
	WHY_NOT_EXCLUDED, /* by `rule` */
	WHY_NOT_CREATED,  /* the run made it */
	WHY_NOT_SOCKET,
	WHY_NOT_WALKED,    /* only looked at, and such is left out */
	WHY_NOT_FOUND,     /* looked for, in vain */
	WHY_NOT_USED,      /* it was used; no root was given, so it would be in */
	WHY_NOT_LISTED,    /* only a name in `rule`, which was listed */
	WHY_NOT_UNTOUCHED, /* no run had to do with it */
	WHY_NOT_COUNT_
};

#define WHY_NEAR_MAX 5
struct why_near {
	const struct tkit_path *list[WHY_NEAR_MAX];
	size_t count; /* of all there are */
	struct tkit_bytes folder;
};

struct why_not {
	enum why_not_cause cause;
	struct tkit_bytes rule;
	size_t lookups;            /* paths of the model that lead to it */
	struct why_near namesakes; /* the same last component, elsewhere */
	struct why_near near;      /* used in the nearest folder above in which something was */
	const struct tkit_package *package;
	size_t package_used; /* other paths of it */
};
void why_not_find(const struct why *why, struct why_not *ret);
const char *why_not_cause_name(enum why_not_cause cause); /* "excluded" */
static inline bool why_used(const struct tkit_path *path)
{
	return path->state & (TKIT_PATH_SUCCEEDED | TKIT_PATH_EXISTED);
}

#endif
