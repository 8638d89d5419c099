/* SPDX-License-Identifier: MIT */
/*
 * tkit/sink.h - writing a sink: something that stores or passes on events.
 *
 * Life of an instance, all calls after open() on the bus's one writer thread:
 *
 *	open -> begin -> write, flush, write, ... -> end -> close
 *
 * Core calls flush() at least once a second while events come in.
 *
 * A sink that drops events on purpose (a slow reader) says so with tkit_lose(), which counts
 * them in the totals. tkit_stop_fd() becomes readable when the session is to end at once:
 * a sink that waits for a reader gives up then.
 */
#ifndef TKIT_SINK_H
#define TKIT_SINK_H

#include <tkit/backend.h>
#include <tkit/event.h>
#include <tkit/plugin.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Capability bits of a sink. */
#define TKIT_SINK_FOLDS (1ull << 0) /* takes repeats as counts, late (TKIT_P_REPEAT) */

/* One backend of the session. */
struct tkit_backend_info {
	const char *name;
	const char *version;
	const char *options;    /* as given, "ring-size=8M"; "" for none */
	uint64_t caps;          /* what it can see here */
	const char *facilities; /* by what means, see tkit_facilities(); "" if it did not say */
};

/* What lies at a place of a container's file system. Values are for ever: traces hold them. */
enum tkit_mount_kind {
	TKIT_MOUNT_OTHER = 0, /* a file system of its own */
	TKIT_MOUNT_VOLUME =
		1,           /* a volume of the engine's: a new one gets what the image has there */
	TKIT_MOUNT_BIND = 2, /* a file or directory of the host */
	TKIT_MOUNT_TMPFS = 3,  /* memory, empty at the start */
	TKIT_MOUNT_RUNTIME = 4 /* the engine's own: /proc, /etc/resolv.conf, an init */
};

/* Flags of a mount. */
#define TKIT_MOUNT_READ_ONLY (1u << 0) /* cannot be written */
#define TKIT_MOUNT_FILE      (1u << 1) /* a file, not a directory */

/* "volume", "bind" ...; NULL if there is no such kind. */
TKIT_API const char *tkit_mount_kind_name(unsigned int kind);

/* Something mounted in a container when its trace began. Strings are never NULL. */
struct tkit_mount_info {
	const char *destination; /* where, in the container; not "/" */
	const char *source;      /* path on the host, or what the kernel calls it ("tmpfs") */
	const char *type;        /* of the file system: "ext4" */
	const char *name;        /* of the volume; "" if none */
	uint32_t kind;           /* enum tkit_mount_kind */
	uint32_t flags;          /* TKIT_MOUNT_FILE, ... */
};

/*
 * The facts about a run: head of a trace. Owned by core or the model.
 */
struct tkit_run_info {
	uint32_t size;
	uint32_t backend_stride; /* bytes from one backend to the next */
	uint8_t id[16];          /* random, names the run for ever; merging goes by it */
	const char *tkit_version;
	const char *host;            /* nodename */
	const char *host_id;         /* stable, anonymous id of the machine; "" if unknown */
	const char *kernel;          /* uname -r */
	const char *machine;         /* uname -m */
	uint32_t target_kind;        /* enum tkit_target_kind */
	int32_t target_pid;          /* 0 if there is none */
	const char *target;          /* text for people: cgroup path, container id; may be "" */
	const char *root;            /* host path of the target's root */
	const char *cwd;             /* COMMAND: working directory, in the target's root; else "" */
	const char *const *argv;     /* COMMAND, NULL-terminated; else NULL */
	const char *const *env;      /* reserved: NULL */
	const char *image_digest;    /* "sha256:..." of the traced image; "" if unknown */
	uint64_t armed_realtime_ns;  /* CLOCK_REALTIME when armed */
	uint64_t armed_monotonic_ns; /* CLOCK_MONOTONIC when armed; zero of `ts` in dumps */
	uint32_t backend_count;
	uint32_t uid; /* of the command */
	uint32_t gid;
	uint32_t reserved;
	const struct tkit_backend_info *backends;
	const char *container_id; /* "" if none */
	uint32_t mount_count;     /* of a container's; sorted by destination */
	uint32_t mount_stride;    /* bytes from one to the next */
	const struct tkit_mount_info *mounts;
};

/* The end of a run: foot of a trace. */
struct tkit_run_end {
	uint32_t size;
	int32_t wait_status;  /* of the command, as wait(2); -1 = none or unknown */
	uint64_t duration_ns; /* from armed to drained */
	uint64_t events;      /* events written, losses included; sums of `count` not */
	uint64_t accesses;    /* facts: sum of `count` over accesses and execs */
	uint64_t deduped;
	uint64_t produced;      /* 0 = unknown */
	uint32_t complete;      /* 1: armed to drained without a loss */
	uint32_t loss_count;    /* entries of `losses` */
	const uint64_t *losses; /* indexed by enum tkit_loss */
};

struct tkit_sink_ops {
	/*
	 * Makes an instance. `output` is the value of -o (NULL if not given or meant for
	 * another sink). Called before any backend is opened, so that a file that cannot
	 * be made ends the run before the command starts. Main thread. Mandatory.
	 */
	int (*open)(struct tkit_ctx *ctx, const void *options, const char *output, void **ret_self);

	/* The run is armed. `run` lives until end() has returned. NULL: not interested. */
	int (*begin)(struct tkit_ctx *ctx, void *self, const struct tkit_run_info *run);

	/* Stores a batch. A failure ends the session with an error. Mandatory. */
	int (*write)(struct tkit_ctx *ctx, void *self, const struct tkit_batch *batch);

	/* Makes what was written so far safe from a crash of tkit. NULL: nothing to do. */
	int (*flush)(struct tkit_ctx *ctx, void *self);

	/* The run is over and complete, or as complete as it gets. NULL: not interested. */
	int (*end)(struct tkit_ctx *ctx, void *self, const struct tkit_run_end *end);

	/*
	 * Closes and frees. A failing last write is an error here, so the result counts.
	 * Also called, without begin() or end(), when the run came to nothing. Mandatory.
	 */
	int (*close)(struct tkit_ctx *ctx, void *self);
};

#ifdef __cplusplus
}
#endif
#endif
