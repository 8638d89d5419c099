/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/* Whom to watch. */
#ifndef EBPF_FILTER_BPF_H
#define EBPF_FILTER_BPF_H

#define HIERARCHY_MAX 32

static __always_inline struct cgroup *css_cgroup(struct css_set *set, int subsys)
{
	void **at = (void *)set + bpf_core_field_offset(struct css_set, subsys) +
		    (__u64)subsys * sizeof(void *);
	struct cgroup_subsys_state *css = NULL;

	bpf_probe_read_kernel(&css, sizeof(css), at);
	return css ? BPF_CORE_READ(css, cgroup) : NULL;
}

/* The cgroup in a hierarchy without controllers ("name=systemd"). */
static __always_inline struct cgroup *named_cgroup(struct css_set *set, int hierarchy)
{
	struct list_head *next = BPF_CORE_READ(set, cgrp_links.next);

	for (int i = 0; i < HIERARCHY_MAX && next; i++) {
		struct cgrp_cset_link *link =
			(void *)next - bpf_core_field_offset(struct cgrp_cset_link, cgrp_link);
		struct cgroup *cgroup = BPF_CORE_READ(link, cgrp);

		if (BPF_CORE_READ(cgroup, root, hierarchy_id) == hierarchy)
			return cgroup;
		next = BPF_CORE_READ(link, cgrp_link.next);
	}
	return NULL;
}

/* The cgroup of `task` in the hierarchy of the one to watch. */
static __always_inline struct cgroup *cgroup_of(struct task_struct *task)
{
	struct css_set *set = BPF_CORE_READ(task, cgroups);

	if (!filter_hierarchy)
		return BPF_CORE_READ(set, dfl_cgrp);
	if (filter_subsys >= 0)
		return css_cgroup(set, filter_subsys);
	return use_named ? named_cgroup(set, filter_hierarchy) : NULL;
}

/*
 * Run in tkit's own context: which cgroup a descriptor of its directory stands for, in
 * which hierarchy, and how to find a task's cgroup there.
 */
static __always_inline void find_cgroup(struct task_struct *self, struct file *dir)
{
	struct kernfs_node *kn = BPF_CORE_READ(dir, f_path.dentry, d_inode, i_private);
	struct cgroup *cgroup = kn ? BPF_CORE_READ(kn, priv) : NULL;
	struct css_set *set = BPF_CORE_READ(self, cgroups);
	int hierarchy = cgroup ? BPF_CORE_READ(cgroup, root, hierarchy_id) : 0;
	__u32 count = bpf_core_field_size(struct css_set, subsys) / sizeof(void *);

	for (__u32 i = 0; hierarchy && i < HIERARCHY_MAX && i < count; i++) {
		struct cgroup *mine = css_cgroup(set, (int)i);

		if (mine && BPF_CORE_READ(mine, root, hierarchy_id) == hierarchy)
			filter_subsys = (int)i;
	}
	filter_hierarchy = hierarchy;
	filter_named = hierarchy && filter_subsys < 0;
	if (cgroup && (use_named || !filter_named)) {
		filter_level = (__u32)BPF_CORE_READ(cgroup, level);
		filter_cgroup = BPF_CORE_READ(cgroup, kn, id);
	}
}

/* Whether the cgroup of `task` is the one to watch or lies below it. */
static __always_inline bool in_cgroup(struct task_struct *task)
{
	struct cgroup *cgroup = filter_cgroup ? cgroup_of(task) : NULL, *above = NULL;
	__u64 level = filter_level, id = 0;

	if (!cgroup || BPF_CORE_READ(cgroup, level) < (int)level)
		return false;
	if (bpf_core_field_exists(cgroup->ancestors)) {
		bpf_probe_read_kernel(&above, sizeof(above),
				      (void *)cgroup +
					      bpf_core_field_offset(struct cgroup, ancestors) +
					      level * sizeof(above));
		id = BPF_CORE_READ(above, kn, id);
	} else {
		bpf_probe_read_kernel(
			&id, sizeof(id),
			(void *)cgroup + bpf_core_field_offset(struct cgroup___ids, ancestor_ids) +
				level * sizeof(id));
	}
	return id == filter_cgroup;
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

/*
 * The same for the current task, with what came of it the last time on this processor: a map costs
 * four calls, and most system calls come from the process that the one before came from. `s`
 * is not the caller's alone if it may be preempted by itself, which the kernel rules out.
 */
static __always_inline bool traced_again(struct scratch *s, struct task_struct *task, __u32 tgid)
{
	__u32 seq = *(volatile __u32 *)&processes_seq;

	if (filter != EBPF_FILTER_TREE)
		return traced(task, tgid);
	if (s->asked_tgid != tgid || s->asked_seq != seq) {
		s->asked_found = traced(task, tgid);
		s->asked_tgid = tgid;
		s->asked_seq = seq; /* read before the map: what changed since, shows */
	}
	return s->asked_found;
}

/* Adds a process to the tree. Returns whether it is new there. */
static __always_inline bool adopt(__u32 tgid)
{
	__u32 value = 1;
	/* Before Linux 6.4 only the lower 32 bits are right. */
	int rc = bpf_map_update_elem(&processes, &tgid, &value, BPF_NOEXIST);

	if (rc == -7) /* E2BIG: no room, the process cannot be followed */
		count(EBPF_CNT_MAP_FULL, 1);
	if (rc == 0)
		__sync_fetch_and_add(&processes_seq, 1);
	return rc == 0;
}

/* Takes a process out of the tree. Returns whether it was there. */
static __always_inline bool drop(__u32 tgid)
{
	if ((int)bpf_map_delete_elem(&processes, &tgid))
		return false;
	__sync_fetch_and_add(&processes_seq, 1);
	return true;
}

#endif
