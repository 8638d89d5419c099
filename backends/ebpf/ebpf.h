/* SPDX-License-Identifier: MIT */
/* The user-space side of the ebpf backend: one instance. */
#ifndef EBPF_EBPF_H
#define EBPF_EBPF_H

#include <stdbool.h>
#include <sys/resource.h>

#include <tkit/backend.h>
#include <tkit/syscalls.h>

#include "event.h"

struct tkit_bpf; /* the skeleton */
struct ring_buffer;

struct ebpf_options {
	uint64_t ring_size;
	int64_t processes;
	int programs; /* enum ebpf_programs */
	int resolve;  /* enum ebpf_resolve */
	int dedup;    /* enum ebpf_dedup */
	int64_t dedup_entries;
};

enum ebpf_programs { EBPF_PROGRAMS_AUTO = 0, EBPF_PROGRAMS_MODERN = 1, EBPF_PROGRAMS_PLAIN = 2 };

enum ebpf_dedup { EBPF_DEDUP_AUTO = 0, EBPF_DEDUP_ON = 1, EBPF_DEDUP_OFF = 2 };

enum ebpf_resolve { EBPF_RESOLVE_AUTO = 0, EBPF_RESOLVE_WALK = 1, EBPF_RESOLVE_D_PATH = 2 };

/* What the running kernel has, and, after features_choose(), what is used of it. */
struct features {
	bool modern;       /* Linux 5.17 */
	bool casts;        /* Linux 6.2: numbers can be given types */
	bool prepare;      /* sched_prepare_exec, or */
	bool prepare_hook; /* a program on a function that is called at the same time */
	bool submit_req;   /* io_uring_submit_req, or */
	bool submit_sqe;   /* io_uring_submit_sqe as it is needed */
	bool d_path;       /* a program on security_file_open */
	int fentry_error;  /* why programs on functions are not allowed; 0: they are */
};

/* ---- proc.c: what is remembered about processes ---- */

/* A shared, immutable string. */
struct text {
	unsigned int refs;
	size_t len;
	char bytes[];
};

struct text *text_new(struct tkit_bytes bytes); /* NULL when out of memory */
struct text *text_ref(struct text *text);       /* NULL-safe */
void text_unref(struct text *text);             /* NULL-safe */
static inline struct tkit_bytes text_bytes(const struct text *text)
{
	return text ? (struct tkit_bytes){text->bytes, text->len} : (struct tkit_bytes){NULL, 0};
}

/*
 * Working and root directory of those who share one struct fs_struct; or, in the table of
 * processes, the program that runs. Only the calls that change a directory need what is
 * remembered: for all others the kernel program tells the directory as it is.
 */
struct known {
	uint64_t key;      /* 0: free */
	struct text *cwd;  /* NULL: unknown */
	struct text *root; /* NULL: the target's */
	bool root_known;
	bool root_outside; /* `root` is no path in the target's root */
	struct text *exe;
	struct text *exec_base; /* dirfd of an execveat that is under way */
	struct text *request;   /* in the table of requests: the record */
};

struct table {
	struct known *slots;
	size_t room; /* power of two, 0 at first */
	size_t count;
};

struct known *table_find(const struct table *table, uint64_t key);
struct known *table_get(struct table *table, uint64_t key); /* adds; NULL: out of memory */
void table_drop(struct table *table, uint64_t key);
void table_clear(struct table *table); /* keeps the memory */
void table_done(struct table *table);

/* ---- fold.c: events whose repeats the kernel counts ---- */

struct folded; /* an event as it was told */

/* Those of one of the kernel's two maps. */
struct fold_table {
	struct folded **slots;
	size_t room; /* power of two, 0 at first */
	size_t count;
};

struct fold {
	struct fold_table tables[2]; /* as the maps: even, odd */
	unsigned int odd;            /* which map is in use */
	bool retiring;               /* the other one is to be emptied when */
	uint64_t retire_at;          /* so many facts have been read */
	uint64_t repeats;            /* facts that were counted in the kernel */
	uint64_t told;               /* events that stand for them */
};

/* ---- the instance ---- */

struct ebpf {
	struct tkit_ctx *ctx;
	const struct ebpf_options *options;
	const struct tkit_target *target;
	struct tkit_bpf *skel;
	struct ring_buffer *ring;
	struct features features; /* that are in use */
	struct rlimit limits;     /* as they were */
	int cpus;
	uint64_t *percpu; /* room for one counter's values */

	struct table dirs;      /* by fs_struct */
	struct table processes; /* by pid */
	struct table requests;  /* io_uring's, by address in the kernel */
	uint32_t lost_seq;
	struct fold fold;
	const struct ebpf_event *folding; /* the record whose event is to be kept for its repeats */

	uint64_t consumed; /* facts in the records read so far */
	uint64_t extra;    /* facts added here: interpreters, first processes, unreadable names */
	uint64_t emitted;
	uint64_t lost;
	uint64_t told[TKIT_LOSS_COUNT_]; /* kernel counters reported so far */
	uint64_t looked_ns;              /* when they were read */
	int rc;                          /* first failure of tkit_emit() */
	int budget;                      /* records that this pump() may still read */
	int idle_ms;                     /* how long to sleep */
	bool hurry; /* files are looked at for records: more of them may come */
	bool named; /* the programs know cgroups of hierarchies without controllers */
	bool attached;
	bool stopped;

	size_t used; /* bytes of text[] */
	char text[(EBPF_WALK_COUNT + 2) * (EBPF_DATA_MAX + 2)];
};

/* ---- types.c ---- */
#define EBPF_BTF_FILE "/sys/kernel/btf/vmlinux"

