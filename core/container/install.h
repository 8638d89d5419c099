/* SPDX-License-Identifier: MIT */
/*
 * Making tkit known to a container engine, and undoing it: edits of the engine's configuration
 * that leave everything else in it as it is.
 */
#ifndef CONTAINER_INSTALL_H
#define CONTAINER_INSTALL_H

#include <stdbool.h>

#include "util/buf.h"
#include "util/err.h"

struct install_spec {
	const char *name;   /* of the runtime: "tkit" */
	const char *tkit;   /* absolute path of the program */
	const char *runc;   /* absolute path of tkit-runc */
	const char *dir;    /* for traces; NULL: the default */
	const char *prefix; /* put before all paths of configuration files; "" = none */
};

/* One file that an engine's installation consists of. */
struct install_file {
	const char *path; /* "/etc/docker/daemon.json" */
	bool own;         /* the whole file is tkit's */
	/*
	 * The text with tkit in it (or without it, `undo`), from what is there (NULL: no such
	 * file). *ret is allocated; NULL = there should be no file. 0, or -EBADMSG, -EEXIST and so
	 * on with the cause.
	 */
	int (*edit)(const struct install_spec *spec, const char *text, bool undo, char **ret,
		    struct err *err);
};

struct install_engine {
	const char *name;
	const struct install_file *files;
	unsigned int file_count;
	const char *after; /* what the user has to do then; NULL = nothing */
	const char *usage; /* how to use it, with the runtime's name as %s */
};

/* By name: docker, podman, containerd; NULL if there is no such engine. */
const struct install_engine *install_engine(const char *name);
const struct install_engine *install_engine_at(unsigned int index); /* NULL past the end */

/* A change of one file, planned. */
struct install_change {
	char *path;    /* with the prefix, symlinks resolved */
	char *before;  /* NULL: there is none */
	char *after;   /* NULL: is to be removed */
	bool own;      /* the whole file is tkit's */
	bool restored; /* `after` is the backup, byte by byte: which goes then */
};

/* Plans it; nothing is written. install_change_done() in any case. */
int install_plan(const struct install_spec *spec, const struct install_file *file, bool undo,
		 struct install_change *ret, struct err *err);
bool install_changes(const struct install_change *change);
void install_change_done(struct install_change *change);

/*
 * Writes it aside and renames; keeps owner and mode. What was there before tkit's first change
 * is kept as PATH.before-tkit until it is restored.
 */
int install_apply(const struct install_change *change, struct err *err);

/* Whether a runtime's name can stand in all these files. */
bool install_valid_name(const char *name);

/* Ends an edit: the text of `out`, which is empty then, in *ret. */
int install_finish(struct buf *out, char **ret, struct err *err);

/* The ways to edit; see struct install_file. */
int install_edit_docker(const struct install_spec *spec, const char *text, bool undo, char **ret,
			struct err *err);
int install_edit_podman_conf(const struct install_spec *spec, const char *text, bool undo,
			     char **ret, struct err *err);
int install_edit_podman_hook(const struct install_spec *spec, const char *text, bool undo,
			     char **ret, struct err *err);
int install_edit_containerd(const struct install_spec *spec, const char *text, bool undo,
			    char **ret, struct err *err);

#endif
