// SPDX-License-Identifier: MIT
/* The seccomp filter: only calls that take a path stop. */
#include "ptrace.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NEW_MAX 64 /* calls newer than the library */

#define ARG(i, how, a, b) \
	((struct scmp_arg_cmp){.arg = (i), .op = (how), .datum_a = (a), .datum_b = (b)})

/* Calls without a path that matter all the same, see enter_other() in call.c. */
static int add_others(scmp_filter_ctx ctx, uint32_t action)
{
	static const char *const always[] = {"setns", "clone3", "io_uring_setup", "sendmsg",
					     "sendmmsg"};
	static const uint64_t tracing[] = {PTRACE_TRACEME, PTRACE_ATTACH, PTRACE_SEIZE};
	int rc = 0;

	for (size_t i = 0; i < sizeof(always) / sizeof(always[0]) && !rc; i++)
		rc = seccomp_rule_add(ctx, action, seccomp_syscall_resolve_name(always[i]), 0);
	if (!rc)
		rc = seccomp_rule_add(ctx, action, seccomp_syscall_resolve_name("unshare"), 1,
				      ARG(0, SCMP_CMP_MASKED_EQ, CLONE_NEWNS, CLONE_NEWNS));
	if (!rc)
		rc = seccomp_rule_add(ctx, action, seccomp_syscall_resolve_name("io_uring_enter"),
				      1, ARG(1, SCMP_CMP_NE, 0, 0));
	if (!rc)
		rc = seccomp_rule_add(ctx, action, seccomp_syscall_resolve_name("clone"), 1,
				      ARG(0, SCMP_CMP_MASKED_EQ, CLONE_UNTRACED, CLONE_UNTRACED));
	if (!rc)
		rc = seccomp_rule_add(ctx, action, seccomp_syscall_resolve_name("prctl"), 1,
				      ARG(0, SCMP_CMP_MASKED_EQ, UINT32_MAX, PR_SET_NAME));
	if (!rc)
		rc = seccomp_rule_add(ctx, action, seccomp_syscall_resolve_name("prctl"), 2,
				      ARG(0, SCMP_CMP_MASKED_EQ, UINT32_MAX, PR_SET_SECCOMP),
				      ARG(1, SCMP_CMP_EQ, SECCOMP_MODE_STRICT, 0));
	if (!rc)
		rc = seccomp_rule_add(
			ctx, action, seccomp_syscall_resolve_name("seccomp"), 1,
			ARG(0, SCMP_CMP_MASKED_EQ, UINT32_MAX, SECCOMP_SET_MODE_STRICT));
	for (size_t i = 0; i < sizeof(tracing) / sizeof(tracing[0]) && !rc; i++)
		rc = seccomp_rule_add(ctx, action, seccomp_syscall_resolve_name("ptrace"), 1,
				      ARG(0, SCMP_CMP_EQ, tracing[i], 0));
	return rc;
}

/* All rows of one architecture. Numbers the library cannot express go to fresh[]. */
static int add_rows(scmp_filter_ctx ctx, int arch, uint32_t action, uint16_t *fresh,
		    size_t *fresh_count)
{
	bool native = arch == tkit_native_arch();
	size_t count;
	const struct tkit_syscall *rows = tkit_syscalls(arch, &count);

	for (size_t i = 0; i < count; i++) {
		/* for another architecture the library translates the native number by name */
		int nr = native ? rows[i].nr : seccomp_syscall_resolve_name(rows[i].name);
		int rc;

		if (native && strcmp(rows[i].name, "sendto") == 0)
			rc = seccomp_rule_add(ctx, action, nr, 1, ARG(4, SCMP_CMP_NE, 0, 0));
		else if (nr == __NR_SCMP_ERROR)
			rc = -EDOM;
		else
			rc = seccomp_rule_add(ctx, action, nr, 0);
		if (!rc)
			continue;
		if (native || *fresh_count == NEW_MAX)
			return rc;
		fresh[(*fresh_count)++] = (uint16_t)rows[i].nr;
	}
	return add_others(ctx, action);
}

