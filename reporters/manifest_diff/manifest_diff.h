/* SPDX-License-Identifier: MIT */
/*
 * The manifest_diff reporter: what a run used against what a manifest declares.
 *
 * load.c finds out what a manifest is; schema.c, archive.c, tree.c and list.c read the forms
 * into one plan (plan.c); compare.c holds it against the model; text.c and json.c tell;
 * fix.c and baseline.c write the files that close the loop, with edit.c, which changes
 * single lines of a file and leaves the others as they are.
 */
#ifndef MANIFEST_DIFF_H
#define MANIFEST_DIFF_H

#include <limits.h>
#include <stdio.h>

#include <tkit/image.h>
#include <tkit/reporter.h>
#include <tkit/trace.h>

#define NAME_SIZE (2 * PATH_MAX)

enum manifest_type {
	TYPE_AUTO,
	TYPE_SCHEMA,
	TYPE_MTREE,
	TYPE_TAR,
	TYPE_LIST,
	TYPE_DIRECTORY,
	TYPE_DPKG,
	TYPE_TRACE
};

struct options {
	const char *manifest;
	int type;   /* enum manifest_type */
	int format; /* 0 text, 1 json */
	const char *fix;
	int drop_unused;
	const char *source;
	int check_sources;
	const char *baseline;
	int update_baseline;
	struct tkit_option_list ignore;
	struct tkit_option_list fail_on;
};

/* ---- plan.c ---- */

enum node_kind { NODE_ANY, NODE_FILE, NODE_DIRECTORY, NODE_LINK };

/* The four lists of the schema; where a node comes from. */
enum list { LIST_BINARIES, LIST_DATA, LIST_DIRECTORIES, LIST_SYMLINKS, LIST_COUNT };

/* One thing that a manifest declares. */
struct node {
	char *name;   /* absolute, no "." and "..", links above it resolved */
	char *target; /* links: as it stands */
	char *source; /* schema: as it stands; else NULL */
	enum node_kind kind;
	enum list list;
	unsigned int line; /* in the manifest; 0 = none */
	int used;          /* something of it was used */
	int passed;        /* a link on the way of something used */
	int target_only;   /* declared by a link to it */
	int sought;        /* looked for and not found */
};

/* A list of a schema file, for writing into it. */
struct place {
	int present;
	int block; /* one item a line */
	int empty; /* nothing behind the key */
	unsigned int first_line, last_line;
	unsigned int indent;
};

struct plan {
	enum manifest_type type;
	struct node *nodes; /* sorted by name after plan_finish() */
	size_t count;
	size_t room;

	/* schema */
	char *text; /* of the file */
	size_t text_size;
	char *backend;
	char *mode;
	char *path;   /* input.path, variables put in */
	char *folder; /* of the manifest, for local sources */
	struct place places[LIST_COUNT];
	int reversed; /* symlinks stand as TARGET:LINK */

	/* What binaries bring along: last components of library names, and canonical names. */
	char **implied;
	size_t implied_count;
	size_t implied_room;
};

void plan_done(struct plan *plan);

/* Adds a node; name is made absolute. NULL: no memory, or the name leaves the root. */
struct node *plan_add(struct plan *plan, const char *name, enum node_kind kind);
/* Sorts, drops doubles, puts each name where the plan's links lead. */
int plan_finish(struct tkit_ctx *ctx, struct plan *plan);
const struct node *plan_find(const struct plan *plan, const char *name);
int plan_has_below(const struct plan *plan, const char *name);

/*
 * Where the plan's links lead; a link in the last place is left. Marks what it passes if
 * `mark`. 0, or -1 for a name that cannot be (a loop, too long).
 */
int plan_resolve(const struct plan *plan, const char *name, int follow_last, char *out, int mark);

/* "/a/./b//c/" as "/a/b/c". -1 if it has ".." or is too long. */
int clean_name(const char *name, char *out);
int plan_add_implied(struct plan *plan, const char *name);
int plan_is_implied(const struct plan *plan, const char *name);

/* ---- reading ---- */

int load_manifest(struct tkit_ctx *ctx, const struct options *options, struct plan *plan);
int read_schema(struct tkit_ctx *ctx, const struct options *options, const char *file,
		struct plan *plan);
/* Reads plan->text; `file` is for messages. */
int parse_schema(struct tkit_ctx *ctx, const struct options *options, const char *file,
		 struct plan *plan);
