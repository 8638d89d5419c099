// SPDX-License-Identifier: MIT
/*
 * A sink that is wrong in one way, VARIANT_...; newer_zero and older_desc are not wrong, only
 * of another version. In the newer ones everything has grown by a word.
 */
#include <stddef.h>

#include <tkit/sink.h>

/* Some variants leave something out. */
#define UNUSED __attribute__((unused))

struct bad_options {
	int64_t first;
	int64_t second;
};

struct newer_option {
	struct tkit_option now;
	const void *later;
};

struct newer_ops {
	struct tkit_sink_ops now;
	const void *later;
};

struct newer_plugin {
	struct tkit_plugin now;
	uint64_t later;
};

#define FIRST  offsetof(struct bad_options, first)
#define SECOND offsetof(struct bad_options, second)
#define INT    TKIT_OPTION_INT
#define OPTION(...)                 \
	{                           \
		{__VA_ARGS__}, NULL \
	}

static const struct newer_option options[] = {
#ifdef VARIANT_OPT_NAME
	OPTION("First!", INT, FIRST, NULL, NULL, "help"),
#elif defined(VARIANT_OPT_TYPE)
	OPTION("first", 99, FIRST, NULL, NULL, "help"),
#elif defined(VARIANT_OPT_PLACE)
	OPTION("first", INT, sizeof(struct bad_options), NULL, NULL, "help"),
#elif defined(VARIANT_OPT_ALIGN)
	OPTION("first", INT, 3, NULL, NULL, "help"),
#elif defined(VARIANT_OPT_RANGE)
	OPTION("first", INT, FIRST, NULL, "5..1", "help"),
#elif defined(VARIANT_OPT_VALUE)
	OPTION("first", INT, FIRST, "11", "1..10", "help"),
#elif defined(VARIANT_OPT_HELP)
	OPTION("first", INT, FIRST, NULL, NULL, NULL),
#elif defined(VARIANT_NEWER_OPTION)
	{{"first", INT, FIRST, NULL, NULL, "help"}, &options},
#else
	OPTION("first", INT, FIRST, "7", "1..10", "help"),
#endif
#ifdef VARIANT_OPT_TWICE
	OPTION("first", INT, SECOND, NULL, NULL, "help"),
#elif defined(VARIANT_OPT_OVERLAP)
	OPTION("second", TKIT_OPTION_BOOL, FIRST + 4, NULL, NULL, "help"),
#else
	OPTION("second", INT, SECOND, "8", NULL, "help"),
#endif
};

static int bad_open(struct tkit_ctx *ctx, const void *opts, const char *output, void **ret_self)
{
	*ret_self = NULL;
	return 0;
}

UNUSED static int bad_write(struct tkit_ctx *ctx, void *self, const struct tkit_batch *batch)
{
	return 0;
}

UNUSED static int bad_close(struct tkit_ctx *ctx, void *self)
{
	return 0;
}

UNUSED static const struct newer_ops ops = {
	.now =
		{
			.open = bad_open,
#ifndef VARIANT_MANDATORY
			.write = bad_write,
			.close = bad_close,
#endif
		},
#ifdef VARIANT_NEWER_OPS
	.later = &ops,
#endif
};

#ifdef VARIANT_MAGIC
#define MAGIC 0x31337
#else
#define MAGIC TKIT_PLUGIN_MAGIC
#endif
#ifdef VARIANT_MAJOR
#define MAJOR (TKIT_ABI_MAJOR + 1)
#elif defined(VARIANT_OLD_MAJOR)
#define MAJOR (TKIT_ABI_MAJOR - 1)
#else
#define MAJOR TKIT_ABI_MAJOR
#endif
#ifdef VARIANT_SIZE
#define SIZE (sizeof(struct newer_plugin) + 8)
#elif defined(VARIANT_OLDER_DESC)
#define SIZE offsetof(struct tkit_plugin, reserved)
#else
#define SIZE sizeof(struct newer_plugin)
#endif
#ifdef VARIANT_KIND
#define KIND 9
#else
#define KIND TKIT_KIND_SINK
#endif
#ifdef VARIANT_OPS_SIZE
#define OPS_SIZE 13
#elif defined(VARIANT_OLDER_OPS)
#define OPS_SIZE offsetof(struct tkit_sink_ops, close)
#else
#define OPS_SIZE sizeof(struct newer_ops)
#endif
#ifdef VARIANT_NO_OPS
#define OPS NULL
#else
#define OPS &ops
#endif
#ifdef VARIANT_OPTION_STRIDE
#define STRIDE 8
#else
#define STRIDE sizeof(struct newer_option)
#endif
#ifdef VARIANT_OPTION_COUNT
#define COUNT 0xffffffffu
#else
#define COUNT (sizeof(options) / sizeof(options[0]))
#endif
#ifdef VARIANT_NAME
#define NAME "Bad-Name"
#elif defined(VARIANT_NO_NAME)
#define NAME NULL
#else
#define NAME "bad"
#endif
#ifdef VARIANT_TEXTS
#define TEXT NULL
#else
#define TEXT "text"
#endif

#ifdef VARIANT_EXPORTS
TKIT_API extern int surplus;
TKIT_API int surplus = 1;
#endif
#ifdef VARIANT_UNDEFINED
extern int tkit_no_such_symbol(void);
TKIT_API extern int (*const user)(void);
TKIT_API int (*const user)(void) = tkit_no_such_symbol;
#endif

#ifdef VARIANT_NO_DESCRIPTOR
#define DESCRIPTOR other_plugin
#elif defined(VARIANT_FUNCTION)
TKIT_API int tkit_plugin(void);
TKIT_API int tkit_plugin(void)
{
	return 0;
}
#define DESCRIPTOR other_plugin
#else
#define DESCRIPTOR tkit_plugin
#endif

TKIT_API extern const struct newer_plugin DESCRIPTOR;
TKIT_API const struct newer_plugin DESCRIPTOR = {
	.now =
		{
			.magic = MAGIC,
			.abi_major = MAJOR,
			.abi_minor = TKIT_ABI_MINOR + 7,
			.size = SIZE,
			.kind = KIND,
			.ops_size = OPS_SIZE,
			.option_size = STRIDE,
			.ops = OPS,
			.name = NAME,
			.version = TEXT,
			.summary = TEXT,
			.licence = TEXT,
#ifdef VARIANT_CAPS
			.caps = 1ull << 63,
#endif
			.option_count = COUNT,
			.options_bytes = sizeof(struct bad_options),
			/* Rows of another size: the cast is what a newer header does by itself. */
			.options = (const struct tkit_option *)(const void *)options,
#if defined(VARIANT_RESERVED) || defined(VARIANT_OLDER_DESC)
			.reserved = {0, 1}, /* older: behind its end, not to be looked at */
#endif
		},
#ifdef VARIANT_NEWER_DESC
	.later = 1,
#endif
};
