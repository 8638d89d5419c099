// SPDX-License-Identifier: MIT
#include "container/listener.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <tkit/syscalls.h>

#include "container/json.h"
#include "util/cleanup.h"

#define DIR    "/run/tkit"
#define ALLOW  "SCMP_ACT_ALLOW"
#define NOTIFY "SCMP_ACT_NOTIFY"

static bool names_backend(const char *spec, const char *name)
{
	size_t len = strlen(name);

	return strncmp(spec, name, len) == 0 && (!spec[len] || spec[len] == ',');
}

bool listener_wanted(char *const *options, const char *backend)
{
	for (size_t i = 0; options && options[i]; i++)
		if (strcmp(options[i], "--backend") == 0 && options[i + 1] &&
		    names_backend(options[i + 1], backend))
			return true;
	return false;
}

/* ---- the filter ---- */

/* Names of the calls to ask about, as keys. */
static json_t *wanted_calls(void)
{
	static const int archs[] = {TKIT_ARCH_X86_64, TKIT_ARCH_I386, TKIT_ARCH_AARCH64};
	json_t *names = json_object();

	for (size_t i = 0; i < sizeof(archs) / sizeof(archs[0]); i++) {
		size_t count;
		const struct tkit_syscall *rows = tkit_syscalls(archs[i], &count);

		for (size_t k = 0; k < count; k++)
			json_object_set_new(names, rows[k].name, json_true());
	}
	json_object_set_new(names, "io_uring_setup", json_true());
	return names;
}

/* Takes the calls that are wanted out of an unconditional rule, into `taken`. */
static void take_names(json_t *rule, const json_t *wanted, json_t *taken)
{
	json_t *names = json_object_get(rule, "names");

	for (size_t i = json_array_size(names); i-- > 0;) {
		const char *name = json_string_value(json_array_get(names, i));

		if (!name || !json_object_get(wanted, name))
			continue;
		json_object_set_new(taken, name, json_true());
		json_array_remove(names, i);
	}
}

/* What another rule says of a call stays as it is. */
static void drop_names(const json_t *rule, json_t *wanted)
{
	const json_t *name;
	size_t i;

	json_array_foreach(json_object_get(rule, "names"), i, name)
	{
		if (json_string_value(name))
			json_object_del(wanted, json_string_value(name));
	}
}

static bool is_plain_allow(const json_t *rule)
{
	const char *action = json_member(rule, "action");

	return action && strcmp(action, ALLOW) == 0 &&
	       json_array_size(json_object_get(rule, "args")) == 0;
}

/* The calls that the profile lets pass without a condition; taken out of its rules. */
static json_t *take_allowed(json_t *seccomp, json_t *wanted)
{
	const char *otherwise = json_member(seccomp, "defaultAction");
	json_t *rules = json_object_get(seccomp, "syscalls"), *taken = json_object();
	json_t *rule;
	size_t i;

	json_array_foreach(rules, i, rule)
	{
		if (!is_plain_allow(rule))
			drop_names(rule, wanted);
	}
	for (i = json_array_size(rules); i-- > 0;) {
		rule = json_array_get(rules, i);
		if (!is_plain_allow(rule))
			continue;
		take_names(rule, wanted, taken);
		if (json_array_size(json_object_get(rule, "names")) == 0)
			json_array_remove(rules, i);
	}
	if (otherwise && strcmp(otherwise, ALLOW) == 0)
		json_object_update(taken, wanted);
	return taken;
}

/* sendto(2) names a socket only with an address, its fifth argument. */
static json_t *sendto_rule(const char *action, const char *op)
{
	return json_pack("{s:[s], s:s, s:[{s:i, s:i, s:s}]}", "names", "sendto", "action", action,
			 "args", "index", 4, "value", 0, "op", op);
}

/* A tracer's that is gone: the bundle was run before. Engines make a new one for each start. */
static bool is_left(const char *path)
{
	size_t len = strlen(path);

	return strstr(path, "/tkit/") && len > 5 && strcmp(path + len - 5, ".sock") == 0 &&
	       access(path, F_OK) < 0 && errno == ENOENT;
}

/* The profile allows again what it asks about. */
static void undo_edit(json_t *seccomp)
{
	_cleanup_json_ json_t *asked = sendto_rule(NOTIFY, "SCMP_CMP_NE");
	_cleanup_json_ json_t *silent = sendto_rule(ALLOW, "SCMP_CMP_EQ");
	json_t *rules = json_object_get(seccomp, "syscalls");
	bool sendto = false;

	json_object_del(seccomp, "listenerPath");
	for (size_t i = json_array_size(rules); i-- > 0;) {
		json_t *rule = json_array_get(rules, i);
		const char *action = json_member(rule, "action");

		if (json_equal(rule, asked) || json_equal(rule, silent)) {
			json_array_remove(rules, i);
			sendto = true;
		} else if (action && strcmp(action, NOTIFY) == 0) {
			json_object_set_new(rule, "action", json_string(ALLOW));
		}
	}
	if (sendto)
		json_array_append_new(
			rules, json_pack("{s:[s], s:s}", "names", "sendto", "action", ALLOW));
}

