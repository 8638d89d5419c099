// SPDX-License-Identifier: MIT
/* Images whose files are not what their manifests and names say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <archive.h>
#include <archive_entry.h>
#include <cmocka.h>
#include <errno.h>
#include <openssl/evp.h>

#include "source_fixture.h"

struct hex {
	char text[65];
};

static struct hex sha256(const void *data, size_t size)
{
	unsigned char raw[32];
	struct hex hex;

	assert_int_equal(EVP_Digest(data, size, raw, NULL, EVP_sha256(), NULL), 1);
	for (size_t i = 0; i < sizeof(raw); i++)
		snprintf(hex.text + 2 * i, 3, "%02x", raw[i]);
	return hex;
}

static struct hex sha256_of(const struct buf *data)
{
	return sha256(data->data, data->size);
}

/* What is wrong with the image. */
enum wrong {
	NOTHING,
	LAYER = 1 << 0,         /* a byte of the layer, after its digest was taken */
	LAYER_SIZE = 1 << 1,    /* the size in the manifest */
	DIFF_ID = 1 << 2,       /* the digest of the unpacked layer */
	CONFIG_TEXT = 1 << 3,   /* the configuration */
	MANIFEST_TEXT = 1 << 4, /* the manifest */
	UNKNOWN = 1 << 5,       /* a digest of a kind nobody knows */
	ONE_MORE = 1 << 6       /* one diff_id more than there are layers */
};

static void put_blob(struct fixture *f, const struct hex *hex, const struct buf *data)
{
	char name[100];

	snprintf(name, sizeof(name), "blobs/sha256/%s", hex->text);
	tar_add(&f->tar, (struct tm_){'0', name, data->data, data->size, 0});
}

static void put_manifests(struct fixture *f, const struct buf *layer, const struct hex *layer_hex,
			  const struct hex *diff, unsigned int wrong)
{
	_cleanup_(buf_done) struct buf config = BUF_INIT, manifest = BUF_INIT, index = BUF_INIT;
	struct hex hex;

	buf_printf(&config,
		   "{\"os\":\"linux\",\"architecture\":\"amd64\",\"rootfs\":{\"diff_ids\":"
		   "[\"sha256:%s\"%s]}}",
		   diff->text, wrong & ONE_MORE ? ",\"sha256:00\"" : "");
	hex = sha256_of(&config);
	if (wrong & CONFIG_TEXT)
		config.data[7] = 'L';
	put_blob(f, &hex, &config);
	buf_printf(&manifest,
		   "{\"config\":{\"digest\":\"sha256:%s\",\"size\":%zu},\"layers\":["
		   "{\"digest\":\"%s:%s\",\"size\":%zu}]}",
		   hex.text, config.size, wrong & UNKNOWN ? "md999" : "sha256", layer_hex->text,
		   layer->size + (wrong & LAYER_SIZE ? 1 : 0));
	hex = sha256_of(&manifest);
	if (wrong & MANIFEST_TEXT)
		buf_char(&manifest, ' ');
	put_blob(f, &hex, &manifest);
	buf_printf(&index, "{\"manifests\":[{\"digest\":\"sha256:%s\"}]}", hex.text);
	tar_add(&f->tar, (struct tm_){'0', "index.json", index.data, index.size, 0});
	tar_add(&f->tar, (struct tm_){'0', "oci-layout", "{}", 0, 0});
	tar_end(&f->tar);
}

/* An OCI archive of one layer, whose unpacked bytes are `plain`. */
static void make_oci(struct fixture *f, const struct buf *plain, const struct buf *packed,
		     unsigned int wrong)
{
	_cleanup_(buf_done) struct buf layer = BUF_INIT;
	struct hex hex = sha256_of(packed), diff = sha256_of(plain);

	buf_clear(&f->tar);
	buf_add(&layer, packed->data, packed->size);
	if (wrong & LAYER)
		layer.data[layer.size - 1] ^= 1;
	if (wrong & DIFF_ID)
		diff.text[0] = diff.text[0] == '0' ? '1' : '0';
	if (wrong & UNKNOWN) {
		char name[100];

		snprintf(name, sizeof(name), "blobs/md999/%s", hex.text);
		tar_add(&f->tar, (struct tm_){'0', name, layer.data, layer.size, 0});
	} else {
		put_blob(f, &hex, &layer);
	}
	put_manifests(f, &layer, &hex, &diff, wrong);
}

static void gzip(const struct buf *plain, struct buf *out)
{
	struct archive *a = archive_write_new();
	struct archive_entry *entry = archive_entry_new();
	size_t used = 0, room = plain->size + 4096;
	char *to = buf_reserve(out, room);

	assert_non_null(to);
	archive_write_add_filter_gzip(a);
	archive_write_set_format_raw(a);
	archive_write_set_bytes_per_block(a, 0);
	assert_int_equal(archive_write_open_memory(a, to, room, &used), ARCHIVE_OK);
	archive_entry_set_filetype(entry, AE_IFREG);
	assert_int_equal(archive_write_header(a, entry), ARCHIVE_OK);
	assert_int_equal(archive_write_data(a, plain->data, plain->size), plain->size);
	assert_int_equal(archive_write_close(a), ARCHIVE_OK);
	archive_entry_free(entry);
	archive_write_free(a);
	out->size += used;
}

