// SPDX-License-Identifier: MIT
/*
 * OCI image configuration, manifest and index (image-spec 1.0), and docker's manifest.json. Keys
 * are sorted, so that the same input gives the same bytes.
 */
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image/pack.h"

#define EPOCH "1970-01-01T00:00:00Z"

/* A document under construction: what goes wrong is remembered. */
struct doc {
	bool failed;
};

/* Adds `value`, which it takes over. */
static void add(struct doc *doc, json_t *object, const char *key, json_t *value)
{
	if (json_object_set_new(object, key, value) < 0)
		doc->failed = true;
}

static void append(struct doc *doc, json_t *array, json_t *value)
{
	if (json_array_append_new(array, value) < 0)
		doc->failed = true;
}

static void add_text(struct doc *doc, json_t *object, const char *key, const char *text)
{
	if (text && *text)
		add(doc, object, key, json_string(text));
}

static void add_number(struct doc *doc, json_t *object, const char *key, uint64_t number)
{
	if (number)
		add(doc, object, key, json_integer((json_int_t)number));
}

static json_t *list_of(struct doc *doc, const struct tkit_option_list *list)
{
	json_t *array = json_array();

	for (size_t i = 0; i < list->count; i++)
		append(doc, array, json_string(list->items[i]));
	return array;
}

static void add_list(struct doc *doc, json_t *object, const char *key,
		     const struct tkit_option_list *list)
{
	if (list->count)
		add(doc, object, key, list_of(doc, list));
}

/* {"80/tcp": {}} */
static void add_set(struct doc *doc, json_t *object, const char *key,
		    const struct tkit_option_list *list)
{
	json_t *set;

	if (!list->count)
		return;
	set = json_object();
	for (size_t i = 0; i < list->count; i++)
		add(doc, set, list->items[i], json_object());
	add(doc, object, key, set);
}

/* Takes "NAME=" from the text; the name is the caller's. */
static char *label_name(const char **text)
{
	const char *p = *text;
	char *name = malloc(strlen(p) + 1), *to = name;

	if (!name)
		return NULL;
	for (; *p && *p != '='; *to++ = *p++)
		if (*p == '\\' && (p[1] == '=' || p[1] == '\\'))
			p++;
	*to = '\0';
	*text = *p ? p + 1 : p;
	return name;
}

static void add_labels(struct doc *doc, json_t *object, const struct tkit_option_list *list)
{
	json_t *labels;

	if (!list->count)
		return;
	labels = json_object();
	for (size_t i = 0; i < list->count; i++) {
		const char *value = list->items[i];
		char *key = label_name(&value);

		if (key)
			add(doc, labels, key, json_string(value));
		doc->failed = doc->failed || !key;
		free(key);
	}
	add(doc, object, "Labels", labels);
}

static void add_health(struct doc *doc, json_t *object, const struct tkit_image_config *c)
{
	json_t *health;

	if (!c->health_test.count)
		return;
	health = json_object();
	add_list(doc, health, "Test", &c->health_test);
	add_number(doc, health, "Interval", c->health_interval_ns);
	add_number(doc, health, "Timeout", c->health_timeout_ns);
	add_number(doc, health, "StartPeriod", c->health_start_period_ns);
	add_number(doc, health, "StartInterval", c->health_start_interval_ns);
	add_number(doc, health, "Retries", c->health_retries);
	add(doc, object, "Healthcheck", health);
}

/* How a container is started. */
static json_t *execution(struct doc *doc, const struct tkit_image_config *c)
{
	json_t *object = json_object();

	add_list(doc, object, "Env", &c->env);
	add_list(doc, object, "Entrypoint", &c->entrypoint);
	add_list(doc, object, "Cmd", &c->cmd);
	add_list(doc, object, "Shell", &c->shell);
	add_list(doc, object, "OnBuild", &c->onbuild);
	add_set(doc, object, "ExposedPorts", &c->expose);
	add_set(doc, object, "Volumes", &c->volumes);
	add_labels(doc, object, &c->labels);
	add_text(doc, object, "User", c->user);
	add_text(doc, object, "WorkingDir", c->workdir);
	add_text(doc, object, "StopSignal", c->stopsignal);
	add_health(doc, object, c);
	return object;
}

static json_t *digest(const struct pack_blob *blob)
{
	char text[PACK_DIGEST + 8];

	snprintf(text, sizeof(text), "sha256:%s", blob->digest);
	return json_string(text);
}

