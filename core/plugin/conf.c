// SPDX-License-Identifier: MIT
/*
 * Reads a conf file with libyaml's document interface. Only a fixed shape is taken:
 * a mapping of `plugin` (kind, name, module) and `defaults` (scalars, or lists of them).
 */
#include "plugin/conf.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <yamldoc.h>

#include "plugin/trust.h"
#include "util/cleanup.h"
#include "util/suggest.h"

#define DEFAULTS_MAX 256

/* The file being read: what every step needs. */
struct reading {
	const char *file;
	yaml_document_t *doc;
	struct plugin_conf *conf;
	const char *module; /* as written */
	struct err *err;
};

static unsigned int line_of(const yaml_node_t *node)
{
	return (unsigned int)node->start_mark.line + 1;
}

/* The text of a scalar that is a C string, else NULL with the cause. */
static const char *scalar(struct reading *r, const yaml_node_t *node, const char *what)
{
	if (node->type != YAML_SCALAR_NODE) {
		err_set(r->err, -EINVAL, "%s:%u: %s must be a single value", r->file, line_of(node),
			what);
		return NULL;
	}
	if (memchr(node->data.scalar.value, '\0', node->data.scalar.length)) {
		err_set(r->err, -EINVAL, "%s:%u: %s holds a NUL byte", r->file, line_of(node),
			what);
		return NULL;
	}
	return (const char *)node->data.scalar.value;
}

typedef int (*pair_fn)(struct reading *r, size_t key, const yaml_node_t *value);

/* Calls fn for each pair of a mapping, with the key's place in `keys`. Each key only once. */
static int each_pair(struct reading *r, const yaml_node_t *map, const char *what,
		     const char *const *keys, size_t key_count, pair_fn fn)
{
	bool seen[8] = {false};

	if (map->type != YAML_MAPPING_NODE)
		return err_set(r->err, -EINVAL, "%s:%u: %s must be a mapping (key: value)", r->file,
			       line_of(map), what);
	for (yaml_node_pair_t *pair = map->data.mapping.pairs.start;
	     pair < map->data.mapping.pairs.top; pair++) {
		const yaml_node_t *key = yaml_document_get_node(r->doc, pair->key);
		const char *name = scalar(r, key, "a key"), *near;
		size_t i = 0;
		int rc;

		if (!name)
			return -EINVAL;
		while (i < key_count && strcmp(name, keys[i]))
			i++;
		if (i == key_count) {
			near = suggest(name, keys, key_count);
			return err_set(r->err, -EINVAL, "%s:%u: unknown key '%s' in %s%s%s%s",
				       r->file, line_of(key), name, what,
				       near ? "; did you mean '" : "", near ? near : "",
				       near ? "'?" : "");
		}
		if (seen[i])
			return err_set(r->err, -EINVAL, "%s:%u: '%s' is there twice", r->file,
				       line_of(key), name);
		seen[i] = true;
		rc = fn(r, i, yaml_document_get_node(r->doc, pair->value));
		if (rc)
			return rc;
	}
	return 0;
}

enum { KEY_KIND, KEY_NAME, KEY_MODULE, KEY_COUNT };
static const char *const plugin_keys[KEY_COUNT] = {"kind", "name", "module"};

static bool name_valid(const char *name)
{
	return name[0] >= 'a' && name[0] <= 'z' &&
	       !name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_")] && strlen(name) <= 64;
}

static int plugin_key(struct reading *r, size_t key, const yaml_node_t *value)
{
	const char *text = scalar(r, value, plugin_keys[key]);

	if (!text)
		return -EINVAL;
	switch (key) {
	case KEY_KIND:
		r->conf->kind = kind_parse(text);
		if (!r->conf->kind)
			return err_set(r->err, -EINVAL,
				       "%s:%u: unknown kind '%s' (backend, sink or reporter)",
				       r->file, line_of(value), text);
		break;
	case KEY_NAME:
		if (!name_valid(text))
			return err_set(r->err, -EINVAL,
				       "%s:%u: bad name '%s' (a-z first, then a-z, 0-9 and _)",
				       r->file, line_of(value), text);
		r->conf->name = strdup(text);
		if (!r->conf->name)
			return err_sys(r->err, -ENOMEM, "%s", r->file);
		break;
	default:
		if (!*text)
			return err_set(r->err, -EINVAL, "%s:%u: module is empty", r->file,
				       line_of(value));
		r->module = text;
	}
	return 0;
}

