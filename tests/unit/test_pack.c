// SPDX-License-Identifier: MIT
/* The image archive, read back as docker and as podman do: every digest and size is checked. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <archive.h>
#include <archive_entry.h>
#include <jansson.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "image/pack.h"
#include "scene.h"

struct member {
	char name[256];
	char *data;
	size_t size;
};

struct packed {
	struct member members[16];
	size_t count;
};

static void take_in(struct scene *s)
{
	struct feed *f = scene_run(s);

	tree_file(&s->tree, "/bin/app", "program text");
	tree_link(&s->tree, "/bin/app", "/run-me");
	EV(f, TKIT_OP_STAT, "/bin/app");
	EV(f, TKIT_OP_STAT, "/run-me", .pflags = TKIT_P_NOFOLLOW);
	assert_int_equal(scene_close(s), 0);
}

static int pack(struct scene *s, const struct tkit_image_config *config)
{
	int fd = memfd_create("image", MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(tkit_image_write(&s->ctx, s->closure, config, fd), 0);
	return fd;
}

static void unpack(int fd, struct packed *p)
{
	struct archive *tar = archive_read_new();
	struct archive_entry *entry;

	*p = (struct packed){0};
	assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
	assert_int_equal(archive_read_support_format_tar(tar), ARCHIVE_OK);
	assert_int_equal(archive_read_open_fd(tar, fd, 10240), ARCHIVE_OK);
	while (archive_read_next_header(tar, &entry) == ARCHIVE_OK) {
		struct member *m = &p->members[p->count++];

		assert_true(p->count <= 16);
		assert_int_equal(archive_entry_mtime(entry), 0);
		snprintf(m->name, sizeof(m->name), "%s", archive_entry_pathname(entry));
		m->size = (size_t)archive_entry_size(entry);
		m->data = calloc(1, m->size + 1);
		assert_int_equal(archive_read_data(tar, m->data, m->size), m->size);
	}
	archive_read_free(tar);
}

static void unpack_done(struct packed *p)
{
	for (size_t i = 0; i < p->count; i++)
		free(p->members[i].data);
}

static const struct member *find(const struct packed *p, const char *name)
{
	for (size_t i = 0; i < p->count; i++)
		if (strcmp(p->members[i].name, name) == 0)
			return &p->members[i];
	fail_msg("no member %s", name);
	return NULL;
}

static json_t *parse(const struct member *m)
{
	json_t *json = json_loadb(m->data, m->size, 0, NULL);

	assert_non_null(json);
	return json;
}

static const char *text_at(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	if (!text)
		fail_msg("no %s", key);
	return text;
}

/* The blob of a digest, whose content has that digest. */
static const struct member *blob(const struct packed *p, const char *digest)
{
	unsigned char hash[EVP_MAX_MD_SIZE];
	const struct member *m;
	char name[128], hex[65];

	assert_int_equal(strncmp(digest, "sha256:", 7), 0);
	snprintf(name, sizeof(name), "blobs/sha256/%s", digest + 7);
	m = find(p, name);
	assert_int_equal(EVP_Digest(m->data, m->size, hash, NULL, EVP_sha256(), NULL), 1);
	for (int i = 0; i < 32; i++)
		snprintf(hex + 2 * i, 3, "%02x", hash[i]);
	assert_string_equal(hex, digest + 7);
	return m;
}

static const struct member *described(const struct packed *p, const json_t *descriptor)
{
	const struct member *m = blob(p, text_at(descriptor, "digest"));

	assert_int_equal(json_integer_value(json_object_get(descriptor, "size")), m->size);
	return m;
}

static void check_layer(const struct member *m)
{
	struct archive *tar = archive_read_new();
	struct archive_entry *entry;
	int found = 0;

	assert_int_equal(archive_read_support_format_tar(tar), ARCHIVE_OK);
	assert_int_equal(archive_read_open_memory(tar, m->data, m->size), ARCHIVE_OK);
	while (archive_read_next_header(tar, &entry) == ARCHIVE_OK) {
		found += strcmp(archive_entry_pathname(entry), "bin/app") == 0;
		found += strcmp(archive_entry_pathname(entry), "run-me") == 0;
	}
	archive_read_free(tar);
	assert_int_equal(found, 2);
}

