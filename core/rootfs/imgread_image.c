// SPDX-License-Identifier: MIT
/* The sandboxed reader: images in a docker archive or an OCI layout, layer by layer. */
#include <errno.h>
#include <string.h>

#include "rootfs/imgconfig.h"
#include "rootfs/imgread_priv.h"
#include "util/bytes.h"
#include "util/cleanup.h"

#define NESTED_MAX 3 /* indexes in indexes */

/* ---- layers ---- */

static int start_image(struct reader *r)
{
	int rc = imgtree_init(&r->image.tree, r->how->max_entries, r->how->max_texts);

	r->image.whiteouts = true;
	return rc < 0 ? err_sys(&r->err, rc, "reading the image") : 0;
}

/* `config` may name the digests of what is in the layers: all, or none. */
static int check_layers(struct reader *r, const json_t *layers, const json_t *config)
{
	const json_t *ids = json_object_get(json_object_get(config, "rootfs"), "diff_ids");

	if (!json_is_array(layers))
		return err_set(&r->err, -EBADMSG, "the image's manifest has no list of layers");
	if (json_array_size(layers) > IMAGE_LAYERS_MAX)
		return err_set(&r->err, -E2BIG, "the image has more than %d layers",
			       IMAGE_LAYERS_MAX);
	if (ids && json_array_size(ids) != json_array_size(layers))
		return err_set(&r->err, -EBADMSG,
			       "the image's manifest has %zu layers, its configuration %zu",
			       json_array_size(layers), json_array_size(ids));
	return 0;
}

static const char *diff_id(const json_t *config, size_t layer)
{
	return json_string_value(json_array_get(
		json_object_get(json_object_get(config, "rootfs"), "diff_ids"), layer));
}

static int put_config(struct reader *r, const json_t *config, const char *name)
{
	_cleanup_(buf_done) struct buf records = BUF_INIT;
	int rc;

	if (name)
		imgconfig_add_name(&records, name);
	rc = imgconfig_from_json(config, &records, &r->err);
	if (rc < 0)
		return rc;
	if (records.size > WIRE_CONFIG_MAX)
		return err_set(&r->err, -EFBIG, "the image's configuration is too large");
	wire_put_u32(&r->out, WIRE_CONFIG);
	wire_put_u32(&r->out, (uint32_t)records.size);
	wire_put(&r->out, records.data, records.size);
	return 0;
}

static struct imgpick *new_pick(struct reader *r)
{
	if (r->pick_count == IMGPICK_MAX) {
		err_set(&r->err, -E2BIG, "the archive lists more than %d images", IMGPICK_MAX);
		return NULL;
	}
	return &r->picks[r->pick_count++];
}

static int choose(struct reader *r, struct imgpick **ret)
{
	size_t index;
	int rc = imgpick_choose(r->picks, r->pick_count, r->how->tag, r->how->platform,
				r->how->host, &index, &r->err);

	if (rc == 0)
		*ret = &r->picks[index];
	return rc;
}

static void pick_platform(struct imgpick *pick, const json_t *from)
{
	imgpick_platform(pick, json_string_value(json_object_get(from, "os")),
			 json_string_value(json_object_get(from, "architecture")),
			 json_string_value(json_object_get(from, "variant")));
}

/* ---- docker-archive ---- */

static const char *docker_config(const json_t *item)
{
	return json_string_value(json_object_get(item, "Config"));
}

bool imgread_looks_docker(const json_t *manifest)
{
	const json_t *first = json_array_get(manifest, 0);

	return docker_config(first) && json_is_array(json_object_get(first, "Layers"));
}

/* Files of docker archives are named after their digest, or they are not. */
static struct blob docker_blob(const char *name, char digest[DIGEST_TEXT])
{
	static const char head[] = "blobs/sha256/";
	const char *hex = strncmp(name, head, strlen(head)) == 0 ? name + strlen(head) : name;
	size_t len = strspn(hex, "0123456789abcdef");

	if (len != 64 || (hex == name ? strcmp(hex + len, ".json") != 0 : hex[len] != '\0'))
		return (struct blob){NULL, -1};
	snprintf(digest, DIGEST_TEXT, "sha256:%.64s", hex);
	return (struct blob){digest, -1};
}

static int docker_json(struct reader *r, const char *name, json_t **ret)
{
	char digest[DIGEST_TEXT];
	const struct blob blob = docker_blob(name, digest);

	return imgread_json(r, name, &blob, ret);
}

static int list_docker(struct reader *r, const json_t *manifest)
{
	const json_t *item;
	size_t i;

	json_array_foreach((json_t *)manifest, i, item)
	{
		_cleanup_(json_cleanup) json_t *config = NULL;
		struct imgpick *pick = new_pick(r);
		int rc;

		if (!pick)
			return r->err.rc;
		if (!docker_config(item))
			return err_set(&r->err, -EBADMSG, "manifest.json names no configuration");
		rc = docker_json(r, docker_config(item), &config);
		if (rc < 0)
			return rc;
		pick->item = item;
		pick->digest = docker_config(item);
		pick->tags = json_object_get(item, "RepoTags");
		pick_platform(pick, config);
	}
	return 0;
}

