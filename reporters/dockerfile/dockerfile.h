/* SPDX-License-Identifier: MIT */
#ifndef DOCKERFILE_DOCKERFILE_H
#define DOCKERFILE_DOCKERFILE_H

#include <tkit/image.h>
#include <tkit/plugin.h>

#include "text.h"

enum format {
	FORMAT_IMAGE,
	FORMAT_ARCHIVE,
	FORMAT_TAR,
	FORMAT_MTREE,
	FORMAT_LIST,
	FORMAT_MULTISTAGE,
	FORMAT_PACKAGES,
	FORMAT_COUNT_
};

struct options {
	int format;
	const char *tag;
	const char *from;
	const char *tools;
	struct tkit_option_list entrypoint;
	struct tkit_option_list cmd;
	const char *workdir;
	const char *user;
	struct tkit_option_list env;
	struct tkit_option_list expose;
	struct tkit_option_list label;
	const char *stopsignal;
	struct tkit_option_list include;
	struct tkit_option_list exclude;
	struct tkit_option_list preserve;
	struct tkit_option_list preset;
	struct tkit_option_list rules;
	int walked;
	int pkgdb;
	int keep_listed;
	int users;
};

/* One report on its way. */
struct job {
	struct tkit_ctx *ctx;
	const struct options *options;
	const struct tkit_model *model;
	struct tkit_closure *closure;
	struct tkit_out *out;
};

/* The formats. 0 or -errno with a recorded cause. */
int format_image(struct job *job);
int format_archive(struct job *job);
int format_tar(struct job *job);
int format_mtree(struct job *job);
int format_list(struct job *job);
int format_multistage(struct job *job);
int format_packages(struct job *job);

/* Writes a whole file of the folder. */
int job_write_file(struct job *job, const char *name, const struct text *text);

#endif
