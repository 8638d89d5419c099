// SPDX-License-Identifier: MIT
/* tkit plugin */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/plugin_cli.h"
#include "cli/print.h"
#include "util/suggest.h"

/* Loads a plugin for the listing. NULL, with the cause in *ret_why (to be freed), on failure. */
static const struct plugin *try_load(const struct plugin_conf *conf, struct err *why)
{
	const struct plugin *plugin;

	return plugin_load(conf, &plugin, why) ? NULL : plugin;
}

static void list_text(struct buf *out, const struct plugin_conf *conf, const struct plugin *plugin,
		      const struct err *why)
{
	size_t start = out->size;

	buf_str(out, kind_name(conf->kind));
	print_pad(out, start, 10);
	buf_str(out, conf->name);
	print_pad(out, start, 26);
	if (plugin) {
		print_text(out, plugin->desc.version);
		print_pad(out, start, 34);
		print_text(out, plugin->desc.summary);
	} else {
		buf_char(out, '-');
		print_pad(out, start, 34);
		buf_str(out, "not usable: ");
		print_text(out, err_text(why));
	}
	buf_char(out, '\n');
}

static void list_json(struct buf *out, const struct plugin_conf *conf, const struct plugin *plugin,
		      const struct err *why)
{
	json_item(out);
	buf_char(out, '{');
	json_str(out, "kind", kind_name(conf->kind));
	json_str(out, "name", conf->name);
	json_str(out, "version", plugin ? plugin->desc.version : NULL);
	json_str(out, "summary", plugin ? plugin->desc.summary : NULL);
	json_str(out, "module", conf->module);
	json_str(out, "conf", conf->file);
	json_str(out, "error", plugin ? NULL : err_text(why));
	buf_char(out, '}');
}

static void list_bad(struct buf *out, const struct plugin_registry *registry, bool json)
{
	for (size_t i = 0; i < registry_bad_count(registry); i++) {
		const struct plugin_bad_conf *bad = registry_bad(registry, i);

		if (json) {
			json_item(out);
			buf_char(out, '{');
			json_str(out, "conf", bad->file);
			json_str(out, "error", bad->text);
			buf_char(out, '}');
		} else {
			buf_str(out, i ? "" : "\nUnusable conf files:\n");
			buf_str(out, "  ");
			print_text(out, bad->text);
			buf_char(out, '\n');
		}
	}
}

static int list(const struct plugin_registry *registry, bool json)
{
	struct buf out = BUF_INIT;

	if (json)
		buf_str(&out, "{\"plugins\":[");
	else if (registry_count(registry))
		buf_str(&out, "KIND      NAME            VERSION SUMMARY\n");
	else
		buf_str(&out, "No plugin is installed (is TKIT_PLUGINS_D right?)\n");
	for (size_t i = 0; i < registry_count(registry); i++) {
		const struct plugin_conf *conf = registry_get(registry, i);
		struct err why = ERR_INIT;
		const struct plugin *plugin = try_load(conf, &why);

		(json ? list_json : list_text)(&out, conf, plugin, &why);
		err_done(&why);
	}
	if (json)
		buf_str(&out, "],\"bad\":[");
	list_bad(&out, registry, json);
	if (json)
		buf_str(&out, "]}\n");
	return print_out(&out);
}

static int dispatch(struct plugin_registry *registry, const char *what, char **args, int count,
		    const char *spec, bool json)
{
	static const char *const words[] = {"list", "show", "new", "check", "conformance"};
	const char *near;

	if (!strcmp(what, "list")) {
		if (count)
			return cli_usage(&cmd_plugin, "list takes no argument, but got '%s'",
					 args[0]);
		return list(registry, json);
	}
	if (!strcmp(what, "show")) {
		if (count != 1)
			return cli_usage(&cmd_plugin, "show takes one name or file");
		return plugin_cli_show(registry, args[0], json);
	}
	if (!strcmp(what, "check")) {
		if (!count)
			return cli_usage(&cmd_plugin, "check takes the file of a module");
		return plugin_cli_check(registry, args, spec, json);
	}
	if (!strcmp(what, "conformance")) {
		if (!count)
			return cli_usage(&cmd_plugin, "conformance takes the file of a backend");
		return plugin_cli_conformance(args, count, spec, json);
	}
	if (!strcmp(what, "new"))
		return plugin_cli_new(args, count);
	near = suggest(what, words, sizeof(words) / sizeof(words[0]));
	return near ? cli_usage(&cmd_plugin, "unknown subcommand '%s'; did you mean '%s'?", what,
				near)
		    : cli_usage(&cmd_plugin, "unknown subcommand '%s'", what);
}

/* Takes the options at argv[optind]; false after a complaint. */
static bool parse_options(int argc, char **argv, const char *letters, bool *json, const char **spec)
{
	static const struct option options[] = {
		{"json", no_argument, NULL, 'j'},
		{"options", required_argument, NULL, 'o'},
		{NULL, 0, NULL, 0},
	};

	for (int c; (c = getopt_long(argc, argv, letters, options, NULL)) != -1;) {
		if (c == 'j') {
			*json = true;
			continue;
		}
		if (c == 'o') {
			*spec = optarg;
			continue;
		}
		if (c == ':') {
			cli_usage(&cmd_plugin, "%s needs a value", argv[optind - 1]);
			return false;
		}
		cli_usage(&cmd_plugin, "unknown option '%s'", argv[optind - 1]);
		return false;
	}
	return true;
}

