// SPDX-License-Identifier: MIT
/* docker's daemon.json, and the hook for podman. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "container/install.h"
#include "container/json.h"
#include "container/json_text.h"
#include "util/buf.h"
#include "util/cleanup.h"

/* What the daemon takes is taken, but for names that stand there twice: only their author knows
 * which one counts. */
#define JSON_STRICTNESS (JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL)

static bool is_blank(const char *text)
{
	return !text || !text[strspn(text, " \t\r\n")];
}

static int parse(const char *text, json_t **ret, struct err *err)
{
	json_error_t error = {.line = 0};

	*ret = is_blank(text) ? json_object() : json_loads(text, JSON_STRICTNESS, &error);
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

/* A new text is in `out`; nothing, if it stays as it is. */
static int add_runtime(const struct install_spec *spec, const char *text, const json_t *config,
		       struct buf *out, struct err *err)
{
	json_t *runtimes = json_object_get(config, "runtimes");
	json_t *old = json_object_get(runtimes, spec->name);
	_cleanup_json_ json_t *runtime = make_runtime(spec);
	_cleanup_free_ char *value = json_dumps(runtime, 0), *member = NULL;
	size_t top = json_text_top(text);
	struct json_place place;

	if (runtimes && !json_is_object(runtimes))
		return err_set(err, -EBADMSG, "\"runtimes\" is no JSON object; repair it first");
	if (old && !is_ours(old))
		return err_set(err, -EEXIST,
			       "has a runtime \"%s\" that is not tkit's; use another --name",
			       spec->name);
	if (!value)
		return err_sys(err, -ENOMEM, "adding the runtime");
	if (old && json_equal(old, runtime))
		return 0;
	if (asprintf(&member, runtimes ? "\"%s\": %s" : "\"runtimes\": {\n\t\"%s\": %s\n}",
		     spec->name, value) < 0) {
		member = NULL;
		return err_sys(err, -ENOMEM, "adding the runtime");
	}
	if (!json_text_find(text, top, "runtimes", &place))
		json_text_add(text, top, member, out);
	else if (!old)
		json_text_add(text, place.value, member, out);
	else if (json_text_find(text, place.value, spec->name, &place))
		json_text_replace(text, &place, value, out);
	return 0;
}

/* The same; *ret_empty: nothing but tkit was in it. */
static int remove_runtime(const struct install_spec *spec, const char *text, const json_t *config,
			  bool *ret_empty, struct buf *out, struct err *err)
{
	json_t *runtimes = json_object_get(config, "runtimes");
	const char *standard = json_member(config, "default-runtime");
	bool only = json_object_size(runtimes) == 1;
	struct json_place all, place;

	*ret_empty = false;
	if (!is_ours(json_object_get(runtimes, spec->name)))
		return 0;
	if (standard && strcmp(standard, spec->name) == 0)
		return err_set(err, -EBUSY, "\"default-runtime\" is \"%s\": change that first",
			       spec->name);
	*ret_empty = only && json_object_size(config) == 1;
	if (json_text_find(text, json_text_top(text), "runtimes", &all) &&
	    json_text_find(text, all.value, spec->name, &place))
		json_text_remove(text, only ? &all : &place, out);
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
	_cleanup_(buf_done) struct buf out = BUF_INIT;
	_cleanup_json_ json_t *config = NULL;
	bool empty = false;
	int rc;

	*ret = NULL;
	if (undo && !text)
		return 0;
	rc = undo ? 0 : check_word(spec->tkit, err);
	if (rc == 0 && !undo)
		rc = check_word(spec->dir, err);
	if (rc == 0)
		rc = parse(text, &config, err);
	if (rc < 0)
		return rc;
	if (!undo && is_blank(text))
		text = "{}\n";
	rc = undo ? remove_runtime(spec, text, config, &empty, &out, err)
		  : add_runtime(spec, text, config, &out, err);
	if (rc < 0 || empty)
		return rc;
	if (!out.size)
		buf_str(&out, text);
	return install_finish(&out, ret, err);
}

int install_edit_podman_hook(const struct install_spec *spec, const char *text, bool undo,
			     char **ret, struct err *err)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT;
	_cleanup_json_ json_t *hook = NULL;
	_cleanup_free_ char *made = NULL;
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
	made = hook ? json_dumps(hook, JSON_INDENT(4)) : NULL;
	if (!made)
		return err_sys(err, -ENOMEM, "making the hook");
	buf_printf(&out, "%s\n", made);
	return install_finish(&out, ret, err);
}
