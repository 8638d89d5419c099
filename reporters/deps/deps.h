/* SPDX-License-Identifier: MIT */
/* The deps reporter: which files a program used, sought in vain, made. */
#ifndef DEPS_H
#define DEPS_H

#include <string.h>

#include <tkit/image.h>
#include <tkit/reporter.h>

enum deps_format { DEPS_TEXT, DEPS_JSON };
enum deps_group { GROUP_NONE, GROUP_PROCESS, GROUP_PACKAGE, GROUP_DIRECTORY };

struct deps_options {
	int format; /* enum deps_format */
	int show_ignored;
	int no_default_ignore;
	int details;
	int group; /* enum deps_group */
	int removed;
	struct tkit_option_list ignore;
	struct tkit_option_list ops;
};

struct rule {
	char *path; /* glob */
	char *reason;
	int exact;
	int keep;
};

struct rules {
	struct rule *list;
	size_t count;
	size_t room;
};

/* Which section of the report a path stands in. */
enum section {
	SECTION_NONE, /* of no class that was asked for */
	SECTION_PRESENT,
	SECTION_CREATED,
	SECTION_MISSING,
	SECTION_FAILED,
	SECTION_UNKNOWN, /* no access has a known result */
	SECTION_IGNORED,
	SECTION_COUNT
};

struct entry {
	const struct tkit_path *path;
	const char *reason; /* SECTION_IGNORED */
	enum section section;
	int ok; /* SECTION_IGNORED: was there */
};

struct deps {
	const struct deps_options *options;
	struct rules rules;
	uint32_t classes; /* bits 1 << enum tkit_class that were asked for */
};

static inline int bytes_compare(struct tkit_bytes a, struct tkit_bytes b)
{
	int c = a.len && b.len ? memcmp(a.ptr, b.ptr, a.len < b.len ? a.len : b.len) : 0;

	return c ? c : (a.len > b.len) - (a.len < b.len);
}

/* What a report says: one entry for each path of the model, in its order. */
struct selection {
	struct entry *entries;
	size_t count;
	size_t sections[SECTION_COUNT];
};

/* ignore.yaml, made part of the module when it is built. */
extern const unsigned char rules_default[];
extern const size_t rules_default_size;

/* Adds the rules of a file behind those that are there. -errno with a recorded cause. */
int rules_add_file(struct tkit_ctx *ctx, struct rules *rules, const char *file);
int rules_add_default(struct tkit_ctx *ctx, struct rules *rules);
void rules_free(struct rules *rules);

/* The first rule that fits, NULL if there is none or it says keep. */
const struct rule *rules_find(const struct rules *rules, struct tkit_bytes path);

/* entries is the caller's to free. */
int select_entries(struct tkit_ctx *ctx, const struct deps *deps, const struct tkit_model *model,
		   struct selection *ret_selection);
const char *section_name(enum section section); /* "present" */

/* A name that was looked for in `count` places and is in none, in the order of looking. */
struct search {
	struct tkit_bytes name; /* last component */
	struct entry **places;
	size_t count;
};

struct searches {
	struct search *list; /* sorted by name */
	size_t count;
	struct entry **places;
};

int searches_find(struct tkit_ctx *ctx, const struct tkit_model *model,
		  const struct selection *selection, struct searches *ret_searches);
void searches_done(struct searches *searches);

/* Files that were used, sorted by key: a program, package or directory. */
struct member {
	struct tkit_bytes key; /* empty = unknown, none */
	const struct entry *entry;
	uint64_t bytes; /* 0 if another name of the same file stands in the group already */
	int is_file;    /* a regular file of the root, and the first of its names */
};

struct groups {
	struct member *list; /* the caller's to free */
	size_t count;
	size_t room;
};

/* GROUP_NONE: all in one. */
int groups_make(struct tkit_ctx *ctx, enum deps_group by, const struct tkit_model *model,
		const struct selection *selection, struct groups *ret_groups);
size_t group_end(const struct groups *groups, size_t start);
uint64_t group_bytes(const struct groups *groups, size_t start, size_t end);

/* What is in the root and not in a minimal image. */
struct removed_package {
	const struct tkit_package *package; /* NULL = none */
	uint64_t files, bytes, kept;
};

struct removed {
	struct removed_package *list; /* largest first; the caller's to free */
	size_t count;
	uint64_t files, bytes;
};

int removed_find(struct tkit_ctx *ctx, const struct tkit_model *model, struct removed *ret_removed);

/* Regular files of the root that were used, each once. */
struct total {
	uint64_t files, bytes;
};

int total_find(struct tkit_ctx *ctx, const struct tkit_model *model,
	       const struct selection *selection, struct total *ret_total);

/* Sizes for people: "812 bytes", "9.9 MB". */
void put_size(struct tkit_out *out, uint64_t bytes);

struct extras {
	struct total total;
	struct searches searches;
	struct groups groups;
	struct removed removed;
};

void render_text(const struct deps *deps, const struct tkit_model *model,
		 const struct selection *selection, const struct extras *extras,
		 struct tkit_out *out);
void render_json(const struct deps *deps, const struct tkit_model *model,
		 const struct selection *selection, const struct extras *extras,
		 struct tkit_out *out);
void render_json_more(const struct deps *deps, const struct tkit_model *model,
		      const struct extras *extras, struct tkit_out *out);

/* Whether more runs would show more; nothing for a single run. */
void saturation_text(const struct tkit_model *model, struct tkit_out *out);
void saturation_json(const struct tkit_model *model, struct tkit_out *out);

#endif
