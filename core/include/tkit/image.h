/* SPDX-License-Identifier: MIT */
/*
 * tkit/image.h - root file systems, and what a minimal image holds (the closure).
 */
#ifndef TKIT_IMAGE_H
#define TKIT_IMAGE_H

#include <sys/stat.h>

#include <tkit/model.h>
#include <tkit/reporter.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A root file system to take files from. Paths are absolute inside it; no symlink,
 * ".." or mount leads out of it. One thread at a time, for closures of it, too.
 */
struct tkit_rootfs;

/* Opens a directory as a root. -errno with a recorded cause. Freed with tkit_rootfs_free(). */
TKIT_API int tkit_rootfs_open_dir(struct tkit_ctx *ctx, const char *dir,
				  struct tkit_rootfs **ret_rootfs);
TKIT_API void tkit_rootfs_free(struct tkit_rootfs *rootfs); /* NULL-safe */

struct tkit_rootfs_options {
	uint32_t size;        /* sizeof(struct tkit_rootfs_options) */
	uint32_t max_entries; /* of an archive or image; 0: 5 million. About 120 bytes each */
	uint64_t max_bytes;   /* of it, unpacked; 0: 64 GiB */
	const char *tag;      /* which image of several; NULL: the only one */
	const char
		*platform; /* "OS/ARCHITECTURE[/VARIANT]"; NULL: the only one, or this machine's */
};

/*
 * Opens a source of files as a root. `source` is a directory or a file, or says which kind:
 *
 *	dir:DIR                a directory
 *	tar:FILE               a tar of a root file system (docker export)
 *	docker-archive:FILE    docker save, podman save
 *	oci-archive:FILE       an OCI layout in a tar
 *	oci:DIR                an OCI layout
 *	docker:IMAGE           an image of a container engine that can be run here,
 *	podman:IMAGE           by its `save`
 *
 * Without a prefix a directory with oci-layout and index.json is an OCI layout, any other a
 * root; of a file the kind is found out. Tars and layers may be compressed (gzip, zstd, bzip2,
 * xz). An image's layers are laid over each other. Nothing is unpacked: names and metadata are
 * kept in memory, content in one unnamed file ($TMPDIR, else /var/tmp) or, where it lies as it
 * is, in the archive, which must not change while it is open.
 *
 * Archives are read by a sandboxed child process; forks. `options` may be NULL. 0 or -errno
 * with a recorded cause. Freed with tkit_rootfs_free().
 */
TKIT_API int tkit_rootfs_open(struct tkit_ctx *ctx, const char *source,
			      const struct tkit_rootfs_options *options,
			      struct tkit_rootfs **ret_rootfs);

struct tkit_image_history {
	const char *created; /* all may be NULL */
	const char *created_by;
	const char *comment;
	const char *author;
	uint32_t empty_layer; /* 1: it made no layer */
};

/* An image's configuration. Texts are as the image has them, NULL where it has none. */
struct tkit_image_config {
	uint32_t size;    /* sizeof(struct tkit_image_config) */
	const char *name; /* the archive's name for the image: "nginx:1.25" */
	const char *os;
	const char *architecture;
	const char *variant;
	const char *created; /* RFC 3339 */
	const char *author;
	struct tkit_option_list env; /* NAME=VALUE */
	struct tkit_option_list entrypoint;
	struct tkit_option_list cmd;
	struct tkit_option_list shell;
	struct tkit_option_list expose;  /* PORT/PROTOCOL */
	struct tkit_option_list volumes; /* paths */
	struct tkit_option_list labels;  /* NAME=VALUE; in NAME, \= is = and \\ is \ */
	struct tkit_option_list onbuild;
	const char *user;
	const char *workdir;
	const char *stopsignal;
	struct tkit_option_list health_test; /* first word NONE, CMD or CMD-SHELL */
	uint64_t health_interval_ns;         /* 0: the engine's default, for all of them */
	uint64_t health_timeout_ns;
	uint64_t health_start_period_ns;
	uint64_t health_retries;
	const struct tkit_image_history *history;
	size_t history_count;
	uint64_t health_start_interval_ns;
};

/* The configuration of the image that the root was opened from; lives as long as the root.
 * NULL if it is no image. */
TKIT_API const struct tkit_image_config *tkit_rootfs_config(const struct tkit_rootfs *rootfs);

/*
 * One step of a path walk: lstat of exactly `path`, whose parents must be real
 * directories (as in a canonical path). 0, -ENOENT, -ENOTDIR, ...
 */
