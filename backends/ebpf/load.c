// SPDX-License-Identifier: MIT
/* Loads, attaches and detaches the kernel programs, and reads their counters. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "ebpf.h"
#include "tkit.skel.h"

#define TRY_PTRACE "try --backend ptrace"

/* libbpf's callback knows no instance; what it says goes to the debug log only. */
__attribute__((format(printf, 2, 0))) static int print_libbpf(enum libbpf_print_level level,
							      const char *fmt, va_list ap)
{
	char *text = NULL;

	if (!tkit_log_enabled(NULL, TKIT_LOG_DEBUG) || level == LIBBPF_DEBUG)
		return 0;
	/* A verifier's log has many kilobytes, and the telling line is its last. */
	if (vasprintf(&text, fmt, ap) < 0)
		return 0;
	for (char *rest = text, *line; (line = strsep(&rest, "\n"));)
		if (*line)
			tkit_log(NULL, TKIT_LOG_DEBUG, "%s", line);
	free(text);
	return 0;
}

static bool has_capability(int capability)
{
	char line[256];
	uint64_t caps = 0;
	FILE *file = fopen("/proc/self/status", "re");

	if (!file)
		return true;
	while (fgets(line, sizeof(line), file))
		if (strncmp(line, "CapEff:", 7) == 0)
			caps = strtoull(line + 7, NULL, 16);
	fclose(file);
	return caps >> capability & 1;
}

/* Says why `what` failed, in words that help. */
static int explain(struct tkit_ctx *ctx, int rc, const char *what)
{
	enum { CAP_SYS_ADMIN = 21, CAP_PERFMON = 38, CAP_BPF = 39 };
	char mode[128] = "";
	FILE *file;

	if (rc != -EPERM && rc != -EACCES)
		return tkit_fail(ctx, rc, "%s; " TRY_PTRACE, what);
	if (!has_capability(CAP_SYS_ADMIN) &&
	    !(has_capability(CAP_BPF) && has_capability(CAP_PERFMON)))
		return tkit_fail(ctx, -EPERM,
				 "%s: needs CAP_BPF and CAP_PERFMON, or root; " TRY_PTRACE, what);
	file = fopen("/sys/kernel/security/lockdown", "re");
	if (file) {
		if (!fgets(mode, sizeof(mode), file))
			mode[0] = 0;
		fclose(file);
	}
	if (strstr(mode, "[confidentiality]"))
		return tkit_fail(ctx, rc,
				 "%s: the kernel is locked down (confidentiality); " TRY_PTRACE,
				 what);
	if (rc == -EACCES)
		return tkit_fail(ctx, rc,
				 "%s: the kernel's verifier refused a program (its text is in "
				 "the debug log); " TRY_PTRACE,
				 what);
	return tkit_fail(ctx, rc, "%s: refused by this kernel's policy; " TRY_PTRACE, what);
}

static const char *probe_refused(const struct features *features,
				 const struct ebpf_options *options)
{
	if (options && options->resolve == EBPF_RESOLVE_D_PATH && !features->d_path)
		return features->fentry_error
			       ? "programs on functions (fentry) are not allowed here"
			       : "the kernel lacks security_file_open";
	return NULL;
}

int load_probe(struct tkit_ctx *ctx, const struct ebpf_options *options,
	       const struct tkit_target *target)
{
	struct features features;
	struct rlimit before;
	const char *refused;
	struct types types;
	char text[256];
	int fd, rc;

	libbpf_set_print(print_libbpf);
	if (target && target->kind == TKIT_TARGET_NONE)
		return tkit_fail(ctx, -EINVAL, "needs a command, process, cgroup or host to watch");
	if (access(EBPF_BTF_FILE, R_OK))
		return tkit_fail(ctx, -errno,
				 "no " EBPF_BTF_FILE ": the kernel was built without "
				 "CONFIG_DEBUG_INFO_BTF or is older than 5.8; " TRY_PTRACE);
	limits_raise(&before);
	fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, NULL, 0, 0, (uint32_t)sysconf(_SC_PAGESIZE),
			    NULL);
	rc = fd < 0 ? -errno : 0;
	if (fd >= 0)
		close(fd);
	if (rc) {
		limits_restore(&before);
		return explain(ctx, rc, "making a ring buffer");
	}
	rc = features_try(BPF_TRACE_RAW_TP);
	if (!rc) {
		types_open(&types);
		features_find(&features, &types);
		types_close(&types);
	}
	limits_restore(&before);
	if (rc)
		return explain(ctx, rc, "loading a tracepoint program");
	refused = probe_refused(&features, options);
	if (refused)
		return tkit_fail(ctx, -EOPNOTSUPP, "resolve=d_path: %s", refused);
	features_choose(&features, options, options && target && counts_wanted(options, target));
	tkit_facilities(ctx, features_text(&features, text, sizeof(text)),
			features_without(&features));
	return 0;
}