int listener_edit(json_t *config, const char *path, struct err *err)
{
	json_t *linux_part = json_object_get(config, "linux"), *seccomp, *rules;
	_cleanup_json_ json_t *wanted = wanted_calls(), *taken = NULL;
	json_t *names = json_array();
	const char *name;
	json_t *value;
	bool sendto;

	seccomp = json_object_get(linux_part, "seccomp");
	if (json_member(seccomp, "listenerPath") && is_left(json_member(seccomp, "listenerPath")))
		undo_edit(seccomp);
	if (json_member(seccomp, "listenerPath")) {
		json_decref(names);
		return err_set(err, -EEXIST, "its seccomp profile has a listener already");
	}
	if (!json_is_object(linux_part))
		json_object_set_new(config, "linux", linux_part = json_object());
	if (!json_is_object(seccomp))
		json_object_set_new(linux_part, "seccomp",
				    seccomp = json_pack("{s:s}", "defaultAction", ALLOW));
	taken = take_allowed(seccomp, wanted);
	sendto = json_object_del(taken, "sendto") == 0;
	json_object_foreach(taken, name, value) json_array_append_new(names, json_string(name));
	rules = json_object_get(seccomp, "syscalls");
	if (!json_is_array(rules))
		json_object_set_new(seccomp, "syscalls", rules = json_array());
	json_array_append_new(rules, json_pack("{s:o, s:s}", "names", names, "action", NOTIFY));
	if (sendto) {
		json_array_append_new(rules, sendto_rule(NOTIFY, "SCMP_CMP_NE"));
		json_array_append_new(rules, sendto_rule(ALLOW, "SCMP_CMP_EQ"));
	}
	if (json_object_set_new(seccomp, "listenerPath", json_string(path)) < 0)
		return err_sys(err, -ENOMEM, "the container's seccomp profile");
	return 0;
}

/* ---- the bundle ---- */

static int write_config(const char *bundle, const json_t *config, struct err *err)
{
	_cleanup_close_ int dir = open(bundle, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd = -1;
	struct stat st;

	if (dir < 0 || fstatat(dir, "config.json", &st, 0) < 0)
		return err_sys(err, -errno, "%s/config.json", bundle);
	unlinkat(dir, "config.json.tkit", 0);
	fd = openat(dir, "config.json.tkit", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC,
		    st.st_mode & 0777);
	if (fd < 0)
		return err_sys(err, -errno, "%s/config.json.tkit", bundle);
	if (json_dumpfd(config, fd, JSON_COMPACT) < 0 ||
	    renameat(dir, "config.json.tkit", dir, "config.json") < 0) {
		unlinkat(dir, "config.json.tkit", 0);
		return err_set(err, -EIO, "%s/config.json cannot be written", bundle);
	}
	return 0;
}

/* "--backend seccomp_notify,..." with the socket; the words are the caller's to free. */
static char *with_socket(const char *spec, const char *path)
{
	char *text;

	return asprintf(&text, "%s,listen=%s", spec, path) < 0 ? NULL : text;
}

static int start(const struct tracer_config *config, const struct container *container,
		 const char *path, struct err *err)
{
	struct tracer_config with = *config;
	char *options[64] = {0}, *spec = NULL;
	int rc;

	for (size_t i = 0; config->options[i] && i < 63; i++) {
		bool backend = !spec && i && strcmp(config->options[i - 1], "--backend") == 0;

		options[i] = config->options[i];
		if (backend)
			options[i] = spec = with_socket(options[i], path);
	}
	with.options = options;
	with.alone = true;
	rc = spec ? tracer_start(&with, container, err) : err_sys(err, -ENOMEM, "the tracer");
	free(spec);
	return rc;
}

/*
 * Where the socket goes: what belongs to root, or (rootless engines) to the user. Whoever may
 * connect there could hand over anything.
 */
static bool usable_dir(const char *path)
{
	struct stat st;

	return (mkdir(path, 0700) == 0 || errno == EEXIST) && lstat(path, &st) == 0 &&
	       S_ISDIR(st.st_mode) && st.st_uid == geteuid() && !(st.st_mode & 022);
}

static int make_dir(char path[80], struct err *err)
{
	const char *user = getenv("XDG_RUNTIME_DIR");

	snprintf(path, 80, DIR);
	if (usable_dir(path))
		return 0;
	if (user && user[0] == '/' && strlen(user) < 64) {
		snprintf(path, 80, "%s/tkit", user);
		if (usable_dir(path))
			return 0;
	}
	return err_set(err, -EPERM,
		       "%s: must be a directory of the user who runs tkit, and not writable by "
		       "others",
		       path);
}

/* The container as it is going to be. */
static int describe(struct container *c, const char *id, const char *bundle, struct err *err)
{
	c->id = strdup(id);
	c->cgroup = strdup("");
	c->bundle = realpath(bundle, NULL); /* the tracer has another working directory */
	if (!c->id || !c->cgroup || !c->bundle)
		return err_sys(err, -errno, "container %s", id);
	container_describe_planned(c);
	return 0;
}

int listener_start(const struct tracer_config *config, const char *id, const char *bundle,
		   struct err *err)
{
	_cleanup_json_ json_t *json = json_load_small(bundle, "config.json");
	struct container container = {0};
	char dir[80], path[160];
	int rc;

	if (!json)
		return err_set(err, -EBADMSG, "%s/config.json cannot be read", bundle);
	if (!*id || strchr(id, '/') || id[0] == '.')
		return err_set(err, -EINVAL, "'%s' is no container id", id);
	rc = make_dir(dir, err);
	if (rc < 0)
		return rc;
	/* Ids of engines are long; the number of this process keeps short ones apart. */
	snprintf(path, sizeof(path), "%s/%.12s-%d.sock", dir, id, (int)getpid());
	rc = listener_edit(json, path, err);
	if (rc == 0)
		rc = describe(&container, id, bundle, err);
	if (rc == 0)
		rc = start(config, &container, path, err);
	container_done(&container);
	/* If this fails the tracer ends by itself: nobody comes. */
	return rc == 0 ? write_config(bundle, json, err) : rc;
}
