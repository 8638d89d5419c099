// SPDX-License-Identifier: MIT
#include "trace/format.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "util/bytes.h"

static char *text(const char *s)
{
	/* protobuf-c takes char *, but only reads when packing */
	return (char *)(uintptr_t)(s ? s : "");
}

/* proto3 strings are UTF-8; readers in other languages refuse anything else. */
static char *utf8(struct arena *arena, const char *s)
{
	size_t len;
	char *copy;

	if (!s)
		return text("");
	len = strlen(s);
	if (bytes_utf8(BYTES(s, len)))
		return text(s);
	copy = arena_alloc(arena, len + 1);
	if (!copy)
		return text("");
	for (size_t i = 0; i <= len; i++)
		copy[i] = (unsigned char)s[i] < 0x80 ? s[i] : '?';
	return copy;
}

static ProtobufCBinaryData bytes(const char *s)
{
	return (ProtobufCBinaryData){.data = (uint8_t *)text(s), .len = s ? strlen(s) : 0};
}

static int put_argv(const char *const *argv, struct arena *arena, Tkit__Header *pb)
{
	size_t count = 0;

	while (argv && argv[count])
		count++;
	if (!count)
		return 0;
	pb->argv = arena_alloc(arena, count * sizeof(*pb->argv));
	if (!pb->argv)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		pb->argv[i] = bytes(argv[i]);
	pb->n_argv = count;
	return 0;
}

static int put_backends(const struct tkit_run_info *run, struct arena *arena, Tkit__Header *pb)
{
	size_t stride = run->backend_stride ? run->backend_stride : sizeof(*run->backends);

	if (!run->backend_count)
		return 0;
	pb->backends = arena_alloc(arena, run->backend_count * sizeof(*pb->backends));
	if (!pb->backends)
		return -ENOMEM;
	for (uint32_t i = 0; i < run->backend_count; i++) {
		const struct tkit_backend_info *info =
			(const void *)((const char *)run->backends + stride * i);
		Tkit__Backend *to = arena_alloc(arena, sizeof(*to));

		if (!to)
			return -ENOMEM;
		tkit__backend__init(to);
		to->name = utf8(arena, info->name);
		to->version = utf8(arena, info->version);
		to->options = bytes(info->options);
		if (stride > offsetof(struct tkit_backend_info, facilities) && info->facilities)
			to->facilities = bytes(info->facilities);
		to->caps = info->caps;
		pb->backends[i] = to;
	}
	pb->n_backends = run->backend_count;
	return 0;
}

static int put_mounts(const struct tkit_run_info *run, struct arena *arena, Tkit__Header *pb)
{
	size_t stride = run->mount_stride ? run->mount_stride : sizeof(*run->mounts);

	if (!run->mount_count)
		return 0;
	pb->mounts = arena_alloc(arena, run->mount_count * sizeof(*pb->mounts));
	if (!pb->mounts)
		return -ENOMEM;
	for (uint32_t i = 0; i < run->mount_count; i++) {
		const struct tkit_mount_info *mount =
			(const void *)((const char *)run->mounts + stride * i);
		Tkit__Mount *to = arena_alloc(arena, sizeof(*to));

		if (!to)
			return -ENOMEM;
		tkit__mount__init(to);
		to->destination = bytes(mount->destination);
		to->source = bytes(mount->source);
		to->type = bytes(mount->type);
		to->name = bytes(mount->name);
		to->kind = mount->kind;
		to->flags = mount->flags;
		pb->mounts[i] = to;
	}
	pb->n_mounts = run->mount_count;
	return 0;
}

int format_header(const struct tkit_run_info *run, struct arena *arena, Tkit__Header *pb)
{
	pb->format = FORMAT_VERSION;
	pb->run_id.data = (uint8_t *)(uintptr_t)run->id;
	pb->run_id.len = sizeof(run->id);
	pb->tkit_version = utf8(arena, run->tkit_version);
	pb->host = bytes(run->host);
	pb->host_id = bytes(run->host_id);
	pb->kernel = utf8(arena, run->kernel);
	pb->machine = utf8(arena, run->machine);
	pb->target_kind = run->target_kind;
	pb->target_pid = run->target_pid;
	pb->target = bytes(run->target);
	pb->root = bytes(run->root);
	pb->cwd = bytes(run->cwd);
	pb->image_digest = utf8(arena, run->image_digest);
	pb->armed_realtime_ns = run->armed_realtime_ns;
	pb->armed_monotonic_ns = run->armed_monotonic_ns;
	pb->uid = run->uid;
	pb->gid = run->gid;
	pb->container_id = utf8(arena, run->container_id);
	if (put_argv(run->argv, arena, pb) < 0 || put_mounts(run, arena, pb) < 0)
		return -ENOMEM;
	return put_backends(run, arena, pb);
}

int format_footer(const struct tkit_run_end *end, struct arena *arena, Tkit__Footer *pb)
{
	pb->complete = end->complete != 0;
	pb->has_wait_status = end->wait_status != -1;
	pb->wait_status = pb->has_wait_status ? end->wait_status : 0;
	pb->duration_ns = end->duration_ns;
	pb->events = end->events;
	pb->accesses = end->accesses;
	pb->deduped = end->deduped;
	pb->produced = end->produced;
	if (!end->losses || !end->loss_count)
		return 0;
	pb->losses = arena_alloc(arena, end->loss_count * sizeof(*pb->losses));
	if (!pb->losses)
		return -ENOMEM;
	for (uint32_t i = 0; i < end->loss_count; i++) {
		Tkit__Loss *loss;

		if (!end->losses[i])
			continue;
		loss = arena_alloc(arena, sizeof(*loss));
		if (!loss)
			return -ENOMEM;
		tkit__loss__init(loss);
		loss->reason = i;
		loss->count = end->losses[i];
		pb->losses[pb->n_losses++] = loss;
	}
	return 0;
}
