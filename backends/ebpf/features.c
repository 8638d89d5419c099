// SPDX-License-Identifier: MIT
/* What the running kernel has for the programs. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "ebpf.h"

/*
 * Linux 5.19: the first argument is the request, and the other tracepoints have it too. The
 * same name was there before with other arguments, so their number has to be looked at.
 */
static bool submit_sqe_has_request(void)
{
	struct btf *btf = btf__load_vmlinux_btf();
	const struct btf_type *type = NULL;
	int id =
		btf ? btf__find_by_name_kind(btf, "btf_trace_io_uring_submit_sqe", BTF_KIND_TYPEDEF)
		    : -1;

	if (id > 0)
		type = btf__type_by_id(btf, btf__type_by_id(btf, (unsigned int)id)->type);
	if (type && btf_is_ptr(type))
		type = btf__type_by_id(btf, type->type);
	id = type && btf_is_func_proto(type) ? btf_vlen(type) : 0;
	btf__free(btf);
	return id == 3; /* void *, struct io_kiocb *, bool */
}

/*
 * Whether programs of the tracing type may be loaded for this kind of attachment: 0 or the
 * -errno of who forbids it. Two instructions that never run. Type 1 of the kernel's BTF is
 * neither tracepoint nor function, so the load cannot succeed. But who may not load such
 * programs is told so first, and finding the right type would take longer than a load.
 */
int features_try(int attach_type)
{
	static const struct bpf_insn nothing[] = {
		{.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0},
		{.code = BPF_JMP | BPF_EXIT}};
	LIBBPF_OPTS(bpf_prog_load_opts, opts,
		    .expected_attach_type = (enum bpf_attach_type)attach_type, .attach_btf_id = 1);
	int fd = bpf_prog_load(BPF_PROG_TYPE_TRACING, NULL, "Dual MIT/GPL", nothing, 2, &opts);
	int rc = fd < 0 ? -errno : 0;

	if (fd >= 0)
		close(fd);
	return rc == -EINVAL ? 0 : rc;
}

void features_find(struct features *features, const struct types *types)
{
	bool failed;

	memset(features, 0, sizeof(*features));
	/* bpf_find_vma(), Linux 5.17; bpf_task_pt_regs() is older. */
	features->modern =
		libbpf_probe_bpf_helper(BPF_PROG_TYPE_RAW_TRACEPOINT, BPF_FUNC_find_vma, NULL) == 1;
	if (!types->data)
		return;
#define HAS(name) types_named(types, "\0btf_trace_" name, sizeof("\0btf_trace_" name))
	features->prepare = HAS("sched_prepare_exec");
	failed = HAS("io_uring_req_failed");
	features->submit_req = failed && HAS("io_uring_submit_req");
	features->submit_sqe = failed && !features->submit_req && HAS("io_uring_submit_sqe") &&
			       submit_sqe_has_request();
#undef HAS
#define HAS(name) types_named(types, "\0" name, sizeof("\0" name))
	features->casts = features->modern && HAS("bpf_rdonly_cast");
	features->fentry_error = features_try(BPF_TRACE_FENTRY);
	features->d_path = !features->fentry_error && HAS("security_file_open");
	features->prepare_hook = !features->fentry_error && !features->prepare &&
				 HAS("security_bprm_creds_for_exec");
#undef HAS
}

void features_choose(struct features *features, const struct ebpf_options *options, bool fold)
{
	if (options && options->programs != EBPF_PROGRAMS_AUTO)
		features->casts = false;
	if (options && options->programs == EBPF_PROGRAMS_PLAIN)
		features->modern = false;
	/* A program on each open costs more than the few walks that are left when repeats fold. */
	if (options && (options->resolve == EBPF_RESOLVE_WALK ||
			(options->resolve == EBPF_RESOLVE_AUTO && fold)))
		features->d_path = false;
}

const char *features_text(const struct features *features, char *buf, size_t size)
{
	snprintf(buf, size, "programs=%s resolve=%s exec=%s dirfd-exec=%s io_uring=%s",
		 features->casts    ? "casts"
		 : features->modern ? "modern"
				    : "plain",
		 features->d_path ? "d_path" : "walk", features->modern ? "find_vma" : "elf-header",
		 features->prepare        ? "tracepoint"
		 : features->prepare_hook ? "fentry"
					  : "none",
		 features->submit_req   ? "submit_req"
		 : features->submit_sqe ? "submit_sqe"
					: "none");
	return buf;
}

uint64_t features_without(const struct features *features)
{
	return features->submit_req || features->submit_sqe ? 0 : TKIT_CAN_IO_URING;
}
