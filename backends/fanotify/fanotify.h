/* SPDX-License-Identifier: MIT */
/* Parts of the fanotify backend. */
#ifndef FANOTIFY_FANOTIFY_H
#define FANOTIFY_FANOTIFY_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/fanotify.h>
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

/* ---- queue.c: the kernel's queue ---- */

#define QUEUE_READ 4096 /* bytes; each event in it costs descriptors until it is handled */

struct queue {
	int fd;
	bool pidfds;    /* events come with one */
	size_t at_once; /* bytes that are asked for at one time */
};

int queue_open(struct queue *queue, bool unlimited); /* -errno */
/* Before the first read: how much can be asked for. 0 or the value of tkit_fail(). */
int queue_limit(struct tkit_ctx *ctx, struct queue *queue);
ssize_t queue_read(const struct queue *queue, char buf[QUEUE_READ]); /* bytes or -errno */
int queue_pidfd(const struct queue *queue, const struct fanotify_event_metadata *meta);

/* ---- emit.c ---- */

/* Emits what the mask says about the file behind meta->fd. Returns the number of events. */
int emit_event(struct tkit_ctx *ctx, const struct tkit_target *target,
	       const struct fanotify_event_metadata *meta);

/* ---- marks.c, tables.c: what is watched ---- */

/* The mount table of one mount namespace. */
struct table {
	ino_t space; /* of the namespace; 0 = unknown */
	pid_t pid;   /* a process in it, through whose root directory it is marked */
	FILE *file;  /* /proc/PID/mountinfo: tells when it changes */
};

struct marks {
	int fan;
	int mode;
	uint64_t mask;
	bool pseudo;
	bool running;         /* what is new now was there unmarked for a moment */
	bool crowded;         /* there were more namespaces than can be watched; told */
	const char *root;     /* see marks_new() */
	struct table *tables; /* the first is the target's own and stays */
	size_t table_count;
	uint64_t *done; /* device (file system) or mount id of what is marked */
	size_t done_count;
	size_t done_room;
	uint64_t noticed; /* file systems that came after the start */
	uint64_t *mounts; /* ids of the mounts in all tables: those of a container */
	size_t mount_count;
	size_t mount_room;
};

/* marks.c, for tables.c: marks what is new in a table. */
int marks_read_table(struct tkit_ctx *ctx, struct marks *marks, const struct table *table);
/* tables.c, for marks.c: 1 if it was added. */
int marks_add_table(struct tkit_ctx *ctx, struct marks *marks, pid_t pid);

#define MARKS_TABLES_MAX 64

/*
 * Marks, in group `fan`, what the target can reach: each file system or mount of
 * the mount table of process `pid`, or the listed paths. `root`: where a container's root is in
 * that table, if it is not the process's own yet: only what is below it; else NULL. Borrowed.
 */
int marks_new(struct tkit_ctx *ctx, const struct options *options, int fan, pid_t pid,
	      const char *root, struct marks **ret_marks);
void marks_free(struct marks *marks); /* NULL-safe */

/* Fills in descriptors that have POLLPRI when a mount table has changed: how many, at most
 * MARKS_TABLES_MAX. */
size_t marks_poll(const struct marks *marks, struct pollfd *fds);

/* Marks what is new in the mount tables. */
int marks_update(struct tkit_ctx *ctx, struct marks *marks);

/* A process of the target: if it is in a mount namespace that is not known, its table is watched,
 * too, until marks_prune() finds that the process has left it. */
int marks_join(struct tkit_ctx *ctx, struct marks *marks, pid_t pid);
void marks_prune(struct marks *marks);

/* The mount of that id is in a table that is watched. */
bool marks_have_mount(const struct marks *marks, uint64_t mount);

/* ---- counter.c: how many file systems the target has mounted ---- */

struct counter;

/* NULL: it cannot be counted. */
struct counter *counter_new(struct tkit_ctx *ctx, const struct tkit_target *target);
void counter_free(struct counter *counter); /* NULL-safe */
uint64_t counter_read(const struct counter *counter);

/* ---- family.c: who is watched ---- */

#define FAMILY_GONE     (-1)
#define FAMILY_NO_PIDFD (-2)

struct family;

/*
 * The set of processes that descend from `root`; of a container, those in its control group `group`
 * (NULL: none) and what descends from them. Fed by the kernel's process events connector
 * where it can be used, by /proc where it cannot.
 */
int family_new(struct tkit_ctx *ctx, pid_t root, const char *group, bool include_living,
	       struct family **ret_family);
void family_free(struct family *family); /* NULL-safe */

/* The connector's socket, or -1. Readable: call family_pump(). */
int family_fd(const struct family *family);

/* Reads process events, emits fork and exit events of members. Returns how many or -errno. */
int family_pump(struct tkit_ctx *ctx, struct family *family);

/* A process has entered a container, or (the first one) is not in it yet. */
void family_add(struct family *family, pid_t pid);
void family_drop(struct family *family, pid_t pid);

/* census.c: whether a process is in the control group, as far as it can be read; 0 if it is not. */
int census_in_group(const char *group, pid_t pid);
/* Calls fn for each process in it and its sub-groups. */
void census_group(const char *group, void (*fn)(struct family *family, pid_t pid),
		  struct family *family);

/* Calls fn for each member that a process event tells of, when it was forked or has executed a
 * program; <0 ends the trace. */
void family_watch(struct family *family, int (*fn)(void *arg, pid_t pid), void *arg);

/*
 * Calls fn for each member that is alive, as far as known; <0 ends it.
 */
int family_each(struct family *family, int (*fn)(void *arg, pid_t pid), void *arg);

/*
 * Does `pid` belong to the family? `pidfd` is the process that was meant, FAMILY_GONE if it had
 * ended when the event was read, FAMILY_NO_PIDFD if the kernel does not tell. A process that is
 * gone and that no event told of counts as a member: a file too many is better than a file missing;
 * with a container, as its mounts are known, it does not.
 */
bool family_has(struct family *family, pid_t pid, int pidfd);

#endif