/* `types` are for libbpf, which makes do without. */
static int load_programs(struct ebpf *e, const struct features *features, const struct types *types)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts);
	int fd = memfd_create("types", MFD_CLOEXEC), rc;
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	tkit_bpf__destroy(e->skel);
	opts.btf_custom_path = path;
	e->skel = choose_open(features, &opts);
	if (e->skel && (fd < 0 || types_store(types, bpf_object__btf(e->skel->obj), fd) < 0)) {
		tkit_bpf__destroy(e->skel);
		e->skel = choose_open(features, NULL);
	}
	rc = e->skel ? 0 : -errno;
	if (!rc) {
		choose_programs(e, features, types);
		rc = tkit_bpf__load(e->skel);
	}
	if (fd >= 0)
		close(fd);
	return rc;
}

/* What is not needed everywhere gives way: programs on functions, types by number, then io_uring.
 */
static int load_some(struct ebpf *e, const struct types *types)
{
	struct features *features = &e->features;
	int rc = load_programs(e, features, types);

	if (rc && (features->d_path || features->prepare_hook) &&
	    e->options->resolve != EBPF_RESOLVE_D_PATH) {
		features->d_path = features->prepare_hook = false;
		rc = load_programs(e, features, types);
	}
	if (rc && features->casts) {
		features->casts = false;
		rc = load_programs(e, features, types);
	}
	if (rc && (features->submit_req || features->submit_sqe)) {
		/* The part of the kernel that changes most. */
		features->submit_req = features->submit_sqe = false;
		rc = load_programs(e, features, types);
	}
	return rc;
}

static int attach(struct ebpf *e)
{
	struct bpf_object_skeleton *s = e->skel->skeleton;
	char text[256];

	e->attached = true;
	for (int i = 0; i < s->prog_cnt; i++) {
		struct bpf_program *program = *s->progs[i].prog;

		if (bpf_program__fd(program) < 0 ||
		    bpf_program__expected_attach_type(program) == BPF_TRACE_ITER)
			continue;
		*s->progs[i].link = bpf_program__attach(program);
		if (!*s->progs[i].link && choose_spare(e, program))
			continue;
		if (!*s->progs[i].link)
			return explain(e->ctx, -errno, "attaching a tracepoint program");
	}
	tkit_facilities(e->ctx, features_text(&e->features, text, sizeof(text)),
			features_without(&e->features));
	return 0;
}

/*
 * Programs that are attached before the target is known watch nobody: there is no control group
 * to compare with, and no process in the tree.
 */
static bool is_closed(const struct tkit_target *target)
{
	return target->kind != TKIT_TARGET_ALL;
}

/* Finds out what the kernel has, and loads what goes with it. */
static int load_best(struct ebpf *e)
{
	struct features *features = &e->features;
	uint64_t begin = tkit_now_ns();
	const char *refused;
	struct types types;
	int rc;

	types_open(&types);
	features_find(features, &types);
	refused = probe_refused(features, e->options);
	features_choose(features, e->options, counts_wanted(e->options, e->target));
	rc = refused ? 0 : load_some(e, &types);
	types_close(&types);
	if (refused)
		return tkit_fail(e->ctx, -EOPNOTSUPP, "resolve=d_path: %s", refused);
	if (rc)
		return explain(e->ctx, rc, "loading the programs");
	tkit_log(e->ctx, TKIT_LOG_DEBUG, "loaded in %" PRIu64 " ms",
		 (tkit_now_ns() - begin) / 1000000);
	return 0;
}

int load_open(struct ebpf *e)
{
	int rc;

	libbpf_set_print(print_libbpf);
	if (access(EBPF_BTF_FILE, R_OK))
		return tkit_fail(e->ctx, -errno, "no " EBPF_BTF_FILE "; " TRY_PTRACE);
	e->cpus = libbpf_num_possible_cpus();
	if (e->cpus < 1)
		return tkit_fail(e->ctx, e->cpus, "counting the processors");
	e->percpu = calloc((size_t)e->cpus, sizeof(*e->percpu));
	if (!e->percpu)
		return tkit_fail(e->ctx, -ENOMEM, "room for counters");
	limits_raise(&e->limits);
	rc = load_best(e);
	if (rc)
		return rc;
	return (e->target->flags & TKIT_TARGET_LATE) && is_closed(e->target) ? attach(e) : 0;
}

