// SPDX-License-Identifier: MIT
#include "util/mountinfo.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* Space, tab, line feed and backslash stand there as \ooo. */
static void unescape(char *text)
{
	char *to = text;

	for (const char *p = text; *p; p++) {
		if (p[0] == '\\' && p[1] >= '0' && p[1] <= '3' && p[2] >= '0' && p[2] <= '7' &&
		    p[3] >= '0' && p[3] <= '7') {
			*to++ = (char)((p[1] - '0') * 64 + (p[2] - '0') * 8 + (p[3] - '0'));
			p += 3;
		} else {
			*to++ = *p;
		}
	}
	*to = '\0';
}

/* "ID PARENT MAJ:MIN ROOT POINT OPTIONS [TAG...] - TYPE SOURCE SUPER" */
static bool parse(char *line, struct mountinfo *ret)
{
	char *tail = strstr(line, " - "), *field[6], *at = line, *end, *source;

	if (!tail)
		return false;
	*tail = '\0';
	tail += 3;
	for (size_t i = 0; i < 6; i++) {
		field[i] = strsep(&at, " ");
		if (!field[i])
			return false;
	}
	*ret = (struct mountinfo){.id = (unsigned int)strtoul(field[0], &end, 10)};
	if (*end || end == field[0])
		return false;
	unescape(field[3]);
	unescape(field[4]);
	ret->device = field[2];
	ret->root = field[3];
	ret->point = field[4];
	ret->options = field[5];
	ret->type = strsep(&tail, " ");
	source = strsep(&tail, " ");
	if (source)
		unescape(source);
	ret->source = source ? source : "";
	ret->super = tail ? tail : "";
	return true;
}

bool mountinfo_next(char **text, struct mountinfo *ret)
{
	char *line;

	while ((line = strsep(text, "\n")))
		if (parse(line, ret))
			return true;
	return false;
}

bool mountinfo_has(const char *options, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = options; (p = strstr(p, word)); p += n)
		if ((p == options || p[-1] == ',') && (p[n] == ',' || p[n] == '\0'))
			return true;
	return false;
}
