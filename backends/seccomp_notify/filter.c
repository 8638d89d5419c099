// SPDX-License-Identifier: MIT
/*
 * The filter: asks about the calls of the table, lets all others through. For each architecture the
 * numbers are searched as in a binary tree, so that a call costs some ten instructions.
 */
#include "notify.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <stddef.h>
#include <stdlib.h>

#define X32_BIT  0x40000000u
#define LEAF     4
#define CODE_MAX 3000 /* less than BPF_MAXINSNS and what the held command takes */
#define LIST_MAX 512

struct program {
	struct sock_filter *code;
	size_t count;
	bool full;
};

/* Returns where it stands. */
static size_t put(struct program *p, struct sock_filter instruction)
{
	if (p->count == CODE_MAX) {
		p->full = true;
		return p->count - 1;
	}
	p->code[p->count] = instruction;
	return p->count++;
}

static size_t put_stmt(struct program *p, uint16_t code, uint32_t k)
{
	return put(p, (struct sock_filter)BPF_STMT(code, k));
}

static size_t put_jump(struct program *p, uint16_t how, uint32_t k, uint8_t yes, uint8_t no)
{
	return put(p, (struct sock_filter)BPF_JUMP(BPF_JMP | how | BPF_K, k, yes, no));
}

static void put_return(struct program *p, uint32_t action)
{
	put_stmt(p, BPF_RET | BPF_K, action);
}

/* sendto(2) has a name only with an address; the held command itself sends without. */
static void put_sendto(struct program *p)
{
	const uint32_t address = offsetof(struct seccomp_data, args[4]);

	put_stmt(p, BPF_LD | BPF_W | BPF_ABS, address);
	put_jump(p, BPF_JEQ, 0, 0, 3);
	put_stmt(p, BPF_LD | BPF_W | BPF_ABS, address + 4);
	put_jump(p, BPF_JEQ, 0, 0, 1);
	put_return(p, SECCOMP_RET_ALLOW);
	put_return(p, SECCOMP_RET_USER_NOTIF);
}

/* The number is in the accumulator. */
static void put_search(struct program *p, const uint16_t *list, size_t count)
{
	size_t half = count / 2, jump;

	if (count > LEAF) {
		put_jump(p, BPF_JGE, list[half], 0, 1);
		jump = put_stmt(p, BPF_JMP | BPF_JA, 0);
		put_search(p, list, half);
		p->code[jump].k = (uint32_t)(p->count - jump - 1);
		put_search(p, list + half, count - half);
		return;
	}
	for (size_t i = 0; i < count; i++)
		put_jump(p, BPF_JEQ, list[i], (uint8_t)(count - i), 0);
	put_return(p, SECCOMP_RET_ALLOW);
	put_return(p, SECCOMP_RET_USER_NOTIF);
}

static int compare(const void *a, const void *b)
{
	return *(const uint16_t *)a - *(const uint16_t *)b;
}

/* Numbers of one architecture, sorted; without sendto where that is looked at separately. */
static size_t list_calls(int arch, uint16_t list[LIST_MAX])
{
	size_t count, n = 0;
	const struct tkit_syscall *rows = tkit_syscalls(arch, &count);

	for (size_t i = 0; i < count && n < LIST_MAX - 2; i++)
		if (rows[i].op != TKIT_OP_SENDTO)
			list[n++] = (uint16_t)rows[i].nr;
	list[n++] = SN_NR_IO_URING_SETUP; /* the same everywhere */
	list[n++] = (uint16_t)sn_nr_setns(arch);
	qsort(list, n, sizeof(*list), compare);
	return n;
}

/* What is done for calls of one architecture; the others jump over it. */
static void put_arch(struct program *p, int arch, uint32_t audit_arch)
{
	const struct tkit_syscall *sendto = tkit_syscall_by_name(arch, "sendto");
	uint16_t list[LIST_MAX];
	size_t count = list_calls(arch, list), jump;

	put_stmt(p, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
	put_jump(p, BPF_JEQ, audit_arch, 1, 0);
	jump = put_stmt(p, BPF_JMP | BPF_JA, 0);
	put_stmt(p, BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
	if (audit_arch == AUDIT_ARCH_X86_64)
		put_stmt(p, BPF_ALU | BPF_AND | BPF_K, ~X32_BIT);
	if (sendto) {
		put_jump(p, BPF_JEQ, (uint32_t)sendto->nr, 0, 6);
		put_sendto(p);
	}
	put_search(p, list, count);
	p->code[jump].k = (uint32_t)(p->count - jump - 1);
}

int sn_filter_build(struct tkit_ctx *ctx, struct sock_filter **ret, size_t *ret_count)
{
	struct program p = {.code = calloc(CODE_MAX, sizeof(*p.code))};

	if (!p.code)
		return tkit_fail(ctx, -ENOMEM, "building the seccomp filter");
#if defined(__x86_64__)
	put_arch(&p, TKIT_ARCH_X86_64, AUDIT_ARCH_X86_64);
	put_arch(&p, TKIT_ARCH_I386, AUDIT_ARCH_I386);
#elif defined(__aarch64__)
	put_arch(&p, TKIT_ARCH_AARCH64, AUDIT_ARCH_AARCH64);
#endif
	put_return(&p, SECCOMP_RET_ALLOW);
	if (p.full) {
		free(p.code);
		return tkit_fail(ctx, -E2BIG, "building the seccomp filter");
	}
	*ret = p.code;
	*ret_count = p.count;
	return 0;
}
