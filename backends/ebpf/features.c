// SPDX-License-Identifier: MIT
/* What the running kernel has for the programs. */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "ebpf.h"

/* The kernel's BTF as it is, because parsing it takes longer than all the rest. */
static char *read_btf(size_t *ret_size)
{
	char *btf = NULL;
	size_t size = 0, room = 8 << 20;
	int fd = open(EBPF_BTF_FILE, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return NULL;
	btf = malloc(room);
	while (btf && size < room) {
		ssize_t n = read(fd, btf + size, room - size);

		if (n <= 0)
			break;
		size += (size_t)n;
		if (size == room) {
			char *more = realloc(btf, room * 2);

			if (!more)
				break;
			btf = more;
			room *= 2;
		}
	}
	close(fd);
	*ret_size = size;
	return btf;
}

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

void features_find(struct features *features)
{
	size_t size = 0;
	char *btf = read_btf(&size);
	bool failed;

	memset(features, 0, sizeof(*features));
	/* bpf_find_vma(), Linux 5.17; bpf_task_pt_regs() is older. */
	features->modern =
		libbpf_probe_bpf_helper(BPF_PROG_TYPE_RAW_TRACEPOINT, BPF_FUNC_find_vma, NULL) == 1;
	if (!btf)
		return;
#define HAS(name) (memmem(btf, size, "btf_trace_" name, sizeof("btf_trace_" name)) != NULL)
	features->prepare = HAS("sched_prepare_exec");
	failed = HAS("io_uring_req_failed");
	features->submit_req = failed && HAS("io_uring_submit_req");
	features->submit_sqe = failed && !features->submit_req && HAS("io_uring_submit_sqe") &&
			       submit_sqe_has_request();
#undef HAS
	free(btf);
}