static void test_both_forms(void **state)
{
	struct scene *s = *state;
	const char *entrypoint[] = {"/bin/app"}, *env[] = {"PATH=/bin", "A=b=c"};
	const char *expose[] = {"80/tcp"}, *labels[] = {"a.b=c d", "empty=", "a\\=b\\\\c\\d=e=f"};
	struct tkit_image_config config = {
		.size = sizeof(config),
		.name = "me/app:1",
		.entrypoint = {entrypoint, 1},
		.env = {env, 2},
		.expose = {expose, 1},
		.labels = {labels, 3},
		.user = "1000:1000",
		.health_retries = 3,
	};
	json_t *docker, *index, *manifest, *image, *part;
	struct packed p;
	int fd;

	take_in(s);
	fd = pack(s, &config);
	unpack(fd, &p);
	/* docker */
	docker = parse(find(&p, "manifest.json"));
	part = json_array_get(docker, 0);
	assert_string_equal(json_string_value(json_array_get(json_object_get(part, "RepoTags"), 0)),
			    "me/app:1");
	check_layer(
		find(&p, json_string_value(json_array_get(json_object_get(part, "Layers"), 0))));
	image = parse(find(&p, text_at(part, "Config")));
	/* OCI */
	assert_non_null(strstr(find(&p, "oci-layout")->data, "\"imageLayoutVersion\":\"1.0.0\""));
	index = parse(find(&p, "index.json"));
	part = json_array_get(json_object_get(index, "manifests"), 0);
	assert_string_equal(
		text_at(json_object_get(part, "annotations"), "org.opencontainers.image.ref.name"),
		"me/app:1");
	manifest = parse(described(&p, part));
	check_layer(described(&p, json_array_get(json_object_get(manifest, "layers"), 0)));
	assert_ptr_equal(described(&p, json_object_get(manifest, "config")),
			 find(&p, text_at(json_array_get(docker, 0), "Config")));
	/* the configuration */
	blob(&p, json_string_value(json_array_get(
			 json_object_get(json_object_get(image, "rootfs"), "diff_ids"), 0)));
	assert_string_equal(text_at(image, "os"), "linux");
	part = json_object_get(image, "config");
	assert_string_equal(text_at(part, "User"), "1000:1000");
	assert_string_equal(json_string_value(json_array_get(json_object_get(part, "Env"), 1)),
			    "A=b=c");
	assert_non_null(json_object_get(json_object_get(part, "ExposedPorts"), "80/tcp"));
	assert_string_equal(text_at(json_object_get(part, "Labels"), "a.b"), "c d");
	assert_string_equal(text_at(json_object_get(part, "Labels"), "empty"), "");
	assert_string_equal(text_at(json_object_get(part, "Labels"), "a=b\\c\\d"), "e=f");
	assert_null(json_object_get(part, "Healthcheck"));
	json_decref(docker);
	json_decref(index);
	json_decref(manifest);
	json_decref(image);
	unpack_done(&p);
	close(fd);
}

/* All that a configuration holds, in the words of the image specification and docker's. */
static void test_whole_config(void **state)
{
	static const char want[] =
		"{\"architecture\":\"arm64\",\"author\":\"me\",\"config\":{\"Cmd\":[\"c\"],"
		"\"Entrypoint\":[\"e\"],\"Env\":[\"A=b\"],\"ExposedPorts\":{\"80/tcp\":{}},"
		"\"Healthcheck\":{\"Interval\":1,\"Retries\":4,\"StartInterval\":5,\"StartPeriod\":3,"
		"\"Test\":[\"CMD\",\"t\"],\"Timeout\":2},\"Labels\":{\"l\":\"v\"},"
		"\"OnBuild\":[\"RUN x\"],\"Shell\":[\"/bin/sh\"],\"StopSignal\":\"SIGINT\","
		"\"User\":\"u\",\"Volumes\":{\"/data\":{}},\"WorkingDir\":\"/w\"},"
		"\"created\":\"2024-01-02T03:04:05Z\",\"history\":[{\"created\":"
		"\"2024-01-02T03:04:05Z\",\"created_by\":\"tkit\"}],\"os\":\"linux\","
		"\"rootfs\":{\"diff_ids\":[\"sha256:ab\"],\"type\":\"layers\"},"
		"\"variant\":\"v8\"}";
	const char *test[] = {"CMD", "t"}, *c[] = {"c"}, *e[] = {"e"}, *env[] = {"A=b"};
	const char *ports[] = {"80/tcp"}, *labels[] = {"l=v"}, *build[] = {"RUN x"};
	const char *shell[] = {"/bin/sh"}, *volumes[] = {"/data"};
	const struct tkit_image_config config = {
		.size = sizeof(config),
		.name = "me/app:1",
		.os = "linux",
		.architecture = "arm64",
		.variant = "v8",
		.created = "2024-01-02T03:04:05Z",
		.author = "me",
		.env = {env, 1},
		.entrypoint = {e, 1},
		.cmd = {c, 1},
		.shell = {shell, 1},
		.expose = {ports, 1},
		.volumes = {volumes, 1},
		.labels = {labels, 1},
		.onbuild = {build, 1},
		.user = "u",
		.workdir = "/w",
		.stopsignal = "SIGINT",
		.health_test = {test, 2},
		.health_interval_ns = 1,
		.health_timeout_ns = 2,
		.health_start_period_ns = 3,
		.health_start_interval_ns = 5,
		.health_retries = 4,
	};
	const struct pack_blob layer = {"ab", 1};
	char *text = pack_config(&config, &layer);

	assert_non_null(text);
	assert_string_equal(text, want);
	free(text);
	text = pack_index(&config, &layer);
	assert_string_equal(text,
			    "{\"manifests\":[{\"annotations\":{\"io.containerd.image.name\":"
			    "\"me/app:1\",\"org.opencontainers.image.ref.name\":\"me/app:1\"},"
			    "\"digest\":\"sha256:ab\",\"mediaType\":\"application/"
			    "vnd.oci.image.manifest.v1+json\",\"size\":1}],\"mediaType\":"
			    "\"application/vnd.oci.image.index.v1+json\",\"schemaVersion\":2}");
	free(text);
}

