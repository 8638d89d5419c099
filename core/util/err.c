// SPDX-License-Identifier: MIT
#include "util/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __clang_analyzer__ /* see err.h */
#undef err_set
#undef err_sys
#endif

void err_done(struct err *err)
{
	if (!err)
		return;
	free(err->text);
	err->text = NULL;
	err->rc = 0;
}

__attribute__((format(printf, 4, 0))) static int record(struct err *err, int rc, const char *tail,
							const char *fmt, va_list ap)
{
	int saved = errno;
	char *head = NULL;

	if (rc >= 0)
		rc = -EINVAL;
	if (!err)
		return rc;
	if (vasprintf(&head, fmt, ap) < 0)
		head = NULL;
	if (head && tail) {
		char *full = NULL;

		if (asprintf(&full, "%s: %s", head, tail) >= 0) {
			free(head);
			head = full;
		}
	}
	free(err->text);
	err->text = head;
	err->rc = rc;
	errno = saved;
	return rc;
}

int err_set(struct err *err, int rc, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	rc = record(err, rc, NULL, fmt, ap);
	va_end(ap);
	return rc;
}

int err_sys(struct err *err, int rc, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	rc = record(err, rc, strerror(rc < 0 ? -rc : EINVAL), fmt, ap);
	va_end(ap);
	return rc;
}

int err_wrap(struct err *err, const char *fmt, ...)
{
	struct err old;
	va_list ap;

	if (!err)
		return -EINVAL;
	old = *err;
	err->text = NULL;
	va_start(ap, fmt);
	record(err, old.rc, old.text ? old.text : strerror(-old.rc), fmt, ap);
	va_end(ap);
	free(old.text);
	return err->rc;
}

const char *err_text(const struct err *err)
{
	if (err->text)
		return err->text;
	return strerror(err->rc < 0 ? -err->rc : EINVAL);
}
