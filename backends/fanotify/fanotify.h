/* SPDX-License-Identifier: MIT */
/* Parts of the fanotify backend. */
#ifndef FANOTIFY_FANOTIFY_H
#define FANOTIFY_FANOTIFY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <tkit/backend.h>

enum mark_mode { MARK_FILESYSTEM, MARK_MOUNT, MARK_LIST };

struct options {
	int mark; /* enum mark_mode */
	int reads;
	int unlimited;
	int pseudo;
	struct tkit_option_list paths;
};

/* ---- marks.c: what is watched ---- */

struct marks;

/*
 * Marks, in group `fan`, what the target can reach: each file system or mount of
 * the mount table of process `pid`, or the listed paths.
 */
int marks_new(struct tkit_ctx *ctx, const struct options *options, int fan, pid_t pid,
	      struct marks **ret_marks);
void marks_free(struct marks *marks); /* NULL-safe */

/* A descriptor with POLLPRI when the mount table has changed; -1 for MARK_LIST. */
int marks_fd(const struct marks *marks);

/* Marks what is new in the mount table. */
int marks_update(struct tkit_ctx *ctx, struct marks *marks);

/* ---- family.c: who is watched ---- */

#define FAMILY_GONE     (-1)
#define FAMILY_NO_PIDFD (-2)

struct family;

/*
 * The set of processes that descend from `root`. Fed by the kernel's process events
 * connector where it can be used, by /proc where it cannot.
 */
int family_new(struct tkit_ctx *ctx, pid_t root, bool include_living, struct family **ret_family);
void family_free(struct family *family); /* NULL-safe */

/* The connector's socket, or -1. Readable: call family_pump(). */
int family_fd(const struct family *family);

/* Reads process events, emits fork and exit events of members. Returns how many or -errno. */
int family_pump(struct tkit_ctx *ctx, struct family *family);

/*
 * Does `pid` belong to the family? `pidfd` is the process that was meant, FAMILY_GONE if it had
 * ended when the event was read, FAMILY_NO_PIDFD if the kernel does not tell. A process that is
 * gone and that no event told of counts as a member: a file too many is better than a file missing.
 */
bool family_has(struct family *family, pid_t pid, int pidfd);

/* Members alive, as far as known. */
size_t family_count(const struct family *family);

#endif
