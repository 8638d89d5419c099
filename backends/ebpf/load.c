// SPDX-License-Identifier: MIT
/* Loads, attaches and detaches the kernel programs, and reads their counters. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "ebpf.h"
#include "tkit.skel.h"

#define TRY_PTRACE "try --backend ptrace"

/* NOLINTBEGIN(misc-redundant-expression): that they are equal is what is checked */
_Static_assert(EBPF_SYS_NOPATH == TKIT_SYS_NOPATH && EBPF_SYS_EMPTY == TKIT_SYS_EMPTY &&
		       EBPF_SYS_EMPTY_ALWAYS == TKIT_SYS_EMPTY_ALWAYS &&
		       EBPF_SYS_NULL_EMPTY == TKIT_SYS_NULL_EMPTY &&
		       EBPF_SYS_NULL_FD == TKIT_SYS_NULL_FD &&
		       EBPF_SYS_NULL_OK == TKIT_SYS_NULL_OK && EBPF_SYS_FD == TKIT_SYS_FD &&
		       EBPF_SYS_OUT_BUF == TKIT_SYS_OUT_BUF && EBPF_SYS_SOURCE == TKIT_SYS_SOURCE &&
		       EBPF_SYS_SOCKADDR == TKIT_SYS_SOCKADDR &&
		       EBPF_SYS_FLAGS_HOW == TKIT_SYS_FLAGS_HOW &&
		       EBPF_SYS_FLAGS_AT == TKIT_SYS_FLAGS_AT,
	       "event.h has its own copy of these");
/* NOLINTEND(misc-redundant-expression) */
_Static_assert(sizeof(struct ebpf_event) % 8 == 0, "records are multiples of 8");

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

/* Loads two instructions; they never run. */
static int try_program(enum bpf_prog_type type, const struct bpf_insn *insns, size_t count,
		       int btf_id)
{
	LIBBPF_OPTS(bpf_prog_load_opts, opts, .expected_attach_type = btf_id ? BPF_TRACE_RAW_TP : 0,
		    .attach_btf_id = btf_id);
	int fd = bpf_prog_load(type, NULL, "Dual MIT/GPL", insns, count, &opts);

	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

int load_probe(struct tkit_ctx *ctx, const struct tkit_target *target)
{
	static const struct bpf_insn nothing[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0},
		{.code = BPF_JMP | BPF_EXIT}};
	int fd, rc;

	libbpf_set_print(print_libbpf);
	if (target && target->kind == TKIT_TARGET_NONE)
		return tkit_fail(ctx, -EINVAL, "needs a command, process, cgroup or host to watch");
	if (access(EBPF_BTF_FILE, R_OK))
		return tkit_fail(ctx, -errno,
				 "no " EBPF_BTF_FILE ": the kernel was built without "
				 "CONFIG_DEBUG_INFO_BTF or is older than 5.8; " TRY_PTRACE);
	fd = bpf_map_create(BPF_MAP_TYPE_RINGBUF, NULL, 0, 0, (uint32_t)sysconf(_SC_PAGESIZE),
			    NULL);
	if (fd < 0)
		return explain(ctx, -errno, "making a ring buffer");
	close(fd);
	/*
	 * Type 1 of the kernel's BTF is no tracepoint, so this cannot succeed. But who may not load
	 * such programs is told so first, and finding the right type would take longer than a load.
	 */
	rc = try_program(BPF_PROG_TYPE_TRACING, nothing, 2, 1);
	if (rc && rc != -EINVAL)
		return explain(ctx, rc, "loading a tracepoint program");
	return 0;
}

static unsigned char kind_of(const struct tkit_syscall *sys)
{
	switch (sys->op) {
	case TKIT_OP_OPEN: /* uselib(2) has neither and gives no descriptor */
		return sys->flags_as == TKIT_SYS_FLAGS_OPEN ||
				       sys->flags_as == TKIT_SYS_FLAGS_HOW ||
				       (sys->bits & TKIT_SYS_CREAT)
			       ? EBPF_KIND_OPEN
			       : EBPF_KIND_PATH;
	case TKIT_OP_EXEC:
		return EBPF_KIND_EXEC;
	case TKIT_OP_CHDIR:
		return EBPF_KIND_CHDIR;
	case TKIT_OP_CHROOT:
		return EBPF_KIND_CHROOT;
	case TKIT_OP_PIVOT_ROOT:
		return EBPF_KIND_PIVOT;
	default:
		return EBPF_KIND_PATH;
	}
}

static void fill_rows(struct ebpf_row *rows, int arch, int unshare, int setns)
{
	size_t count;
	const struct tkit_syscall *sys = tkit_syscalls(arch, &count);

	for (size_t i = 0; i < count; i++, sys++) {
		if (sys->nr < 0 || sys->nr >= EBPF_NR_LIMIT)
			continue;
		rows[sys->nr] = (struct ebpf_row){.kind = kind_of(sys),
						  .flags_as = sys->flags_as,
						  .path = sys->path,
						  .dirfd = sys->dirfd,
						  .flags = sys->flags,
						  .path2 = sys->op2 ? sys->path2 : -1,
						  .dirfd2 = sys->dirfd2,
						  .bits = sys->bits};
	}
	rows[unshare] = rows[setns] = (struct ebpf_row){
		.kind = EBPF_KIND_STATE, .path = -1, .dirfd = -1, .flags = -1, .path2 = -1};
}

