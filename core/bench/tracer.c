// SPDX-License-Identifier: MIT
#include "bench/tracer.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <tkit/backend.h>

#include "plugin/probe.h"
#include "util/buf.h"
#include "util/cleanup.h"
#include "util/suggest.h"

#define ONE_CPU "@1cpu"

/* ---- lists ---- */

/* Length of the first item of a list. */
static size_t item_len(const char *list)
{
	size_t len = strcspn(list, ",");

	while (list[len] == ',') {
		size_t more = strcspn(list + len + 1, ",");

		if (!memchr(list + len + 1, '=', more))
			break;
		len += 1 + more;
	}
	return len;
}

char *tracer_item(const char *list, size_t index)
{
	for (;; index--) {
		size_t len = item_len(list);

		if (!*list)
			return NULL;
		if (!index)
			return strndup(list, len);
		list += len + (list[len] == ',');
	}
}

static bool take_suffix(char *item, const char *suffix)
{
	size_t len = strlen(item), n = strlen(suffix);

	if (len <= n || strcmp(item + len - n, suffix) != 0)
		return false;
	item[len - n] = '\0';
	return true;
}

static void tracer_done(struct tracer *tracer)
{
	free(tracer->label);
	free(tracer->backend);
	free(tracer->sink);
	free(tracer->skipped);
}

void tracer_list_done(struct tracer_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		tracer_done(&list->items[i]);
	free(list->items);
	*list = (struct tracer_list){0};
}

/* Takes over what *tracer owns, also on failure. */
static int add(struct tracer_list *list, struct tracer *tracer, const char *name, struct err *err)
{
	struct tracer *items = realloc(list->items, (list->count + 1) * sizeof(*items));
	struct buf label = BUF_INIT;

	buf_printf(&label, "%s", name);
	if (tracer->kind == TRACER_TKIT && strcmp(tracer->sink, "file") != 0)
		buf_printf(&label, " > %s", tracer->sink);
	if (tracer->one_cpu)
		buf_str(&label, " " ONE_CPU);
	buf_char(&label, '\0');
	tracer->label = label.data;
	if (!items || label.failed) {
		list->items = items ? items : list->items;
		tracer_done(tracer);
		return err_sys(err, -ENOMEM, "listing tracers");
	}
	items[list->count++] = *tracer;
	list->items = items;
	return 0;
}

static char *skip_reason(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static char *skip_reason(const char *fmt, ...)
{
	char *text = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) < 0)
		text = strdup("it cannot be used here");
	va_end(ap);
	return text;
}

/* ---- tkit ---- */

/* Fills in what a backend watches, and why it cannot be used. */
static void examine(struct tracer *tracer, const struct plugin *plugin,
		    const struct plugin_options *options)
{
	uint64_t caps = backend_caps(plugin, options);
	struct err why = ERR_INIT;

	tracer->tells_loss = true;
	tracer->watch = caps & TKIT_CAN_METADATA ? BENCH_ALL
			: caps & TKIT_CAN_FAILED ? BENCH_OPENS
						 : BENCH_OPENED;
	if (probe_kind(plugin, options, TKIT_TARGET_COMMAND, &why) < 0)
		tracer->skipped = skip_reason("%s", err_text(&why));
	err_done(&why);
}

/* One backend with one sink. */
static int add_pair(struct tracer_list *list, struct plugin_registry *registry, const char *backend,
		    const char *sink, bool one_cpu, struct err *err)
{
	struct tracer tracer = {.kind = TRACER_TKIT, .one_cpu = one_cpu};
	struct plugin_options *options = NULL;
	const struct plugin *plugin = NULL;
	int rc = plugin_instance_spec(registry, TKIT_KIND_SINK, sink, &plugin, &options, err);

	plugin_options_free(options);
	options = NULL;
	if (rc == 0)
		rc = plugin_instance_spec(registry, TKIT_KIND_BACKEND, backend, &plugin, &options,
					  err);
	if (rc < 0)
		return rc;
	examine(&tracer, plugin, options);
	plugin_options_free(options);
	tracer.backend = strdup(backend);
	tracer.sink = strdup(sink);
	tracer.stores = !strncmp(sink, "file", 4) && (!sink[4] || sink[4] == ',');
	if (!tracer.backend || !tracer.sink) {
		tracer_done(&tracer);
		return err_sys(err, -ENOMEM, "listing tracers");
	}
	return add(list, &tracer, backend, err);
}

