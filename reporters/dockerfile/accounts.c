// SPDX-License-Identifier: MIT
#include "accounts.h"

#include <stdio.h>
#include <string.h>

/* What stands for itself in a Dockerfile and in a shell's quotes. */
#define PLAIN "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-._~:/, "

struct account {
	const char *line;
	int len;
	struct field {
		const char *at;
		int len;
	} fields[4]; /* name, password, number, group or members */
};

/* The next whole line of a text; 0 at its end. */
static int next_account(const char **text, struct account *a)
{
	while (*text && **text) {
		const char *line = *text, *at = line;
		int len = (int)strcspn(line, "\n"), count = 0;

		*text += len + (line[len] == '\n');
		for (; count < 4 && at <= line + len; count++) {
			int n = (int)strcspn(at, ":\n");

			a->fields[count] = (struct field){at, n};
			at += n + 1;
		}
		a->line = line;
		a->len = len;
		if (count == 4 && strspn(line, PLAIN) >= (size_t)len)
			return 1;
	}
	return 0;
}

static int is(struct field a, struct field b)
{
	return a.len == b.len && memcmp(a.at, b.at, (size_t)b.len) == 0;
}

static void add(struct text *out, const char *file, const struct account *a)
{
	text_str(out, "RUN grep -q '^");
	text_add(out, a->line, (size_t)a->fields[0].len);
	text_str(out, ":' ");
	text_str(out, file);
	text_str(out, " || echo '");
	text_add(out, a->line, (size_t)a->len);
	text_str(out, "' >>");
	text_str(out, file);
	text_str(out, "\n");
}

void accounts_write(const char *passwd, const char *group, const char *user, struct text *out)
{
	struct field name = {user, (int)strcspn(user, ":")};
	struct account a, g;

	if (!name.len || strspn(user, "0123456789") >= (size_t)name.len)
		return;
	while (next_account(&passwd, &a)) {
		if (!is(a.fields[0], name))
			continue;
		add(out, "/etc/passwd", &a);
		while (next_account(&group, &g))
			if (is(g.fields[2], a.fields[3])) {
				add(out, "/etc/group", &g);
				break;
			}
		return;
	}
}
