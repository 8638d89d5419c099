// SPDX-License-Identifier: MIT
#include "trace/run_json.h"

#include <stddef.h>

#include <tkit/backend.h>

#include "util/bytes.h"

static void key(struct buf *out, const char *name)
{
	buf_str(out, ",\"");
	buf_str(out, name);
	buf_str(out, "\":");
}

static void number(struct buf *out, const char *name, uint64_t value)
{
	key(out, name);
	buf_u64(out, value);
}

static void text(struct buf *out, const char *name, const char *value)
{
	if (!value || !*value)
		return;
	key(out, name);
	buf_json(out, bytes_str(value));
}

static void put_id(struct buf *out, const uint8_t id[16])
{
	static const char hex[] = "0123456789abcdef";

	key(out, "id");
	buf_char(out, '"');
	for (int i = 0; i < 16; i++) {
		buf_char(out, hex[id[i] >> 4]);
		buf_char(out, hex[id[i] & 15]);
	}
	buf_char(out, '"');
}

static void put_backends(struct buf *out, const struct tkit_run_info *info)
{
	key(out, "backends");
	buf_char(out, '[');
	for (uint32_t i = 0; i < info->backend_count; i++) {
		const struct tkit_backend_info *backend =
			(const void *)((const char *)info->backends + info->backend_stride * i);

		buf_str(out, i ? ",{\"name\":" : "{\"name\":");
		buf_json(out, bytes_str(backend->name));
		text(out, "version", backend->version);
		text(out, "options", backend->options);
		if (info->backend_stride > offsetof(struct tkit_backend_info, facilities))
			text(out, "facilities", backend->facilities);
		/* As text: not every JSON parser takes 64 bits. */
		key(out, "caps");
		buf_printf(out, "\"0x%llx\"", (unsigned long long)backend->caps);
		buf_char(out, '}');
	}
	buf_char(out, ']');
}

static void put_mounts(struct buf *out, const struct tkit_run_info *info)
{
	if (!info->mount_count)
		return;
	key(out, "mounts");
	buf_char(out, '[');
	for (uint32_t i = 0; i < info->mount_count; i++) {
		const struct tkit_mount_info *mount =
			(const void *)((const char *)info->mounts + info->mount_stride * i);
		const char *kind = tkit_mount_kind_name(mount->kind);

		buf_str(out, i ? ",{\"destination\":" : "{\"destination\":");
		buf_json(out, bytes_str(mount->destination));
		text(out, "kind", kind ? kind : "unknown");
		text(out, "name", mount->name);
		text(out, "source", mount->source);
		text(out, "fstype", mount->type);
		if (mount->flags & TKIT_MOUNT_READ_ONLY)
			buf_str(out, ",\"read_only\":true");
		buf_char(out, '}');
	}
	buf_char(out, ']');
}

const char *tkit_mount_kind_name(unsigned int kind)
{
	static const char *const names[] = {"other", "volume", "bind", "tmpfs", "runtime"};

	return kind < sizeof(names) / sizeof(names[0]) ? names[kind] : NULL;
}

static const char *target_name(uint32_t kind)
{
	static const char *const names[] = {"none", "command", "pid", "cgroup", "all"};

	return kind <= TKIT_TARGET_ALL ? names[kind] : "other";
}

void run_json_head(struct buf *out, uint32_t run, const struct tkit_run_info *info)
{
	buf_str(out, "{\"type\":\"run\"");
	number(out, "run", run);
	put_id(out, info->id);
	text(out, "tkit", info->tkit_version);
	text(out, "host", info->host);
	text(out, "host_id", info->host_id);
	text(out, "kernel", info->kernel);
	text(out, "machine", info->machine);
	text(out, "target_kind", target_name(info->target_kind));
	if (info->target_pid)
		number(out, "target_pid", (uint64_t)info->target_pid);
	text(out, "target", info->target);
	text(out, "root", info->root);
	text(out, "cwd", info->cwd);
	if (info->argv) {
		key(out, "argv");
		buf_char(out, '[');
		for (size_t i = 0; info->argv[i]; i++) {
			if (i)
				buf_char(out, ',');
			buf_json(out, bytes_str(info->argv[i]));
		}
		buf_char(out, ']');
	}
	text(out, "image_digest", info->image_digest);
	text(out, "container_id", info->container_id);
	number(out, "armed_realtime_ns", info->armed_realtime_ns);
	number(out, "armed_monotonic_ns", info->armed_monotonic_ns);
	number(out, "uid", info->uid);
	number(out, "gid", info->gid);
	put_mounts(out, info);
	put_backends(out, info);
	buf_char(out, '}');
}

void run_json_end(struct buf *out, uint32_t run, const struct tkit_run_end *end)
{
	bool any = false;

	buf_str(out, "{\"type\":\"end\"");
	number(out, "run", run);
	key(out, "complete");
	buf_str(out, end->complete ? "true" : "false");
	if (end->wait_status != -1)
		number(out, "wait_status", (uint32_t)end->wait_status);
	number(out, "duration_ns", end->duration_ns);
	number(out, "events", end->events);
	number(out, "accesses", end->accesses);
	number(out, "deduped", end->deduped);
	if (end->produced)
		number(out, "produced", end->produced);
	key(out, "losses");
	buf_char(out, '{');
	for (uint32_t i = 0; i < end->loss_count; i++) {
		const char *name = tkit_loss_name((int)i);

		if (!end->losses[i])
			continue;
		if (any)
			buf_char(out, ',');
		any = true;
		buf_char(out, '"');
		if (name)
			buf_str(out, name);
		else
			buf_u64(out, i);
		buf_str(out, "\":");
		buf_u64(out, end->losses[i]);
	}
	buf_str(out, "}}");
}
