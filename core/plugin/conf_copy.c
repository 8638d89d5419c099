// SPDX-License-Identifier: MIT
/* The memory of a struct plugin_conf. */
#include "plugin/conf.h"

#include <stdlib.h>
#include <string.h>

void conf_free(struct plugin_conf *conf)
{
	if (!conf)
		return;
	for (size_t i = 0; i < conf->default_count; i++) {
		free(conf->defaults[i].key);
		free(conf->defaults[i].value);
	}
	free(conf->defaults);
	free(conf->name);
	free(conf->module);
	free(conf->file);
	free(conf);
}

struct plugin_conf *conf_copy(const struct plugin_conf *conf)
{
	struct plugin_conf *copy = calloc(1, sizeof(*copy));
	bool whole = copy != NULL;

	if (!copy)
		return NULL;
	copy->kind = conf->kind;
	copy->name = strdup(conf->name);
	copy->module = strdup(conf->module);
	copy->file = strdup(conf->file);
	copy->defaults = calloc(conf->default_count + 1, sizeof(*copy->defaults));
	whole = copy->name && copy->module && copy->file && copy->defaults;
	for (size_t i = 0; whole && i < conf->default_count; i++) {
		copy->defaults[i].key = strdup(conf->defaults[i].key);
		copy->defaults[i].value = strdup(conf->defaults[i].value);
		copy->defaults[i].line = conf->defaults[i].line;
		copy->default_count = i + 1;
		whole = copy->defaults[i].key && copy->defaults[i].value;
	}
	if (whole)
		return copy;
	conf_free(copy);
	return NULL;
}

bool conf_equal(const struct plugin_conf *a, const struct plugin_conf *b)
{
	if (!a || !b)
		return a == b;
	if (a->kind != b->kind || strcmp(a->name, b->name) || strcmp(a->module, b->module) ||
	    strcmp(a->file, b->file) || a->default_count != b->default_count)
		return false;
	for (size_t i = 0; i < a->default_count; i++) {
		const struct plugin_default *x = &a->defaults[i], *y = &b->defaults[i];

		if (strcmp(x->key, y->key) || strcmp(x->value, y->value) || x->line != y->line)
			return false;
	}
	return true;
}
