// SPDX-License-Identifier: MIT
/* Lines from a file, a pipe or a terminal, of bounded length. */
#include "import.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Longer than any record of the known tools: two names of PATH_MAX, each byte as \ooo. */
#define LINE_LIMIT 65536

struct lines {
	int fd;
	bool own_fd;
	bool end;
	bool draining; /* the stop descriptor does not count any more */
	bool dropping; /* the rest of a line that was too long */
	char *name;
	size_t start, fill;
	uint64_t number;
	char data[LINE_LIMIT + 1];
};

/* "strace -ff -o LOG" writes LOG.PID. True: there is such a file, its name is in ret_name. */
static bool one_per_process(const char *file, char *ret_name, size_t size)
{
	char pattern[PATH_MAX];
	glob_t found = {0};
	bool any;

	if (strpbrk(file, "*?[\\") ||
	    snprintf(pattern, sizeof(pattern), "%s.[0-9]*", file) >= (int)sizeof(pattern))
		return false;
	any = glob(pattern, 0, NULL, &found) == 0 && found.gl_pathc > 0;
	if (any)
		snprintf(ret_name, size, "%s", found.gl_pathv[0]);
	globfree(&found);
	return any;
}

static int cannot_open(struct tkit_ctx *ctx, const char *file, int error)
{
	char name[200];

	if (error == ENOENT && one_per_process(file, name, sizeof(name)))
		return tkit_fail(
			ctx, -error,
			"opening %s; strace -ff has made a file for each process (%s): import "
			"each, then `tkit merge`",
			file, name);
	return tkit_fail(ctx, -error, "opening %s", file);
}

int lines_new(struct tkit_ctx *ctx, const char *file, struct lines **ret_lines)
{
	bool is_stdin = !strcmp(file, "-");
	struct lines *lines = calloc(1, sizeof(*lines));

	if (!lines)
		return tkit_fail(ctx, -ENOMEM, "%s", file);
	lines->name = strdup(is_stdin ? "standard input" : file);
	lines->own_fd = !is_stdin;
	lines->fd = is_stdin ? STDIN_FILENO : open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (lines->fd < 0 || !lines->name) {
		int rc = lines->name ? cannot_open(ctx, file, errno)
				     : tkit_fail(ctx, -ENOMEM, "opening %s", file);

		lines_free(lines);
		return rc;
	}
	*ret_lines = lines;
	return 0;
}

int lines_new_fd(struct tkit_ctx *ctx, int fd, const char *name, struct lines **ret_lines)
{
	struct lines *lines = calloc(1, sizeof(*lines));

	if (lines)
		lines->name = strdup(name);
	if (!lines || !lines->name) {
		free(lines);
		close(fd);
		return tkit_fail(ctx, -ENOMEM, "%s", name);
	}
	lines->fd = fd;
	lines->own_fd = true;
	*ret_lines = lines;
	return 0;
}

void lines_drain(struct lines *lines)
{
	lines->draining = true;
}

void lines_free(struct lines *lines)
{
	if (!lines)
		return;
	if (lines->own_fd && lines->fd >= 0)
		close(lines->fd);
	free(lines->name);
	free(lines);
}

const char *lines_name(const struct lines *lines)
{
	return lines->name;
}

/* A complete line (or a full buffer, or the last line) out of the buffer. */
static int take(struct lines *lines, struct line *ret_line, bool *ret_cut)
{
	char *from = lines->data + lines->start;
	size_t have = lines->fill - lines->start;
	char *newline = have ? memchr(from, '\n', have) : NULL;
	bool full = !newline && lines->start == 0 && lines->fill == LINE_LIMIT;
	bool dropped = lines->dropping;

	if (!newline && !full && !(lines->end && have))
		return 0;
	lines->dropping = full;
	ret_line->text = from;
	ret_line->len = newline ? (size_t)(newline - from) : have;
	from[ret_line->len] = '\0';
	lines->start += ret_line->len + (newline ? 1 : 0);
	if (ret_line->len && from[ret_line->len - 1] == '\r')
		from[--ret_line->len] = '\0';
	if (dropped)
		return take(lines, ret_line, ret_cut);
	ret_line->number = ++lines->number;
	*ret_cut = full;
	return 1;
}

static int fill(struct tkit_ctx *ctx, struct lines *lines, int timeout_ms)
{
	struct pollfd fds[] = {{.fd = lines->fd, .events = POLLIN},
			       {.fd = lines->draining ? -1 : tkit_stop_fd(ctx), .events = POLLIN}};
	ssize_t n;

	memmove(lines->data, lines->data + lines->start, lines->fill - lines->start);
	lines->fill -= lines->start;
	lines->start = 0;
	if (poll(fds, 2, timeout_ms) < 0 && errno != EINTR)
		return tkit_fail(ctx, -errno, "waiting for %s", lines->name);
	if (!fds[0].revents)
		return 0;
	n = read(lines->fd, lines->data + lines->fill, LINE_LIMIT - lines->fill);
	if (n < 0)
		return errno == EINTR || errno == EAGAIN
			       ? 0
			       : tkit_fail(ctx, -errno, "reading %s", lines->name);
	lines->end = n == 0;
	lines->fill += (size_t)n;
	return 1;
}

int lines_next(struct tkit_ctx *ctx, struct lines *lines, int timeout_ms, struct line *ret_line,
	       bool *ret_cut)
{
	for (;;) {
		int rc = take(lines, ret_line, ret_cut);

		if (rc)
			return rc;
		if (lines->end)
			return TKIT_END;
		rc = fill(ctx, lines, timeout_ms);
		if (rc <= 0)
			return rc;
	}
}
