// SPDX-License-Identifier: MIT
#include "plugin/option.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "util/bytes.h"
#include "util/cleanup.h"
#include "util/num.h"
#include "util/suggest.h"

#define ENUM_MAX  64
#define RANGE_MAX 128 /* bytes of one side of a range */
#define SHOWN_MAX 80  /* bytes of a bad value in a message */

static const struct {
	const char *name;
	size_t size, align;
	const char *form; /* what a value looks like */
} types[] = {
	[TKIT_OPTION_BOOL] = {"bool", sizeof(int), _Alignof(int), "yes or no"},
	[TKIT_OPTION_INT] = {"int", sizeof(int64_t), _Alignof(int64_t), "a whole number"},
	[TKIT_OPTION_SIZE] = {"size", sizeof(uint64_t), _Alignof(uint64_t),
			      "a size like 4096, 64K, 16M, 1G"},
	[TKIT_OPTION_DURATION] = {"duration", sizeof(uint64_t), _Alignof(uint64_t),
				  "a duration like 250ms, 1.5s, 10m, 2h"},
	[TKIT_OPTION_STRING] = {"string", sizeof(char *), _Alignof(char *), "a text"},
	[TKIT_OPTION_ENUM] = {"enum", sizeof(int), _Alignof(int), "one of a set"},
	[TKIT_OPTION_LIST] = {"list", sizeof(struct tkit_option_list),
			      _Alignof(struct tkit_option_list), "a text"},
};
#define TYPE_COUNT (sizeof(types) / sizeof(types[0]))

const char *option_type_name(uint32_t type)
{
	return type < TYPE_COUNT ? types[type].name : NULL;
}

size_t option_field_size(uint32_t type)
{
	return type < TYPE_COUNT ? types[type].size : 0;
}

size_t option_field_align(uint32_t type)
{
	return type < TYPE_COUNT ? types[type].align : 0;
}

/* A bad value for a message: escaped, and cut if it is long. */
static int bad_value(struct err *err, int rc, const char *text, const char *why, const char *what)
{
	struct buf shown = BUF_INIT;
	size_t len = strlen(text);

	buf_escaped(&shown, BYTES(text, len < SHOWN_MAX ? len : SHOWN_MAX));
	rc = err_set(err, rc, "'%.*s%s' %s%s", (int)shown.size, shown.data ? shown.data : "",
		     len > SHOWN_MAX ? "..." : "", why, what);
	buf_done(&shown);
	return rc;
}

static int parse_number(uint32_t type, const char *text, union option_value *ret)
{
	if (type == TKIT_OPTION_INT)
		return num_i64(text, &ret->i);
	return type == TKIT_OPTION_SIZE ? num_size(text, &ret->u) : num_duration(text, &ret->u);
}

/* Parses one side of "MIN..MAX"; an empty side leaves *ret as it is. */
static int parse_side(uint32_t type, struct tkit_bytes side, union option_value *ret)
{
	char text[RANGE_MAX];

	if (!side.len)
		return 0;
	if (side.len >= sizeof(text))
		return -EINVAL;
	memcpy(text, side.ptr, side.len);
	text[side.len] = '\0';
	return parse_number(type, text, ret);
}

static bool above(uint32_t type, union option_value a, union option_value b)
{
	return type == TKIT_OPTION_INT ? a.i > b.i : a.u > b.u;
}

static int parse_range(const struct tkit_option *option, union option_value *min,
		       union option_value *max)
{
	const char *dots;
	int rc;

	if (option->type == TKIT_OPTION_INT) {
		min->i = INT64_MIN;
		max->i = INT64_MAX;
	} else {
		min->u = 0;
		max->u = UINT64_MAX;
	}
	if (!option->range)
		return 0;
	dots = strstr(option->range, "..");
	if (!dots || (dots == option->range && !dots[2]))
		return -EINVAL;
	rc = parse_side(option->type, BYTES(option->range, (size_t)(dots - option->range)), min);
	if (rc == 0)
		rc = parse_side(option->type, bytes_str(dots + 2), max);
	return rc || above(option->type, *min, *max) ? -EINVAL : 0;
}

static int parse_ranged(const struct tkit_option *option, const char *text, union option_value *ret,
			struct err *err)
{
	union option_value value = {0}, min, max;
	int rc = parse_number(option->type, text, &value);

	if (rc == -EINVAL)
		return bad_value(err, -EINVAL, text, "is not ", types[option->type].form);
	if (parse_range(option, &min, &max))
		return err_set(err, -EINVAL, "its range '%s' is bad", option->range);
	if (rc && !option->range)
		return bad_value(err, -ERANGE, text, "is too large", "");
	if (rc || above(option->type, value, max) || above(option->type, min, value))
		return bad_value(err, -ERANGE, text, "is out of range ", option->range);
	*ret = value;
	return 0;
}

