// SPDX-License-Identifier: MIT
/* docker's daemon.json, and the hook for podman. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "container/install.h"
#include "container/json.h"
#include "util/cleanup.h"

/* How far the file's own first member is indented. */
static size_t indent_of(const char *text)
{
	const char *line = strchr(text, '\n');
	size_t n = line ? strspn(line + 1, " ") : 0;

	return n >= 1 && n <= 8 ? n : 4;
}

/* With a newline at the end. NULL: no memory. */
static char *print(const json_t *json, const char *like)
{
	char *text = json_dumps(json, JSON_INDENT(indent_of(like ? like : "")) | JSON_ENSURE_ASCII);
	size_t len = text ? strlen(text) : 0;
	char *more = text ? realloc(text, len + 2) : NULL;

	if (!more) {
		free(text);
		return NULL;
	}
	memcpy(more + len, "\n", 2);
	return more;
}

static bool is_blank(const char *text)
{
	return !text || !text[strspn(text, " \t\r\n")];
}

static int parse(const char *text, json_t **ret, struct err *err)
{
	json_error_t error = {.line = 0};

	*ret = is_blank(text) ? json_object() : json_loads(text, JSON_REJECT_DUPLICATES, &error);
	if (!*ret)
		return err_set(err, -EBADMSG, "line %d: %s; repair it first", error.line,
			       error.text);
	if (!json_is_object(*ret))
		return err_set(err, -EBADMSG, "is no JSON object; repair it first");
	return 0;
}

static bool is_ours(const json_t *runtime)
{
	const char *word =
		json_string_value(json_array_get(json_object_get(runtime, "runtimeArgs"), 0));

	return word && strcmp(word, "oci-runtime") == 0;
}

static json_t *make_runtime(const struct install_spec *spec)
{
	if (spec->dir)
		return json_pack("{s:s, s:[s, s, s]}", "path", spec->tkit, "runtimeArgs",
				 "oci-runtime", "--dir", spec->dir);
	return json_pack("{s:s, s:[s]}", "path", spec->tkit, "runtimeArgs", "oci-runtime");
}

static int add_runtime(const struct install_spec *spec, json_t *config, bool *ret_changed,
		       struct err *err)
{
	json_t *runtimes = json_object_get(config, "runtimes"), *old;
	_cleanup_json_ json_t *runtime = make_runtime(spec);

	if (!runtimes) {
		json_object_set_new(config, "runtimes", json_object());
		runtimes = json_object_get(config, "runtimes");
	}
	if (!json_is_object(runtimes))
		return err_set(err, -EBADMSG, "\"runtimes\" is no JSON object; repair it first");
	old = json_object_get(runtimes, spec->name);
	if (old && !is_ours(old))
		return err_set(err, -EEXIST,
			       "has a runtime \"%s\" that is not tkit's; use another --name",
			       spec->name);
	*ret_changed = !old || !runtime || !json_equal(old, runtime);
	return json_object_set(runtimes, spec->name, runtime) < 0
		       ? err_sys(err, -ENOMEM, "adding the runtime")
		       : 0;
}

static int remove_runtime(const struct install_spec *spec, json_t *config, bool *ret_changed,
			  struct err *err)
{
	json_t *runtimes = json_object_get(config, "runtimes");
	const char *standard = json_member(config, "default-runtime");

	*ret_changed = is_ours(json_object_get(runtimes, spec->name));
	if (!*ret_changed)
		return 0;
	if (standard && strcmp(standard, spec->name) == 0)
		return err_set(err, -EBUSY, "\"default-runtime\" is \"%s\": change that first",
			       spec->name);
	json_object_del(runtimes, spec->name);
	if (!json_object_size(runtimes))
		json_object_del(config, "runtimes");
	return 0;
}

/* docker writes a script of it, "exec PATH ARG...", in which nothing is quoted. */
static int check_word(const char *word, struct err *err)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789/._-+@%,:=";

	if (!word || !word[strspn(word, plain)])
		return 0;
	return err_set(err, -EINVAL,
		       "the path '%s' cannot stand in it: docker hands it through a shell; use one "
		       "without blanks and other special characters",
		       word);
}

int install_edit_docker(const struct install_spec *spec, const char *text, bool undo, char **ret,
			struct err *err)
{
	_cleanup_json_ json_t *config = NULL;
	bool changed = false;
	int rc;

	*ret = NULL;
	if (undo && !text)
		return 0;
	rc = undo ? 0 : check_word(spec->tkit, err);
	if (rc == 0 && !undo)
		rc = check_word(spec->dir, err);
	if (rc == 0)
		rc = parse(text, &config, err);
	if (rc == 0)
		rc = undo ? remove_runtime(spec, config, &changed, err)
			  : add_runtime(spec, config, &changed, err);
	if (rc < 0)
		return rc;
	if (undo && changed && !json_object_size(config))
		return 0; /* there was nothing but tkit in it */
	*ret = changed || !text ? print(config, text) : strdup(text);
	return *ret ? 0 : err_sys(err, -ENOMEM, "editing");
}

int install_edit_podman_hook(const struct install_spec *spec, const char *text, bool undo,
			     char **ret, struct err *err)
{
	_cleanup_json_ json_t *hook = NULL;
	json_t *args;

	*ret = NULL;
	if (text && !strstr(text, "oci-hook"))
		return err_set(err, -EEXIST, "is not tkit's; move it away");
	if (undo)
		return 0;
	args = spec->dir ? json_pack("[s, s, s, s]", "tkit", "oci-hook", "--dir", spec->dir)
			 : json_pack("[s, s]", "tkit", "oci-hook");
	hook = json_pack("{s:s, s:{s:s, s:o, s:i}, s:{s:{s:s}}, s:[s]}", "version", "1.0.0", "hook",
			 "path", spec->tkit, "args", args, "timeout", 30, "when", "annotations",
			 "^io\\.tkit\\.trace$", "^.+$", "stages", "createRuntime");
	*ret = hook ? print(hook, NULL) : NULL;
	return *ret ? 0 : err_sys(err, -ENOMEM, "making the hook");
}
