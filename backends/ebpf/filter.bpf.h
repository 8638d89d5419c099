/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* Whom to watch. */
#ifndef EBPF_FILTER_BPF_H
#define EBPF_FILTER_BPF_H

#define CGROUP_DEPTH 32

/* Whether the cgroup of `task` is the one to watch or lies below it. */
static __always_inline bool in_cgroup(struct task_struct *task)
{
	struct cgroup *cgroup = BPF_CORE_READ(task, cgroups, dfl_cgrp);
	__u64 id = BPF_CORE_READ(cgroup, kn, id);
	__u32 *known = bpf_map_lookup_elem(&cgroups, &id);
	__u32 verdict = 0;

	if (known)
		return *known;
	for (int i = 0; i < CGROUP_DEPTH && cgroup; i++) {
		struct cgroup_subsys_state *parent;

		if (BPF_CORE_READ(cgroup, kn, id) == filter_cgroup) {
			verdict = 1;
			break;
		}
		parent = BPF_CORE_READ(cgroup, self.parent);
		cgroup = parent ? BPF_CORE_READ(parent, cgroup) : NULL;
	}
	bpf_map_update_elem(&cgroups, &id, &verdict, BPF_ANY);
	return verdict;
}

/* `tgid` is the task's, in the first pid namespace. */
static __always_inline bool traced(struct task_struct *task, __u32 tgid)
{
	if (filter == EBPF_FILTER_TREE)
		return bpf_map_lookup_elem(&processes, &tgid) != NULL;
	if (tgid == self_tgid)
		return false;
	return filter == EBPF_FILTER_ALL || in_cgroup(task);
}

/* Adds a process to the tree. Returns whether it is new there. */
static __always_inline bool adopt(__u32 tgid)
{
	__u32 value = 1;
	/* Before Linux 6.4 only the lower 32 bits are right. */
	int rc = bpf_map_update_elem(&processes, &tgid, &value, BPF_NOEXIST);

	if (rc == -7) /* E2BIG: no room, the process cannot be followed */
		count(EBPF_CNT_MAP_FULL, 1);
	return rc == 0;
}

#endif
