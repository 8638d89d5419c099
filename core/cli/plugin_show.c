// SPDX-License-Identifier: MIT
/* tkit plugin show */
#include <ctype.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "cli/cli.h"
#include "cli/plugin_cli.h"
#include "cli/print.h"
#include "plugin/caps.h"
#include "plugin/option.h"
#include "plugin/probe.h"
#include "util/cleanup.h"
#include "util/log.h"
#include "util/suggest.h"

/* What the conf sets for an option; list items joined. False: nothing. */
static bool conf_default(const struct plugin *plugin, const char *key, struct buf *value)
{
	const struct plugin_conf *conf = plugin->conf;
	bool given = false;

	for (size_t i = 0; conf && i < conf->default_count; i++) {
		if (strcmp(conf->defaults[i].key, key))
			continue;
		buf_str(value, given ? ", " : "");
		buf_str(value, conf->defaults[i].value);
		given = true;
	}
	buf_char(value, '\0');
	return given && !value->failed;
}

static void option_text(struct buf *out, const struct plugin *plugin,
			const struct tkit_option *option)
{
	_cleanup_(buf_done) struct buf conf = BUF_INIT;
	const char *type = option_type_name(option->type);

	buf_printf(out, "  %s=", option->name);
	for (; *type; type++)
		buf_char(out, (char)toupper(*type));
	buf_str(out, "\n      ");
	print_text(out, option->help ? option->help : "");
	if (option->range) {
		buf_str(out,
			option->type == TKIT_OPTION_ENUM ? "\n      one of: " : "\n      range: ");
		print_text(out, option->range);
	}
	buf_str(out, "\n      default: ");
	print_text(out, option->default_value ? option->default_value : "none");
	if (conf_default(plugin, option->name, &conf)) {
		buf_str(out, "; set by the conf: ");
		print_text(out, conf.data);
	}
	buf_char(out, '\n');
}

static void option_json(struct buf *out, const struct plugin *plugin,
			const struct tkit_option *option)
{
	_cleanup_(buf_done) struct buf conf = BUF_INIT;

	json_item(out);
	buf_char(out, '{');
	json_str(out, "name", option->name);
	json_str(out, "type", option_type_name(option->type));
	json_str(out, "default", option->default_value);
	json_str(out, "range", option->range);
	json_str(out, "help", option->help);
	json_str(out, "conf", conf_default(plugin, option->name, &conf) ? conf.data : NULL);
	buf_char(out, '}');
}

static void caps_lines(struct buf *out, const struct tkit_plugin *desc)
{
	enum tkit_kind kind = (enum tkit_kind)desc->kind;
	uint64_t unknown = caps_unknown(kind, desc->caps);
	size_t count;
	const struct cap_name *table = caps_table(kind, &count);

	if (!count)
		return;
	buf_str(out, kind == TKIT_KIND_REPORTER ? "\nNeeds:\n" : "\nCan:\n");
	for (size_t i = 0; i < count; i++) {
		if (!(desc->caps & table[i].bit))
			continue;
		print_label(out, table[i].name);
		buf_printf(out, "%s\n", table[i].text);
	}
	if (unknown)
		buf_printf(out, "  (bits that this tkit does not know: 0x%llx)\n",
			   (unsigned long long)unknown);
	if (!desc->caps)
		buf_str(out, "  nothing in particular\n");
}

static void caps_json(struct buf *out, const struct tkit_plugin *desc)
{
	json_key(out, "caps");
	buf_char(out, '[');
	if (desc->caps) {
		buf_char(out, '"');
		caps_text(out, (enum tkit_kind)desc->kind, desc->caps, "\",\"");
		buf_char(out, '"');
	}
	buf_char(out, ']');
}

/* Asks a backend for each kind of target that it names. */
static void probe_all(struct buf *out, const struct plugin *plugin, bool json)
{
	struct plugin_options *options = NULL;
	_cleanup_free_ char *facilities = NULL;
	struct err err = ERR_INIT;
	int bad = plugin_options_new(plugin, NULL, &options, &err);

	if (json) {
		json_key(out, "probe");
		buf_char(out, '{');
	} else {
		buf_str(out, "\nHere:\n");
	}
	for (int kind = TKIT_TARGET_NONE; kind <= TKIT_TARGET_ALL; kind++) {
		struct probe_told told = {0};
		int rank = bad;

		if (!(backend_caps(plugin, options) & target_cap((enum tkit_target_kind)kind)))
			continue;
		if (!bad)
			rank = probe_kind_told(plugin, options, (enum tkit_target_kind)kind, &told,
					       &err);
		if (told.facilities && !facilities)
			facilities = told.facilities;
		else
			free(told.facilities);
		if (json) {
			json_key(out, target_name((enum tkit_target_kind)kind));
			buf_char(out, '{');
			json_bool(out, "ok", rank > 0);
			if (rank > 0)
				json_int(out, "rank", rank);
			else
				json_str(out, "reason", err_text(&err));
			buf_char(out, '}');
		} else {
			print_label(out, target_name((enum tkit_target_kind)kind));
			if (rank > 0)
				buf_printf(out, "yes (rank %d)", rank);
			else
				buf_str(out, "no: ");
			print_text(out, rank > 0 ? "" : err_text(&err));
			buf_char(out, '\n');
		}
		if (!bad)
			err_done(&err);
	}
	if (json) {
		buf_char(out, '}');
		json_str(out, "facilities", facilities);
	} else if (facilities) {
		print_label(out, "by means of");
		print_text(out, facilities);
		buf_char(out, '\n');
	}
	plugin_options_free(options);
	err_done(&err);
}