/* Chooses the programs for io_uring. */
static void configure_uring(struct ebpf *e, const struct features *features)
{
	struct tkit_bpf *skel = e->skel;
	bool any = features->submit_req || features->submit_sqe;

	for (int op = 0; op < EBPF_URING_LIMIT; op++)
		skel->rodata->uring_nr[op] = (unsigned short)decode_uring_nr(op);
	bpf_program__set_autoload(skel->progs.uring_submit, features->submit_req);
	bpf_program__set_autoload(skel->progs.uring_submit_sqe, features->submit_sqe);
	bpf_program__set_autoload(skel->progs.uring_complete, any);
	bpf_program__set_autoload(skel->progs.uring_refused, any);
	if (!any) {
		bpf_map__set_max_entries(skel->maps.requests, 1);
		tkit_log(e->ctx, TKIT_LOG_INFO, "this kernel's io_uring requests cannot be seen");
	}
}

static void configure(struct ebpf *e, const struct features *features)
{
	const struct tkit_target *target = e->target;
	struct tkit_bpf *skel = e->skel;
	bool modern = !e->options->plain && features->modern;

	bpf_program__set_autoload(
		modern ? skel->progs.process_exec_plain : skel->progs.process_exec, false);
	if (!modern || !features->prepare)
		bpf_program__set_autoload(skel->progs.prepare, false);
	configure_uring(e, features);
	fill_rows(skel->rodata->rows, TKIT_ARCH_X86_64, 272, 308);
	fill_rows(skel->rodata->rows + EBPF_NR_LIMIT, TKIT_ARCH_I386, 310, 346);
	skel->rodata->filter = target->kind == TKIT_TARGET_ALL      ? EBPF_FILTER_ALL
			       : target->kind == TKIT_TARGET_CGROUP ? EBPF_FILTER_CGROUP
								    : EBPF_FILTER_TREE;
	skel->rodata->wake_bytes =
		e->options->ring_size / 4 < 65536 ? (uint32_t)e->options->ring_size / 4 : 65536;
	skel->bss->seed_pid = (uint32_t)target->pid;
	skel->data->root_fd = target->root_fd;
	bpf_map__set_max_entries(skel->maps.ring, (uint32_t)e->options->ring_size);
	bpf_map__set_max_entries(skel->maps.processes, skel->rodata->filter == EBPF_FILTER_TREE
							       ? (uint32_t)e->options->processes
							       : 1);
	if (skel->rodata->filter != EBPF_FILTER_CGROUP)
		bpf_map__set_max_entries(skel->maps.cgroups, 1);
	tkit_log(e->ctx, TKIT_LOG_DEBUG, "programs=%s", modern ? "modern" : "plain");
}

static int load_programs(struct ebpf *e, const struct features *features)
{
	tkit_bpf__destroy(e->skel);
	e->skel = tkit_bpf__open();
	if (!e->skel)
		return -errno;
	configure(e, features);
	return tkit_bpf__load(e->skel);
}

int load_open(struct ebpf *e)
{
	struct features features;
	uint64_t begin = tkit_now_ns();
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
	features_find(&features);
	rc = load_programs(e, &features);
	/* io_uring is the part of the kernel that changes most. */
	if (rc && (features.submit_req || features.submit_sqe)) {
		features.submit_req = features.submit_sqe = false;
		rc = load_programs(e, &features);
	}
	if (rc)
		return explain(e->ctx, rc, "loading the programs");
	tkit_log(e->ctx, TKIT_LOG_DEBUG, "loaded in %" PRIu64 " ms",
		 (tkit_now_ns() - begin) / 1000000);
	return 0;
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

	do {
		before = e->skel->bss->seeded;
		rc = seed_pass(e);
	} while (!rc && e->target->kind == TKIT_TARGET_PID && e->skel->bss->seeded != before);
	if (cgroup >= 0)
		close(cgroup);
	if (rc)
		return tkit_fail(e->ctx, rc, "going through the processes");
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
	struct bpf_object_skeleton *s = e->skel->skeleton;

	for (int i = 0; i < s->prog_cnt; i++) {
		struct bpf_program *program = *s->progs[i].prog;

		if (bpf_program__fd(program) < 0 ||
		    bpf_program__expected_attach_type(program) == BPF_TRACE_ITER)
			continue;
		*s->progs[i].link = bpf_program__attach(program);
		if (!*s->progs[i].link)
			return explain(e->ctx, -errno, "attaching a tracepoint program");
	}
	return seed(e);
}

void load_detach(struct ebpf *e)
{
	tkit_bpf__detach(e->skel);
}

void load_close(struct ebpf *e)
{
	tkit_bpf__destroy(e->skel);
	free(e->percpu);
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
