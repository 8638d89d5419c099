/* SPDX-License-Identifier: MIT */
/* Tar archives and images byte by byte, for what no tool would write. After <cmocka.h>. */
#ifndef TESTS_TAR_IMAGE_H
#define TESTS_TAR_IMAGE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/buf.h"
#include "util/bytes.h"
#include "util/cleanup.h"

/* Members are written short. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

/* A member. `type`: as in tar: '0' file, '1' hard link, '2' symlink, '3' device, '5' directory */
struct tm_ {
	char type;
	const char *name;
	const char *text; /* content, or target of a link */
	size_t size;      /* of the content; 0: all of `text` */
	unsigned int mode;
};

static inline void tar_pad_(struct buf *tar)
{
	while (tar->size % 512)
		buf_char(tar, '\0');
}

static inline void tar_header_(struct buf *tar, const char *name, char type, size_t size,
			       const char *link, unsigned int mode)
{
	char h[512] = {0};
	unsigned int sum = 0;

	memcpy(h, name, strnlen(name, 100));
	snprintf(h + 100, 8, "%07o", mode & 07777);
	snprintf(h + 108, 8, "%07o", 0);
	snprintf(h + 116, 8, "%07o", 0);
	snprintf(h + 124, 12, "%011llo", (unsigned long long)size);
	snprintf(h + 136, 12, "%011o", 7);
	h[156] = type;
	memcpy(h + 157, link, strnlen(link, 100));
	memcpy(h + 257, "ustar\00000", 8);
	snprintf(h + 329, 8, "%07o", 1);
	snprintf(h + 337, 8, "%07o", 3);
	memset(h + 148, ' ', 8);
	for (size_t i = 0; i < sizeof(h); i++)
		sum += (unsigned char)h[i];
	snprintf(h + 148, 8, "%06o", sum);
	buf_add(tar, h, sizeof(h));
}

static inline void tar_add(struct buf *tar, struct tm_ m)
{
	bool link = m.type == '1' || m.type == '2';
	size_t size = link || !m.text ? 0 : m.size ? m.size : strlen(m.text);

	tar_header_(tar, m.name, m.type, size, link ? m.text : "",
		    m.mode          ? m.mode
		    : m.type == '5' ? 0755
				    : 0644);
	if (size)
		buf_add(tar, m.text, size);
	tar_pad_(tar);
}

/* A pax record for the next member. */
static inline void tar_pax(struct buf *tar, const char *key, struct tkit_bytes value)
{
	struct buf record = BUF_INIT;
	size_t len = strlen(key) + value.len + 3, digits = 1;

	while (digits != (size_t)snprintf(NULL, 0, "%zu", len + digits))
		digits++;
	buf_printf(&record, "%zu %s=", len + digits, key);
	buf_add(&record, value.ptr, value.len);
	buf_char(&record, '\n');
	tar_header_(tar, "pax", 'x', record.size, "", 0644);
	buf_add(tar, record.data, record.size);
	tar_pad_(tar);
	buf_done(&record);
}

static inline void tar_end(struct buf *tar)
{
	for (size_t i = 0; i < 1024; i++)
		buf_char(tar, '\0');
}

/* A docker archive of some layers, which are not changed. */
static inline void tar_docker(struct buf *out, const struct buf *layers, size_t count,
			      const char *config)
{
	_cleanup_(buf_done) struct buf manifest = BUF_INIT;
	char name[32];

	buf_str(&manifest, "[{\"Config\":\"c.json\",\"RepoTags\":[\"x:1\"],\"Layers\":[");
	for (size_t i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "l%zu/layer.tar", i);
		tar_add(out, (struct tm_){'0', name, layers[i].data, layers[i].size, 0});
		buf_printf(&manifest, "%s\"%s\"", i ? "," : "", name);
	}
	buf_str(&manifest, "]}]");
	buf_char(&manifest, '\0');
	tar_add(out, (struct tm_){'0', "c.json", config, 0, 0});
	tar_add(out, (struct tm_){'0', "manifest.json", manifest.data, 0, 0});
	tar_end(out);
}

#endif