static int add_default(struct reading *r, const char *key, const yaml_node_t *value)
{
	struct plugin_conf *conf = r->conf;
	const char *text = scalar(r, value, "a default");
	struct plugin_default *grown, *added;

	if (!text)
		return -EINVAL;
	if (conf->default_count == DEFAULTS_MAX)
		return err_set(r->err, -E2BIG, "%s:%u: more than %d defaults", r->file,
			       line_of(value), DEFAULTS_MAX);
	grown = realloc(conf->defaults, (conf->default_count + 1) * sizeof(*grown));
	if (!grown)
		return err_sys(r->err, -ENOMEM, "%s", r->file);
	conf->defaults = grown;
	added = &grown[conf->default_count++];
	added->key = strdup(key);
	added->value = strdup(text);
	added->line = line_of(value);
	if (!added->key || !added->value)
		return err_sys(r->err, -ENOMEM, "%s", r->file);
	return 0;
}

static bool has_default(const struct plugin_conf *conf, const char *key)
{
	for (size_t i = 0; i < conf->default_count; i++)
		if (!strcmp(conf->defaults[i].key, key))
			return true;
	return false;
}

static int read_default(struct reading *r, const yaml_node_pair_t *pair)
{
	const yaml_node_t *key_node = yaml_document_get_node(r->doc, pair->key);
	const yaml_node_t *value = yaml_document_get_node(r->doc, pair->value);
	const char *key = scalar(r, key_node, "an option's name");

	if (!key)
		return -EINVAL;
	if (has_default(r->conf, key))
		return err_set(r->err, -EINVAL, "%s:%u: '%s' is there twice", r->file,
			       line_of(key_node), key);
	if (value->type != YAML_SEQUENCE_NODE)
		return add_default(r, key, value);
	for (yaml_node_item_t *item = value->data.sequence.items.start;
	     item < value->data.sequence.items.top; item++) {
		int rc = add_default(r, key, yaml_document_get_node(r->doc, *item));

		if (rc)
			return rc;
	}
	return 0;
}

static int read_defaults(struct reading *r, const yaml_node_t *map)
{
	if (map->type == YAML_SCALAR_NODE && !map->data.scalar.length)
		return 0; /* "defaults:" with nothing below it */
	if (map->type != YAML_MAPPING_NODE)
		return err_set(r->err, -EINVAL, "%s:%u: defaults must be a mapping (option: value)",
			       r->file, line_of(map));
	for (yaml_node_pair_t *pair = map->data.mapping.pairs.start;
	     pair < map->data.mapping.pairs.top; pair++) {
		int rc = read_default(r, pair);

		if (rc)
			return rc;
	}
	return 0;
}

static const char *const top_keys[] = {"plugin", "defaults"};

static int top_key(struct reading *r, size_t key, const yaml_node_t *value)
{
	if (key == 1)
		return read_defaults(r, value);
	return each_pair(r, value, "'plugin'", plugin_keys, KEY_COUNT, plugin_key);
}

/* Absolute path of the module: where it is, or, if it is nowhere, where it should be. */
static int find_module(struct reading *r, const char *const *libdirs)
{
	char **ret = &r->conf->module;
	_cleanup_free_ char *first = NULL;
	const char *end = strrchr(r->file, '/');

	if (r->module[0] == '/') {
		*ret = strdup(r->module);
		return *ret ? 0 : err_sys(r->err, -ENOMEM, "%s", r->file);
	}
	while (end > r->file && *end == '/')
		end--;
	while (end > r->file && *end != '/')
		end--;
	if (asprintf(&first, "%.*s/%s", (int)(end - r->file), r->file, r->module) < 0)
		return err_sys(r->err, -ENOMEM, "%s", r->file);
	for (; access(first, F_OK) < 0 && libdirs && *libdirs; libdirs++) {
		_cleanup_free_ char *other = NULL;

		if (asprintf(&other, "%s/%s", *libdirs, r->module) < 0)
			return err_sys(r->err, -ENOMEM, "%s", r->file);
		if (access(other, F_OK) == 0) {
			*ret = TAKE_PTR(other);
			return 0;
		}
	}
	*ret = TAKE_PTR(first);
	return 0;
}