int load_again(struct ebpf *e)
{
	e->named = true;
	e->attached = false;
	return load_best(e);
}

/* One pass of the task iterator over all processes. */
static int seed_pass(struct ebpf *e)
{
	struct bpf_link *link = bpf_program__attach_iter(e->skel->progs.seed, NULL);
	char buf[256];
	ssize_t n;
	int fd;

	if (!link)
		return -errno;
	fd = bpf_iter_create(bpf_link__fd(link));
	n = fd < 0 ? -errno : 0;
	if (fd >= 0) {
		do
			n = read(fd, buf, sizeof(buf));
		while (n > 0 || (n < 0 && (errno == EINTR || errno == EAGAIN)));
		n = n < 0 ? -errno : 0;
		close(fd);
	}
	bpf_link__destroy(link);
	return (int)n;
}

/* The kernel programs find the cgroup by a descriptor of its directory. */
static int open_cgroup(struct ebpf *e)
{
	int fd;

	if (e->target->kind != TKIT_TARGET_CGROUP)
		return -1;
	fd = open(e->target->cgroup_path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	e->skel->data->cgroup_fd = fd;
	return fd;
}

/*
 * A child can come after its parent in the iterator's order or before it, so passes are
 * made until one finds nobody new. Forks of whoever was found are seen from then on.
 */
static int seed(struct ebpf *e)
{
	bool tree = e->skel->rodata->filter == EBPF_FILTER_TREE;
	int cgroup = open_cgroup(e);
	uint32_t before;
	int rc;

	e->skel->bss->seed_pid = (uint32_t)e->target->pid;
	e->skel->data->root_fd = e->target->root_fd;
	do {
		before = e->skel->bss->seeded;
		rc = seed_pass(e);
	} while (!rc && e->target->kind == TKIT_TARGET_PID && e->skel->bss->seeded != before);
	if (cgroup >= 0)
		close(cgroup);
	if (rc)
		return tkit_fail(e->ctx, rc, "going through the processes");
	if (e->skel->bss->filter_named && !e->named)
		return EBPF_LOAD_AGAIN;
	if (e->target->kind == TKIT_TARGET_CGROUP && !e->skel->bss->filter_cgroup)
		return tkit_fail(e->ctx, -ENOENT, "control group %s was not found",
				 e->target->cgroup_path);
	if (tree && !e->skel->bss->seeded)
		return tkit_fail(e->ctx, -ESRCH, "process %d was not found", e->target->pid);
	if (!e->skel->bss->target_root)
		return tkit_fail(e->ctx, -EBADF, "the target's root directory was not found");
	return 0;
}

int load_start(struct ebpf *e)
{
	int rc = e->attached ? 0 : attach(e);

	return rc ? rc : seed(e);
}

void load_detach(struct ebpf *e)
{
	tkit_bpf__detach(e->skel);
}

void load_close(struct ebpf *e)
{
	tkit_bpf__destroy(e->skel);
	free(e->percpu);
	limits_restore(&e->limits);
}

uint64_t load_counter(struct ebpf *e, enum ebpf_counter counter)
{
	uint32_t key = counter;
	uint64_t sum = 0;

	if (bpf_map_lookup_elem(bpf_map__fd(e->skel->maps.counters), &key, e->percpu))
		return 0;
	for (int i = 0; i < e->cpus; i++)
		sum += e->percpu[i];
	return sum;
}

uint64_t load_misses(struct ebpf *e)
{
	struct bpf_program *program;
	uint64_t sum = 0;

	bpf_object__for_each_program(program, e->skel->obj)
	{
		struct bpf_prog_info info = {0};
		uint32_t size = sizeof(info);
		int fd = bpf_program__fd(program);

		/* Where this one was skipped, the path was walked to. */
		if (program == e->skel->progs.opened)
			continue;
		if (fd >= 0 && bpf_obj_get_info_by_fd(fd, &info, &size) == 0)
			sum += info.recursion_misses;
	}
	return sum;
}

bool load_has_request(struct ebpf *e, uint64_t request)
{
	char value[64];

	return bpf_map_lookup_elem(bpf_map__fd(e->skel->maps.requests), &request, value) == 0;
}
