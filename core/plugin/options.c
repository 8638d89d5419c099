// SPDX-License-Identifier: MIT
/* The options of one instance, from three layers into the plugin's struct. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/loader.h"
#include "plugin/option.h"
#include "util/cleanup.h"
#include "util/suggest.h"

#define ITEMS_MAX 65536 /* of one list */

enum layer { LAYER_TABLE = 1, LAYER_CONF, LAYER_USER };

/* What one option has so far: texts of the highest layer that gave any. */
struct slot {
	enum layer layer; /* 0 = nothing given */
	size_t count;
	char **texts;
};

struct plugin_options {
	const struct plugin *plugin;
	void *data;
	char *text;
	struct slot slots[]; /* one per option */
};

static void slot_clear(struct slot *slot)
{
	for (size_t i = 0; i < slot->count; i++)
		free(slot->texts[i]);
	slot->count = 0;
}

static int slot_add(struct slot *slot, const struct tkit_option *option, enum layer layer,
		    const char *text, struct err *err)
{
	bool list = option->type == TKIT_OPTION_LIST;
	char **grown;

	if (layer != slot->layer || !list || !*text)
		slot_clear(slot);
	slot->layer = layer;
	if (list && !*text)
		return 0;
	if (slot->count == ITEMS_MAX)
		return err_set(err, -E2BIG, "more than %d items", ITEMS_MAX);
	grown = realloc(slot->texts, (slot->count + 1) * sizeof(*grown));
	if (!grown)
		return err_sys(err, -ENOMEM, "value");
	slot->texts = grown;
	grown[slot->count] = strdup(text);
	if (!grown[slot->count])
		return err_sys(err, -ENOMEM, "value");
	slot->count++;
	return 0;
}

static int unknown_key(const struct tkit_plugin *desc, const char *key, struct err *err)
{
	const char **names = calloc(desc->option_count + 1, sizeof(char *));
	const char *near;

	if (!names)
		return err_sys(err, -ENOMEM, "option '%s'", key);
	for (size_t i = 0; i < desc->option_count; i++)
		names[i] = desc->options[i].name;
	near = suggest(key, names, desc->option_count);
	free(names);
	if (near)
		return err_set(err, -EINVAL, "unknown option '%s'; did you mean '%s'?", key, near);
	if (!desc->option_count)
		return err_set(err, -EINVAL, "unknown option '%s'; it has no options", key);
	return err_set(err, -EINVAL, "unknown option '%s' (see `tkit plugin show %s`)", key,
		       desc->name);
}

/* One "key=value"; `value` is NULL for a bare key. */
static int give(struct plugin_options *options, enum layer layer, const char *key,
		const char *value, struct err *err)
{
	const struct tkit_plugin *desc = &options->plugin->desc;
	const struct tkit_option *option = desc->options;
	union option_value parsed;
	size_t i = 0;
	int rc;

	while (i < desc->option_count && strcmp(option[i].name, key))
		i++;
	if (i == desc->option_count)
		return unknown_key(desc, key, err);
	option += i;
	if (!value && option->type != TKIT_OPTION_BOOL)
		return err_set(err, -EINVAL, "option '%s' needs a value: %s=%s", key, key,
			       option_type_name(option->type));
	if (!value)
		value = "yes";
	rc = option_parse(option, value, &parsed, err);
	if (rc == 0)
		rc = slot_add(&options->slots[i], option, layer, value, err);
	return rc ? err_wrap(err, "option '%s'", key) : 0;
}

static int give_table(struct plugin_options *options, struct err *err)
{
	const struct tkit_plugin *desc = &options->plugin->desc;

	for (size_t i = 0; i < desc->option_count; i++) {
		const struct tkit_option *option = &desc->options[i];
		int rc = option->default_value ? give(options, LAYER_TABLE, option->name,
						      option->default_value, err)
					       : 0;

		if (rc)
			return err_wrap(err, "%s: default", options->plugin->file);
	}
	return 0;
}

static int give_conf(struct plugin_options *options, struct err *err)
{
	const struct plugin_conf *conf = options->plugin->conf;

	for (size_t i = 0; conf && i < conf->default_count; i++) {
		const struct plugin_default *d = &conf->defaults[i];

		if (give(options, LAYER_CONF, d->key, d->value, err))
			return err_wrap(err, "%s:%u", conf->file, d->line);
	}
	return 0;
}