TKIT_API int tkit_rootfs_lstat(struct tkit_rootfs *rootfs, struct tkit_bytes path,
			       struct stat *ret_st);

/* Reads a symlink's target, without a NUL, as readlink(2). Returns its length or -errno. */
TKIT_API long tkit_rootfs_readlink(struct tkit_rootfs *rootfs, struct tkit_bytes path, char *buf,
				   size_t size);

/*
 * Opens a regular file for reading, at its beginning. Returns an fd (caller closes) or
 * -errno. Of an image it is a copy of the file, without a name.
 */
TKIT_API int tkit_rootfs_openfile(struct tkit_rootfs *rootfs, struct tkit_bytes path);

/*
 * Resolves `path` component by component. Writes the canonical path to buf and returns
 * its length, or -errno (-ENOENT: missing, -ELOOP, -ENOTDIR, -ENAMETOOLONG). `nofollow`:
 * a symlink in the last place is left as it is. `link` (may be NULL) is called with the
 * canonical path of each symlink on the way, in order, and of what was passed before a
 * failure, too.
 */
TKIT_API long tkit_rootfs_resolve(struct tkit_rootfs *rootfs, struct tkit_bytes path, int nofollow,
				  char *buf, size_t size,
				  void (*link)(void *arg, struct tkit_bytes link), void *arg);

/* Called for each object of a root; anything but 0 ends the walk and is returned. */
typedef int (*tkit_rootfs_fn)(void *arg, struct tkit_bytes path, const struct stat *st);

/*
 * All objects below `path` (canonical; itself not), each folder's names in byte order and a
 * folder before what is in it. /proc, /sys, /dev and what cannot be read are left out. 0, what
 * `fn` returned, or -errno.
 */
TKIT_API int tkit_rootfs_walk(struct tkit_rootfs *rootfs, struct tkit_bytes path, tkit_rootfs_fn fn,
			      void *arg);

/* A file that ld.so loads before a program's first instruction. */
struct tkit_need {
	struct tkit_bytes asked;     /* DT_NEEDED or PT_INTERP as it stands in the file */
	struct tkit_bytes name;      /* absolute name under which it is found; empty = nowhere */
	struct tkit_bytes canonical; /* symlinks resolved; empty = nowhere */
	struct tkit_bytes by;        /* canonical path of the file that asks */
	uint32_t interpreter;        /* 1: PT_INTERP */
	uint32_t reserved;
};

/* Anything but 0 ends the walk and is returned. The need is borrowed for the call. */
typedef int (*tkit_need_fn)(void *arg, const struct tkit_need *need);

/*
 * Calls `fn` for the interpreter and each DT_NEEDED of the ELF file `path`, and of the files
 * found for them, nearest first, as ld.so would look for them. A file that is no ELF file has
 * no needs. 0, what `fn` returned, or -errno (-ENOENT: no such file).
 */
TKIT_API int tkit_rootfs_needs(struct tkit_rootfs *rootfs, struct tkit_bytes path, tkit_need_fn fn,
			       void *arg);

/* Why an entry is in the image. */
enum tkit_reason {
	TKIT_REASON_ACCESS = 1,     /* a successful access */
	TKIT_REASON_SYMLINK = 2,    /* a symlink on the way to another entry */
	TKIT_REASON_PARENT = 3,     /* a directory above another entry */
	TKIT_REASON_INTERP = 4,     /* ELF or script interpreter of an executed entry */
	TKIT_REASON_NEEDED = 5,     /* DT_NEEDED library of an executed or loaded entry */
	TKIT_REASON_CREATED_IN = 6, /* directory in which the run created something */
	TKIT_REASON_USERS = 7,      /* passwd, group: a user name is used */
	TKIT_REASON_LISTED = 8,     /* below a listed directory (option) */
	TKIT_REASON_INCLUDED = 9,   /* an include rule */
	TKIT_REASON_RUNTIME = 10,   /* mount point that a container runtime needs */
	TKIT_REASON_PRESERVED = 11, /* a preserve rule */
	TKIT_REASON_PRESET = 12,    /* a preset; because: "preset=NAME" */
	TKIT_REASON_RULE = 13,      /* a rule for what the backend cannot see; "rule=NAME" */
	TKIT_REASON_DATABASE = 14,  /* of the package database, for scanners */
	TKIT_REASON_WALKED = 15     /* only looked at, by a program that looked at all in there */
};
/* "access", "symlink" ...; NULL if there is no such reason. */
TKIT_API const char *tkit_reason_name(int reason);