static void show_text(struct buf *out, const struct plugin *plugin)
{
	const struct tkit_plugin *desc = &plugin->desc;

	buf_printf(out, "%s %s ", kind_name((enum tkit_kind)desc->kind), desc->name);
	print_text(out, desc->version);
	buf_str(out, desc->summary[0] ? ": " : "");
	print_text(out, desc->summary);
	buf_char(out, '\n');
	print_label(out, "module");
	print_text(out, plugin->file);
	buf_char(out, '\n');
	print_label(out, "conf");
	print_text(out, plugin->conf ? plugin->conf->file : "none (loaded by file)");
	buf_char(out, '\n');
	print_label(out, "licence");
	print_text(out, desc->licence);
	buf_char(out, '\n');
	print_label(out, "plugin ABI");
	buf_printf(out, "%u.%u (this tkit: %d.%d)\n", desc->abi_major, desc->abi_minor,
		   TKIT_ABI_MAJOR, TKIT_ABI_MINOR);
	caps_lines(out, desc);
	if (desc->kind == TKIT_KIND_BACKEND)
		probe_all(out, plugin, false);
	buf_str(out, desc->option_count ? "\nOptions:\n" : "\nNo options.\n");
	for (size_t i = 0; i < desc->option_count; i++)
		option_text(out, plugin, &desc->options[i]);
}

static void show_json(struct buf *out, const struct plugin *plugin)
{
	const struct tkit_plugin *desc = &plugin->desc;

	json_item(out);
	buf_char(out, '{');
	json_str(out, "kind", kind_name((enum tkit_kind)desc->kind));
	json_str(out, "name", desc->name);
	json_str(out, "version", desc->version);
	json_str(out, "summary", desc->summary);
	json_str(out, "licence", desc->licence);
	json_str(out, "module", plugin->file);
	json_str(out, "conf", plugin->conf ? plugin->conf->file : NULL);
	json_int(out, "abi_major", desc->abi_major);
	json_int(out, "abi_minor", desc->abi_minor);
	caps_json(out, desc);
	if (desc->kind == TKIT_KIND_BACKEND)
		probe_all(out, plugin, true);
	json_key(out, "options");
	buf_char(out, '[');
	for (size_t i = 0; i < desc->option_count; i++)
		option_json(out, plugin, &desc->options[i]);
	buf_str(out, "]}");
}

static bool is_file(const char *what)
{
	size_t len = strlen(what);

	return what[0] == '/' || what[0] == '.' || (len > 3 && !strcmp(what + len - 3, ".so"));
}

/* No plugin of any kind has this name. */
static int unknown_name(const struct plugin_registry *registry, const char *name, struct err *err)
{
	size_t count = registry_count(registry);
	const char **names = calloc(count + 1, sizeof(char *));
	const char *near = NULL;

	for (size_t i = 0; names && i < count; i++)
		names[i] = registry_get(registry, i)->name;
	if (names)
		near = suggest(name, names, count);
	free(names);
	if (near)
		return err_set(err, -ENOENT, "no plugin is called '%s'; did you mean '%s'?", name,
			       near);
	return err_set(err, -ENOENT, "no plugin is called '%s' (see `tkit plugin list`)", name);
}

/*
 * Finds "NAME" in all kinds or "KIND/NAME" in one; fills plugins[] and returns their number.
 * If none can be shown, the error is that of the first which should have been.
 */
static int find_all(struct plugin_registry *registry, const char *what,
		    const struct plugin *plugins[3], struct err *err)
{
	const char *slash = strchr(what, '/'), *name = slash ? slash + 1 : what;
	_cleanup_free_ char *kind_text = slash ? strndup(what, (size_t)(slash - what)) : NULL;
	enum tkit_kind only = kind_text ? kind_parse(kind_text) : 0;
	int count = 0, rc;

	if (kind_text && !only)
		return err_set(err, -EINVAL, "'%s': no kind of plugin is called '%s'", what,
			       kind_text);
	for (int kind = TKIT_KIND_BACKEND; kind <= TKIT_KIND_REPORTER; kind++) {
		const struct plugin_conf *conf;
		struct err why = ERR_INIT;
		bool unknown = false;

		if (only && only != (enum tkit_kind)kind)
			continue;
		rc = registry_find(registry, (enum tkit_kind)kind, name, &conf, &why);
		if (rc == 0)
			rc = plugin_load(conf, &plugins[count], &why);
		else if (rc == -ENOENT && !only)
			unknown = true; /* another kind may have it */
		if (rc == 0)
			count++;
		else if (!unknown && !err->rc)
			err_set(err, rc, "%s", err_text(&why));
		err_done(&why);
	}
	if (!count)
		return err->rc ? err->rc : unknown_name(registry, name, err);
	if (err->rc)
		log_warn("%s", err_text(err)); /* of several, one cannot be shown */
	err_done(err);
	return count;
}

int plugin_cli_show(struct plugin_registry *registry, const char *what, bool json)
{
	const struct plugin *plugins[3] = {NULL};
	struct buf out = BUF_INIT;
	struct err err = ERR_INIT;
	int count;

	if (is_file(what)) {
		count = plugin_load_file(what, &plugins[0], &err) ? -1 : 1;
	} else {
		count = find_all(registry, what, plugins, &err);
	}
	if (count < 0) {
		count = cli_error(&err);
		err_done(&err);
		return count;
	}
	if (json)
		buf_str(&out, "{\"plugins\":[");
	for (int i = 0; i < count && plugins[i]; i++) {
		if (json)
			show_json(&out, plugins[i]);
		else
			buf_str(&out, i ? "\n" : "");
		if (!json)
			show_text(&out, plugins[i]);
	}
	if (json)
		buf_str(&out, "]}\n");
	return print_out(&out);
}
