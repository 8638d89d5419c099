// SPDX-License-Identifier: MIT
#include "strace.h"

#include <ctype.h>
#include <string.h>

static bool starts(const char *p, const char *end, const char *what)
{
	size_t len = strlen(what);

	return (size_t)(end - p) >= len && !memcmp(p, what, len);
}

static bool ends(const char *text, size_t len, const char *what)
{
	size_t n = strlen(what);

	return len >= n && !memcmp(text + len - n, what, n);
}

/* The end of a descriptor's "<...>": -y escapes '>' in names as \76. */
static const char *skip_angle(const char *p, const char *end)
{
	while (p < end && *p != '>')
		p += *p == '\\' && p + 1 < end ? 2 : 1;
	return p;
}

/* "1234  " (strace -f -o) or "[pid 1234] " (to a terminal); the number is padded. */
static const char *skip_pid(const char *p, const char *end, int32_t *ret_pid)
{
	bool bracket = starts(p, end, "[pid ");
	const char *q = p;
	int64_t pid = 0;

	*ret_pid = 0;
	if (bracket)
		q += 5;
	while (q < end && *q == ' ')
		q++;
	if (q == end || !isdigit((unsigned char)*q))
		return p;
	for (; q < end && isdigit((unsigned char)*q) && pid < INT32_MAX; q++)
		pid = pid * 10 + (*q - '0');
	/* -Y: the thread's name behind it */
	if (q < end && *q == '<')
		q = skip_angle(q, end) + 1;
	if (bracket) {
		if (q >= end || *q++ != ']')
			return p;
	}
	if (q >= end || *q != ' ')
		return p;
	while (q < end && *q == ' ')
		q++;
	*ret_pid = (int32_t)pid;
	return q;
}

/* A time of -t, -tt, -ttt or -r: digits, colons and a dot. */
static const char *skip_time(const char *p, const char *end)
{
	const char *q = p;

	while (q < end && (isdigit((unsigned char)*q) || *q == ':' || *q == '.'))
		q++;
	if (q == p || q == end || *q != ' ')
		return p;
	while (q < end && *q == ' ')
		q++;
	return q;
}

/* The last ") = " that is not inside a string: results hold no quotes before it, arguments may
 * hold anything, so the search goes from the left, skipping strings. */
static const char *find_close(const char *p, const char *end)
{
	bool quoted = false;
	const char *found = NULL;

	for (; p < end; p++) {
		if (quoted && *p == '\\')
			p++;
		else if (*p == '"')
			quoted = !quoted;
		else if (!quoted && *p == ')') {
			const char *q = p + 1;

			while (q < end && *q == ' ')
				q++;
			if (starts(q, end, "= "))
				found = p;
		}
		/* behind the result stands only an errno's text */
		if (found)
			return found;
	}
	return NULL;
}

bool strace_cut(const char *text, size_t len, struct strace_parts *ret)
{
	static const char unfinished[] = " <unfinished ...>";
	const char *end = text + len, *p = text, *close;

	memset(ret, 0, sizeof(*ret));
	p = skip_time(skip_pid(p, end, &ret->pid), end);
	if (starts(p, end, "+++ ")) {
		ret->form = STRACE_EXIT;
		ret->result = p + 4;
		ret->result_len = (size_t)(end - p) - 4;
		return ends(text, len, " +++");
	}
	if (starts(p, end, "--- ")) {
		ret->form = STRACE_SIGNAL;
		return ends(text, len, " ---");
	}
	ret->form = STRACE_CALL;
	if (starts(p, end, "<... ")) {
		ret->form = STRACE_RESUMED;
		p += 5;
	}
	ret->name = p;
	while (p < end && (isalnum((unsigned char)*p) || *p == '_'))
		p++;
	ret->name_len = (size_t)(p - ret->name);
	if (!ret->name_len)
		return false;
	if (ret->form == STRACE_RESUMED) {
		if (!starts(p, end, " resumed>"))
			return false;
		p += 9;
	} else if (p == end || *p++ != '(') {
		return false;
	}
	ret->args = p;
	if (ret->form == STRACE_CALL && ends(p, (size_t)(end - p), unfinished)) {
		ret->form = STRACE_UNFINISHED;
		ret->args_len = (size_t)(end - p) - (sizeof(unfinished) - 1);
		return true;
	}
	close = find_close(p, end);
	if (!close)
		return false;
	ret->args_len = (size_t)(close - p);
	p = close + 1;
	while (p < end && *p == ' ')
		p++;
	ret->result = p + 2;
	ret->result_len = (size_t)(end - ret->result);
	return true;
}