static json_t *blob_path(const struct pack_blob *blob)
{
	char text[PACK_DIGEST + 16];

	snprintf(text, sizeof(text), "blobs/sha256/%s", blob->digest);
	return json_string(text);
}

/* Text of a document, which is freed. */
static char *finish(struct doc *doc, json_t *root)
{
	char *text = doc->failed ? NULL : json_dumps(root, JSON_COMPACT | JSON_SORT_KEYS);

	json_decref(root);
	return text;
}

static const char *machine(void)
{
#if defined(__x86_64__)
	return "amd64";
#elif defined(__aarch64__)
	return "arm64";
#else
	return "unknown";
#endif
}

char *pack_config(const struct tkit_image_config *c, const struct pack_blob *layer)
{
	const char *created = c->created && *c->created ? c->created : EPOCH;
	json_t *root = json_object(), *rootfs = json_object(), *ids = json_array();
	json_t *history = json_array(), *step = json_object();
	struct doc doc = {false};

	append(&doc, ids, digest(layer));
	add(&doc, rootfs, "type", json_string("layers"));
	add(&doc, rootfs, "diff_ids", ids);
	add(&doc, step, "created", json_string(created)); /* some readers insist on it */
	add(&doc, step, "created_by", json_string("tkit"));
	append(&doc, history, step);
	add(&doc, root, "created", json_string(created));
	add_text(&doc, root, "author", c->author);
	add(&doc, root, "os", json_string(c->os && *c->os ? c->os : "linux"));
	add(&doc, root, "architecture",
	    json_string(c->architecture && *c->architecture ? c->architecture : machine()));
	add_text(&doc, root, "variant", c->variant);
	add(&doc, root, "config", execution(&doc, c));
	add(&doc, root, "rootfs", rootfs);
	add(&doc, root, "history", history);
	return finish(&doc, root);
}

static json_t *descriptor(struct doc *doc, const char *type, const struct pack_blob *blob)
{
	json_t *object = json_object();

	add(doc, object, "mediaType", json_string(type));
	add(doc, object, "digest", digest(blob));
	add(doc, object, "size", json_integer((json_int_t)blob->size));
	return object;
}

char *pack_manifest(const struct pack_blob *config, const struct pack_blob *layer)
{
	json_t *root = json_object(), *layers = json_array();
	struct doc doc = {false};

	append(&doc, layers, descriptor(&doc, "application/vnd.oci.image.layer.v1.tar", layer));
	add(&doc, root, "schemaVersion", json_integer(2));
	add(&doc, root, "mediaType", json_string("application/vnd.oci.image.manifest.v1+json"));
	add(&doc, root, "config",
	    descriptor(&doc, "application/vnd.oci.image.config.v1+json", config));
	add(&doc, root, "layers", layers);
	return finish(&doc, root);
}

char *pack_index(const struct tkit_image_config *c, const struct pack_blob *manifest)
{
	json_t *root = json_object(), *manifests = json_array(), *notes = json_object(), *entry;
	struct doc doc = {false};

	entry = descriptor(&doc, "application/vnd.oci.image.manifest.v1+json", manifest);
	/* podman takes the image's name from here, so it is the whole one */
	add_text(&doc, notes, "org.opencontainers.image.ref.name", c->name);
	add_text(&doc, notes, "io.containerd.image.name", c->name);
	add(&doc, entry, "annotations", notes);
	append(&doc, manifests, entry);
	add(&doc, root, "schemaVersion", json_integer(2));
	add(&doc, root, "mediaType", json_string("application/vnd.oci.image.index.v1+json"));
	add(&doc, root, "manifests", manifests);
	return finish(&doc, root);
}

char *pack_docker(const struct tkit_image_config *c, const struct pack_blob *json,
		  const struct pack_blob *layer)
{
	json_t *root = json_array(), *image = json_object(), *layers = json_array();
	json_t *tags = json_array();
	struct doc doc = {false};

	if (c->name && *c->name)
		append(&doc, tags, json_string(c->name));
	append(&doc, layers, blob_path(layer));
	add(&doc, image, "Config", blob_path(json));
	add(&doc, image, "Layers", layers);
	add(&doc, image, "RepoTags", tags);
	append(&doc, root, image);
	return finish(&doc, root);
}
