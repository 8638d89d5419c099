// SPDX-License-Identifier: MIT
/* Where the sources of a manifest's files are: backend, mode, path. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "schema.h"

const char *const schema_backends[] = {"buildroot", "yocto", "generic", NULL};
static const char *const modes[] = {"staging", "per_package", NULL};

static int one_of(const char *const *names, const char *name)
{
	for (; *names; names++)
		if (!strcmp(*names, name))
			return 1;
	return 0;
}

/* $(NAME) from the environment. */
static int expand(const struct schema *s, const yaml_node_t *node, const char *text, char **ret)
{
	size_t size;
	FILE *to = open_memstream(ret, &size);

	if (!to)
		return tkit_fail(s->ctx, -ENOMEM, "reading %s", s->file);
	while (*text) {
		const char *end = !strncmp(text, "$(", 2) ? strchr(text, ')') : NULL;
		char name[128];
		const char *value;

		if (!end) {
			fputc(*text++, to);
			continue;
		}
		snprintf(name, sizeof(name), "%.*s", (int)(end - text - 2), text + 2);
		value = getenv(name);
		if (!value) {
			fclose(to);
			return FAIL(s, node,
				    "input.path: $(%s) is not set; give it in the environment",
				    name);
		}
		fputs(value, to);
		text = end + 1;
	}
	if (fclose(to))
		return tkit_fail(s->ctx, -ENOMEM, "reading %s", s->file);
	return 0;
}

static int read_path(struct schema *s, const yaml_node_t *node, const char *text)
{
	struct stat st;
	int rc;

	if (!strncmp(text, "$(SYSROOT)", 10))
		return FAIL(s, node,
			    "$(SYSROOT) is the old form; write the folder itself, or another "
			    "variable");
	free(s->plan->path);
	s->plan->path = NULL;
	rc = expand(s, node, text, &s->plan->path);
	if (rc < 0)
		return rc;
	if (s->plan->path[0] != '/')
		return FAIL(s, node, "input.path must be absolute, not '%s'", text);
	if (!s->options->check_sources)
		return 0;
	if (stat(s->plan->path, &st) < 0 || !S_ISDIR(st.st_mode))
		return FAIL(s, node, "input.path: no folder %s (check-sources=no does without it)",
			    s->plan->path);
	return 0;
}

int schema_input(struct schema *s, const yaml_node_t *node)
{
	int rc = 0;

	if (node->type != YAML_MAPPING_NODE)
		return FAIL(s, node, "input: keys are expected: backend, mode, path");
	for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start;
	     !rc && pair < node->data.mapping.pairs.top; pair++) {
		const yaml_node_t *key = schema_node(s, pair->key),
				  *value = schema_node(s, pair->value);
		const char *name = schema_text(s, key, "input"), *text;

		if (!name)
			return -EINVAL;
		if (strcmp(name, "backend") && strcmp(name, "mode") && strcmp(name, "path"))
			return FAIL(s, key, "unknown key input.%s (known: backend, mode, path)",
				    name);
		text = schema_text(s, value, name);
		if (!text)
			return -EINVAL;
		if (!strcmp(name, "path")) {
			rc = read_path(s, value, text);
		} else if (!strcmp(name, "backend")) {
			if (!one_of(schema_backends, text))
				return FAIL(s, value,
					    "unknown backend '%s' (known: buildroot, yocto, "
					    "generic)",
					    text);
			free(s->plan->backend);
			s->plan->backend = strdup(text);
		} else {
			if (!one_of(modes, text))
				return FAIL(s, value,
					    "unknown mode '%s' (known: staging, per_package)",
					    text);
			free(s->plan->mode);
			s->plan->mode = strdup(text);
		}
	}
	if (!rc && !s->plan->backend)
		return FAIL(s, node, "input.backend is missing (buildroot, yocto, generic)");
	if (!rc && !s->plan->path)
		return FAIL(s, node,
			    "input.path is missing: the folder that sources are taken from");
	if (!rc && s->plan->mode && strcmp(s->plan->backend, "buildroot") != 0 &&
	    !strcmp(s->plan->mode, "per_package"))
		return FAIL(s, node, "mode per_package is one of backend buildroot only");
	return rc;
}
