// SPDX-License-Identifier: MIT
#include "plugin/loader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/check.h"
#include "plugin/conf.h"
#include "plugin/module.h"
#include "util/cleanup.h"

/* One plugin per module and conf. Lives until the process ends. */
struct loaded {
	struct loaded *next;
	const struct module *module;
	struct plugin plugin;
};

static struct loaded *all_loaded; /* main thread only, see loader.h */

/* Keeps the first finding. */
static void first_finding(void *arg, const char *id, const char *text)
{
	struct err *err = (struct err *)arg;

	/* Bad help is for `tkit plugin check`, nothing breaks by it. */
	if (!err->rc && strcmp(id, CHECK_OPT_HELP))
		err_set(err, -ENOEXEC, "%s", text);
}

static int check_table(const struct module *module, struct err *err)
{
	struct err first = ERR_INIT;
	int rc;

	check_options(&module->abi.desc, first_finding, &first);
	rc = first.rc;
	if (rc)
		err_set(err, rc, "%s: bad table of options: %s", module->file, err_text(&first));
	err_done(&first);
	return rc;
}

static int match_conf(const struct module *module, const struct plugin_conf *conf, struct err *err)
{
	const struct tkit_plugin *desc = &module->abi.desc;

	if (desc->kind != (uint32_t)conf->kind || strcmp(desc->name, conf->name))
		return err_set(err, -EINVAL, "%s: names the %s '%s', but %s is the %s '%s'",
			       conf->file, kind_name(conf->kind), conf->name, module->file,
			       kind_name((enum tkit_kind)desc->kind), desc->name);
	return 0;
}

static int load(const char *file, const struct plugin_conf *conf, const struct plugin **ret_plugin,
		struct err *err)
{
	const struct module *module;
	struct loaded *loaded;
	int rc = module_open(file, &module, NULL, err);

	if (rc == 0 && conf)
		rc = match_conf(module, conf, err);
	if (rc == 0)
		rc = check_table(module, err);
	if (rc)
		return rc;
	for (loaded = all_loaded; loaded; loaded = loaded->next) {
		if (loaded->module == module && conf_equal(loaded->plugin.conf, conf)) {
			*ret_plugin = &loaded->plugin;
			return 0;
		}
	}
	loaded = calloc(1, sizeof(*loaded));
	if (loaded && conf)
		loaded->plugin.conf = conf_copy(conf);
	if (!loaded || (conf && !loaded->plugin.conf)) {
		free(loaded);
		return err_sys(err, -ENOMEM, "%s", file);
	}
	loaded->module = module;
	loaded->plugin.desc = module->abi.desc;
	loaded->plugin.ops = &module->abi.ops;
	loaded->plugin.file = module->file;
	loaded->next = all_loaded;
	all_loaded = loaded;
	*ret_plugin = &loaded->plugin;
	return 0;
}

int plugin_load(const struct plugin_conf *conf, const struct plugin **ret_plugin, struct err *err)
{
	int rc = load(conf->module, conf, ret_plugin, err);

	/* A module that is not there is the conf's fault as often as the module's. */
	if (rc == -ENOENT)
		err_wrap(err, "%s: the module of %s '%s' is not built or not installed", conf->file,
			 kind_name(conf->kind), conf->name);
	return rc;
}

int plugin_load_file(const char *file, const struct plugin **ret_plugin, struct err *err)
{
	return load(file, NULL, ret_plugin, err);
}

int plugin_instance_spec(struct plugin_registry *registry, enum tkit_kind kind, const char *spec,
			 const struct plugin **ret_plugin, struct plugin_options **ret_options,
			 struct err *err)
{
	const char *comma = strchrnul(spec, ',');
	_cleanup_free_ char *name = strndup(spec, (size_t)(comma - spec));
	const struct plugin_conf *conf;
	const struct plugin *plugin;
	int rc;

	if (!name)
		return err_sys(err, -ENOMEM, "%s", spec);
	if (!*name)
		return err_set(err, -EINVAL, "'%s': the name of a %s comes first", spec,
			       kind_name(kind));
	rc = registry_find(registry, kind, name, &conf, err);
	if (rc == 0)
		rc = plugin_load(conf, &plugin, err);
	if (rc == 0)
		rc = plugin_options_new(plugin, *comma ? comma + 1 : NULL, ret_options, err);
	if (rc == 0)
		*ret_plugin = plugin;
	return rc;
}
