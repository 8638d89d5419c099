/* SPDX-License-Identifier: MIT */
/*
 * Finding plugins by plugins.d, loading them, checking their ABI, filling their options.
 * Only what is asked for is dlopen'd. Single-threaded: used by the main thread before a
 * session starts and after it has ended.
 */
#ifndef PLUGIN_LOADER_H
#define PLUGIN_LOADER_H

#include <stdbool.h>
#include <stddef.h>

#include <tkit/plugin.h>

#include "util/err.h"

/* One conf file, NN-NAME.yaml; later directories override earlier ones by file name. */
struct plugin_conf {
	enum tkit_kind kind;
	char *name;
	char *module; /* absolute path of the .so */
	char *file;   /* the conf file, for messages */
	size_t default_count;
	struct plugin_default {
		char *key;
		char *value;
		unsigned int line;
	} * defaults;
};

struct plugin_registry;

/*
 * Reads the conf files of the search path: tkit/plugins.d beside libtkit and the prefix's
 * etc/tkit/plugins.d (an installed tkit, also where the tree was moved), else those of the build
 * tree, else ${libdir}/tkit/plugins.d; then /etc/tkit/plugins.d, $TKIT_PLUGINS_D (colon-separated;
 * not when running setuid). A bad file is an error only for who asks for that plugin, see
 * registry_find().
 */
int registry_new(struct plugin_registry **ret_registry, struct err *err);
void registry_free(struct plugin_registry *registry); /* NULL-safe; plugins stay loaded */

/* All good confs, sorted by (kind, name). */
size_t registry_count(const struct plugin_registry *registry);
const struct plugin_conf *registry_get(const struct plugin_registry *registry, size_t index);

/* A conf file that cannot be used. */
struct plugin_bad_conf {
	char *file;
	char *text; /* why: "FILE:LINE: ..." */
	/* What it would have named: from its text, else from the file name; kind 0 = unknown. */
	enum tkit_kind kind;
	char *name;
};
size_t registry_bad_count(const struct plugin_registry *registry);
const struct plugin_bad_conf *registry_bad(const struct plugin_registry *registry, size_t index);

/* Conf by kind and name; unknown: -ENOENT with the nearest name. */
int registry_find(struct plugin_registry *registry, enum tkit_kind kind, const char *name,
		  const struct plugin_conf **ret_conf, struct err *err);

/*
 * A loaded, checked plugin. `ops` and `desc` are core's zero-filled copies, desc.options is a
 * table of core's own struct tkit_option; version, summary and licence are never NULL. abi_minor
 * and the sizes are those of the module.
 */
struct plugin {
	struct tkit_plugin desc;
	const void *ops;                /* struct tkit_{backend,sink,reporter}_ops of core's size */
	const struct plugin_conf *conf; /* a copy of its own; NULL when loaded by file */
	const char *file;               /* canonical path of the module */
};

/* Loads by conf or by file; the result is cached and lives until the process ends. */
int plugin_load(const struct plugin_conf *conf, const struct plugin **ret_plugin, struct err *err);
int plugin_load_file(const char *file, const struct plugin **ret_plugin, struct err *err);

/*
 * The options of one instance: defaults of the table, then of the conf, then the user's
 * "key=value,key=value" (`\,` for a comma and `\\` for a backslash in a value; a bare key is
 * yes for a BOOL). What is given in a later place overrides: also the items of a LIST, whose
 * empty value empties it. `spec` may be NULL. Freed with plugin_options_free().
 */
struct plugin_options;
int plugin_options_new(const struct plugin *plugin, const char *spec,
		       struct plugin_options **ret_options, struct err *err);
/* The plugin's struct; NULL when it has no options (also for NULL). */
const void *plugin_options_data(const struct plugin_options *options);
/* The options given by conf and user, in the table's order, normalised, "ring-size=8388608,x=y";
 * for the trace's header. */
const char *plugin_options_text(const struct plugin_options *options);
void plugin_options_free(struct plugin_options *options);

/*
 * "NAME[,k=v]...": splits at the first comma, finds, loads, parses. The usual way in.
 */
int plugin_instance_spec(struct plugin_registry *registry, enum tkit_kind kind, const char *spec,
			 const struct plugin **ret_plugin, struct plugin_options **ret_options,
			 struct err *err);

const char *kind_name(enum tkit_kind kind);  /* "backend"; "?" for an unknown one */
enum tkit_kind kind_parse(const char *name); /* 0 if there is no such kind */

#endif