static int parse_bool(const char *text, union option_value *ret, struct err *err)
{
	static const char *const words[] = {"no", "yes", "false", "true", "off", "on", "0", "1"};

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(text, words[i]))
			continue;
		ret->number = (int)(i % 2);
		return 0;
	}
	return bad_value(err, -EINVAL, text, "is not ", types[TKIT_OPTION_BOOL].form);
}

static void free_words(char ***words)
{
	if (*words)
		free((*words)[0]);
	free(*words);
}
#define _cleanup_words_ _cleanup_(free_words)

/* "a|b|c" as an array; words[0] owns the memory. */
static char **split_enum(const char *range, size_t *ret_count)
{
	char **words = calloc(ENUM_MAX, sizeof(*words));
	char *rest = words ? strdup(range) : NULL;
	size_t count = 0;

	if (!rest) {
		free(words);
		return NULL;
	}
	while (rest && count < ENUM_MAX)
		words[count++] = strsep(&rest, "|");
	*ret_count = count;
	return words;
}

static int parse_enum(const struct tkit_option *option, const char *text, union option_value *ret,
		      struct err *err)
{
	size_t count = 0;
	_cleanup_words_ char **words = split_enum(option->range ? option->range : "", &count);
	_cleanup_free_ char *tail = NULL;
	const char *near;

	if (!words)
		return err_sys(err, -ENOMEM, "parsing an option");
	for (size_t i = 0; i < count; i++) {
		if (!strcmp(words[i], text)) {
			ret->number = (int)i;
			return 0;
		}
	}
	near = suggest(text, (const char *const *)words, count);
	if (asprintf(&tail, "%s%s%s%s", option->range ? option->range : "",
		     near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "") < 0)
		tail = NULL;
	return bad_value(err, -EINVAL, text, "is not one of ", tail ? tail : "its values");
}

int option_parse(const struct tkit_option *option, const char *text, union option_value *ret,
		 struct err *err)
{
	switch (option->type) {
	case TKIT_OPTION_BOOL:
		return parse_bool(text, ret, err);
	case TKIT_OPTION_ENUM:
		return parse_enum(option, text, ret, err);
	case TKIT_OPTION_STRING:
	case TKIT_OPTION_LIST:
		return 0;
	default:
		return parse_ranged(option, text, ret, err);
	}
}

static int check_enum(const struct tkit_option *option, struct err *err)
{
	size_t count = 0;
	_cleanup_words_ char **words = split_enum(option->range ? option->range : "", &count);

	if (!words)
		return err_sys(err, -ENOMEM, "checking an option");
	if (count == ENUM_MAX)
		return err_set(err, -EINVAL, "its range has too many values");
	for (size_t i = 0; i < count; i++) {
		if (!words[i][0] || words[i][strcspn(words[i], ",\\= ")])
			return err_set(err, -EINVAL, "its range '%s' must be 'first|second|...'",
				       option->range ? option->range : "");
		for (size_t k = 0; k < i; k++)
			if (!strcmp(words[i], words[k]))
				return err_set(err, -EINVAL, "its range has '%s' twice", words[i]);
	}
	return 0;
}

int option_check_range(const struct tkit_option *option, struct err *err)
{
	union option_value min, max;

	switch (option->type) {
	case TKIT_OPTION_ENUM:
		return check_enum(option, err);
	case TKIT_OPTION_INT:
	case TKIT_OPTION_SIZE:
	case TKIT_OPTION_DURATION:
		if (parse_range(option, &min, &max))
			return err_set(err, -EINVAL, "its range '%s' must be 'MIN..MAX'",
				       option->range);
		return 0;
	default:
		if (option->range)
			return err_set(err, -EINVAL, "its type has no ranges, but it has '%s'",
				       option->range);
		return 0;
	}
}

void option_normal(struct buf *buf, const struct tkit_option *option, const char *text)
{
	union option_value value = {0};

	option_parse(option, text, &value, NULL);
	switch (option->type) {
	case TKIT_OPTION_BOOL:
		buf_str(buf, value.number ? "yes" : "no");
		break;
	case TKIT_OPTION_INT:
		buf_i64(buf, value.i);
		break;
	case TKIT_OPTION_SIZE:
		buf_u64(buf, value.u);
		break;
	case TKIT_OPTION_DURATION:
		buf_u64(buf, value.u);
		buf_str(buf, "ns");
		break;
	default: /* texts, with what is special in a spec escaped */
		for (; *text; text++) {
			if (*text == ',' || *text == '\\')
				buf_char(buf, '\\');
			buf_char(buf, *text);
		}
	}
}