static int run_command(int argc, char **argv)
{
	struct plugin_registry *registry;
	struct err err = ERR_INIT;
	bool json = false;
	const char *what, *spec = NULL;
	int rc;

	opterr = 0;
	optind = 0;
	if (!parse_options(argc, argv, "+:", &json, &spec))
		return CLI_FAILED;
	if (optind >= argc)
		return cli_usage(&cmd_plugin,
				 "a subcommand is needed: list, show, new, check or conformance");
	what = argv[optind];
	argc -= optind;
	argv += optind;
	/* Options may stand before and behind the subcommand, and behind its arguments. */
	optind = 0;
	if (!parse_options(argc, argv, ":", &json, &spec))
		return CLI_FAILED;
	if (registry_new(&registry, &err)) {
		rc = cli_error(&err);
		err_done(&err);
		return rc;
	}
	rc = dispatch(registry, what, argv + optind, argc - optind, spec, json);
	registry_free(registry);
	return rc;
}

static const char help[] =
	"Usage: tkit plugin list [--json]\n"
	"       tkit plugin show [KIND/]NAME|FILE.so [--json]\n"
	"       tkit plugin new backend|sink|reporter NAME [DIR]\n"
	"       tkit plugin check FILE.so... [--options K=V,...] [--json]\n"
	"       tkit plugin conformance FILE.so [WORKLOAD]... [--options K=V,...] [--json]\n"
	"\n"
	"Tells which plugins there are, what they can do, and whether a module is sound.\n"
	"\n"
	"list   Loads every plugin that is named in plugins.d and prints its kind, name, version\n"
	"       and summary, or why it cannot be used. Conf files that cannot be read come last.\n"
	"show   Prints all about a plugin: its file and conf, ABI, licence, what it can see or\n"
	"       needs, its options with type, default and range, and, for a backend, whether it\n"
	"       can run here and why not. Several plugins of one name (backend/null and\n"
	"       sink/null) are all shown.\n"
	"new    Writes a plugin to begin with, to be built outside of tkit's tree: source, tests,\n"
	"       Makefile and CMakeLists.txt, conf and README, in the new folder DIR (default\n"
	"       KIND-NAME).\n"
	"check  Checks modules: ABI, mandatory callbacks, option table, exported symbols, file\n"
	"       name, conf; then leads instances through their lives, in a child process, and\n"
	"       sees whether they keep to the contract. Prints one finding a line as\n"
	"       FILE: ID: TEXT. The IDs are stable; tkit-writing-plugins(7) explains each.\n"
	"conformance\n"
	"       Runs tkit's own test programs under the backend in FILE.so (or only those named),\n"
	"       and compares what it told with what they did: a line for each program, with what\n"
	"       was missed or never happened, and a table of what the backend declares and sees.\n"
	"       Needs python3, and as root more programs can be run.\n"
	"\n"
	"Options:\n"
	"      --json             print one JSON object\n"
	"      --options K=V,...  check, conformance: options for the instances, as after the\n"
	"                         name in --backend, --sink and --reporter\n"
	"  -h, --help             this text\n"
	"\n"
	"Plugins are named by files NN-NAME.yaml in these directories; one in a later directory\n"
	"overrides one of the same file name in an earlier one:\n"
	"  LIBDIR/tkit/plugins.d      installed plugins; in a build tree the plugins.d beside tkit\n"
	"  PREFIX/etc/tkit/plugins.d  the administrator's, where PREFIX is not /usr\n"
	"  /etc/tkit/plugins.d        the administrator's\n"
	"  $TKIT_PLUGINS_D            directories separated by colons; ignored when setuid\n"
	"\n"
	"Such a file:\n"
	"  plugin:\n"
	"    kind: backend                    # backend, sink or reporter\n"
	"    name: ebpf\n"
	"    module: plugins/backend-ebpf.so  # absolute, or below the parent of plugins.d,\n"
	"                                     # or else below LIBDIR/tkit\n"
	"  defaults:                          # optional; those of `tkit plugin show ebpf`\n"
	"    ring-size: 16M\n"
	"\n"
	"Findings of check:\n"
	"  PC001..PC005  the file: unreadable, writable by others, not an ELF shared object of\n"
	"                this machine, refused by the dynamic linker, without a descriptor\n"
	"  PC006..PC009  the ABI: magic, major version, sizes, use of what this tkit lacks\n"
	"  PC010..PC012  kind, name, mandatory callbacks\n"
	"  PC020..PC026  options: name, type, place, overlap, range, default, help\n"
	"  PC030..PC034  exported symbols, texts, capability bits, file name, stack\n"
	"  PC040, PC041  plugins.d: the conf, its defaults\n"
	"  PC050..PC055  crashes, hangs, exits; failures without a cause, wrong results\n"
	"  PC056..PC063  prints; leaves memory, descriptors, threads, processes behind; changes\n"
	"                the process; no two instances at a time\n"
	"  PC064..PC068  lent memory: used too late, written to; reports that vary; too much memory\n"
	"  PC069..PC074  probe(); events that break the event model, or come when they must not\n"
	"  PC075..PC084  pump(), stats(), caps(), the watched command, order, escaping, early open()\n"
	"\n"
	"Run by root, tkit refuses conf files and modules that others can write.\n"
	"\n"
	"Exit status: 0; check: 1 if there are findings; conformance: 1 if something declared was\n"
	"missed, or told that never happened; 125 if tkit itself failed.\n";

const struct cli_command cmd_plugin = {
	.name = "plugin",
	.summary = "list, show, begin or check a plugin",
	.help = help,
	.run = run_command,
};
