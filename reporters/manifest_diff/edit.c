// SPDX-License-Identifier: MIT
/* Changing lines of a text, with all others left as they are; writing YAML scalars. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "manifest_diff.h"

int edit_init(struct edit *edit, const char *text, size_t size)
{
	size_t count = 0, at = 0;

	for (size_t i = 0; i < size; i++)
		count += text[i] == '\n';
	*edit = (struct edit){.text = text, .size = size};
	edit->lines = calloc(count + 2, sizeof(*edit->lines));
	if (!edit->lines)
		return -ENOMEM;
	while (at < size) {
		const char *end = memchr(text + at, '\n', size - at);
		size_t len = end ? (size_t)(end - text) + 1 - at : size - at;

		edit->lines[edit->count++] = (struct edit_line){.at = at, .size = len};
		at += len;
	}
	return 0;
}

void edit_done(struct edit *edit)
{
	for (size_t i = 0; edit->lines && i < edit->count; i++)
		free(edit->lines[i].behind);
	free(edit->lines);
}

void edit_drop(struct edit *edit, unsigned int line)
{
	if (line >= 1 && line <= edit->count)
		edit->lines[line - 1].gone = 1;
}

int edit_add(struct edit *edit, unsigned int line, const char *text)
{
	struct edit_line *at;
	size_t len = strlen(text);
	char *behind;

	if (line < 1 || line > edit->count)
		return -EINVAL;
	at = &edit->lines[line - 1];
	behind = realloc(at->behind, at->behind_size + len + 1);
	if (!behind)
		return -ENOMEM;
	memcpy(behind + at->behind_size, text, len + 1);
	at->behind = behind;
	at->behind_size += len;
	return 0;
}

void edit_write(const struct edit *edit, FILE *to)
{
	for (size_t i = 0; i < edit->count; i++) {
		const struct edit_line *line = &edit->lines[i];

		if (!line->gone) {
			fwrite(edit->text + line->at, 1, line->size, to);
			if (edit->text[line->at + line->size - 1] != '\n')
				fputc('\n', to);
		}
		if (line->behind)
			fwrite(line->behind, 1, line->behind_size, to);
	}
}

/* Length of a UTF-8 sequence that YAML may hold as it is, 0 if there is none. */
static size_t utf8_length(const unsigned char *p)
{
	size_t n = p[0] < 0x80 ? 1 : p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : p[0] >= 0xc2 ? 2 : 0;
	static const unsigned char least[] = {0, 0, 0, 0xa0, 0x90};

	if (!n || p[0] > 0xf4)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((p[0] == 0xe0 || p[0] == 0xf0) && p[1] < least[n])
		return 0;
	if ((p[0] == 0xed && p[1] > 0x9f) || (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return n;
}

static int is_plain(const char *text)
{
	static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "0123456789/._-+:@%=$()~";

	return *text && strchr("-:@%=~", *text) == NULL && text[strspn(text, safe)] == '\0' &&
	       text[strlen(text) - 1] != ':';
}

int yaml_holds(const char *text)
{
	const unsigned char *p = (const unsigned char *)text;

	for (size_t n; *p; p += n)
		if (!(n = utf8_length(p)))
			return 0;
	return 1;
}

int yaml_scalar(FILE *to, const char *text)
{
	const unsigned char *p;

	if (!yaml_holds(text))
		return -1;
	if (is_plain(text)) {
		fputs(text, to);
		return 0;
	}
	fputc('"', to);
	for (p = (const unsigned char *)text; *p;) {
		size_t n = utf8_length(p);

		if (*p == '"' || *p == '\\')
			fprintf(to, "\\%c", *p);
		else if (*p < 0x20 || *p == 0x7f)
			fprintf(to, "\\x%02x", *p);
		else if (n == 2 && p[0] == 0xc2 && p[1] < 0xa0)
			fprintf(to, "\\x%02x", p[1]);
		else
			fwrite(p, 1, n, to);
		p += n;
	}
	fputc('"', to);
	return 0;
}
