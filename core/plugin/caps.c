// SPDX-License-Identifier: MIT
#include "plugin/caps.h"

#include <tkit/backend.h>
#include <tkit/reporter.h>
#include <tkit/sink.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* What a backend can see comes first in both tables: reporters need the same bits. */
#define SEES                                                                                      \
	{TKIT_CAN_OPEN, "open", "successful opens"}, {TKIT_CAN_EXEC, "exec", "successful execs"}, \
		{TKIT_CAN_INTERP, "interp", "interpreters that the kernel opens"},                \
		{TKIT_CAN_METADATA, "metadata", "stat, access, readlink, xattr"},                 \
		{TKIT_CAN_FAILED, "failed", "accesses that fail"},                                \
		{TKIT_CAN_REQUESTED, "requested", "paths as the program wrote them"},             \
		{TKIT_CAN_RESOLVED, "resolved", "final paths from the kernel"},                   \
		{TKIT_CAN_CHANGES, "changes", "create, rename, unlink, chmod"},                   \
		{TKIT_CAN_LIST, "list", "directory listings"},                                    \
		{TKIT_CAN_PROCESS, "process", "fork, exec, exit"},                                \
		{TKIT_CAN_CREATED, "created", "tells a created from an opened file"},             \
		{TKIT_CAN_IO_URING, "io_uring", "opens made through io_uring"},                   \
		{TKIT_CAN_COMPAT32, "compat32", "32-bit system calls"},                           \
		{TKIT_CAN_SOCKET, "socket", "connect and bind on unix sockets"},                  \
		{TKIT_CAN_INODE, "inode", "device and inode of opened files"},                    \
		{TKIT_CAN_READ, "read", "reads from files"},                                      \
	{                                                                                         \
		TKIT_CAN_COUNT_LOSS, "count_loss", "counts every loss exactly"                    \
	}

static const struct cap_name backend_caps[] = {
	SEES,
	{TKIT_CAN_TARGET_COMMAND, "target_command", "watches a command"},
	{TKIT_CAN_TARGET_PID, "target_pid", "watches a process and its descendants"},
	{TKIT_CAN_TARGET_CGROUP, "target_cgroup", "watches a cgroup"},
	{TKIT_CAN_TARGET_ALL, "target_all", "watches the whole host"},
	{TKIT_CAN_TARGET_NONE, "target_none", "makes or imports events by itself"},
	{TKIT_BACKEND_WAITS, "waits", "reaps the command itself"},
	{TKIT_BACKEND_ENTRY, "entry", "sees calls before they are made: results are unknown"},
	{TKIT_BACKEND_EARLY, "early", "can be opened before it is known whom to watch"},
};

static const struct cap_name reporter_caps[] = {
	SEES,
	{TKIT_NEEDS_ROOTFS, "needs_rootfs", "a root file system"},
	{TKIT_WANTS_NODES, "wants_nodes", "type and size of each path"},
	{TKIT_WANTS_PACKAGES, "wants_packages", "owning packages"},
	{TKIT_NEEDS_COMPLETE, "needs_complete", "a complete trace"},
	{TKIT_WRITES_DIRECTORY, "writes_directory", "writes a folder, not a file"},
	{TKIT_EXITS_LIKE_DIFF, "exits_like_diff", "failures exit with 2, as diff(1)"},
	{TKIT_WANTS_ELF, "wants_elf", "which libraries are needed by what"},
};

static const struct cap_name sink_caps[] = {
	{TKIT_SINK_FOLDS, "folds", "takes repeats of an access as a count"},
};

const struct cap_name *caps_table(enum tkit_kind kind, size_t *ret_count)
{
	switch (kind) {
	case TKIT_KIND_BACKEND:
		*ret_count = COUNT(backend_caps);
		return backend_caps;
	case TKIT_KIND_REPORTER:
		*ret_count = COUNT(reporter_caps);
		return reporter_caps;
	case TKIT_KIND_SINK:
		*ret_count = COUNT(sink_caps);
		return sink_caps;
	}
	*ret_count = 0;
	return NULL;
}

const char *caps_name(enum tkit_kind kind, uint64_t bit)
{
	size_t count;
	const struct cap_name *table = caps_table(kind, &count);

	for (size_t i = 0; i < count; i++)
		if (table[i].bit == bit)
			return table[i].name;
	return NULL;
}

uint64_t caps_unknown(enum tkit_kind kind, uint64_t caps)
{
	size_t count;
	const struct cap_name *table = caps_table(kind, &count);

	for (size_t i = 0; i < count; i++)
		caps &= ~table[i].bit;
	return caps;
}

void caps_text(struct buf *buf, enum tkit_kind kind, uint64_t caps, const char *separator)
{
	const char *between = "";

	for (unsigned int i = 0; i < 64; i++) {
		const char *name;

		if (!(caps >> i & 1))
			continue;
		buf_str(buf, between);
		between = separator;
		name = caps_name(kind, 1ull << i);
		if (name)
			buf_str(buf, name);
		else
			buf_printf(buf, "bit-%u", i);
	}
}