/* One line, with both digests or both sizes, and the file. */
static void says(struct fixture *f, const char *what, const char *first, const char *second)
{
	refused(f, "", what);
	if (!strstr(err_text(&f->ctx.err), first) || !strstr(err_text(&f->ctx.err), second) ||
	    !strstr(err_text(&f->ctx.err), "blobs/"))
		fail_msg("%s", err_text(&f->ctx.err));
}

static void make_layer(struct fixture *f)
{
	/* Content, so that bytes of it are skipped and not read. */
	ADD(0, '0', "file", "content");
	tar_end(&f->layers[0]);
	/* Behind the end of an archive; it counts all the same. */
	buf_str(&f->layers[0], "behind the end");
}

static void check(struct fixture *f, const struct buf *packed)
{
	const struct buf *plain = &f->layers[0];
	struct hex good = sha256_of(packed), diff = sha256_of(plain);
	char size[64];

	make_oci(f, plain, packed, NOTHING);
	if (open_as(f, "") < 0)
		fail_msg("%s", err_text(&f->ctx.err));
	assert_string_equal(text_of(f, "/file"), "content");
	make_oci(f, plain, packed, LAYER);
	says(f, "its content is not what its digest says: expected sha256:", good.text,
	     ", found sha256:");
	make_oci(f, plain, packed, LAYER_SIZE);
	snprintf(size, sizeof(size), "it has %zu bytes", packed->size);
	says(f, size, "manifest says", "blobs/");
	make_oci(f, plain, packed, DIFF_ID);
	says(f, "(diff_id): expected sha256:", diff.text, ", found sha256:");
	make_oci(f, plain, packed, CONFIG_TEXT);
	says(f, "not what its digest says", "expected", "found");
	make_oci(f, plain, packed, MANIFEST_TEXT);
	says(f, "not what its digest says", "expected", "found");
	make_oci(f, plain, packed, UNKNOWN);
	says(f, "cannot check", "md999", "sha512");
	make_oci(f, plain, packed, ONE_MORE);
	refused(f, "", "has 1 layers, its configuration 2");
}

static void test_plain(void **state)
{
	struct fixture *f = *state;

	make_layer(f);
	check(f, &f->layers[0]);
}

static void test_gzip(void **state)
{
	struct fixture *f = *state;

	make_layer(f);
	gzip(&f->layers[0], &f->layers[1]);
	check(f, &f->layers[1]);
}

/* What comes behind an archive's end is unpacked for its digest: it may not be endless. */
static void test_bomb_behind(void **state)
{
	struct fixture *f = *state;

	make_layer(f);
	for (size_t i = 0; i < 1 << 20; i++)
		buf_char(&f->layers[0], '\0');
	gzip(&f->layers[0], &f->layers[1]);
	make_oci(f, &f->layers[0], &f->layers[1], NOTHING);
	f->options.max_bytes = 512 * 1024;
	refused(f, "", "more bytes than the limit");
	f->options.max_bytes = 0;
	assert_int_equal(open_as(f, ""), 0);
}

/* A docker archive: files named after their digests, and the configuration's diff_ids. */
static void make_docker(struct fixture *f, unsigned int wrong)
{
	_cleanup_(buf_done) struct buf config = BUF_INIT, manifest = BUF_INIT;
	struct hex diff = sha256_of(&f->layers[0]), hex;
	char name[100];

	buf_clear(&f->tar);
	if (wrong & DIFF_ID)
		diff.text[0] = diff.text[0] == '0' ? '1' : '0';
	buf_printf(&config, "{\"rootfs\":{\"diff_ids\":[\"sha256:%s\"]}}", diff.text);
	hex = sha256_of(&config);
	if (wrong & CONFIG_TEXT)
		buf_char(&config, ' ');
	snprintf(name, sizeof(name), "%s.json", hex.text);
	tar_add(&f->tar, (struct tm_){'0', name, config.data, config.size, 0});
	tar_add(&f->tar, (struct tm_){'0', "l/layer.tar", f->layers[0].data, f->layers[0].size, 0});
	buf_printf(&manifest, "[{\"Config\":\"%s\",\"Layers\":[\"l/layer.tar\"]}]", name);
	tar_add(&f->tar, (struct tm_){'0', "manifest.json", manifest.data, manifest.size, 0});
	tar_end(&f->tar);
}

static void test_docker(void **state)
{
	struct fixture *f = *state;

	make_layer(f);
	make_docker(f, NOTHING);
	assert_int_equal(open_as(f, ""), 0);
	make_docker(f, DIFF_ID);
	refused(f, "",
		"l/layer.tar: its content is not what the image's configuration says "
		"(diff_id): expected sha256:");
	make_docker(f, CONFIG_TEXT);
	refused(f, "", ".json: its content is not what its digest says: expected sha256:");
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_plain),
		TEST(test_gzip),
		TEST(test_bomb_behind),
		TEST(test_docker),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
