/* SPDX-License-Identifier: MIT */
/* Log lines on standard error: "tkit: warning: ebpf: text". The level is process-wide. */
#ifndef UTIL_LOG_H
#define UTIL_LOG_H

#include <stdarg.h>

#include <tkit/plugin.h>

void log_set_level(enum tkit_log_level level); /* default: WARN */
enum tkit_log_level log_level(void);

/* `who` is the plugin's name or NULL. One write(2) per line. Preserves errno. Any thread. */
void log_line(enum tkit_log_level level, const char *who, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void log_vline(enum tkit_log_level level, const char *who, const char *fmt, va_list ap)
	__attribute__((format(printf, 3, 0)));

#define log_error(...) log_line(TKIT_LOG_ERROR, NULL, __VA_ARGS__)
#define log_warn(...)  log_line(TKIT_LOG_WARN, NULL, __VA_ARGS__)
#define log_info(...)  log_line(TKIT_LOG_INFO, NULL, __VA_ARGS__)
#define log_debug(...) log_line(TKIT_LOG_DEBUG, NULL, __VA_ARGS__)

#endif
