// SPDX-License-Identifier: MIT
#include <errno.h>
#include <string.h>

#include <tkit/backend.h>

#include "cli/run_args.h"
#include "plugin/probe.h"
#include "util/buf.h"
#include "util/log.h"

bool run_is_auto(const char *spec)
{
	return strncmp(spec, "auto", 4) == 0 && (spec[4] == '\0' || spec[4] == ',');
}

/* Rank of one backend for the target, or -errno with the cause; a loser keeps nothing. */
static int rate(const struct plugin_conf *conf, enum tkit_target_kind target,
		const struct plugin **ret_plugin, struct plugin_options **ret_options,
		struct err *err)
{
	int rc = plugin_load(conf, ret_plugin, err);

	if (rc < 0)
		return rc;
	rc = plugin_options_new(*ret_plugin, NULL, ret_options, err);
	if (rc < 0)
		return rc;
	/* What makes or imports events by itself is never what was meant. */
	if (backend_caps(*ret_plugin, *ret_options) & TKIT_CAN_TARGET_NONE) {
		plugin_options_free(*ret_options);
		*ret_options = NULL;
		return 0;
	}
	rc = probe_kind(*ret_plugin, *ret_options, target, err);
	if (rc < 0) {
		plugin_options_free(*ret_options);
		*ret_options = NULL;
	}
	return rc;
}

static int none_can(const struct buf *reasons, enum tkit_target_kind target, struct err *err)
{
	return err_set(err, -EOPNOTSUPP, "no backend can watch a target of kind %s here%s%.*s",
		       target_name(target), reasons->size ? ": " : "; none is installed",
		       (int)reasons->size, reasons->data ? reasons->data : "");
}

int run_auto(struct plugin_registry *registry, enum tkit_target_kind target, const char *spec,
	     const struct plugin **ret_plugin, struct plugin_options **ret_options, struct err *err)
{
	struct buf reasons = BUF_INIT;
	int best = 0;

	if (strcmp(spec, "auto") != 0)
		return err_set(err, -EINVAL,
			       "backend auto takes no options; name the backend to give it some");
	for (size_t i = 0; i < registry_count(registry); i++) {
		const struct plugin_conf *conf = registry_get(registry, i);
		struct plugin_options *options = NULL;
		const struct plugin *plugin = NULL;
		struct err why = ERR_INIT;
		int rank;

		if (conf->kind != TKIT_KIND_BACKEND)
			continue;
		rank = rate(conf, target, &plugin, &options, &why);
		if (rank < 0) {
			log_info("backend %s: %s", conf->name, err_text(&why));
			buf_printf(&reasons, "%s%s: %s", reasons.size ? "; " : "", conf->name,
				   err_text(&why));
		} else if (rank > best) {
			plugin_options_free(*ret_options);
			*ret_options = options;
			*ret_plugin = plugin;
			best = rank;
			options = NULL;
		}
		plugin_options_free(options);
		err_done(&why);
	}
	if (best)
		log_info("backend %s chosen", (*ret_plugin)->desc.name);
	else
		none_can(&reasons, target, err);
	buf_done(&reasons);
	return best ? 0 : -EOPNOTSUPP;
}

/* The names of the installed backends that could, "a, b". */
static void list_able(struct plugin_registry *registry, enum tkit_target_kind target,
		      struct buf *names)
{
	for (size_t i = 0; i < registry_count(registry); i++) {
		const struct plugin_conf *conf = registry_get(registry, i);
		const struct plugin *plugin;

		if (conf->kind == TKIT_KIND_BACKEND && plugin_load(conf, &plugin, NULL) == 0 &&
		    plugin->desc.caps & target_cap(target))
			buf_printf(names, "%s%s", names->size ? ", " : "", conf->name);
	}
}

int run_check_targets(struct plugin_registry *registry, enum tkit_target_kind target,
		      const struct session_plugin *backends, size_t count, struct err *err)
{
	for (size_t i = 0; i < count; i++) {
		const struct tkit_plugin *desc = &backends[i].plugin->desc;
		struct buf names = BUF_INIT;

		if (backend_caps(backends[i].plugin, backends[i].options) & target_cap(target))
			continue;
		if (desc->caps & target_cap(target))
			return err_set(err, -EOPNOTSUPP,
				       "backend %s cannot watch a target of kind %s with these "
				       "options; see `tkit plugin show %s`",
				       desc->name, target_name(target), desc->name);
		list_able(registry, target, &names);
		err_set(err, -EOPNOTSUPP, "backend %s cannot watch a target of kind %s%s%.*s",
			desc->name, target_name(target), names.size ? "; these can: " : "",
			(int)names.size, names.data ? names.data : "");
		buf_done(&names);
		return -EOPNOTSUPP;
	}
	return 0;
}
