/* SPDX-License-Identifier: MIT */
/*
 * tkit/plugin.h - what every plugin has: a descriptor, options, errors, logs.
 *
 * A plugin is a shared object that exports exactly one symbol, the const data
 * object `tkit_plugin`. Write it with TKIT_PLUGIN_HEAD():
 *
 *	TKIT_API const struct tkit_plugin tkit_plugin = {
 *		TKIT_PLUGIN_HEAD(TKIT_KIND_SINK, struct tkit_sink_ops, &ops),
 *		.options = options,
 *		...
 *	};
 *
 * (C++ has no mixture of named and unnamed initialisers: there the rest follows in the order
 * of the fields.) `tkit plugin new` writes a plugin to begin with, docs/PLUGIN_MANUAL.md
 * explains each callback, and `tkit plugin check` sees whether these rules are kept:
 *
 * Rules for all callbacks of all kinds:
 *   errors   return 0 or a positive value for success, -errno for failure, and
 *            record the cause: return tkit_fail(ctx, -errno, "opening %s", path);
 *            Never print, exit or abort. Outputs are left untouched on failure.
 *   threads  all calls on one instance come from one and the same thread (a sink's
 *            open() from the main thread, before the writer's exists).
 *            Two instances may run at once on two threads: no globals.
 *   memory   who allocates frees. Arguments are borrowed for the call unless
 *            their comment says otherwise. Option values live until close().
 *   fds      whatever a plugin opens is O_CLOEXEC.
 */
#ifndef TKIT_PLUGIN_H
#define TKIT_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#include <tkit/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * ABI version. A plugin of another major is refused. Within a major, structs
 * only grow at their end: an older plugin's missing callbacks count as NULL, a
 * newer plugin is accepted if everything this core does not know is zero.
 */
#define TKIT_ABI_MAJOR    1
#define TKIT_ABI_MINOR    0
#define TKIT_PLUGIN_MAGIC 0x54494b54u

enum tkit_kind { TKIT_KIND_BACKEND = 1, TKIT_KIND_SINK = 2, TKIT_KIND_REPORTER = 3 };

/* Types of option; the C type of the field at `offset` is in brackets. */
enum tkit_option_type {
	TKIT_OPTION_BOOL = 1,     /* [int] yes/no, true/false, on/off, 1/0; bare key = yes */
	TKIT_OPTION_INT = 2,      /* [int64_t] decimal or 0x..; range "MIN..MAX" */
	TKIT_OPTION_SIZE = 3,     /* [uint64_t] bytes; K, M, G (powers of 1024); range "4K..1G" */
	TKIT_OPTION_DURATION = 4, /* [uint64_t] ns; suffix ns, us, ms, s, m, h; bare number = s */
	TKIT_OPTION_STRING = 5,   /* [const char *] NULL when unset */
	TKIT_OPTION_ENUM = 6,     /* [int] index in range "first|second|third" */
	TKIT_OPTION_LIST = 7 /* [struct tkit_option_list] repeatable; adds one item each time */
};

/* A value of TKIT_OPTION_LIST. */
struct tkit_option_list {
	const char *const *items; /* core's; NULL if there is none */
	size_t count;
};

/* One row of the table of options. Texts are static. */
struct tkit_option {
	const char *name;          /* [a-z][a-z0-9-]* */
	uint32_t type;             /* enum tkit_option_type */
	uint32_t offset;           /* offsetof() in the plugin's options struct */
	const char *default_value; /* parsed like user input; NULL = zero, unset */
	const char *range;         /* see the types; NULL = any */
	const char *help;          /* one line, no full stop */
};

/* The descriptor. It and all that it points to are constant, and live as long as the module. */
struct tkit_plugin {
	uint32_t magic;         /* TKIT_PLUGIN_MAGIC */
	uint16_t abi_major;     /* TKIT_ABI_MAJOR */
	uint16_t abi_minor;     /* TKIT_ABI_MINOR */
	uint32_t size;          /* sizeof(struct tkit_plugin) */
	uint32_t kind;          /* enum tkit_kind */
	uint32_t ops_size;      /* sizeof of the ops struct of that kind */
	uint32_t option_size;   /* sizeof(struct tkit_option) */
	const void *ops;        /* struct tkit_{backend,sink,reporter}_ops */
	const char *name;       /* [a-z][a-z0-9_]*, the name users type */
	const char *version;    /* free form */
	const char *summary;    /* one line for `tkit plugin list` */
	const char *licence;    /* SPDX expression */
	uint64_t caps;          /* TKIT_CAN_*, TKIT_NEEDS_* of the kind */
	uint32_t option_count;  /* number of options */
	uint32_t options_bytes; /* sizeof of the plugin's options struct; core allocates it */
	const struct tkit_option *options;
	uint64_t reserved[4]; /* 0 */
};

/* The first eight fields, from `magic` to `ops`: TKIT_KIND_..., type of the ops struct, its
 * address. */
#define TKIT_PLUGIN_HEAD(kind, ops_type, ops_ptr)                                              \
	TKIT_PLUGIN_MAGIC, TKIT_ABI_MAJOR, TKIT_ABI_MINOR, sizeof(struct tkit_plugin), (kind), \
		sizeof(ops_type), sizeof(struct tkit_option), (ops_ptr)

/*
 * One instance's line to core: opaque, one per open plugin instance, valid from
 * probe()/open() until close() has returned.
 */
struct tkit_ctx;

/*
 * Records why something failed and returns `rc` (a negative errno; anything else
 * becomes -EINVAL). The text needs no plugin name, no trailing full stop and no
 * strerror(): core adds them (not for -EINVAL and -EBADMSG, which say nothing). Causes may be
 * recorded at several levels, innermost first. Preserves errno. Instance's own thread only.
 */
TKIT_API int tkit_fail(struct tkit_ctx *ctx, int rc, const char *fmt, ...) TKIT_PRINTF(3, 4);

enum tkit_log_level {
	TKIT_LOG_ERROR = 1, /* shown always; but what fails is told with tkit_fail() */
	TKIT_LOG_WARN = 2,  /* shown unless -q is given: what the user should know or can mend */
	TKIT_LOG_INFO = 3,  /* -v */
	TKIT_LOG_DEBUG = 4  /* -v -v: for the plugin's author */
};

/* Logs one line to standard error, prefixed by core. Preserves errno. Any thread. */
TKIT_API void tkit_log(struct tkit_ctx *ctx, enum tkit_log_level level, const char *fmt, ...)
	TKIT_PRINTF(3, 4);

/* Nonzero if lines of this level would be printed. Any thread. */
TKIT_API int tkit_log_enabled(struct tkit_ctx *ctx, enum tkit_log_level level);

/* Version of libtkit, "1.0.0". Static. Any thread. */
TKIT_API const char *tkit_version(void);

#ifdef __cplusplus
}
#endif
#endif