static int add_with_sinks(struct tracer_list *list, struct plugin_registry *registry, char *backend,
			  const struct tracer_request *request, struct err *err)
{
	bool one_cpu = take_suffix(backend, ONE_CPU) || request->one_cpu;

	for (size_t i = 0;; i++) {
		_cleanup_free_ char *sink =
			tracer_item(request->sinks ? request->sinks : "file", i);
		int rc;

		if (!sink)
			return 0;
		rc = add_pair(list, registry, backend, sink, one_cpu, err);
		if (rc < 0)
			return rc;
	}
}

/* As it is without options: it watches commands, and does not make or import its events. */
static bool watches_commands(struct plugin_registry *registry, const char *name)
{
	struct plugin_options *options = NULL;
	const struct plugin *plugin;
	uint64_t caps = 0;

	if (plugin_instance_spec(registry, TKIT_KIND_BACKEND, name, &plugin, &options, NULL) == 0)
		caps = backend_caps(plugin, options);
	plugin_options_free(options);
	return caps & TKIT_CAN_TARGET_COMMAND && !(caps & TKIT_CAN_TARGET_NONE);
}

/* All those that watch commands. */
static int add_all_backends(struct tracer_list *list, struct plugin_registry *registry,
			    const struct tracer_request *request, struct err *err)
{
	for (size_t i = 0; i < registry_count(registry); i++) {
		const struct plugin_conf *conf = registry_get(registry, i);
		_cleanup_free_ char *name = NULL;
		int rc;

		if (conf->kind != TKIT_KIND_BACKEND || !watches_commands(registry, conf->name))
			continue;
		name = strdup(conf->name);
		rc = name ? add_with_sinks(list, registry, name, request, err)
			  : err_sys(err, -ENOMEM, "listing tracers");
		if (rc < 0)
			return rc;
	}
	return 0;
}

static int add_backends(struct tracer_list *list, struct plugin_registry *registry,
			const struct tracer_request *request, struct err *err)
{
	if (!request->backends)
		return add_all_backends(list, registry, request, err);
	for (size_t i = 0;; i++) {
		_cleanup_free_ char *backend = tracer_item(request->backends, i);
		int rc;

		if (!backend)
			return 0;
		rc = add_with_sinks(list, registry, backend, request, err);
		if (rc < 0)
			return rc;
	}
}

/* ---- peers ---- */

static bool in_path(const char *program)
{
	const char *path = getenv("PATH");

	for (path = path ? path : "/usr/bin:/bin"; *path;) {
		size_t len = strcspn(path, ":");
		char file[PATH_MAX];
		int n = snprintf(file, sizeof(file), "%.*s/%s", (int)len, path, program);

		if (len && n > 0 && (size_t)n < sizeof(file) && access(file, X_OK) == 0)
			return true;
		path += len + (path[len] == ':');
	}
	return false;
}

static int add_peer(struct tracer_list *list, const struct peer *peer, bool one_cpu,
		    struct err *err)
{
	struct tracer tracer = {
		.kind = TRACER_PEER,
		.peer = peer,
		.one_cpu = one_cpu,
		.tells_loss = peer->tells_loss,
		.watch = peer->watch,
	};

	if (!in_path(peer->program))
		tracer.skipped = skip_reason("%s is not installed", peer->program);
	else if ((peer->attaches || peer->whole) && geteuid() != 0)
		tracer.skipped = skip_reason("needs root");
	return add(list, &tracer, peer->name, err);
}

static const struct peer *find_peer(const char *name, struct err *err)
{
	const char *names[32], *near;

	for (size_t i = 0; i < peer_count; i++) {
		if (!strcmp(peers[i].name, name))
			return &peers[i];
		names[i] = peers[i].name;
	}
	near = suggest(name, names, peer_count);
	err_set(err, -ENOENT, "unknown peer '%s'%s%s%s", name, near ? "; did you mean '" : "",
		near ? near : "", near ? "'?" : "; see `tkit bench --list`");
	return NULL;
}

