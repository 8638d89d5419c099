/* SPDX-License-Identifier: MIT */
/*
 * Inside of the closure. closure.c: results and order; closure_add.c: entries, parents,
 * what never belongs in; closure_model.c: the rules on a model's accesses;
 * closure_exec.c, closure_needed.c: interpreters and libraries; closure_scan.c: rules
 * that search the root; closure_preset.c, closure_rules.c, closure_packages.c: presets, rules for
 * what a backend cannot see, the package database; closure_made.c: files that no root has;
 * closure_mounts.c: what was mounted over the image.
 */
#ifndef IMAGE_CLOSURE_H
#define IMAGE_CLOSURE_H

#include <stdbool.h>

#include "image/library.h"
#include "rootfs/rootfs.h"
#include "util/buf.h"
#include "util/bytes.h"
#include "util/intern.h"

#define CLOSURE_NO_LINK UINT32_MAX

struct tkit_closure {
	struct tkit_rootfs *fs; /* borrowed */
	struct intern paths;    /* of the entries; while building, id = index */
	struct intern texts;    /* `because`, absent names */
	struct intern written;  /* paths of what the run wrote to */
	struct tkit_closure_entry *entries;
	size_t count;
	size_t room;
	uint32_t *hard_links; /* by entry: index of the first with the same inode, or NO_LINK */
	struct buf *made;     /* by entry.made - 1 */
	uint32_t made_count;
	struct tkit_bytes *absent;
	size_t absent_count;
	uint64_t bytes;
};

/* Why something is asked for. */
struct cause {
	enum tkit_reason reason;
	struct tkit_bytes because; /* empty = itself */
	struct tkit_bytes root;    /* the process's root; empty = "/" */
};

/* One computation of a closure. */
struct closure_job {
	struct tkit_closure *closure;
	struct tkit_ctx *ctx;
	struct tkit_rootfs *fs;
	const struct tkit_model *model;
	const struct tkit_closure_options *options;
	struct intern absent;    /* names */
	struct intern inspected; /* "path\0root" of executed files */
	struct intern needing;   /* "path\0root" of ELF files whose libraries were added */
	struct intern walked;    /* "directory\0program": one that was looked through, or not */
	struct buf walked_flags; /* by its id: one byte, 1 = yes */
	struct library_dirs library_dirs;
	bool held;               /* the trace has what a snapshot found open already */
	bool static_needs;       /* follow DT_NEEDED of what was executed or loaded */
	unsigned int exec_depth; /* interpreters of interpreters */
	uint32_t rules;          /* enum closure_rule, as bits: those in force */
	uint64_t made_by_run;    /* matched an include rule or preset, and left out */
	uint64_t sockets;        /* left out */
	uint64_t not_listed;     /* directories that a search could not list */
	uint64_t devices;        /* device nodes outside /dev, kept */
};

/* What became of a request. */
enum closure_found {
	CLOSURE_MISSING = 0,
	CLOSURE_FOUND = 1 /* it is in, or is there and left out by a rule */
};

#define CLOSURE_NOFOLLOW (1u << 0) /* a symlink in the last place is the object */
#define CLOSURE_EXECUTED (1u << 1) /* look for its interpreters */
#define CLOSURE_PREFIX   (1u << 2) /* if it is missing, keep what there is on the way */
#define CLOSURE_MADE     (1u << 3) /* the same, by the rule created-parents */

/*
 * Adds what `path` (absolute in cause->root) leads to, the symlinks on the way, and all
 * parents. Returns enum closure_found, or -errno with a recorded cause. If `ret_canonical`
 * is not NULL it gets the canonical path of what was found.
 */
int closure_want(struct closure_job *job, struct tkit_bytes path, const struct cause *cause,
		 unsigned int flags, struct buf *ret_canonical);

/* Adds exactly this canonical path, if the rules let it. 0 or -errno. */
int closure_add(struct closure_job *job, struct tkit_bytes path, const struct cause *cause);

/* Some rule keeps this canonical path out. Parents of what is in are not asked. */
bool closure_left_out(struct closure_job *job, struct tkit_bytes path, enum tkit_reason reason);

/* Puts an entry in without its parents, or a better reason on one that is in. */
int closure_put(struct closure_job *job, struct tkit_bytes path, const struct rootfs_node *node,
		const struct cause *cause, bool *ret_new);

/*
 * Adds a file or directory (mode) that the root does not have, or has in another form, owned
 * by root, with its parents. `data` is taken over (emptied); NULL for a directory.
 */
int closure_make(struct closure_job *job, struct tkit_bytes path, const struct stat *like,
		 struct buf *data, const struct cause *cause);

/* Directories that a runtime mounts over; NULL-terminated. */
extern const char *const closure_mount_points[];

/* Below one of them. */
bool closure_runtime(struct tkit_bytes path);

/* closure_mounts.c: a mount hid it, or it belongs to one; it lies on one; places for mounts. */
bool closure_mounted(struct closure_job *job, struct tkit_bytes path);
bool closure_on_mount(const struct closure_job *job, struct tkit_bytes path);
int closure_mounts(struct closure_job *job);

/* The directory above; "/" for "/". */
struct tkit_bytes closure_parent(struct tkit_bytes path);

static inline bool closure_ends(struct tkit_bytes text, struct tkit_bytes end)
{
	return text.len >= end.len && bytes_eq(BYTES(text.ptr + text.len - end.len, end.len), end);
}

/* Notes a name that should be in the root and is not. */
int closure_note_absent(struct closure_job *job, struct tkit_bytes name);

/* An executed file (canonical) of a process with that root: interpreters, libraries. */
int closure_executed(struct closure_job *job, struct tkit_bytes path, const struct cause *cause);

/* DT_NEEDED of a file (canonical): adds the libraries found as ld.so would, and theirs. */
int closure_needed(struct closure_job *job, struct tkit_bytes path, const struct cause *cause);

/* The rules on the accesses of the model. */
int closure_from_model(struct closure_job *job);

/* The access is one look of many: the program listed the directory and looked at all in it. */
int closure_is_walked(struct closure_job *job, const struct tkit_path *path,
		      const struct tkit_access *access);

/* Rules for what backends cannot see: what is in force, and their work. */
enum closure_rule {
	RULE_CREATED_PARENTS,
	RULE_PYTHON_SOURCE,
	RULE_PYTHON_PREFIX,
	RULE_PACKAGE_DIRECTORIES,
	RULE_STANDARD_DIRECTORIES,
	RULE_LISTED_ENTRIES,
	RULE_COUNT_
};
int closure_rules_choose(struct closure_job *job);
int closure_rules(struct closure_job *job);
bool closure_rule_on(const struct closure_job *job, enum closure_rule rule);

/* Presets, by name. */
int closure_presets(struct closure_job *job);

/* The package database, for what is in so far. */
int closure_packages(struct closure_job *job);

/* All that a glob matches in the root. `ret_any`: something did. */
struct closure_glob {
	const char *rule;
	struct cause cause;
	unsigned int flags; /* of closure_want() */
};
int closure_glob(struct closure_job *job, const struct closure_glob *glob, bool *ret_any);

/* Include rules; symlinks that lead to entries, for traces that do not have the names. */
int closure_includes(struct closure_job *job);
int closure_names(struct closure_job *job);

/* Adds everything in a listed directory (canonical). */
int closure_listed(struct closure_job *job, struct tkit_bytes path, const struct cause *cause);

#endif