struct btf;
struct types {      /* the kernel's file of types, as it is */
	char *data; /* NULL: there is none */
	size_t size;
	bool mapped;
	const char *types, *names; /* its two parts */
	size_t types_size, names_size;
};

int types_open(struct types *types); /* on failure *types is empty */
void types_close(struct types *types);
/* Whether there is a name; it is given with the NUL before it and the one behind, both counted. */
bool types_named(const struct types *types, const char *nul_name, size_t size);
/* The kernel's number of a struct, 0 if it has none. */
uint32_t types_struct(const struct types *types, const char *name);
/* Writes the types that the programs know, and what is inside of them, to an empty file. */
int types_store(const struct types *types, const struct btf *programs, int fd);

/* ---- features.c ---- */
int features_try(int attach_type);
void features_find(struct features *features, const struct types *types);
void features_choose(struct features *features, const struct ebpf_options *options, bool fold);
const char *features_text(const struct features *features, char *buf, size_t size);
uint64_t features_without(const struct features *features); /* TKIT_CAN_* that it lacks */

/* ---- choose.c ---- */
struct bpf_program;
struct bpf_object_open_opts;
/* Opens the programs in the form that is chosen; NULL with errno. */
struct tkit_bpf *choose_open(const struct features *features,
			     const struct bpf_object_open_opts *opts);
void choose_programs(struct ebpf *e, const struct features *features, const struct types *types);
bool choose_spare(struct ebpf *e, const struct bpf_program *program);

/* ---- limits.c ---- */
#define EBPF_LIMIT_KEPT ((rlim_t)-2) /* nothing to restore */
void limits_raise(struct rlimit *ret_before);
void limits_restore(const struct rlimit *before);

/* ---- load.c ---- */
int load_probe(struct tkit_ctx *ctx, const struct ebpf_options *options,
	       const struct tkit_target *target);
int load_open(struct ebpf *e); /* loads the programs; attaches them, if nobody is watched yet */
/* Attaches them and finds the first processes. EBPF_LOAD_AGAIN: not with these programs. */
int load_start(struct ebpf *e);
#define EBPF_LOAD_AGAIN 1
int load_again(struct ebpf *e); /* other programs, instead of load_open() */
void load_detach(struct ebpf *e);
void load_close(struct ebpf *e);
uint64_t load_counter(struct ebpf *e, enum ebpf_counter counter);
uint64_t load_misses(struct ebpf *e);
bool load_has_request(struct ebpf *e, uint64_t request);

/* ---- fold.c ---- */
struct fold_counted {
	struct ebpf_fold_key key;
	struct ebpf_fold_value value;
};

void fold_keep(struct ebpf *e, const struct tkit_event *event);
/* Tells repeats, the oldest last one first (sorts the list), and forgets all that was kept. */
void fold_tell(struct ebpf *e, unsigned int odd, struct fold_counted *list, size_t count);
void fold_done(struct ebpf *e);

/* ---- counts.c ---- */
bool counts_wanted(const struct ebpf_options *options, const struct tkit_target *target);
bool counts_for_files(const struct tkit_target *target); /* nobody waits for single events */
void counts_configure(struct ebpf *e, bool wanted);      /* before the load */
void counts_step(struct ebpf *e);                        /* now and then: makes room for keys */
void counts_end(struct ebpf *e); /* after the last record: tells all counts */

/* ---- decode.c ---- */
int decode_record(struct ebpf *e, const struct ebpf_event *ev);
void decode_access(struct ebpf *e, const struct ebpf_event *ev);
int decode_uring_nr(int opcode); /* the system call that is like it, 0: names no file */

/* A place that the kernel walked to, as a path. */
struct place {
	bool known;         /* there is a path */
	bool outside;       /* not in the target's root */
	unsigned int flags; /* EBPF_W_* */
	struct tkit_bytes path;
};

struct place decode_place(struct ebpf *e, const struct ebpf_event *ev, int which);
struct tkit_bytes decode_string(const struct ebpf_event *ev, int idx);
void decode_head(const struct ebpf *e, const struct ebpf_event *ev, enum tkit_event_type type,
		 struct tkit_event *out);
void decode_inode(struct tkit_event *out, const struct ebpf_inode *inode);
void decode_root(struct tkit_event *out, const struct place *root);
bool decode_is_base(const struct place *place); /* a relative path can start there */
void decode_emit(struct ebpf *e, const struct tkit_event *event);
void decode_lose(struct ebpf *e, enum tkit_loss reason, uint64_t n, const char *detail);

/* ---- track.c ---- */
void track_fork(struct ebpf *e, const struct ebpf_event *ev);
void track_proc(struct ebpf *e, const struct ebpf_event *ev);
void track_exit(struct ebpf *e, const struct ebpf_event *ev);
void track_dirs(struct ebpf *e, const struct ebpf_event *ev);
void track_moved(struct ebpf *e, const struct ebpf_event *ev);
void track_request(struct ebpf *e, const struct ebpf_event *ev);
void track_request_end(struct ebpf *e, const struct ebpf_event *end);
/* After the last record. `under_way` tells whether the kernel waits for the end of a request. */
void track_requests_left(struct ebpf *e, bool (*under_way)(struct ebpf *e, uint64_t request));

/* ---- inside.c ---- */
int inside_open(int root_fd, struct tkit_bytes path, uint64_t flags);
struct tkit_bytes inside_path(const struct ebpf *e, int fd, char *buf, size_t size);

/* ---- magic.c ---- */
void magic_resolve(struct ebpf *e, const struct ebpf_event *ev, int idx, struct tkit_event *out);

/* ---- exec.c ---- */
void exec_record(struct ebpf *e, const struct ebpf_event *ev);
void exec_prepare(struct ebpf *e, const struct ebpf_event *ev);

#endif
