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

static int add_layer(struct reader *r, const char *name)
{
	struct extent from;
	int rc = imgread_open(r, name, &from);

	if (rc < 0)
		return rc;
	layering_next(&r->image);
	rc = untar(&r->image, &from, &r->spool, &r->budget, &r->err);
	return rc < 0 ? (imgread_fail(r, rc, name, r->err.text ? r->err.text : "?")) : 0;
}

static int check_layers(struct reader *r, const json_t *layers)
{
	if (!json_is_array(layers))
		return err_set(&r->err, -EBADMSG, "the image's manifest has no list of layers");
	if (json_array_size(layers) > IMAGE_LAYERS_MAX)
		return err_set(&r->err, -E2BIG, "the image has more than %d layers",
			       IMAGE_LAYERS_MAX);
	return 0;
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

int imgread_docker(struct reader *r, const json_t *manifest)
{
	const json_t *item, *layers;
	struct imgpick *pick = NULL;
	size_t i;
	int rc;

	json_array_foreach((json_t *)manifest, i, item)
	{
		_cleanup_(json_cleanup) json_t *config = NULL;

		pick = new_pick(r);
		if (!pick)
			return r->err.rc;
		if (!docker_config(item))
			return err_set(&r->err, -EBADMSG, "manifest.json names no configuration");
		rc = imgread_json(r, docker_config(item), &config);
		if (rc < 0)
			return rc;
		pick->item = item;
		pick->digest = docker_config(item);
		pick->tags = json_object_get(item, "RepoTags");
		pick_platform(pick, config);
	}
	rc = choose(r, &pick);
	if (rc < 0 || !pick)
		return rc;
	layers = json_object_get(pick->item, "Layers");
	rc = check_layers(r, layers);
	if (rc == 0)
		rc = start_image(r);
	for (i = 0; rc == 0 && i < json_array_size(layers); i++) {
		const char *name = json_string_value(json_array_get(layers, i));

		rc = name ? add_layer(r, name)
			  : err_set(&r->err, -EBADMSG, "manifest.json has a layer without name");
	}
	if (rc == 0)
		rc = imgread_send(r, &r->image.tree);
	if (rc == 0) {
		_cleanup_(json_cleanup) json_t *config = NULL;

		rc = imgread_json(r, docker_config(pick->item), &config);
		if (rc == 0)
			rc = put_config(r, config, imgpick_name(pick));
	}
	return rc;
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
	rc = imgread_blob(r, pick->digest, &manifest);
	if (rc == 0)
		rc = imgread_blob(r,
				  json_string_value(json_object_get(
					  json_object_get(manifest, "config"), "digest")),
				  &config);
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
			rc = imgread_blob(r, json_string_value(json_object_get(item, "digest")),
					  &r->kept[r->kept_count]);
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
	int rc = imgread_json(r, "index.json", &r->kept[0]);

	if (rc == 0)
		rc = list_oci(r, r->kept[r->kept_count++], NULL, 0);
	if (rc == 0)
		rc = choose(r, &pick);
	if (rc == 0)
		rc = imgread_blob(r, pick->digest, &manifest);
	if (rc < 0)
		return rc;
	rc = imgread_blob(
		r,
		json_string_value(json_object_get(json_object_get(manifest, "config"), "digest")),
		&config);
	layers = json_object_get(manifest, "layers");
	if (rc == 0)
		rc = check_layers(r, layers);
	if (rc == 0)
		rc = start_image(r);
	for (size_t i = 0; rc == 0 && i < json_array_size(layers); i++) {
		rc = imgread_blob_name(
			r, json_string_value(json_object_get(json_array_get(layers, i), "digest")),
			name, sizeof(name));
		if (rc == 0)
			rc = add_layer(r, name);
	}
	if (rc == 0)
		rc = imgread_send(r, &r->image.tree);
	return rc < 0 ? rc : put_config(r, config, imgpick_name(pick));
}
