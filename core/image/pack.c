// SPDX-License-Identifier: MIT
/*
 * An image archive that everybody loads: `docker load` reads manifest.json (docker archive, image
 * spec 1.2), podman and skopeo read index.json and oci-layout (OCI image layout 1.0); both
 * name the same blobs.
 *
 * The layer comes first and is written once, while it is digested; its header, which has the
 * digest in its name, is put in front of it afterwards.
 */
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

/* The header of tar(5), "ustar" as POSIX.1-1988 has it. */
struct ustar {
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type[1];
	char link[100], magic[6], version[2], uname[32], gname[32], major[8], minor[8];
	char prefix[155], pad[12];
};

/*
 * By hand, because libarchive writes a header only together with its content. Sizes of 8 GiB
 * and more do not fit in 11 octal digits: base 256, which all readers know.
 */
static void header(const char *name, uint64_t size, struct ustar *h)
{
	const unsigned char *bytes = (const unsigned char *)h;
	unsigned int sum = 0;

	memset(h, 0, sizeof(*h));
	snprintf(h->name, sizeof(h->name), "%s", name);
	snprintf(h->mode, sizeof(h->mode), "%07o", 0644);
	snprintf(h->uid, sizeof(h->uid), "%07o", 0);
	snprintf(h->gid, sizeof(h->gid), "%07o", 0);
	snprintf(h->mtime, sizeof(h->mtime), "%011o", 0);
	if (size < 1ull << 33) {
		snprintf(h->size, sizeof(h->size), "%011llo", (unsigned long long)size);
	} else {
		h->size[0] = (char)0x80;
		for (size_t i = 0; i < 8; i++)
			h->size[sizeof(h->size) - 1 - i] = (char)(size >> (8 * i));
	}
	h->type[0] = '0';
	memcpy(h->magic, "ustar", 6);
	memcpy(h->version, "00", 2);
	memset(h->checksum, ' ', sizeof(h->checksum)); /* it is counted as that */
	for (size_t i = 0; i < sizeof(*h); i++)
		sum += bytes[i];
	snprintf(h->checksum, sizeof(h->checksum), "%06o", sum);
}

_Static_assert(sizeof(struct ustar) == BLOCK, "a header is one block");

static int put_member(struct pack *p, const char *name, const char *text)
{
	size_t size = strlen(text);
	struct ustar block;
	int rc;

	header(name, size, &block);
	rc = put(p, &block, sizeof(block));
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
	struct ustar block = {0};
	char name[PACK_DIGEST + 16];
	int rc = put(p, &block, sizeof(block)); /* room for the header */

	if (rc == 0)
		rc = digest_begin(p);
	if (rc == 0)
		rc = layer_write(p->ctx, closure, &out);
	if (rc < 0)
		return rc;
	digest_end(p, &p->layer);
	rc = pad(p, p->layer.size);
	snprintf(name, sizeof(name), "blobs/sha256/%s", p->layer.digest);
	header(name, p->layer.size, &block);
	if (rc == 0 && pwrite(p->fd, &block, sizeof(block), 0) != (ssize_t)sizeof(block))
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
	/* An older caller has a smaller one. */
	struct tkit_image_config given = {0};
	struct pack p = {.ctx = ctx, .config = &given, .hash = EVP_MD_CTX_new(), .fd = fd};
	int rc;

	memcpy(&given, config, config->size < sizeof(given) ? config->size : sizeof(given));
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
