// SPDX-License-Identifier: MIT
#include "rootfs/imgconfig.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/num.h"

#define HISTORY_MAX 4096

enum key_kind { TEXT, LIST, NUMBER, HISTORY, HISTORY_TEXT, HISTORY_FLAG };
enum json_form { IN_TOP, IN_CONFIG, IN_HEALTH, IN_HISTORY, ELSEWHERE };

#define AT(field)      offsetof(struct tkit_image_config, field)
#define AT_LINE(field) offsetof(struct tkit_image_history, field)

/* One table for both ends. The place in it is the key. */
static const struct {
	const char *json;
	enum json_form form;
	enum key_kind kind;
	size_t offset;
} keys[] = {
	{"", ELSEWHERE, TEXT, AT(name)},
	{"os", IN_TOP, TEXT, AT(os)},
	{"architecture", IN_TOP, TEXT, AT(architecture)},
	{"variant", IN_TOP, TEXT, AT(variant)},
	{"created", IN_TOP, TEXT, AT(created)},
	{"author", IN_TOP, TEXT, AT(author)},
	{"Env", IN_CONFIG, LIST, AT(env)},
	{"Entrypoint", IN_CONFIG, LIST, AT(entrypoint)},
	{"Cmd", IN_CONFIG, LIST, AT(cmd)},
	{"Shell", IN_CONFIG, LIST, AT(shell)},
	{"ExposedPorts", IN_CONFIG, LIST, AT(expose)},
	{"Volumes", IN_CONFIG, LIST, AT(volumes)},
	{"Labels", IN_CONFIG, LIST, AT(labels)},
	{"OnBuild", IN_CONFIG, LIST, AT(onbuild)},
	{"User", IN_CONFIG, TEXT, AT(user)},
	{"WorkingDir", IN_CONFIG, TEXT, AT(workdir)},
	{"StopSignal", IN_CONFIG, TEXT, AT(stopsignal)},
	{"Test", IN_HEALTH, LIST, AT(health_test)},
	{"Interval", IN_HEALTH, NUMBER, AT(health_interval_ns)},
	{"Timeout", IN_HEALTH, NUMBER, AT(health_timeout_ns)},
	{"StartPeriod", IN_HEALTH, NUMBER, AT(health_start_period_ns)},
	{"StartInterval", IN_HEALTH, NUMBER, AT(health_start_interval_ns)},
	{"Retries", IN_HEALTH, NUMBER, AT(health_retries)},
	{"", ELSEWHERE, HISTORY, 0},
	{"created", IN_HISTORY, HISTORY_TEXT, AT_LINE(created)},
	{"created_by", IN_HISTORY, HISTORY_TEXT, AT_LINE(created_by)},
	{"comment", IN_HISTORY, HISTORY_TEXT, AT_LINE(comment)},
	{"author", IN_HISTORY, HISTORY_TEXT, AT_LINE(author)},
	{"empty_layer", IN_HISTORY, HISTORY_FLAG, AT_LINE(empty_layer)},
};

#define KEYS (sizeof(keys) / sizeof(keys[0]))

/* ---- from JSON ---- */

static void add_record(struct buf *out, size_t key, const char *text)
{
	uint16_t number = (uint16_t)key;
	uint32_t size = (uint32_t)strlen(text);

	buf_add(out, &number, sizeof(number));
	buf_add(out, &size, sizeof(size));
	buf_add(out, text, size + 1);
}

void imgconfig_add_name(struct buf *records, const char *name)
{
	add_record(records, 0, name);
}

static int wrong(struct err *err, const char *name)
{
	return err_set(err, -EBADMSG, "the image's configuration is damaged: %s", name);
}

/* A name that may hold what ends it, see struct tkit_image_config. */
static void add_escaped(struct buf *out, const char *name)
{
	for (; *name; name++) {
		if (*name == '=' || *name == '\\')
			buf_char(out, '\\');
		buf_char(out, *name);
	}
}

/* A list of texts, or an object: the names of members, with "=value" where that is a text. */
static int add_list(struct buf *out, size_t key, const json_t *value, struct err *err)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT;
	const json_t *item;
	const char *name;
	size_t i;

	if (json_is_string(value)) { /* old images: one shell command */
		add_record(out, key, json_string_value(value));
		return 0;
	}
	json_array_foreach((json_t *)value, i, item)
	{
		if (!json_is_string(item))
			return wrong(err, keys[key].json);
		add_record(out, key, json_string_value(item));
	}
	if (json_is_array(value))
		return 0;
	if (!json_is_object(value))
		return wrong(err, keys[key].json);
	json_object_foreach((json_t *)value, name, item)
	{
		buf_clear(&text);
		if (json_is_string(item)) {
			add_escaped(&text, name);
			buf_char(&text, '=');
			buf_str(&text, json_string_value(item));
		} else {
			buf_str(&text, name);
		}
		buf_char(&text, '\0');
		if (text.failed)
			return err_sys(err, -ENOMEM, "reading the image's configuration");
		add_record(out, key, text.data);
	}
	return 0;
}

static int add_value(struct buf *out, size_t key, const json_t *value, struct err *err)
{
	char number[32];

	if (!value || json_is_null(value))
		return 0;
	switch (keys[key].kind) {
	case TEXT:
	case HISTORY_TEXT:
		if (!json_is_string(value))
			return wrong(err, keys[key].json);
		if (*json_string_value(value))
			add_record(out, key, json_string_value(value));
		return 0;
	case LIST:
		return add_list(out, key, value, err);
	case HISTORY_FLAG:
		if (json_is_true(value))
			add_record(out, key, "1");
		return 0;
	default:
		if (!json_is_integer(value) || json_integer_value(value) < 0)
			return wrong(err, keys[key].json);
		snprintf(number, sizeof(number), "%llu",
			 (unsigned long long)json_integer_value(value));
		add_record(out, key, number);
		return 0;
	}
}

