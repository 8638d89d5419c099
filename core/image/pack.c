// SPDX-License-Identifier: MIT
/*
 * An image archive that everybody loads: `docker load` reads manifest.json (docker archive, image
 * spec 1.2), podman and skopeo read index.json and oci-layout (OCI image layout 1.0); both
 * name the same blobs.
 *
 * The layer comes first and is written once, while it is digested; its header, which has the
 * digest in its name, is put in front of it afterwards.
 */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "image/layer.h"
#include "image/pack.h"
#include "util/cleanup.h"

#define BLOCK 512u

struct pack {
	struct tkit_ctx *ctx;
	const struct tkit_image_config *config;
	EVP_MD_CTX *hash;
	int fd;
	struct pack_blob layer, json, manifest;
};

static int pack_fail(struct pack *p, int rc)
{
	return tkit_fail(p->ctx, rc, "writing the image");
}

/* ---- digests ---- */

static void hex(const unsigned char *bytes, char out[PACK_DIGEST])
{
	for (size_t i = 0; i < (PACK_DIGEST - 1) / 2; i++)
		snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

static void on_layer(void *arg, const void *data, size_t size)
{
	struct pack *p = arg;

	EVP_DigestUpdate(p->hash, data, size);
	p->layer.size += size;
}

static int digest_begin(struct pack *p)
{
	return EVP_DigestInit_ex(p->hash, EVP_sha256(), NULL) == 1 ? 0 : pack_fail(p, -ENOSYS);
}

static void digest_end(struct pack *p, struct pack_blob *blob)
{
	unsigned char bytes[EVP_MAX_MD_SIZE];

	EVP_DigestFinal_ex(p->hash, bytes, NULL);
	hex(bytes, blob->digest);
}

static int digest_text(struct pack *p, const char *text, struct pack_blob *blob)
{
	int rc = digest_begin(p);

	if (rc < 0)
		return rc;
	blob->size = strlen(text);
	EVP_DigestUpdate(p->hash, text, blob->size);
	digest_end(p, blob);
	return 0;
}

/* ---- members ---- */

static int put(struct pack *p, const void *data, size_t size)
{
	for (size_t done = 0; done < size;) {
		ssize_t n = write(p->fd, (const char *)data + done, size - done);

		if (n >= 0)
			done += (size_t)n;
		else if (errno != EINTR)
			return pack_fail(p, -errno);
	}
	return 0;
}

static int pad(struct pack *p, uint64_t size)
{
	static const char zeros[BLOCK];

	return put(p, zeros, (BLOCK - size % BLOCK) % BLOCK);
}

/* One block; sizes of 8 GiB and more in base 256, which all readers know. */
static int header(struct pack *p, const char *name, uint64_t size, char out[BLOCK])
{
	struct archive *tar = archive_write_new();
	struct archive_entry *m = archive_entry_new();
	char data[BLOCK * 4];
	size_t used = 0;
	int rc = -ENOMEM;

	if (tar && m && archive_write_set_format_gnutar(tar) == ARCHIVE_OK &&
	    archive_write_set_bytes_per_block(tar, 0) == ARCHIVE_OK &&
	    archive_write_open_memory(tar, data, sizeof(data), &used) == ARCHIVE_OK) {
		archive_entry_set_pathname(m, name);
		archive_entry_set_filetype(m, S_IFREG);
		archive_entry_set_perm(m, 0644);
		archive_entry_set_size(m, (int64_t)size);
		archive_entry_set_mtime(m, 0, 0);
		rc = archive_write_header(tar, m) == ARCHIVE_OK && used == BLOCK ? 0 : -EIO;
		if (rc == 0)
			memcpy(out, data, BLOCK);
	}
	/* Its content is not written here: what libarchive adds on closing goes nowhere. */
	if (tar)
		archive_write_fail(tar);
	archive_write_free(tar);
	archive_entry_free(m);
	return rc < 0 ? pack_fail(p, rc) : 0;
}

static int put_member(struct pack *p, const char *name, const char *text)
{
	char block[BLOCK];
	size_t size = strlen(text);
	int rc = header(p, name, size, block);

	if (rc == 0)
		rc = put(p, block, sizeof(block));
	if (rc == 0)
		rc = put(p, text, size);
	return rc == 0 ? pad(p, size) : rc;
}

static int put_blob(struct pack *p, const struct pack_blob *blob, const char *text)
{
	char name[PACK_DIGEST + 16];

	snprintf(name, sizeof(name), "blobs/sha256/%s", blob->digest);
	return put_member(p, name, text);
}

/* ---- the parts ---- */

static int put_layer(struct pack *p, struct tkit_closure *closure)
{
	const struct layer_output out = {
		.fd = p->fd, .format = LAYER_TAR, .tap = on_layer, .arg = p};
	char block[BLOCK] = {0}, name[PACK_DIGEST + 16];
	int rc = put(p, block, sizeof(block)); /* room for the header */

	if (rc == 0)
		rc = digest_begin(p);
	if (rc == 0)
		rc = layer_write(p->ctx, closure, &out);
	if (rc < 0)
		return rc;
	digest_end(p, &p->layer);
	rc = pad(p, p->layer.size);
	snprintf(name, sizeof(name), "blobs/sha256/%s", p->layer.digest);
	if (rc == 0)
		rc = header(p, name, p->layer.size, block);
	if (rc == 0 && pwrite(p->fd, block, sizeof(block), 0) != (ssize_t)sizeof(block))
		rc = pack_fail(p, errno ? -errno : -EIO);
	return rc;
}

static int text_fail(struct pack *p)
{
	return tkit_fail(p->ctx, -EILSEQ,
			 "the image's configuration has a text that is not valid UTF-8");
}

static int put_rest(struct pack *p)
{
	static const char layout[] = "{\"imageLayoutVersion\":\"1.0.0\"}";
	static const char end[2 * BLOCK];
	_cleanup_free_ char *config = pack_config(p->config, &p->layer), *manifest = NULL;
	_cleanup_free_ char *index = NULL, *docker = NULL;
	int rc;

	if (!config)
		return text_fail(p);
	rc = digest_text(p, config, &p->json);
	if (rc < 0)
		return rc;
	manifest = pack_manifest(&p->json, &p->layer);
	if (!manifest)
		return pack_fail(p, -ENOMEM);
	rc = digest_text(p, manifest, &p->manifest);
	if (rc < 0)
		return rc;
	index = pack_index(p->config, &p->manifest);
	docker = pack_docker(p->config, &p->json, &p->layer);
	if (!index || !docker)
		return text_fail(p);
	if ((rc = put_blob(p, &p->json, config)) < 0 ||
	    (rc = put_blob(p, &p->manifest, manifest)) < 0 ||
	    (rc = put_member(p, "index.json", index)) < 0 ||
	    (rc = put_member(p, "manifest.json", docker)) < 0 ||
	    (rc = put_member(p, "oci-layout", layout)) < 0)
		return rc;
	return put(p, end, sizeof(end));
}

int tkit_image_write(struct tkit_ctx *ctx, struct tkit_closure *closure,
		     const struct tkit_image_config *config, int fd)
{
	struct pack p = {.ctx = ctx, .config = config, .hash = EVP_MD_CTX_new(), .fd = fd};
	int rc;

	if (!p.hash)
		return pack_fail(&p, -ENOMEM);
	if (lseek(fd, 0, SEEK_CUR) != 0)
		rc = tkit_fail(ctx, -ESPIPE,
			       "an image is written to an empty regular file, not to a pipe");
	else
		rc = put_layer(&p, closure);
	if (rc == 0)
		rc = put_rest(&p);
	EVP_MD_CTX_free(p.hash);
	return rc;
}
