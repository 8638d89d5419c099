// SPDX-License-Identifier: MIT
/*
 * Calls whose arguments lie in memory, behind others: socketcall, and the names of unix sockets
 * in sendmsg and sendmmsg. They are taken for the call that says the same in registers.
 */
#include "ptrace.h"

#include <linux/net.h>
#include <string.h>
#include <sys/socket.h>

#include <procmem.h>

#define I386_SOCKETCALL 102
#define MANY            1024 /* UIO_MAXIOV: sendmmsg(2) takes no more */

static const struct numbers {
	uint16_t arch;
	int16_t sendmsg, sendmmsg;
} numbers[] = {
	{TKIT_ARCH_X86_64, 46, 307},
	{TKIT_ARCH_I386, 370, 345},
	{TKIT_ARCH_AARCH64, 211, 269},
};

static const struct tkit_syscall rows[] = {
	{.name = "sendmsg",
	 .op = TKIT_OP_SENDTO,
	 .path = 1,
	 .dirfd = -1,
	 .flags = -1,
	 .bits = TKIT_SYS_SOCKADDR},
	{.name = "sendmmsg",
	 .op = TKIT_OP_SENDTO,
	 .path = 1,
	 .dirfd = -1,
	 .flags = -1,
	 .bits = TKIT_SYS_SOCKADDR},
};

/* The name in the header at `at`, as arguments 1 and 2. False: there is none. */
static bool read_header(struct pt_tracee *t, uint64_t at)
{
	struct pt_call *call = &t->call;
	uint64_t address = 0;
	uint32_t size = 0;
	const size_t word = call->arch == TKIT_ARCH_I386 ? 4 : 8;
	char head[12];

	if (procmem_read(t->tid, at, head, word + sizeof(size)) < 0)
		return false;
	memcpy(&address, head, word);
	memcpy(&size, head + word, sizeof(size));
	call->args[1] = address;
	call->args[2] = size;
	return address && size;
}

/* socketcall(2): the arguments are an array, the call is named by the first argument. */
static const struct tkit_syscall *from_socketcall(struct pt_tracee *t, int *ret_sendmsg)
{
	static const struct {
		const char *name;
		int call;
		int args;
	} calls[] = {{"bind", SYS_BIND, 3},
		     {"connect", SYS_CONNECT, 3},
		     {"sendto", SYS_SENDTO, 6},
		     {NULL, SYS_SENDMSG, 3},
		     {NULL, SYS_SENDMMSG, 4}};
	struct pt_call *call = &t->call;
	uint32_t words[6] = {0};

	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {
		if ((int)call->args[0] != calls[i].call)
			continue;
		if (procmem_read(t->tid, call->args[1], words, sizeof(words[0]) * calls[i].args) <
		    0)
			return NULL;
		for (int k = 0; k < 6; k++)
			call->args[k] = words[k];
		if (calls[i].name)
			return tkit_syscall_by_name(TKIT_ARCH_I386, calls[i].name);
		*ret_sendmsg = calls[i].call == SYS_SENDMSG ? 1 : 2;
	}
	return NULL;
}

/*
 * At the entry: the row of the call that this one amounts to, with its arguments in
 * t->call.args; NULL: none, or it names nothing.
 */
const struct tkit_syscall *pt_message_enter(struct pt_tracee *t)
{
	struct pt_call *call = &t->call;
	int kind = 0; /* 1 sendmsg, 2 sendmmsg */
	bool named;

	if (call->arch == TKIT_ARCH_I386 && call->nr == I386_SOCKETCALL) {
		const struct tkit_syscall *sys = from_socketcall(t, &kind);

		if (sys)
			return sys;
	}
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (numbers[i].arch == call->arch && call->nr >= 0)
			kind = call->nr == numbers[i].sendmsg    ? 1
			       : call->nr == numbers[i].sendmmsg ? 2
								 : kind;
	if (!kind)
		return NULL;
	if (kind == 2)
		call->messages = (uint32_t)call->args[2] > 1 ? call->args[1] : 0;
	named = read_header(t, call->args[1]);
	return named || call->messages ? &rows[kind - 1] : NULL;
}

/*
 * sendmmsg(2) at its exit: moves on to the message number `index` and reads its name. False: it
 * has none.
 */
bool pt_message_next(struct pt *pt, struct pt_tracee *t, uint32_t index)
{
	const uint64_t size = t->call.arch == TKIT_ARCH_I386 ? 32 : 64; /* struct mmsghdr */

	return index < MANY && read_header(t, t->call.messages + index * size) &&
	       pt_name_read(pt, t, 0);
}
