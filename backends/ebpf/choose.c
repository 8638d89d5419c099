// SPDX-License-Identifier: MIT
/* Which programs are loaded, and what they are told before. */
#include <errno.h>
#include <stdlib.h>

#include <bpf/libbpf.h>

#include "ebpf.h"
#include "tkit.skel.h"
#include "tkit_cast.skel.h"

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

/* The two forms are one source: what user space sees of them is the same. */
#define SAME(part) \
	(sizeof(*((struct tkit_bpf *)NULL)->part) == sizeof(*((struct tkit_cast_bpf *)NULL)->part))
_Static_assert(sizeof(struct tkit_bpf) == sizeof(struct tkit_cast_bpf), "one skeleton serves both");
_Static_assert(SAME(rodata), "one skeleton serves both");
_Static_assert(SAME(data), "one skeleton serves both");
_Static_assert(SAME(bss), "one skeleton serves both");

#define WAKE_BYTES 65536u

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

/* Which of its results are facts that say the same however often they are made. */
static unsigned char fold_of(const struct tkit_syscall *sys)
{
	unsigned int how = EBPF_FOLD_FAILED;

	switch (sys->op) {
	case TKIT_OP_RENAME_FROM:
	case TKIT_OP_RMDIR:
	case TKIT_OP_MOUNT:
	case TKIT_OP_MOUNT_SOURCE:
	case TKIT_OP_UMOUNT:
	case TKIT_OP_CHROOT:
	case TKIT_OP_PIVOT_ROOT:
		how |= EBPF_FOLD_MOVES;
		break;
	case TKIT_OP_UNLINK:
		how |= sys->flags >= 0 ? EBPF_FOLD_RMDIR : 0;
		break;
	case TKIT_OP_LINK_FROM:
		break;
	default:
		switch (tkit_op_class(sys->op)) {
		case TKIT_CLASS_CONTENT:
		case TKIT_CLASS_METADATA:
		case TKIT_CLASS_LIST:
		case TKIT_CLASS_MODIFY:
		case TKIT_CLASS_SOCKET:
			how |= EBPF_FOLD_OK;
			break;
		default:
			break;
		}
	}
	/* Two names, or none in the registers: told each time. */
	if (sys->op2 || (sys->bits & TKIT_SYS_NOPATH))
		how &= ~(unsigned int)(EBPF_FOLD_OK | EBPF_FOLD_FAILED);
	return (unsigned char)how;
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
						  .fold = fold_of(sys),
						  .bits = sys->bits};
	}
	rows[unshare] = rows[setns] = (struct ebpf_row){.kind = EBPF_KIND_STATE,
							.path = -1,
							.dirfd = -1,
							.flags = -1,
							.path2 = -1,
							.fold = EBPF_FOLD_MOVES};
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

/* How much data in the ring is worth a wake-up; what is left must last until the reader runs. */
static unsigned int wake_bytes(const struct ebpf *e)
{
	unsigned int size = (unsigned int)e->options->ring_size;

	if (size / 4 < WAKE_BYTES)
		return size / 4;
	return counts_for_files(e->target) ? size / 4 : WAKE_BYTES;
}

struct tkit_bpf *choose_open(const struct features *features,
			     const struct bpf_object_open_opts *opts)
{
	struct tkit_bpf *skel = calloc(1, sizeof(*skel));
	int rc = skel ? tkit_bpf__create_skeleton(skel) : -ENOMEM;

	if (!rc && features->casts)
		skel->skeleton->data = (void *)tkit_cast_bpf__elf_bytes(&skel->skeleton->data_sz);
	if (!rc)
		rc = bpf_object__open_skeleton(skel->skeleton, opts);
	if (!rc)
		return skel;
	tkit_bpf__destroy(skel);
	errno = -rc;
	return NULL;
}

void choose_programs(struct ebpf *e, const struct features *features, const struct types *types)
{
	const struct tkit_target *target = e->target;
	struct tkit_bpf *skel = e->skel;

	bpf_program__set_autoload(
		features->modern ? skel->progs.sys_exit_plain : skel->progs.sys_exit, false);
	bpf_program__set_autoload(features->modern ? skel->progs.process_exec_plain
						   : skel->progs.process_exec,
				  false);
	bpf_program__set_autoload(skel->progs.prepare, features->prepare);
	bpf_program__set_autoload(skel->progs.prepare_hook, features->prepare_hook);
	bpf_program__set_autoload(skel->progs.opened, features->d_path);
	skel->rodata->use_d_path = features->d_path;
	if (!features->d_path)
		bpf_map__set_max_entries(skel->maps.openings, 1);
	if (features->casts) {
		skel->rodata->id_task_struct = types_struct(types, "task_struct");
		skel->rodata->id_file = types_struct(types, "file");
		skel->rodata->id_dentry = types_struct(types, "dentry");
		skel->rodata->id_mount = types_struct(types, "mount");
		skel->rodata->id_fs_struct = types_struct(types, "fs_struct");
		skel->rodata->id_list_head = types_struct(types, "list_head");
	}
	configure_uring(e, features);
	counts_configure(e, counts_wanted(e->options, target));
	fill_rows(skel->rodata->rows, TKIT_ARCH_X86_64, 272, 308);
	fill_rows(skel->rodata->rows + EBPF_NR_LIMIT, TKIT_ARCH_I386, 310, 346);
	skel->rodata->filter = target->kind == TKIT_TARGET_ALL      ? EBPF_FILTER_ALL
			       : target->kind == TKIT_TARGET_CGROUP ? EBPF_FILTER_CGROUP
								    : EBPF_FILTER_TREE;
	skel->rodata->use_named = e->named;
	skel->rodata->wake_bytes = wake_bytes(e);
	bpf_map__set_max_entries(skel->maps.ring, (uint32_t)e->options->ring_size);
	bpf_map__set_max_entries(skel->maps.processes, skel->rodata->filter == EBPF_FILTER_TREE
							       ? (uint32_t)e->options->processes
							       : 1);
}

/* Whether the trace is as good without this program, which could not be attached. */
bool choose_spare(struct ebpf *e, const struct bpf_program *program)
{
	if (program == e->skel->progs.opened && e->options->resolve != EBPF_RESOLVE_D_PATH)
		e->features.d_path = false; /* each path is walked to */
	else if (program == e->skel->progs.prepare_hook)
		e->features.prepare_hook = false;
	else
		return false;
	return true;
}