static int add_members(struct buf *out, enum json_form form, const json_t *from, struct err *err)
{
	int rc = 0;

	if (!from || json_is_null(from))
		return 0;
	if (!json_is_object(from))
		return wrong(err, "something else than an object");
	for (size_t i = 0; rc == 0 && i < KEYS; i++)
		if (keys[i].form == form)
			rc = add_value(out, i, json_object_get(from, keys[i].json), err);
	return rc;
}

static int add_history(struct buf *out, const json_t *history, struct err *err)
{
	const json_t *item;
	size_t i, key = 0;

	while (keys[key].kind != HISTORY)
		key++;
	if (json_array_size(history) > HISTORY_MAX)
		return wrong(err, "history");
	json_array_foreach((json_t *)history, i, item)
	{
		int rc;

		add_record(out, key, "");
		rc = add_members(out, IN_HISTORY, item, err);
		if (rc < 0)
			return rc;
	}
	return 0;
}

int imgconfig_from_json(const json_t *config, struct buf *records, struct err *err)
{
	const json_t *inner = json_object_get(config, "config");
	int rc = add_members(records, IN_TOP, config, err);

	if (rc == 0)
		rc = add_members(records, IN_CONFIG, inner, err);
	if (rc == 0)
		rc = add_members(records, IN_HEALTH, json_object_get(inner, "Healthcheck"), err);
	if (rc == 0)
		rc = add_history(records, json_object_get(config, "history"), err);
	if (rc == 0 && records->failed)
		rc = err_sys(err, -ENOMEM, "reading the image's configuration");
	return rc;
}

/* ---- the parent's side ---- */

struct imgconfig {
	struct tkit_image_config config;
	struct tkit_image_history *history;
	const char **items; /* of all lists */
	struct buf records;
};

struct record {
	uint16_t key;
	const char *text;
};

/* 1, 0 at the end, -EBADMSG. */
static int next_record(const struct buf *records, size_t *at, struct record *ret)
{
	size_t left = records->size - *at;
	const char *p;
	uint32_t size;

	if (!left)
		return 0;
	p = records->data + *at;
	if (left < sizeof(ret->key) + sizeof(size) + 1)
		return -EBADMSG;
	memcpy(&ret->key, p, sizeof(ret->key));
	memcpy(&size, p + sizeof(ret->key), sizeof(size));
	p += sizeof(ret->key) + sizeof(size);
	left -= sizeof(ret->key) + sizeof(size);
	if (size >= left || p[size] || memchr(p, '\0', size) || ret->key >= KEYS)
		return -EBADMSG;
	ret->text = p;
	*at = (size_t)(p + size + 1 - records->data);
	return 1;
}

static int set_value(struct imgconfig *c, const struct record *record)
{
	char *field = (char *)&c->config + keys[record->key].offset;

	switch (keys[record->key].kind) {
	case TEXT:
		*(const char **)field = record->text;
		return 0;
	case NUMBER:
		return num_u64(record->text, (uint64_t *)field) < 0 ? -EBADMSG : 0;
	case HISTORY:
		c->config.history_count++;
		return 0;
	default:
		break;
	}
	if (keys[record->key].kind == LIST)
		return 0;
	if (!c->config.history_count)
		return -EBADMSG;
	field = (char *)&c->history[c->config.history_count - 1] + keys[record->key].offset;
	if (keys[record->key].kind == HISTORY_TEXT)
		*(const char **)field = record->text;
	else
		*(uint32_t *)field = 1;
	return 0;
}

static void set_list(struct imgconfig *c, size_t key, size_t *used)
{
	struct tkit_option_list *list =
		(struct tkit_option_list *)((char *)&c->config + keys[key].offset);
	struct record record;
	size_t at = 0;

	list->items = c->items + *used;
	while (next_record(&c->records, &at, &record) > 0)
		if (record.key == key)
			c->items[(*used)++] = record.text;
	list->count = (size_t)(c->items + *used - list->items);
}

static int fill(struct imgconfig *c)
{
	size_t at = 0, items = 0, lines = 0, used = 0;
	struct record record;
	int rc;

	while ((rc = next_record(&c->records, &at, &record)) > 0) {
		items += keys[record.key].kind == LIST;
		lines += keys[record.key].kind == HISTORY;
	}
	if (rc < 0 || lines > HISTORY_MAX)
		return -EBADMSG;
	c->items = calloc(items + 1, sizeof(*c->items));
	c->history = calloc(lines + 1, sizeof(*c->history));
	if (!c->items || !c->history)
		return -ENOMEM;
	c->config.size = sizeof(c->config);
	c->config.history = c->history;
	for (at = 0; rc == 0 && next_record(&c->records, &at, &record) > 0;)
		rc = set_value(c, &record);
	for (size_t i = 0; rc == 0 && i < KEYS; i++)
		if (keys[i].kind == LIST)
			set_list(c, i, &used);
	return rc;
}

int imgconfig_new(struct buf *records, struct imgconfig **ret_config)
{
	struct imgconfig *c = calloc(1, sizeof(*c));
	int rc;

	if (!c)
		return -ENOMEM;
	c->records = *records;
	*records = (struct buf)BUF_INIT;
	rc = fill(c);
	if (rc < 0)
		imgconfig_free(c);
	else
		*ret_config = c;
	return rc;
}

void imgconfig_free(struct imgconfig *config)
{
	if (!config)
		return;
	free(config->items);
	free(config->history);
	buf_done(&config->records);
	free(config);
}

const struct tkit_image_config *imgconfig_get(const struct imgconfig *config)
{
	return config ? &config->config : NULL;
}
