// SPDX-License-Identifier: MIT
#include "slim/storage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <jansson.h>
#include <openssl/evp.h>

#include "container/json.h"
#include "util/cleanup.h"
#include "util/log.h"
#include "util/smallfile.h"

#define INSPECT_TIME (30 * PROC_S)
#define DIGEST_LEN   64

/* What `docker image inspect` says; NULL if it says nothing. *ret_rc is -EINTR or 0. */
static json_t *inspect(struct proc_set *procs, const char *image, int *ret_rc)
{
	char *argv[] = {
		(char *)"docker",     (char *)"image", (char *)"inspect", (char *)"--format",
		(char *)"{{json .}}", (char *)"--",    (char *)image,     NULL};
	struct proc_spec spec = {.path = "docker", .argv = argv, .flags = PROC_OUTPUT};
	struct proc proc;
	json_t *json = NULL;

	*ret_rc = 0;
	if (proc_start(procs, &spec, &proc, NULL) < 0)
		return NULL;
	*ret_rc = proc_wait(procs, &proc, -1, proc_now() + INSPECT_TIME);
	if (*ret_rc == 1 && proc.status == 0 && !proc.out[0].cut && proc.out[0].data.size)
		json = json_loadb(proc.out[0].data.data, proc.out[0].data.size, 0, NULL);
	*ret_rc = *ret_rc < 0 ? *ret_rc : 0;
	proc_end(procs, &proc);
	return json;
}

static bool has_digest(const char *text, size_t size, const char *digest)
{
	unsigned char raw[EVP_MAX_MD_SIZE];
	char hex[2 * EVP_MAX_MD_SIZE + 1];
	unsigned int len = 0;

	if (EVP_Digest(text, size, raw, &len, EVP_sha256(), NULL) != 1)
		return false;
	for (unsigned int i = 0; i < len; i++)
		snprintf(hex + 2 * i, 3, "%02x", raw[i]);
	return strcmp(hex, digest) == 0;
}

/*
 * The configuration as docker keeps it, below the directory that the layers are in. That its
 * digest is the image's name shows that these are the files of the docker that was asked, and
 * not of one with the same paths on another machine.
 */
static struct imgconfig *load_config(const char *upper, const char *id)
{
	const char *end = strstr(upper, "/overlay2/"), *digest = strchr(id, ':');
	_cleanup_free_ char *path = NULL, *text = NULL;
	_cleanup_json_ json_t *json = NULL;
	struct buf records = BUF_INIT;
	struct imgconfig *config = NULL;
	ssize_t size;

	if (!end || !digest || strlen(++digest) != DIGEST_LEN ||
	    strspn(digest, "0123456789abcdef") != DIGEST_LEN)
		return NULL;
	if (asprintf(&path, "%.*s/image/overlay2/imagedb/content/sha256/%s", (int)(end - upper),
		     upper, digest) < 0) {
		path = NULL;
		return NULL;
	}
	size = smallfile_load(path, &text);
	if (size <= 0 || !has_digest(text, (size_t)size, digest))
		return NULL;
	json = json_loadb(text, (size_t)size, 0, NULL);
	if (!json || imgconfig_from_json(json, &records, NULL) < 0 ||
	    imgconfig_new(&records, &config) < 0) {
		buf_done(&records);
		return NULL;
	}
	return config;
}

/* Every directory of the list is there. */
static bool all_there(const char *list)
{
	while (*list) {
		size_t len = strcspn(list, ":");
		char path[4096];
		struct stat st;

		if (!len || len >= sizeof(path) || list[0] != '/')
			return false;
		memcpy(path, list, len);
		path[len] = '\0';
		if (strpbrk(path, ",\\") || lstat(path, &st) < 0 || !S_ISDIR(st.st_mode))
			return false;
		list += len;
		list += *list == ':';
	}
	return true;
}

static int mount_layers(const char *upper, const char *lower, const char *point)
{
	_cleanup_(buf_done) struct buf options = BUF_INIT;

	if (!lower || !*lower)
		return mount(upper, point, NULL, MS_BIND, NULL) < 0 ? -errno : 0;
	buf_printf(&options, "lowerdir=%s:%s", upper, lower);
	buf_char(&options, '\0');
	if (options.failed || options.size >= 4096) /* what mount(2) takes */
		return -E2BIG;
	return mount("overlay", point, "overlay", MS_RDONLY, options.data) < 0 ? -errno : 0;
}

int storage_mount(struct proc_set *procs, const char *image, const char *point,
		  struct imgconfig **ret_config)
{
	int rc = 0;
	_cleanup_json_ json_t *json = inspect(procs, image, &rc);
	const json_t *driver = json_object_get(json, "GraphDriver");
	const json_t *data = json_object_get(driver, "Data");
	const char *name = json_member(driver, "Name"), *id = json_member(json, "Id");
	const char *upper = json_member(data, "UpperDir"), *lower = json_member(data, "LowerDir");
	struct imgconfig *config;

	if (rc < 0)
		return rc;
	if (!name || strcmp(name, "overlay2") != 0 || !id || !upper || !all_there(upper) ||
	    (lower && !all_there(lower)))
		return 0;
	config = load_config(upper, id);
	if (!config)
		return 0;
	rc = mount_layers(upper, lower, point);
	if (rc < 0) {
		log_info("the layers of %s cannot be mounted: %s", image, strerror(-rc));
		imgconfig_free(config);
		return 0;
	}
	*ret_config = config;
	return 1;
}