/* Cuts the next item off *rest: up to a comma, escapes undone in place. NULL at the end. */
static char *next_item(char **rest)
{
	char *item = *rest, *to = item, *from = item;

	if (!item)
		return NULL;
	for (; *from && *from != ','; from++) {
		if (*from == '\\' && (from[1] == ',' || from[1] == '\\'))
			from++;
		*to++ = *from;
	}
	*rest = *from ? from + 1 : NULL;
	*to = '\0';
	return item;
}

static int give_user(struct plugin_options *options, const char *spec, struct err *err)
{
	_cleanup_free_ char *copy = spec && *spec ? strdup(spec) : NULL;
	const struct tkit_plugin *desc = &options->plugin->desc;
	char *rest = copy;
	int rc = 0;

	if (spec && *spec && !copy)
		return err_sys(err, -ENOMEM, "options");
	for (char *item; rc == 0 && (item = next_item(&rest));) {
		char *equals = strchr(item, '=');

		if (equals)
			*equals = '\0';
		if (!*item)
			rc = err_set(err, -EINVAL, "empty option in '%s'", spec);
		else
			rc = give(options, LAYER_USER, item, equals ? equals + 1 : NULL, err);
	}
	return rc ? err_wrap(err, "%s '%s'", kind_name((enum tkit_kind)desc->kind), desc->name) : 0;
}

/* Fills one field of the plugin's struct. The loader has checked that it lies inside. */
static void store(struct plugin_options *options, const struct tkit_option *option,
		  const struct slot *slot)
{
	char *field = (char *)options->data + option->offset;
	union option_value value = {0};

	if (option->type == TKIT_OPTION_LIST) {
		struct tkit_option_list list = {(const char *const *)slot->texts, slot->count};

		memcpy(field, &list, sizeof(list));
		return;
	}
	if (!slot->count)
		return;
	if (option->type == TKIT_OPTION_STRING) {
		memcpy(field, &slot->texts[0], sizeof(char *));
		return;
	}
	option_parse(option, slot->texts[0], &value, NULL); /* was parsed before */
	memcpy(field, &value, option_field_size(option->type));
}

static int build(struct plugin_options *options, struct err *err)
{
	const struct tkit_plugin *desc = &options->plugin->desc;
	struct buf text = BUF_INIT;

	for (size_t i = 0; i < desc->option_count; i++) {
		const struct tkit_option *option = &desc->options[i];
		const struct slot *slot = &options->slots[i];

		store(options, option, slot);
		if (slot->layer < LAYER_CONF)
			continue;
		/* An emptied list shows as "key=". */
		for (size_t k = 0; k < slot->count || k == 0; k++) {
			buf_printf(&text, "%s%s=", text.size ? "," : "", option->name);
			if (k < slot->count)
				option_normal(&text, option, slot->texts[k]);
		}
	}
	buf_char(&text, '\0');
	if (text.failed) {
		buf_done(&text);
		return err_sys(err, -ENOMEM, "options");
	}
	options->text = text.data;
	return 0;
}

int plugin_options_new(const struct plugin *plugin, const char *spec,
		       struct plugin_options **ret_options, struct err *err)
{
	const struct tkit_plugin *desc = &plugin->desc;
	struct plugin_options *options;
	int rc;

	options = calloc(1, sizeof(*options) + desc->option_count * sizeof(options->slots[0]));
	if (!options)
		return err_sys(err, -ENOMEM, "options");
	options->plugin = plugin;
	if (desc->option_count)
		options->data = calloc(1, desc->options_bytes);
	rc = desc->option_count && !options->data ? err_sys(err, -ENOMEM, "options") : 0;
	if (rc == 0)
		rc = give_table(options, err);
	if (rc == 0)
		rc = give_conf(options, err);
	if (rc == 0)
		rc = give_user(options, spec, err);
	if (rc == 0)
		rc = build(options, err);
	if (rc) {
		plugin_options_free(options);
		return rc;
	}
	*ret_options = options;
	return 0;
}

const void *plugin_options_data(const struct plugin_options *options)
{
	return options ? options->data : NULL;
}

const char *plugin_options_text(const struct plugin_options *options)
{
	return options ? options->text : "";
}

void plugin_options_free(struct plugin_options *options)
{
	if (!options)
		return;
	for (size_t i = 0; i < options->plugin->desc.option_count; i++) {
		slot_clear(&options->slots[i]);
		free(options->slots[i].texts);
	}
	free(options->data);
	free(options->text);
	free(options);
}