static void test_reproducible(void **state)
{
	struct scene *s = *state;
	const struct tkit_image_config config = {.size = sizeof(config)};
	char a[65536], b[65536];
	ssize_t n;
	int one, two;

	take_in(s);
	one = pack(s, &config);
	two = pack(s, &config);
	n = pread(one, a, sizeof(a), 0);
	assert_true(n > 4096);
	assert_int_equal(pread(two, b, sizeof(b), 0), n);
	assert_memory_equal(a, b, (size_t)n);
	close(one);
	close(two);
}

static void test_bad_text(void **state)
{
	struct scene *s = *state;
	struct tkit_image_config config = {.size = sizeof(config), .user = "\xff"};
	int fd = memfd_create("image", MFD_CLOEXEC);

	take_in(s);
	assert_int_equal(tkit_image_write(&s->ctx, s->closure, &config, fd), -EILSEQ);
	close(fd);
}

static void test_pipe(void **state)
{
	struct scene *s = *state;
	const struct tkit_image_config config = {.size = sizeof(config)};
	int fds[2];

	take_in(s);
	assert_int_equal(pipe(fds), 0);
	assert_int_equal(tkit_image_write(&s->ctx, s->closure, &config, fds[1]), -ESPIPE);
	close(fds[0]);
	close(fds[1]);
}

static void test_mtree(void **state)
{
	struct scene *s = *state;
	char text[8192], other[4096], *at;
	int fd = memfd_create("mtree", MFD_CLOEXEC);
	ssize_t n;

	tree_file(&s->tree, "/srv/a", "two names");
	snprintf(other, sizeof(other), "%s", tree_path(&s->tree, "/srv/b"));
	assert_int_equal(link(tree_path(&s->tree, "/srv/a"), other), 0);
	s->options.include = LIST_OF("/srv/*");
	take_in(s);
	assert_int_equal(tkit_closure_write_mtree(&s->ctx, s->closure, fd), 0);
	n = pread(fd, text, sizeof(text) - 1, 0);
	assert_true(n > 0);
	text[n] = '\0';
	assert_int_equal(strncmp(text, "#mtree", 6), 0);
	assert_non_null(strstr(text, "\n. "));
	assert_non_null(strstr(text, "./bin/app "));
	/* each name is told with what it is */
	assert_non_null(strstr(text, "./srv/a nlink=2 "));
	at = strstr(text, "./srv/b nlink=2 ");
	assert_non_null(at);
	assert_non_null(strstr(at, "size=9 "));
	assert_non_null(strstr(
		at,
		"sha256digest=88aa5d56731fffb92a20ced0bb3b17fbd01cb4e70a2b6734e0c4a60af0ca2269"));
	/* of "program text" */
	assert_non_null(strstr(text,
			       "sha256digest="
			       "128501c501c68e073b4747d32ef1d53bd511aa72ec3e68a6612422896211cefa"));
	assert_non_null(strstr(text, "link=/bin/app"));
	assert_non_null(strstr(text, "size=12"));
	close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, scene_setup, scene_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_both_forms), TEST(test_whole_config), TEST(test_reproducible),
		TEST(test_bad_text),   TEST(test_pipe),         TEST(test_mtree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