static int add_peers(struct tracer_list *list, const struct tracer_request *request,
		     struct err *err)
{
	for (size_t i = 0; !request->peers && i < peer_count; i++) {
		int rc = add_peer(list, &peers[i], request->one_cpu, err);

		if (rc < 0)
			return rc;
	}
	for (size_t i = 0; request->peers; i++) {
		_cleanup_free_ char *name = tracer_item(request->peers, i);
		bool one_cpu = name && take_suffix(name, ONE_CPU);
		const struct peer *peer = name ? find_peer(name, err) : NULL;
		int rc = !name ? 0 : !peer ? -ENOENT : 1;

		if (rc > 0)
			rc = add_peer(list, peer, one_cpu || request->one_cpu, err) < 0 ? -ENOMEM
											: 1;
		if (rc <= 0)
			return rc;
	}
	return 0;
}

int tracer_list_new(struct tracer_list *ret, struct plugin_registry *registry,
		    const struct tracer_request *request, struct err *err)
{
	struct tracer_list list = {0};
	bool both[2] = {false, false};
	int rc = add_backends(&list, registry, request, err);

	if (rc == 0)
		rc = add_peers(&list, request, err);
	for (size_t i = 0; i < list.count; i++)
		both[list.items[i].one_cpu] = true;
	for (int one_cpu = 0; rc == 0 && one_cpu < 2; one_cpu++) {
		struct tracer none = {.kind = TRACER_NONE, .one_cpu = one_cpu};

		if (both[one_cpu] || (!list.count && one_cpu == request->one_cpu))
			rc = add(&list, &none, "untraced", err);
	}
	if (rc < 0)
		tracer_list_done(&list);
	*ret = list;
	return rc;
}

/* ---- command lines ---- */

static int put(const char **argv, int n, const char *word)
{
	if (n < 0 || n + 1 >= TRACER_ARGV_MAX)
		return -E2BIG;
	argv[n] = word;
	argv[n + 1] = NULL;
	return n + 1;
}

static int put_command(const char **argv, int n, const char *const *command)
{
	for (; *command && n >= 0; command++)
		n = put(argv, n, *command);
	return n;
}

static int put_line(const char **argv, int n, const char *const *command, char *scratch,
		    size_t size)
{
	size_t used = 0;

	for (; *command; command++) {
		int len = snprintf(scratch + used, size - used, "%s%s", used ? " " : "", *command);

		if (len < 0 || (size_t)len >= size - used)
			return -E2BIG;
		used += (size_t)len;
	}
	return put(argv, n, scratch);
}

static int tkit_argv(const struct tracer *tracer, const char *out, const char *const *command,
		     const char **argv)
{
	const char *const head[] = {"/proc/self/exe",
				    tracer->stores ? "-q" : "-v",
				    "run",
				    "--backend",
				    tracer->backend,
				    "--sink",
				    tracer->sink,
				    NULL};
	int n = put_command(argv, 0, head);

	if (tracer->stores) {
		n = put(argv, n, "-o");
		n = put(argv, n, out);
	}
	if (*command)
		n = put(argv, n, "--");
	return put_command(argv, n, command);
}

int tracer_argv(const struct tracer *tracer, const char *out, const char *const *command,
		char *scratch, size_t scratch_size, const char *argv[TRACER_ARGV_MAX])
{
	int n = 0;

	argv[0] = NULL;
	if (tracer->kind == TRACER_NONE)
		return put_command(argv, 0, command);
	if (tracer->kind == TRACER_TKIT)
		return tkit_argv(tracer, out, command, argv);
	for (const char *const *word = tracer->peer->argv; *word && n >= 0; word++) {
		if (!strcmp(*word, "{cmd}"))
			n = put_command(argv, n, command);
		else if (!strcmp(*word, "{line}"))
			n = put_line(argv, n, command, scratch, scratch_size);
		else
			n = put(argv, n, strcmp(*word, "{out}") != 0 ? *word : out);
	}
	return n;
}
