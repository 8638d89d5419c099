// SPDX-License-Identifier: MIT
#include "util/log.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/buf.h"
#include "util/bytes.h"

static atomic_int current_level = TKIT_LOG_WARN;

void log_set_level(enum tkit_log_level level)
{
	atomic_store(&current_level, (int)level);
}

enum tkit_log_level log_level(void)
{
	return (enum tkit_log_level)atomic_load(&current_level);
}

void log_vline(enum tkit_log_level level, const char *who, const char *fmt, va_list ap)
{
	static const char *const names[] = {"", "error: ", "warning: ", "", "debug: "};
	struct buf line = BUF_INIT;
	int saved = errno;
	char *text = NULL;

	if (level > log_level())
		return;
	if (vasprintf(&text, fmt, ap) < 0)
		text = NULL;
	buf_str(&line, "tkit: ");
	buf_str(&line, names[level]);
	if (who) {
		buf_str(&line, who);
		buf_str(&line, ": ");
	}
	/* Text may hold a hostile path: no control byte reaches the terminal. */
	buf_escaped(&line, bytes_str(text ? text : fmt));
	buf_char(&line, '\n');
	if (line.data) {
		/* Nothing can be done about a standard error that does not take the line. */
		ssize_t n = write(STDERR_FILENO, line.data, line.size);

		(void)n;
	}
	buf_done(&line);
	free(text);
	errno = saved;
}

void log_line(enum tkit_log_level level, const char *who, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_vline(level, who, fmt, ap);
	va_end(ap);
}