static int read_document(struct reading *r, const char *const *libdirs)
{
	const yaml_node_t *root = yaml_document_get_root_node(r->doc);
	const char *missing = NULL;
	int rc;

	if (!root)
		return err_set(r->err, -EINVAL, "%s:1: empty; a 'plugin:' mapping is needed",
			       r->file);
	rc = each_pair(r, root, "the file", top_keys, 2, top_key);
	if (rc)
		return rc;
	if (!r->module)
		missing = "module";
	if (!r->conf->name)
		missing = "name";
	if (!r->conf->kind)
		missing = "kind";
	if (missing)
		return err_set(r->err, -EINVAL, "%s:%u: 'plugin' has no '%s'", r->file,
			       line_of(root), missing);
	return find_module(r, libdirs);
}

static void cleanup_document(yaml_document_t *doc)
{
	yaml_document_delete(doc);
}

static int parse(yaml_parser_t *parser, const char *data, size_t size, struct reading *r,
		 const char *const *libdirs)
{
	_cleanup_(cleanup_document) yaml_document_t doc = {0}, next = {0};
	int rc;

	if (!yamldoc_load(parser, data, size, &doc)) {
		if (parser->error == YAML_MEMORY_ERROR)
			return err_sys(r->err, -ENOMEM, "%s", r->file);
		return err_set(r->err, -EINVAL, "%s:%zu: not YAML: %s", r->file,
			       parser->problem_mark.line + 1,
			       parser->problem ? parser->problem : "unreadable");
	}
	r->doc = &doc;
	rc = read_document(r, libdirs);
	r->doc = NULL; /* goes out of scope here */
	if (rc || !yaml_document_get_root_node(&doc))
		return rc;
	if (!yaml_parser_load(parser, &next) || yaml_document_get_root_node(&next))
		return err_set(
			r->err, -EINVAL, "%s:%zu: only one document is allowed", r->file,
			(next.start_mark.line ? next.start_mark.line : parser->problem_mark.line) +
				1);
	return 0;
}

/* Reads a regular file of bounded size. */
static int slurp(const char *file, char **ret_data, size_t *ret_size, struct err *err)
{
	_cleanup_close_ int fd = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	_cleanup_free_ char *data = NULL, *canonical = NULL;
	struct stat st;
	size_t size = 0;
	ssize_t n = 1;
	int rc;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, -errno, "%s", file);
	if (!S_ISREG(st.st_mode))
		return err_set(err, -EINVAL, "%s: not a regular file", file);
	canonical = realpath(file, NULL);
	if (!canonical)
		return err_sys(err, -errno, "%s", file);
	rc = trust_check(canonical, &st, err);
	if (rc)
		return rc;
	data = malloc(CONF_SIZE_MAX + 1);
	if (!data)
		return err_sys(err, -ENOMEM, "%s", file);
	while (n > 0 && size <= CONF_SIZE_MAX) {
		n = read(fd, data + size, CONF_SIZE_MAX + 1 - size);
		if (n < 0)
			return err_sys(err, -errno, "%s", file);
		size += (size_t)n;
	}
	if (size > CONF_SIZE_MAX)
		return err_set(err, -EFBIG, "%s: larger than %u bytes, no conf file", file,
			       CONF_SIZE_MAX);
	*ret_data = TAKE_PTR(data);
	*ret_size = size;
	return 0;
}

int conf_read(const char *file, const char *const *libdirs, struct plugin_conf **ret_conf,
	      enum tkit_kind *ret_kind, char **ret_name, struct err *err)
{
	struct plugin_conf *conf = calloc(1, sizeof(*conf));
	struct reading r = {.file = file, .conf = conf, .err = err};
	_cleanup_free_ char *data = NULL;
	yaml_parser_t parser;
	size_t size = 0;
	int rc;

	*ret_kind = 0;
	*ret_name = NULL;
	if (!conf || !(conf->file = strdup(file)) || !yaml_parser_initialize(&parser)) {
		conf_free(conf);
		return err_sys(err, -ENOMEM, "%s", file);
	}
	rc = slurp(file, &data, &size, err);
	if (rc == 0)
		rc = parse(&parser, data, size, &r, libdirs);
	yaml_parser_delete(&parser);
	if (rc) {
		*ret_kind = conf->kind;
		*ret_name = TAKE_PTR(conf->name);
		conf_free(conf);
		return rc;
	}
	*ret_conf = conf;
	return 0;
}