int strace_args(const char *text, size_t len, struct strace_arg args[STRACE_ARGS])
{
	const char *end = text + len, *start = text, *p;
	int depth = 0, count = 0;

	for (p = text; p <= end; p++) {
		if (p == end || (*p == ',' && depth == 0)) {
			if (count < STRACE_ARGS && p > start) {
				args[count].text = start;
				args[count++].len = (size_t)(p - start);
			}
			if (p == end)
				break;
			start = p + 1;
			while (start < end && *start == ' ')
				start++;
			p = start - 1;
			continue;
		}
		switch (*p) {
		case '"':
			for (p++; p < end && *p != '"'; p++)
				if (*p == '\\')
					p++;
			if (p >= end)
				return -1;
			break;
		case '<':
			/* only behind a descriptor; "<<" and "<=" stand in no argument */
			if (p > text && (isalnum((unsigned char)p[-1]) || p[-1] == '_'))
				p = skip_angle(p, end);
			if (p >= end)
				return -1;
			break;
		case '(':
		case '[':
		case '{':
			depth++;
			break;
		case ')':
		case ']':
		case '}':
			if (--depth < 0)
				return -1;
			break;
		default:
			break;
		}
	}
	return depth ? -1 : count;
}

static int octal(const char *p, const char *end, size_t *ret_len)
{
	int value = 0;
	size_t n = 0;

	while (n < 3 && p + n < end && p[n] >= '0' && p[n] <= '7')
		value = value * 8 + (p[n++] - '0');
	*ret_len = n;
	return value;
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* C escapes as strace writes them: \n, \ooo (one to three digits), \xHH. */
static size_t unescape(const char *p, const char *end, char *buf)
{
	static const char from[] = "ntrvfba\\\"'", to[] = "\n\t\r\v\f\b\a\\\"'";
	size_t len = 0;

	while (p < end) {
		const char *named;
		size_t n;

		if (*p != '\\' || p + 1 >= end) {
			buf[len++] = *p++;
			continue;
		}
		p++;
		named = *p ? strchr(from, *p) : NULL;
		if (*p >= '0' && *p <= '7') {
			buf[len++] = (char)octal(p, end, &n);
			p += n;
		} else if (*p == 'x' && p + 2 < end && hex_digit(p[1]) >= 0 &&
			   hex_digit(p[2]) >= 0) {
			buf[len++] = (char)(hex_digit(p[1]) << 4 | hex_digit(p[2]));
			p += 3;
		} else if (named) {
			buf[len++] = to[named - from];
			p++;
		} else {
			buf[len++] = *p++;
		}
	}
	return len;
}

long strace_string(const struct strace_arg *arg, char *buf, bool *ret_cut)
{
	const char *end = arg->text + arg->len;

	*ret_cut = false;
	if (arg->len >= 3 && !memcmp(end - 3, "...", 3)) {
		*ret_cut = true;
		end -= 3;
	}
	if (end - arg->text < 2 || arg->text[0] != '"' || end[-1] != '"')
		return -1;
	return (long)unescape(arg->text + 1, end - 1, buf);
}

long strace_fd_path(const char *text, size_t len, char *buf)
{
	const char *open = memchr(text, '<', len), *end = text + len, *close;

	if (!len ||
	    (!isdigit((unsigned char)text[0]) && text[0] != '-' && !starts(text, end, "AT_FDCWD")))
		return -1;
	if (!open || open + 1 >= end || open[1] != '/')
		return 0;
	close = skip_angle(open + 1, end);
	if (close >= end)
		return 0;
	return (long)unescape(open + 1, close, buf);
}
