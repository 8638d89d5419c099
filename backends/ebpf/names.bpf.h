/* SPDX-License-Identifier: (MIT OR GPL-2.0-only) */
/*
 * Names out of the program's memory, read when the call returns: by then the kernel has
 * read them too, so their pages are there (at entry one name in thirty is not).
 */
#ifndef EBPF_NAMES_BPF_H
#define EBPF_NAMES_BPF_H

#define AF_UNIX_      1
#define SUN_PATH_ROOM 108

/* Reads string `idx`, a bounded number. Returns its EBPF_S_* flags, without PRESENT. */
static __always_inline int name_into(struct scratch *s, __u32 idx, __u64 ptr)
{
	struct ebpf_string *str = &s->ev.strings[idx];
	__u32 len = s->ev.len;
	long n;

	s->first[idx] = 0;
	if (!ptr || len > EBPF_DATA_MAX) {
		str->flags = EBPF_S_NULL;
		return EBPF_S_NULL;
	}
	n = bpf_probe_read_user_str(&s->data[len], EBPF_PATH_MAX, (void *)ptr);
	if (n < 0) {
		str->flags = EBPF_S_UNREADABLE;
		return EBPF_S_UNREADABLE;
	}
	/* Seen on 5.10 to 6.12: an empty string gives 0, not the 1 of its NUL. */
	if (n == 0) {
		s->data[len] = '\0';
		n = 1;
	}
	str->flags = 0;
	if (n == EBPF_PATH_MAX) {
		char last = 1;

		bpf_probe_read_user(&last, 1, (void *)(ptr + EBPF_PATH_MAX - 1));
		if (last)
			str->flags = EBPF_S_TRUNCATED;
	}
	str->off = len;
	str->len = n - 1;
	s->first[idx] = (__u8)s->data[len];
	s->ev.len = len + n;
	return str->flags;
}

/* Reads string `which` (0, 1), as above. */
__noinline int read_name(__u32 slot, __u32 which, __u64 ptr)
{
	struct scratch *s = scratch_of(slot);

	return s ? name_into(s, ONE_BIT(which), ptr) : EBPF_S_NULL;
}

/* Reads a string of the kernel's. Returns its EBPF_S_* flags, without PRESENT. */
__noinline int read_kernel_name(__u32 slot, __u32 which, __u64 ptr)
{
	struct scratch *s = scratch_of(slot);
	__u32 idx = ONE_BIT(which);
	struct ebpf_string *str;
	__u32 len;
	long n;

	if (!s)
		return EBPF_S_NULL;
	str = &s->ev.strings[idx];
	s->first[idx] = 0;
	len = s->ev.len;
	str->flags = EBPF_S_NULL;
	if (!ptr || len > EBPF_DATA_MAX)
		return str->flags;
	n = bpf_probe_read_kernel_str(&s->data[len], EBPF_PATH_MAX, (void *)ptr);
	if (n < 0) {
		str->flags = EBPF_S_UNREADABLE;
		return str->flags;
	}
	if (n == 0) { /* as in read_name() */
		s->data[len] = '\0';
		n = 1;
	}
	str->flags = 0;
	str->off = len;
	str->len = n - 1;
	s->first[idx] = (__u8)s->data[len];
	s->ev.len = len + n;
	return str->flags;
}

/*
 * Reads the name in a sockaddr of `size` bytes. NULL is set for what is no name of a unix socket.
 */
__noinline int read_sockaddr(__u32 slot, __u64 ptr, __u32 size)
{
	struct scratch *s = scratch_of(slot);
	struct ebpf_string *str;
	__u16 family = 0;
	__u32 len;
	char *name;

	if (!s)
		return EBPF_S_NULL;
	str = &s->ev.strings[0];
	s->first[0] = 0;
	str->flags = EBPF_S_NULL;
	len = s->ev.len;
	if (!ptr || size <= 2 || len > EBPF_DATA_MAX)
		return str->flags;
	size -= 2;
	if (size > SUN_PATH_ROOM) /* the kernel refuses it */
		return str->flags;
	if (bpf_probe_read_user(&family, sizeof(family), (void *)ptr) || family != AF_UNIX_)
		return str->flags;
	name = &s->data[len];
	if (bpf_probe_read_user(name, size, (void *)(ptr + 2))) {
		str->flags = EBPF_S_UNREADABLE;
		return str->flags;
	}
	str->off = len;
	str->len = size; /* user space stops at a NUL */
	str->flags = name[0] ? 0 : EBPF_S_ABSTRACT;
	s->first[0] = (__u8)name[0];
	s->ev.len = len + size;
	return str->flags;
}

#endif
