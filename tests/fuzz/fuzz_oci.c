// SPDX-License-Identifier: MIT
/*
 * Fuzzes the JSON of images, as the sandboxed reader meets it. The input is two texts with a NUL
 * between them; "@1" in the first stands for the second's digest, "@L" for that of a layer. The
 * first byte: 0 docker: manifest.json and the configuration; 1 OCI: a manifest and the
 * configuration; 2 OCI: the index and a manifest.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../unit/tar_image.h"
#include "rootfs/imgread.h"
#include "util/cleanup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
long fuzz_accepted(void);

static long accepted;

/* Images that were read to their end. */
long fuzz_accepted(void)
{
	return accepted;
}

static struct digests digests;

static void digest_of(const struct buf *text, char ret[DIGEST_TEXT])
{
	struct digest digest;

	if (!digests.known[0] && digests_load(&digests) < 0)
		abort();
	if (digest_begin(&digest, &digests, "sha256:") < 0)
		abort();
	digest_add(&digest, text->data, text->size);
	digest_end(&digest, ret);
}

/* Puts a blob into the archive. */
static void put_blob(struct buf *tar, const struct buf *text, const char *digest)
{
	char name[100];

	snprintf(name, sizeof(name), "blobs/sha256/%s", digest + strlen("sha256:"));
	tar_add(tar, (struct tm_){'0', name, text->data, text->size, 0});
}

static void replace(struct buf *out, const char *text, size_t size, const char *one,
		    const char *layer)
{
	for (size_t i = 0; i < size; i++)
		if (text[i] == '@' && i + 1 < size && (text[i + 1] == '1' || text[i + 1] == 'L'))
			buf_str(out, text[++i] == '1' ? one : layer);
		else
			buf_char(out, text[i]);
}

static void make(struct buf *tar, char kind, const char *text, size_t size)
{
	_cleanup_(buf_done) struct buf first = BUF_INIT, second = BUF_INIT, layer = BUF_INIT,
				       index = BUF_INIT;
	const char *nul = memchr(text, '\0', size);
	char one[DIGEST_TEXT], digest[DIGEST_TEXT], layer_digest[DIGEST_TEXT];

	tar_add(&layer, (struct tm_){'0', "file", "content", 0, 0});
	tar_end(&layer);
	digest_of(&layer, layer_digest);
	put_blob(tar, &layer, layer_digest);
	if (nul)
		replace(&second, nul + 1, size - (size_t)(nul + 1 - text), "", layer_digest);
	digest_of(&second, one);
	put_blob(tar, &second, one);
	replace(&first, text, nul ? (size_t)(nul - text) : size, one, layer_digest);
	if (kind == '1') {
		digest_of(&first, digest);
		put_blob(tar, &first, digest);
		buf_printf(&index, "{\"manifests\":[{\"digest\":\"%s\"}]}", digest);
	} else {
		buf_add(&index, first.data, first.size);
	}
	tar_add(tar, (struct tm_){'0', kind == '0' ? "manifest.json" : "index.json", index.data,
				  index.size, 0});
	tar_add(tar, (struct tm_){'0', "c.json", second.data, second.size, 0});
	tar_add(tar, (struct tm_){'0', "l.tar", layer.data, layer.size, 0});
	tar_end(tar);
	if (tar->failed)
		abort();
}

/* What the reader said at last. */
static int ended_well(int told)
{
	uint32_t last = 0;
	off_t size = lseek(told, 0, SEEK_END);

	return size >= (off_t)sizeof(last) &&
	       pread(told, &last, sizeof(last), size - (off_t)sizeof(last)) == sizeof(last) &&
	       last == WIRE_END;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	_cleanup_(buf_done) struct buf tar = BUF_INIT;
	_cleanup_close_ int input = memfd_create("tar", MFD_CLOEXEC);
	_cleanup_close_ int spool = memfd_create("spool", MFD_CLOEXEC);
	_cleanup_close_ int told = memfd_create("told", MFD_CLOEXEC);
	struct imgread how = {.host = "linux/amd64",
			      .max_entries = 1000,
			      .max_texts = 1 << 20,
			      .max_bytes = 1 << 24};

	if (!size)
		return 0;
	make(&tar, (char)data[0], (const char *)data + 1, size - 1);
	if (input < 0 || spool < 0 || told < 0 ||
	    write(input, tar.data, tar.size) != (ssize_t)tar.size)
		abort();
	how.kind = data[0] == '0' ? IMAGE_DOCKER : IMAGE_OCI;
	how.input = (struct extent){.fd = input, .file = 1, .size = tar.size};
	how.spool = spool;
	how.socket = told;
	how.digests = digests;
	if (imgread_run(&how) != 0)
		abort();
	accepted += ended_well(told);
	return 0;
}