int imgread_docker(struct reader *r, const json_t *manifest)
{
	_cleanup_(json_cleanup) json_t *config = NULL;
	const json_t *layers;
	struct imgpick *pick = NULL;
	int rc = list_docker(r, manifest);

	if (rc == 0)
		rc = choose(r, &pick);
	if (rc < 0 || !pick)
		return rc;
	layers = json_object_get(pick->item, "Layers");
	rc = docker_json(r, docker_config(pick->item), &config);
	if (rc == 0)
		rc = check_layers(r, layers, config);
	if (rc == 0)
		rc = start_image(r);
	for (size_t i = 0; rc == 0 && i < json_array_size(layers); i++) {
		const char *name = json_string_value(json_array_get(layers, i));
		char digest[DIGEST_TEXT];
		struct blob blob;

		if (!name)
			return err_set(&r->err, -EBADMSG, "manifest.json has a layer without name");
		blob = docker_blob(name, digest);
		rc = imgread_layer(r, name, &blob, diff_id(config, i));
	}
	if (rc == 0)
		rc = imgread_send(r, &r->image.tree);
	return rc < 0 ? rc : put_config(r, config, imgpick_name(pick));
}

/* ---- OCI ---- */

static const char *annotation(const json_t *item, const char *key)
{
	return json_string_value(json_object_get(json_object_get(item, "annotations"), key));
}

static bool is_index(const json_t *item)
{
	const char *type = json_string_value(json_object_get(item, "mediaType"));

	return type && (strstr(type, "image.index") || strstr(type, "manifest.list"));
}

/* Notes on how an image was made, listed beside it. */
static bool is_attestation(const json_t *item)
{
	const json_t *platform = json_object_get(item, "platform");
	const char *os = json_string_value(json_object_get(platform, "os"));

	return annotation(item, "vnd.docker.reference.type") || (os && !strcmp(os, "unknown"));
}

static int oci_platform(struct reader *r, struct imgpick *pick)
{
	_cleanup_(json_cleanup) json_t *manifest = NULL, *config = NULL;
	int rc;

	pick_platform(pick, json_object_get(pick->item, "platform"));
	if (*pick->platform)
		return 0;
	rc = imgread_blob(r, pick->item, &manifest);
	if (rc == 0)
		rc = imgread_blob(r, json_object_get(manifest, "config"), &config);
	if (rc == 0)
		pick_platform(pick, config);
	return rc;
}

static int list_oci(struct reader *r, const json_t *index, const json_t *name, int depth)
{
	const json_t *list = json_object_get(index, "manifests"), *item;
	size_t i;
	int rc = 0;

	if (!json_is_array(list))
		return err_set(&r->err, -EBADMSG, "an index of the image has no list of manifests");
	json_array_foreach((json_t *)list, i, item)
	{
		const json_t *notes = json_object_get(item, "annotations");
		const json_t *own = json_object_get(notes, "org.opencontainers.image.ref.name");
		const json_t *full = json_object_get(notes, "io.containerd.image.name");
		struct imgpick *pick;

		/* containerd writes the whole name, and only the tag as ref.name */
		own = full ? full : own ? own : name;
		if (is_attestation(item))
			continue;
		if (is_index(item)) {
			if (depth == NESTED_MAX || r->kept_count == IMGPICK_MAX)
				return err_set(&r->err, -E2BIG, "too many indexes in the image");
			rc = imgread_blob(r, item, &r->kept[r->kept_count]);
			if (rc == 0)
				rc = list_oci(r, r->kept[r->kept_count++], own, depth + 1);
		} else {
			pick = new_pick(r);
			if (!pick)
				return r->err.rc;
			pick->item = item;
			pick->tags = own;
			pick->digest = json_string_value(json_object_get(item, "digest"));
			if (!pick->digest)
				return err_set(&r->err, -EBADMSG,
					       "an index of the image lists one without digest");
			rc = oci_platform(r, pick);
		}
		if (rc < 0)
			return rc;
	}
	return 0;
}

int imgread_oci(struct reader *r)
{
	_cleanup_(json_cleanup) json_t *manifest = NULL, *config = NULL;
	char name[WIRE_NAME_MAX];
	const json_t *layers;
	struct imgpick *pick = NULL;
	int rc = imgread_json(r, "index.json", NULL, &r->kept[0]);

	if (rc == 0)
		rc = list_oci(r, r->kept[r->kept_count++], NULL, 0);
	if (rc == 0)
		rc = choose(r, &pick);
	if (rc == 0)
		rc = imgread_blob(r, pick->item, &manifest);
	if (rc == 0)
		rc = imgread_blob(r, json_object_get(manifest, "config"), &config);
	layers = json_object_get(manifest, "layers");
	if (rc == 0)
		rc = check_layers(r, layers, config);
	if (rc == 0)
		rc = start_image(r);
	for (size_t i = 0; rc == 0 && i < json_array_size(layers); i++) {
		struct blob blob;

		rc = imgread_descriptor(r, json_array_get(layers, i), &blob, name);
		if (rc == 0)
			rc = imgread_layer(r, name, &blob, diff_id(config, i));
	}
	if (rc == 0)
		rc = imgread_send(r, &r->image.tree);
	return rc < 0 ? rc : put_config(r, config, imgpick_name(pick));
}
