// SPDX-License-Identifier: MIT
/* tkit slim: from an image to a minimal one that is proven to run. */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli/out.h"
#include "cli/slim_args.h"
#include "util/cleanup.h"

static const char help[] =
	"Usage: tkit slim [OPTION]... IMAGE|SOURCE [-- ARG...]\n"
	"\n"
	"Runs the image traced, does with it what the options say, builds a minimal image, runs\n"
	"that in the same way, compares output, status and failed look-ups, adds what is missing,\n"
	"and again until nothing is. ARGs stand in place of the image's CMD. Needs root and an OCI\n"
	"runtime, but no daemon: SOURCE can be an archive or a directory (docs/SOURCES.md).\n"
	"\n" SLIM_DRIVE_HELP "Options:\n"
	"  -o, --output ARCHIVE     where the image goes (slim.tar); docker, podman and skopeo load it\n"
	"      --tag NAME[:TAG]     the image's name; without -o an engine's image is loaded into that\n"
	"                           engine under it\n"
	"      --runs N             run the original N times (1); traces merge, and outputs that\n"
	"                           differ between them are known for noise\n"
	"      --rounds N           at most N builds (5)\n"
	"      --include GLOB       keep also\n"
	"      --exclude GLOB       leave out, unless the minimal image proves to need it\n"
	"      --preserve GLOB      keep as the image has it, even if the run made or changed it\n"
	"      --preset NAME        keep also: shell, ca-certificates, timezone, name-service, locale\n"
	"      --no-pkgdb           leave out the package database\n" SLIM_COMMON_HELP "\n"
	"Exit status: 0 verified; 1 not verified (the image is written all the same); 125 it could\n"
	"not be done; 128 + signal when interrupted.\n"
	"\n"
	"Examples:\n"
	"  tkit slim --http http://127.0.0.1/ -o nginx-slim.tar nginx:1.25\n"
	"  tkit slim --exec 'redis-cli set a 1' --exec 'redis-cli get a' redis\n"
	"  tkit slim debian:12 -- ls -l /\n";

static int copy_all(int fd, struct tkit_out *out, struct err *err)
{
	_cleanup_free_ char *data = malloc(1u << 20);
	ssize_t n;

	if (!data)
		return err_sys(err, -ENOMEM, "writing the image");
	while ((n = read(fd, data, 1u << 20)) != 0) {
		int rc;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(err, -errno, "reading the image");
		rc = tkit_out_write(out, data, (size_t)n);
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int write_archive(const struct slim_args *args, int fd, struct err *err)
{
	const char *name = args->output ? args->output : "slim.tar";
	struct tkit_out *out = NULL;
	int rc = out_open_file(name, 0644, &out, err);

	if (rc < 0)
		return rc;
	rc = copy_all(fd, out, err);
	if (rc < 0 && !out_error(out)) {
		out_abandon(out);
		return rc;
	}
	err_done(err);
	return out_commit(out, err);
}

/* The engine that the image came from, if the result goes there. */
static const char *engine_of(const struct slim_args *args)
{
	if (args->output || !args->options.tag)
		return NULL;
	return strncmp(args->source, "docker:", 7) == 0   ? "docker"
	       : strncmp(args->source, "podman:", 7) == 0 ? "podman"
							  : NULL;
}

static int load_archive(const char *engine, int fd, struct err *err)
{
	char *argv[] = {(char *)engine, (char *)"load", (char *)"-q", NULL};
	posix_spawn_file_actions_t actions;
	int status = 0, rc;
	pid_t pid;

	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, fd, STDIN_FILENO);
	posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
	rc = posix_spawnp(&pid, engine, &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (rc)
		return err_sys(err, -rc, "running %s", engine);
	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return err_sys(err, -errno, "running %s", engine);
	return status ? err_set(err, -EIO, "`%s load` failed, see above", engine) : 0;
}

static int deliver(const struct slim_args *args, int fd, struct err *err)
{
	const char *engine = engine_of(args);

	return engine ? load_archive(engine, fd, err) : write_archive(args, fd, err);
}

static int run_slim(int argc, char **argv)
{
	struct slim_report report = {.archive = -1};
	struct err err = ERR_INIT;
	struct slim_args args;
	int rc, status = slim_args_parse(&args, &cmd_slim, argc, argv);

	if (!status) {
		rc = slim_run(&args.options, &report, &err);
		if (rc >= 0 && !report.signal && report.archive >= 0)
			rc = deliver(&args, report.archive, &err);
		status = slim_finish(&args, &report, rc, &err);
	}
	err_done(&err);
	slim_report_done(&report);
	slim_args_done(&args);
	return status;
}

const struct cli_command cmd_slim = {
	.name = "slim",
	.summary = "make a minimal image of an image, and prove that it runs",
	.help = help,
	.run = run_slim,
};
