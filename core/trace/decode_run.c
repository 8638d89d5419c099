// SPDX-License-Identifier: MIT
#include "trace/decode.h"

#include <errno.h>
#include <string.h>

/* Loss reasons of a later tkit are kept up to this number. */
#define REASONS_MAX 256u

/* A C string; what stands behind a NUL in hostile input is dropped. NULL: no memory. */
static const char *copy(struct arena *arena, const void *data, size_t len)
{
	char *text = arena_alloc(arena, len + 1);

	if (!text)
		return NULL;
	if (len)
		memcpy(text, data, len);
	text[len] = '\0';
	return text;
}

static const char *copy_string(struct arena *arena, const char *text)
{
	return copy(arena, text, strlen(text));
}

static const char *copy_bytes(struct arena *arena, ProtobufCBinaryData data)
{
	return copy(arena, data.data, data.len);
}

static int copy_argv(const Tkit__Header *pb, struct arena *arena, struct tkit_run_info *info)
{
	const char **argv;

	if (!pb->n_argv)
		return 0;
	argv = arena_alloc(arena, (pb->n_argv + 1) * sizeof(*argv));
	if (!argv)
		return -ENOMEM;
	for (size_t i = 0; i < pb->n_argv; i++) {
		argv[i] = copy_bytes(arena, pb->argv[i]);
		if (!argv[i])
			return -ENOMEM;
	}
	argv[pb->n_argv] = NULL;
	info->argv = argv;
	return 0;
}

static int copy_backends(const Tkit__Header *pb, struct arena *arena, struct tkit_run_info *info)
{
	struct tkit_backend_info *to;

	if (!pb->n_backends)
		return 0;
	to = arena_alloc(arena, pb->n_backends * sizeof(*to));
	if (!to)
		return -ENOMEM;
	for (size_t i = 0; i < pb->n_backends; i++) {
		const Tkit__Backend *from = pb->backends[i];

		to[i] = (struct tkit_backend_info){
			.name = copy_string(arena, from->name),
			.version = copy_string(arena, from->version),
			.options = copy_bytes(arena, from->options),
			.caps = from->caps,
			.facilities = copy_bytes(arena, from->facilities),
		};
		if (!to[i].name || !to[i].version || !to[i].options || !to[i].facilities)
			return -ENOMEM;
	}
	info->backends = to;
	info->backend_count = (uint32_t)pb->n_backends;
	return 0;
}

static int copy_mounts(const Tkit__Header *pb, struct arena *arena, struct tkit_run_info *info)
{
	struct tkit_mount_info *to;

	if (!pb->n_mounts)
		return 0;
	to = arena_alloc(arena, pb->n_mounts * sizeof(*to));
	if (!to)
		return -ENOMEM;
	for (size_t i = 0; i < pb->n_mounts; i++) {
		const Tkit__Mount *from = pb->mounts[i];

		to[i] = (struct tkit_mount_info){
			.destination = copy_bytes(arena, from->destination),
			.source = copy_bytes(arena, from->source),
			.type = copy_bytes(arena, from->type),
			.name = copy_bytes(arena, from->name),
			.kind = from->kind,
			.flags = from->flags,
		};
		if (!to[i].destination || !to[i].source || !to[i].type || !to[i].name)
			return -ENOMEM;
	}
	info->mounts = to;
	info->mount_count = (uint32_t)pb->n_mounts;
	return 0;
}

int decode_header(const Tkit__Header *pb, struct arena *arena, struct tkit_run_info *info)
{
	size_t id = pb->run_id.len < sizeof(info->id) ? pb->run_id.len : sizeof(info->id);

	*info = (struct tkit_run_info){
		.size = sizeof(*info),
		.backend_stride = sizeof(struct tkit_backend_info),
		.mount_stride = sizeof(struct tkit_mount_info),
		.tkit_version = copy_string(arena, pb->tkit_version),
		.host = copy_bytes(arena, pb->host),
		.host_id = copy_bytes(arena, pb->host_id),
		.kernel = copy_string(arena, pb->kernel),
		.machine = copy_string(arena, pb->machine),
		.target_kind = pb->target_kind,
		.target_pid = pb->target_pid,
		.target = copy_bytes(arena, pb->target),
		.root = copy_bytes(arena, pb->root),
		.cwd = copy_bytes(arena, pb->cwd),
		.image_digest = copy_string(arena, pb->image_digest),
		.armed_realtime_ns = pb->armed_realtime_ns,
		.armed_monotonic_ns = pb->armed_monotonic_ns,
		.uid = pb->uid,
		.gid = pb->gid,
		.container_id = copy_string(arena, pb->container_id),
	};
	if (id)
		memcpy(info->id, pb->run_id.data, id);
	if (!info->tkit_version || !info->host || !info->host_id || !info->kernel ||
	    !info->machine || !info->target || !info->root || !info->cwd || !info->image_digest ||
	    !info->container_id || copy_argv(pb, arena, info) < 0 ||
	    copy_mounts(pb, arena, info) < 0)
		return -ENOMEM;
	return copy_backends(pb, arena, info);
}

int decode_footer(const Tkit__Footer *pb, struct arena *arena, struct tkit_run_end *end)
{
	uint32_t count = TKIT_LOSS_COUNT_;
	uint64_t *losses;

	for (size_t i = 0; i < pb->n_losses; i++) {
		if (pb->losses[i]->reason >= REASONS_MAX)
			return -EBADMSG;
		if (pb->losses[i]->reason >= count)
			count = pb->losses[i]->reason + 1;
	}
	losses = arena_alloc(arena, count * sizeof(*losses));
	if (!losses)
		return -ENOMEM;
	memset(losses, 0, count * sizeof(*losses));
	for (size_t i = 0; i < pb->n_losses; i++)
		losses[pb->losses[i]->reason] += pb->losses[i]->count;
	*end = (struct tkit_run_end){
		.size = sizeof(*end),
		.wait_status = pb->has_wait_status ? pb->wait_status : -1,
		.duration_ns = pb->duration_ns,
		.events = pb->events,
		.accesses = pb->accesses,
		.deduped = pb->deduped,
		.produced = pb->produced,
		.complete = pb->complete,
		.loss_count = count,
		.losses = losses,
	};
	return 0;
}