struct tkit_closure_entry {
	struct tkit_bytes path;   /* canonical, absolute; "/" first */
	struct tkit_bytes target; /* symlink target */
	struct stat st;
	uint32_t reason;           /* enum tkit_reason; of several the one that says most */
	struct tkit_bytes because; /* the path that brought it in; empty = itself */
	uint32_t made;             /* its content is not the root's: tkit_closure_content() */
	uint32_t reserved;
};

struct tkit_closure_options {
	uint32_t size;        /* sizeof(struct tkit_closure_options) */
	uint32_t keep_listed; /* 1: keep everything in listed directories */
	uint32_t no_users;    /* 1: do not add passwd and group */
	uint32_t need_users;  /* 1: a user name will be used: add passwd and group */
	/*
	 * Globs, fnmatch(3) with FNM_PATHNAME, and ** for any bytes with slashes. A directory
	 * stands for everything below it, too. An include rule beats an exclude rule.
	 */
	struct tkit_option_list include;
	struct tkit_option_list exclude;
	/*
	 * Globs of what is kept as it is in the root, whatever an exclude rule says and even if
	 * the run made it; it brings nothing along but parents and symlinks on the way.
	 */
	struct tkit_option_list preserve;
	struct tkit_option_list presets; /* names, see docs/CLOSURE.md */
	struct tkit_option_list rules;   /* "no-NAME" turns a rule off, "NAME" on */
	uint32_t package_database;       /* 1: keep it, pruned to the packages of what is kept */
	uint32_t drop_walked;            /* 1: leave out what TKIT_REASON_WALKED is about */
	/* Absolute paths to keep, too, with what they need, but nothing below a directory. What
	 * is not in the root is passed over. They beat exclude rules. */
	struct tkit_option_list paths;
};

struct tkit_closure;

/*
 * Computes what the image must hold. Paths that were accessed but do not exist in
 * the root are counted, see tkit_closure_absent(). Caller frees.
 */
TKIT_API int tkit_closure_new(struct tkit_ctx *ctx, const struct tkit_model *model,
			      struct tkit_rootfs *rootfs,
			      const struct tkit_closure_options *options,
			      struct tkit_closure **ret_closure);
TKIT_API void tkit_closure_free(struct tkit_closure *closure); /* NULL-safe */

/* Entries: sorted so that parents come first. NULL past the end. */
TKIT_API size_t tkit_closure_count(const struct tkit_closure *closure);
TKIT_API const struct tkit_closure_entry *tkit_closure_entry(const struct tkit_closure *closure,
							     size_t index);
TKIT_API const struct tkit_closure_entry *tkit_closure_find(const struct tkit_closure *closure,
							    struct tkit_bytes path);

/* The content of an entry that was made (`made`), which no file of the root has; borrowed. */
TKIT_API struct tkit_bytes tkit_closure_content(const struct tkit_closure *closure,
						const struct tkit_closure_entry *entry);

/* Sum of the sizes of regular files, hard links counted once. */
TKIT_API uint64_t tkit_closure_bytes(const struct tkit_closure *closure);

/* Names that a trace says existed but the root does not have. NULL past the end. */
TKIT_API size_t tkit_closure_absent_count(const struct tkit_closure *closure);
TKIT_API const struct tkit_bytes *tkit_closure_absent(const struct tkit_closure *closure,
						      size_t index);

/*
 * Writes the entries as a pax tar to fd: numeric owners, modes, xattrs, hard links,
 * nanosecond mtimes, the same bytes for the same input. A file that changed or went
 * away since tkit_closure_new() is an error.
 */
TKIT_API int tkit_closure_write_tar(struct tkit_ctx *ctx, struct tkit_closure *closure, int fd);

/* The same entries as mtree(5), with the SHA-256 of each file. */
TKIT_API int tkit_closure_write_mtree(struct tkit_ctx *ctx, struct tkit_closure *closure, int fd);

/*
 * Writes an image as one tar that is a docker archive and an OCI layout at once, so that
 * docker, podman, containerd and skopeo load it: one uncompressed layer with the closure's
 * entries, and `config`, whose name (REPOSITORY:TAG), creation time, OS and architecture may be
 * NULL (no name, 1970, linux, this machine's). The history becomes one entry. The same
 * input gives the same bytes. `fd` must be an empty regular file. 0 or -errno with a recorded
 * cause: -EILSEQ for a configuration that is not valid UTF-8.
 */
TKIT_API int tkit_image_write(struct tkit_ctx *ctx, struct tkit_closure *closure,
			      const struct tkit_image_config *config, int fd);

#ifdef __cplusplus
}
#endif
#endif
