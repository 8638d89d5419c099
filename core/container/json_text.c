// SPDX-License-Identifier: MIT
#include "container/json_text.h"

#include <jansson.h>
#include <string.h>

#include "container/json.h"
#include "util/cleanup.h"

#define INDENT "    "

static size_t skip_blanks(const char *text, size_t at)
{
	return at + strspn(text + at, " \t\r\n");
}

/* From the opening quote to behind the closing one. */
static size_t skip_string(const char *text, size_t at)
{
	for (at++; text[at] && text[at] != '"'; at++)
		at += text[at] == '\\' && text[at + 1];
	return at + (text[at] == '"');
}

static size_t skip_value(const char *text, size_t at)
{
	size_t depth = 0;

	do {
		if (text[at] == '"') {
			at = skip_string(text, at);
			continue;
		}
		depth += text[at] == '{' || text[at] == '[';
		depth -= depth && (text[at] == '}' || text[at] == ']');
		at++;
	} while (text[at] && (depth || !strchr(",]} \t\r\n", text[at])));
	return at;
}

/* Moves on to the member behind the one at hand; the first one, if its `end` is behind the brace.
 */
static bool next_member(const char *text, struct json_place *place)
{
	size_t at = skip_blanks(text, place->end);

	if (text[at] == ',')
		at = skip_blanks(text, at + 1);
	if (text[at] != '"')
		return false;
	place->before = place->end;
	place->key = at;
	at = skip_blanks(text, skip_string(text, at));
	place->value = skip_blanks(text, at + (text[at] == ':'));
	place->end = skip_value(text, place->value);
	return true;
}

static bool has_name(const char *text, const struct json_place *place, const char *name)
{
	size_t end = skip_string(text, place->key);
	_cleanup_json_ json_t *key = json_loadb(text + place->key, end - place->key,
						JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);

	return json_string_length(key) == strlen(name) &&
	       memcmp(json_string_value(key), name, strlen(name)) == 0;
}

size_t json_text_top(const char *text)
{
	return skip_blanks(text, 0);
}

bool json_text_find(const char *text, size_t object, const char *name, struct json_place *ret)
{
	struct json_place after;

	*ret = (struct json_place){.end = object + 1};
	while (next_member(text, ret)) {
		if (!has_name(text, ret, name))
			continue;
		after = *ret;
		ret->next = next_member(text, &after) ? after.key : 0;
		return true;
	}
	return false;
}

/* How the members of an object are set out. */
struct layout {
	const char *line;   /* end of a line; "" = all of it stands in one */
	const char *indent; /* before each member */
	int length;         /* of `indent` */
};

static struct layout layout_of(const char *text, size_t object, const struct json_place *first)
{
	size_t at = first->key;

	if (!first->key) /* empty: lines if it is the whole text */
		return object == json_text_top(text) ? (struct layout){"\n", INDENT, 4}
						     : (struct layout){"", "", 0};
	while (at > object && (text[at - 1] == ' ' || text[at - 1] == '\t'))
		at--;
	if (text[at - 1] != '\n')
		return (struct layout){"", "", 0};
	return (struct layout){text[at - 2] == '\r' ? "\r\n" : "\n", text + at,
			       (int)(first->key - at)};
}

static void add_member(const char *member, const struct layout *layout, struct buf *out)
{
	for (; *member; member++)
		if (*member == '\n')
			buf_printf(out, "%s%.*s", layout->line, layout->length, layout->indent);
		else if (*member == '\t')
			buf_add(out, layout->indent, (size_t)layout->length);
		else
			buf_char(out, *member);
}

void json_text_add(const char *text, size_t object, const char *member, struct buf *out)
{
	struct json_place first = {.end = object + 1}, last;
	struct layout layout;
	bool empty = !next_member(text, &first);
	const char *rest;

	layout = layout_of(text, object, &first);
	last = first;
	while (!empty && next_member(text, &last))
		continue;
	buf_add(out, text, last.end);
	if (!empty)
		buf_str(out, *layout.line ? "," : ", ");
	add_member("\n", &layout, out);
	add_member(member, &layout, out);
	rest = text + last.end;
	if (empty) {
		buf_str(out, layout.line);
		rest += strspn(rest, " \t\r\n");
	}
	buf_str(out, rest);
}

void json_text_remove(const char *text, const struct json_place *place, struct buf *out)
{
	bool first =
		text[place->before - 1] == '{' && skip_blanks(text, place->before) == place->key;
	const char *rest = text + place->end;

	if (first && place->next) {
		buf_add(out, text, place->key);
		rest = text + place->next;
	} else {
		buf_add(out, text, place->before);
		if (first)
			rest += strspn(rest, " \t\r\n");
	}
	buf_str(out, rest);
}

void json_text_replace(const char *text, const struct json_place *place, const char *value,
		       struct buf *out)
{
	buf_add(out, text, place->value);
	buf_str(out, value);
	buf_str(out, text + place->end);
}