static int new_context(uint32_t arch, scmp_filter_ctx *ret)
{
	scmp_filter_ctx ctx = seccomp_init(SCMP_ACT_ALLOW);
	int rc = ctx ? 0 : -ENOMEM;

	if (!rc)
		rc = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH,
				      SCMP_ACT_TRACE(PT_DATA_FOREIGN));
	if (!rc && arch != seccomp_arch_native()) {
		rc = seccomp_arch_add(ctx, arch);
		if (!rc)
			rc = seccomp_arch_remove(ctx, seccomp_arch_native());
	}
	if (rc && ctx)
		seccomp_release(ctx);
	*ret = rc ? NULL : ctx;
	return rc;
}

/*
 * The library's program, with a head for calls of another architecture that are newer than
 * the library: jumps are relative, so a program may simply be put before it.
 */
static int export(scmp_filter_ctx ctx, const uint16_t *fresh, size_t fresh_count,
		  struct sock_filter **ret, size_t *ret_count)
{
	int fd = memfd_create("tkit-filter", MFD_CLOEXEC);
	size_t head = fresh_count ? fresh_count + 4 : 0, body, n = 0;
	struct sock_filter *code = NULL;
	off_t size;
	int rc;

	if (fd < 0)
		return -errno;
	rc = seccomp_export_bpf(ctx, fd);
	size = lseek(fd, 0, SEEK_END);
	body = size > 0 ? (size_t)size / sizeof(*code) : 0;
	if (!rc && (!body || body + head > BPF_MAXINSNS))
		rc = -E2BIG;
	if (!rc)
		code = calloc(head + body, sizeof(*code));
	if (!rc && !code)
		rc = -ENOMEM;
	if (!rc && pread(fd, code + head, (size_t)size, 0) != size)
		rc = -EIO;
	close(fd);
	if (rc) {
		free(code);
		return rc;
	}
	if (head) {
		code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
							 offsetof(struct seccomp_data, arch));
		code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AUDIT_ARCH_I386,
							 0, (uint8_t)(fresh_count + 2));
		code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
							 offsetof(struct seccomp_data, nr));
		for (size_t i = 0; i < fresh_count; i++)
			code[n++] = (struct sock_filter)BPF_JUMP(
				BPF_JMP | BPF_JEQ | BPF_K, fresh[i], (uint8_t)(fresh_count - i - 1),
				i + 1 == fresh_count ? 1 : 0);
		code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K,
							 SECCOMP_RET_TRACE | PT_DATA_CALL);
	}
	*ret = code;
	*ret_count = head + body;
	return 0;
}

/* Builds the filter; *ret is to be freed. */
int pt_filter_build(struct tkit_ctx *tk, struct sock_filter **ret, size_t *ret_count)
{
	const uint32_t action = SCMP_ACT_TRACE(PT_DATA_CALL);
	uint16_t fresh[NEW_MAX];
	size_t fresh_count = 0;
	scmp_filter_ctx ctx = NULL;
	int rc = new_context(seccomp_arch_native(), &ctx);

	if (!rc)
		rc = add_rows(ctx, tkit_native_arch(), action, fresh, &fresh_count);
#if defined(__x86_64__)
	if (!rc) {
		scmp_filter_ctx compat = NULL;

		rc = new_context(SCMP_ARCH_X86, &compat);
		if (!rc)
			rc = add_rows(compat, TKIT_ARCH_I386, action, fresh, &fresh_count);
		if (!rc)
			rc = seccomp_merge(ctx, compat); /* compat belongs to ctx now */
		if (rc && compat)
			seccomp_release(compat);
	}
#endif
	if (!rc)
		/* a tree instead of a list; older libraries cannot */
		(void)seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	if (!rc)
		rc = export(ctx, fresh, fresh_count, ret, ret_count);
	if (ctx)
		seccomp_release(ctx);
	return rc ? tkit_fail(tk, rc, "building the seccomp filter") : 0;
}
