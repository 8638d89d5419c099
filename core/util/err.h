/* SPDX-License-Identifier: MIT */
/*
 * Errors inside core: a negative errno as return value, and the cause as one line of
 * text in a struct err that the caller passes down. Library code never prints it; the
 * command line does.
 */
#ifndef UTIL_ERR_H
#define UTIL_ERR_H

struct err {
	int rc;     /* 0 = nothing recorded */
	char *text; /* NULL when memory was short */
};

#define ERR_INIT        \
	{               \
		0, NULL \
	}

/* Frees the text and clears. NULL-safe. */
void err_done(struct err *err);

/*
 * Records a new cause and returns rc (a negative errno; else -EINVAL). The text is
 * `fmt`, without strerror(): add it with ERR_SYS where the errno says more than the text.
 * `err` may be NULL. Preserves errno.
 */
int err_set(struct err *err, int rc, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* As err_set, with ": " and the text of -rc behind it. */
int err_sys(struct err *err, int rc, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

#ifdef __clang_analyzer__
/* The analyzer looks at one file at a time; this tells it that they return what they are given. */
#define err_set(err, rc, ...) ((err_set)((err), (rc), __VA_ARGS__), (rc))
#define err_sys(err, rc, ...) ((err_sys)((err), (rc), __VA_ARGS__), (rc))
#endif

/* Puts "fmt: " before the recorded cause; returns the recorded rc. */
int err_wrap(struct err *err, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The recorded text, or strerror of rc; never NULL. */
const char *err_text(const struct err *err);

#endif
