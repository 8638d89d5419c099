// SPDX-License-Identifier: MIT
/*
 * Before Linux 5.11 maps and programs count against RLIMIT_MEMLOCK, and the usual 64 KiB hold
 * no ring. libbpf would raise the limit for good, with the first call that a probe makes: then the
 * command that is forked afterwards would inherit it. So it is raised here, and put back.
 */
#include <errno.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "ebpf.h"

void limits_raise(struct rlimit *ret_before)
{
	struct rlimit all = {RLIM_INFINITY, RLIM_INFINITY}, before;
	bool have = getrlimit(RLIMIT_MEMLOCK, &before) == 0;

	ret_before->rlim_cur = ret_before->rlim_max = EBPF_LIMIT_KEPT;
	/* bpf_ktime_get_coarse_ns() came with the kernel that counts otherwise. */
	if (!have || libbpf_probe_bpf_helper(BPF_PROG_TYPE_SOCKET_FILTER,
					     BPF_FUNC_ktime_get_coarse_ns, NULL) == 1)
		return;
	*ret_before = before;
	if (setrlimit(RLIMIT_MEMLOCK, &all)) { /* not root: as far as it goes */
		all.rlim_cur = all.rlim_max = before.rlim_max;
		setrlimit(RLIMIT_MEMLOCK, &all);
	}
}

void limits_restore(const struct rlimit *before)
{
	if (before->rlim_cur != EBPF_LIMIT_KEPT || before->rlim_max != EBPF_LIMIT_KEPT)
		setrlimit(RLIMIT_MEMLOCK, before);
}
