/* SPDX-License-Identifier: MIT */
/* tkit report: its arguments, and the reporters that they ask for. */
#ifndef CLI_REPORT_H
#define CLI_REPORT_H

#include <stdbool.h>

#include <tkit/image.h>
#include <tkit/reporter.h>

#include "plugin/ctx.h"
#include "plugin/loader.h"
#include "util/buf.h"

#define REPORTERS_MAX 16

struct report_job {
	struct buf spec;    /* "NAME,k=v,..." as given, with what --k=v adds; NUL-terminated */
	const char *output; /* -o; NULL = standard output */
	const struct plugin *plugin;
	struct plugin_options *options;
	struct tkit_ctx ctx;
	void *self; /* the open instance; valid if `opened` */
	bool opened;
};

struct report_args {
	struct report_job jobs[REPORTERS_MAX];
	size_t job_count;
	const char *root;                  /* --root or --image: a source of files */
	struct tkit_rootfs_options source; /* how to open it */
	bool allow_incomplete;
	bool force;
	bool json;
	int failure;        /* exit status of a failure; 0 = not known yet */
	const char **extra; /* --foo[=v] that are no options of tkit report */
	size_t extra_count;
	const char **files;
	size_t file_count;
};

/* 0, or an exit status after a complaint. The arrays are the caller's to free. */
int report_parse(int argc, char **argv, struct report_args *args);
void report_args_done(struct report_args *args);

/* Finds and loads the reporters, hands them the options that --foo=v mean. */
int report_load(struct plugin_registry *registry, struct report_args *args, struct err *err);

#endif
