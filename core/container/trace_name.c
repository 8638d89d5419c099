// SPDX-License-Identifier: MIT
#include "container/trace_name.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "util/cleanup.h"

#define SAME_NAME_MAX 9999

static void add_clean(struct buf *out, const char *text)
{
	for (; *text; text++) {
		bool fine = (*text >= 'a' && *text <= 'z') || (*text >= 'A' && *text <= 'Z') ||
			    (*text >= '0' && *text <= '9') || *text == '_' || *text == '-' ||
			    (*text == '.' && out->size);

		buf_char(out, fine ? *text : '_');
	}
}

void trace_time(struct buf *out)
{
	struct timespec now;
	struct tm tm;
	char text[32];

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	strftime(text, sizeof(text), "%Y%m%dT%H%M%S", &tm);
	buf_printf(out, "%s.%06ld", text, now.tv_nsec / 1000);
}

static int add_field(struct buf *out, const char *field, size_t len, const struct container *c,
		     struct err *err)
{
	char id[13];

	snprintf(id, sizeof(id), "%s", c->id);
	if (len == 2 && strncmp(field, "id", len) == 0)
		add_clean(out, id);
	else if (len == 6 && strncmp(field, "fullid", len) == 0)
		add_clean(out, c->id);
	else if (len == 4 && strncmp(field, "name", len) == 0)
		add_clean(out, *c->name ? c->name : "container");
	else if (len == 5 && strncmp(field, "image", len) == 0)
		add_clean(out, *c->image ? c->image : "image");
	else if (len == 4 && strncmp(field, "time", len) == 0)
		trace_time(out);
	else
		return err_set(err, -EINVAL,
			       "trace name: unknown field {%.*s}; there are {id}, {fullid}, "
			       "{name}, {image} and {time}",
			       (int)len, field);
	return 0;
}

int trace_name(const char *template, const struct container *c, char **ret, struct err *err)
{
	struct buf out = BUF_INIT;
	int rc = 0;

	for (const char *p = template; rc == 0 && *p; p++) {
		const char *end = *p == '{' ? strchr(p, '}') : NULL;
		const char one[2] = {*p, '\0'};

		if (!end) {
			add_clean(&out, one);
			continue;
		}
		rc = add_field(&out, p + 1, (size_t)(end - p - 1), c, err);
		p = end;
	}
	buf_char(&out, '\0');
	if (rc == 0 && (out.failed || out.size > 200))
		rc = err_set(err, out.failed ? -ENOMEM : -ENAMETOOLONG,
			     "trace name: longer than 200 bytes");
	if (rc == 0)
		*ret = TAKE_PTR(out.data);
	buf_done(&out);
	return rc;
}

/* 1: the name is this container's now, 0: it is somebody's. */
static int take(int dir_fd, const char *name)
{
	_cleanup_close_ int fd =
		openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);

	return fd >= 0 ? 1 : errno == EEXIST ? 0 : -errno;
}

int trace_name_take(int dir_fd, char **name, struct err *err)
{
	const char *dot = strrchr(*name, '.');
	int stem = dot && dot != *name ? (int)(dot - *name) : (int)strlen(*name);
	int rc = take(dir_fd, *name);

	for (unsigned int i = 2; rc == 0 && i <= SAME_NAME_MAX; i++) {
		_cleanup_free_ char *other = NULL;

		if (asprintf(&other, "%.*s-%u%s", stem, *name, i, *name + stem) < 0) {
			other = NULL;
			return err_sys(err, -ENOMEM, "naming the trace");
		}
		rc = take(dir_fd, other);
		if (rc > 0) {
			free(*name);
			*name = TAKE_PTR(other);
		}
	}
	if (rc == 0)
		return err_set(err, -EEXIST, "there are %d traces with the name %s; remove some",
			       SAME_NAME_MAX, *name);
	return rc < 0 ? err_sys(err, rc, "making the trace %s", *name) : 0;
}

void trace_name_drop(int dir_fd, const char *name)
{
	struct stat st;

	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
	    st.st_size == 0)
		unlinkat(dir_fd, name, 0);
}