/* Decides which side of each symlink is the link, and checks them. */
int read_links(struct tkit_ctx *ctx, const char *file, struct plan *plan);
int read_archive(struct tkit_ctx *ctx, const char *file, struct plan *plan);
int read_list(struct tkit_ctx *ctx, const char *file, struct plan *plan);
int read_directory(struct tkit_ctx *ctx, const char *file, struct plan *plan);
int read_trace(struct tkit_ctx *ctx, const char *file, struct plan *plan);
/* The whole file, NUL-terminated, to be freed; more than 64 MiB is refused. */
int slurp(struct tkit_ctx *ctx, const char *file, char **ret_text, size_t *ret_size);

/* The files that binaries bring along, by the sources or the root. */
int add_implied(struct tkit_ctx *ctx, const struct options *options, struct plan *plan,
		struct tkit_rootfs *root);
/* Opens what fix= and binaries take files from: source=, input.path, or the root (borrowed,
 * *ret_owned = 0). *ret_fs is NULL if there is none. */
int open_sources(struct tkit_ctx *ctx, const struct options *options, const struct plan *plan,
		 struct tkit_rootfs *root, struct tkit_rootfs **ret_fs, int *ret_owned);
/* Name of a schema source inside input.path ("/usr/sbin/x"), or NULL if it is a local one. */
const char *source_name(const struct plan *plan, const char *source);
extern const char *const list_names[LIST_COUNT];

/* ---- compare.c ---- */

enum section {
	SECTION_USED,       /* declared and used */
	SECTION_UNDECLARED, /* used and not declared */
	SECTION_UNUSED,     /* declared and not used */
	SECTION_MISSING,    /* declared, and looked for in vain or not in the root */
	SECTION_SOUGHT,     /* looked for in vain, not declared */
	SECTION_COUNT
};

struct item {
	char *name;
	const struct node *node;      /* declared */
	const struct tkit_path *path; /* used or looked for; may be NULL */
	enum section section;
	int library;   /* SOUGHT: a library, found nowhere */
	char **places; /* library: where it was looked for, in that order */
	size_t place_count;
	int is_link;  /* UNDECLARED: a symlink on the way */
	int absent;   /* MISSING: not in the root */
	int accepted; /* the baseline has it */
	int gone;     /* told by another one */
};

struct result {
	struct item *items; /* by section, then name */
	size_t count;
	size_t room;
	size_t sections[SECTION_COUNT];
	size_t accepted; /* of MISSING and SOUGHT */
	size_t libraries;
	size_t searched; /* places of libraries that were found elsewhere */
	size_t fresh;    /* missing ones that the baseline does not have */
	int has_baseline;
	char **resolved; /* in the baseline and there now */
	size_t resolved_count;
	int differs; /* the exit status */
};

int compare(struct tkit_ctx *ctx, const struct options *options, const struct tkit_model *model,
	    struct plan *plan, struct result *result);
void result_done(struct result *result);
void item_done(struct item *item);

/* sought.c: drops ld.so's search, makes one item of all places of a library. */
int join_libraries(const struct tkit_model *model, struct result *result);
int is_library(const char *name);        /* "libz.so", "libz.so.1" */
int is_library_folder(const char *name); /* "/usr/lib64" */
const char *last_of(const char *name);
int item_is_missing(const struct item *item); /* the baseline may have it */
void judge(const struct options *options, struct result *result);

/* ---- baseline.c, edit.c, fix.c, text.c, json.c ---- */

int apply_baseline(struct tkit_ctx *ctx, const struct options *options,
		   const struct tkit_model *model, struct result *result);
int write_baseline(struct tkit_ctx *ctx, const struct options *options,
		   const struct tkit_model *model, const struct result *result);
int write_fix(struct tkit_ctx *ctx, const struct options *options, const struct tkit_model *model,
	      const struct plan *plan, const struct result *result);

/* A text as lines, some of which go and some of which get others behind them. */
struct edit {
	const char *text;
	size_t size;
	size_t count; /* lines */
	struct edit_line *lines;
};
struct edit_line {
	size_t at, size; /* with its line feed */
	int gone;
	char *behind; /* whole lines */
	size_t behind_size;
};
int edit_init(struct edit *edit, const char *text, size_t size);
void edit_done(struct edit *edit);
void edit_drop(struct edit *edit, unsigned int line); /* from 1 */
int edit_add(struct edit *edit, unsigned int line, const char *text);
void edit_write(const struct edit *edit, FILE *to);

/* A YAML scalar, quoted where it has to be. -1 if YAML cannot hold it (no UTF-8). */
int yaml_scalar(FILE *to, const char *text);
int yaml_holds(const char *text); /* whether it can */

void render_text(const struct options *options, const struct tkit_model *model,
		 const struct plan *plan, const struct result *result, struct tkit_out *out);
void render_json(const struct options *options, const struct tkit_model *model,
		 const struct plan *plan, const struct result *result, struct tkit_out *out);
const char *type_name(enum manifest_type type);

#endif
