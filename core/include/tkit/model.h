/* SPDX-License-Identifier: MIT */
/*
 * tkit/model.h - the deduplicated view of one or many traces.
 *
 * A model holds runs, programs, paths with their accesses, and losses. It is
 * immutable while a reporter sees it. All lists are sorted by bytes, so that the
 * same traces give the same output in whatever order they were read. Everything
 * returned is owned by the model and lives as long as it. Any thread may read.
 *
 * Structs are only returned by pointer; new fields are added at their end.
 */
#ifndef TKIT_MODEL_H
#define TKIT_MODEL_H

#include <tkit/event.h>
#include <tkit/plugin.h>
#include <tkit/sink.h>

#ifdef __cplusplus
extern "C" {
#endif

struct tkit_model;
struct tkit_rootfs;

/* Where a fact comes from. */
enum tkit_origin {
	TKIT_ORIGIN_NONE = 0,     /* unknown */
	TKIT_ORIGIN_OBSERVED = 1, /* a backend saw it */
	TKIT_ORIGIN_INFERRED = 2, /* follows from observed facts by a stated rule */
	TKIT_ORIGIN_ENRICHED = 3  /* read from the root file system when reporting */
};

/* One traced run. */
struct tkit_run {
	const struct tkit_run_info *info;
	const struct tkit_run_end *end; /* NULL: the trace has no footer (cut off) */
	uint32_t complete;              /* footer says complete, and the file was undamaged */
	uint32_t index;
};

/* One executed program (distinct exe path); index 0 is "unknown". */
struct tkit_program {
	struct tkit_bytes exe;  /* resolved path; empty = unknown */
	struct tkit_bytes comm; /* the first thread name seen */
	uint64_t processes;     /* how many processes ran it */
	uint32_t parent;        /* program that first started it; own index = the root */
};

/* One kind of access to a path: same op, errno and program, over all runs. */
struct tkit_access {
	uint16_t op;           /* enum tkit_op */
	uint16_t via;          /* of the first */
	int32_t err;           /* errno, 0 = success, -1 = unknown */
	uint32_t program;      /* index */
	uint32_t pflags;       /* TKIT_P_* of all, ORed */
	uint32_t nofollow_all; /* 1: every one had TKIT_P_NOFOLLOW */
	uint32_t first_run;    /* run of the first access */
	uint64_t flags;        /* call flags of all, ORed; only for ops where they are bits */
	uint64_t count;
	uint64_t first_ns; /* since its run was armed */
	uint64_t last_ns;
	int32_t first_pid;
	uint32_t runs;               /* in how many runs it was seen */
	struct tkit_bytes requested; /* as written by the program, the first time */
	struct tkit_bytes base;      /* with it; empty = unknown or not needed */
	struct tkit_bytes resolved;  /* the first known; empty = unknown */
	struct tkit_bytes root;      /* with requested: the process's root, if it was not the
				      * target's; empty = the target's */
	uint32_t origin;             /* enum tkit_origin; INFERRED: the file was reached below
				      * another name that a rename or bind mount gave it */
	uint32_t reserved;
};

/* State of a path over all runs (`state`). */
#define TKIT_PATH_SUCCEEDED (1u << 0) /* some access succeeded */
#define TKIT_PATH_FAILED    (1u << 1) /* some access failed */
#define TKIT_PATH_EXISTED   (1u << 2) /* was there before a run touched it (in some run) */
#define TKIT_PATH_CREATED   (1u << 3) /* came into being during a run (in some run) */
#define TKIT_PATH_LISTED    (1u << 4) /* was listed as a directory */
#define TKIT_PATH_EXECUTED  (1u << 5)
#define TKIT_PATH_MISSING   (1u << 6) /* looked for and not found by the last look of every run */

/*
 * In some run it is not known whether the path was there before: the root file system
 * has to tell. A path is one of the run's own making only if CREATED is set and neither
 * EXISTED nor UNSURE is.
 */
#define TKIT_PATH_UNSURE (1u << 7)

/* Annotations of a path by enrichment passes (`enriched` says which are valid). */
#define TKIT_ENRICHED_NODE    (1u << 0) /* exists, canonical, type, size */
#define TKIT_ENRICHED_PACKAGE (1u << 1) /* package, package_version */
#define TKIT_ENRICHED_ELF     (1u << 2) /* elf, elf_by */

/* An ELF file (`elf`). */
#define TKIT_ELF_FILE   (1u << 0)
#define TKIT_ELF_NEEDED (1u << 1) /* in the DT_NEEDED closure of something executed */
#define TKIT_ELF_HIDDEN (1u << 2) /* a library that was loaded and is in none */

/* One distinct absolute path. */
struct tkit_path {
	struct tkit_bytes name; /* absolute */
	uint32_t state;         /* TKIT_PATH_* */
	uint32_t access_count;
	uint32_t runs;     /* in how many runs it was seen */
	uint32_t enriched; /* TKIT_ENRICHED_* */
	uint64_t first_ns; /* first access, since its run was armed; smallest of all runs */
	/* annotations */
	uint32_t exists; /* in the root file system now */
	uint32_t mode;   /* st_mode of the final target */
	uint64_t file_size;
	struct tkit_bytes canonical; /* symlinks resolved inside the root */
	struct tkit_bytes package;
	struct tkit_bytes package_version;
	uint32_t elf; /* TKIT_ELF_* */
	uint32_t reserved;
	struct tkit_bytes elf_by; /* canonical name of the file whose DT_NEEDED brings it; empty:
				   * none does, a program loads it by itself (dlopen) */
};

/*
 * Losses and completeness over all runs: nonzero if every run is complete, and how many facts
 * were lost for a reason (0 for an unknown one).
 */
TKIT_API int tkit_model_complete(const struct tkit_model *model);
TKIT_API uint64_t tkit_model_losses(const struct tkit_model *model, enum tkit_loss reason);

/* Runs, in an order that depends on the runs alone. NULL past the end. */
TKIT_API size_t tkit_model_run_count(const struct tkit_model *model);
TKIT_API const struct tkit_run *tkit_model_run(const struct tkit_model *model, size_t index);

/* Programs; 0 is "unknown", the others are sorted by name. NULL past the end. */
TKIT_API size_t tkit_model_program_count(const struct tkit_model *model);
TKIT_API const struct tkit_program *tkit_model_program(const struct tkit_model *model,
						       size_t index);

/* Paths, sorted by name. NULL past the end. */
TKIT_API size_t tkit_model_path_count(const struct tkit_model *model);
TKIT_API const struct tkit_path *tkit_model_path(const struct tkit_model *model, size_t index);

/* The path of that exact absolute name, or NULL. O(log n). */
TKIT_API const struct tkit_path *tkit_model_find(const struct tkit_model *model,
						 struct tkit_bytes name);

/* The runs in which the path was seen, as indexes for tkit_model_run(), ascending. SIZE_MAX past
 * the end (path->runs of them). */
TKIT_API size_t tkit_model_path_run(const struct tkit_model *model, const struct tkit_path *path,
				    size_t index);

/*
 * Whether further runs would bring anything new. Counted are files (by canonical name where a
 * root file system is known) with a successful access that no run made, outside /proc, /sys,
 * /dev. All but `last` depends only on which runs there are; the last run is the one that began
 * last, whatever the order of the traces. Bytes are known with a root file system only.
 */
struct tkit_saturation {
	uint64_t runs;
	uint64_t files; /* in all runs together */
	uint64_t bytes;
	uint64_t sightings; /* pairs of file and run */
	uint64_t once;      /* files in exactly one run */
	uint64_t once_bytes;
	uint64_t last; /* of these, in the last one: what it added */
	uint64_t last_bytes;
};

/*
 * Good and Turing: once / sightings estimates how much of what one more run of the same kind
 * uses has been in no run before. 0 or -ENOMEM.
 */
TKIT_API int tkit_model_saturation(const struct tkit_model *model, struct tkit_saturation *ret);

/* Accesses to a path, sorted by (op, err, exe). NULL past the end. */
TKIT_API const struct tkit_access *tkit_model_access(const struct tkit_model *model,
						     const struct tkit_path *path, size_t index);

/*
 * Whether the file of that absolute name, or a directory above it, came into being in
 * every run that saw it, and so is no part of what the runs started from. Knows the names
 * that programs used, the kernel's resolved ones and, with a root file system, canonical
 * ones. O(length).
 */
TKIT_API int tkit_model_created(const struct tkit_model *model, struct tkit_bytes name);

/* Why an access has no absolute path. Such accesses are counted, never dropped silently. */
enum tkit_pathless {
	TKIT_PATHLESS_ABSENT = 0,     /* the backend does not know the name */
	TKIT_PATHLESS_NO_BASE = 1,    /* relative to a directory that is not known */
	TKIT_PATHLESS_EMPTY = 2,      /* the program passed "" */
	TKIT_PATHLESS_UNREADABLE = 3, /* the pointer could not be read */
	TKIT_PATHLESS_TRUNCATED = 4,  /* the name is cut off */
	TKIT_PATHLESS_NO_FILE = 5,    /* an abstract socket: no file */
	TKIT_PATHLESS_COUNT_ = 6
};

/* How many accesses that succeeded (err = 0) or failed (err != 0) have no absolute path. */
TKIT_API uint64_t tkit_model_pathless(const struct tkit_model *model, enum tkit_pathless reason,
				      int failed);
TKIT_API const char *tkit_pathless_name(int reason); /* "no-base"; NULL if unknown */

/* What all backends of all runs can see (AND of their caps; OR within one run). */
TKIT_API uint64_t tkit_model_caps(const struct tkit_model *model);

/*
 * Reads a trace file as a model of its own: another run to compare with. -errno with a
 * recorded cause; -EBADMSG if the file is no trace. Freed with tkit_model_free().
 */
TKIT_API int tkit_model_read(struct tkit_ctx *ctx, const char *file, struct tkit_model **ret_model);
TKIT_API void tkit_model_free(struct tkit_model *model); /* NULL-safe; not a report's own model */

/* A package of the root's own database (dpkg, apk, rpm). */
struct tkit_package {
	struct tkit_bytes name;
	struct tkit_bytes version;
	const char *manager; /* "dpkg", "apk", "rpm" */
};

/*
 * The package that owns the file of that canonical name (a symlink: its own name). NULL:
 * none, several (a directory), or packages were not asked for (TKIT_WANTS_PACKAGES).
 */
TKIT_API const struct tkit_package *tkit_model_owner(const struct tkit_model *model,
						     struct tkit_bytes canonical);

/* A library in the DT_NEEDED closure of something executed that no run opened. */
struct tkit_unused_need {
	struct tkit_bytes asked;     /* as it stands in the file */
	struct tkit_bytes canonical; /* empty: it is nowhere in the root */
	struct tkit_bytes by;        /* canonical name of the file that asks */
	struct tkit_bytes program;   /* canonical name of what was executed */
};

/* Sorted by (asked, by, program). TKIT_WANTS_ELF. NULL past the end. */
TKIT_API size_t tkit_model_unused_need_count(const struct tkit_model *model);
TKIT_API const struct tkit_unused_need *tkit_model_unused_need(const struct tkit_model *model,
							       size_t index);

/*
 * What was mounted in the traced containers, as far as it was mounted at the same place in every
 * run; sorted by destination. NULL past the end.
 */
TKIT_API const struct tkit_mount_info *tkit_model_mount(const struct tkit_model *model,
							size_t index);

/* The innermost of them that a path (absolute, canonical) lies on; NULL if it is on none. */
TKIT_API const struct tkit_mount_info *tkit_model_mount_of(const struct tkit_model *model,
							   struct tkit_bytes path);

/* For people: "volume data at /data". Unescaped; cut at `size`. Returns buf. */
TKIT_API const char *tkit_mount_text(const struct tkit_mount_info *mount, char *buf, size_t size);

/* The root file system given to the report (--root, --image), or NULL. */
TKIT_API struct tkit_rootfs *tkit_model_rootfs(const struct tkit_model *model);

#ifdef __cplusplus
}
#endif
#endif
