// SPDX-License-Identifier: MIT
/* What was mounted in the containers: what all runs have at the same place. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/priv.h"
#include "util/bytes.h"

bool mount_place(const char *text, struct buf *out)
{
	buf_clear(out);
	if (text[0] != '/')
		return false;
	while (*text) {
		size_t len = strcspn(text, "/");
		struct tkit_bytes part = BYTES(text, len);

		if (bytes_is(part, ".."))
			return false;
		if (len && !bytes_is(part, ".")) {
			buf_char(out, '/');
			buf_add(out, text, len);
		}
		text += len + (text[len] == '/');
	}
	buf_char(out, '\0');
	return out->size > 1;
}

static const struct tkit_mount_info *mount_of(const struct run_data *run, const char *destination)
{
	for (uint32_t i = 0; i < run->info.mount_count; i++)
		if (strcmp(run->mounts[i].destination, destination) == 0)
			return &run->mounts[i];
	return NULL;
}

/* In every run; a volume in one of them counts as one in all, since what the image has is seen. */
static bool is_common(const struct tkit_model *m, struct tkit_mount_info *mount)
{
	for (uint32_t i = 1; i < m->run_count; i++) {
		const struct tkit_mount_info *other = mount_of(m->runs[i], mount->destination);

		if (!other)
			return false;
		if (other->kind == TKIT_MOUNT_VOLUME && mount->kind != TKIT_MOUNT_VOLUME)
			*mount = *other;
	}
	return true;
}

static int compare(const void *a, const void *b)
{
	const struct tkit_mount_info *x = a, *y = b;

	return strcmp(x->destination, y->destination);
}

int model_mounts(struct tkit_model *m)
{
	const struct run_data *first = m->run_count ? m->runs[0] : NULL;

	if (!first || !first->info.mount_count)
		return 0;
	m->mounts = calloc(first->info.mount_count, sizeof(*m->mounts));
	if (!m->mounts)
		return -ENOMEM;
	for (uint32_t i = 0; i < first->info.mount_count; i++) {
		struct tkit_mount_info mount = first->mounts[i];

		if (mount_of(first, mount.destination) == &first->mounts[i] && is_common(m, &mount))
			m->mounts[m->mount_count++] = mount;
	}
	qsort(m->mounts, m->mount_count, sizeof(*m->mounts), compare);
	return 0;
}

const struct tkit_mount_info *tkit_model_mount(const struct tkit_model *model, size_t index)
{
	return index < model->mount_count ? &model->mounts[index] : NULL;
}

const struct tkit_mount_info *tkit_model_mount_of(const struct tkit_model *model,
						  struct tkit_bytes path)
{
	/* The innermost of those around it is the last one. */
	for (size_t i = model->mount_count; i > 0; i--)
		if (bytes_below(path, bytes_str(model->mounts[i - 1].destination)))
			return &model->mounts[i - 1];
	return NULL;
}

const char *tkit_mount_text(const struct tkit_mount_info *mount, char *buf, size_t size)
{
	switch (mount->kind) {
	case TKIT_MOUNT_VOLUME:
		snprintf(buf, size, "volume %s at %s", mount->name, mount->destination);
		break;
	case TKIT_MOUNT_BIND:
		snprintf(buf, size, "the host's %s at %s", mount->source, mount->destination);
		break;
	case TKIT_MOUNT_RUNTIME:
		snprintf(buf, size, "the container runtime's %s", mount->destination);
		break;
	default:
		snprintf(buf, size, "%s at %s", mount->type, mount->destination);
		break;
	}
	return buf;
}
