// SPDX-License-Identifier: MIT
/* The sockets of 32-bit programs: one call for all, with its arguments in memory. */
#include "workload.h"

#include <linux/net.h>
#include <setjmp.h>
#include <stdint.h>
#include <sys/mman.h>

static void setup(void)
{
}

#ifdef __x86_64__
#define SOCKETCALL 102

static sigjmp_buf back;
static char *low; /* memory that 32 bits can name */

static void no_such_gate(int number)
{
	siglongjmp(back, 1);
}

static long socketcall(int call, uint32_t a, uint32_t b, uint32_t c, uint32_t d, uint32_t e,
		       uint32_t f)
{
	const uint32_t args[] = {a, b, c, d, e, f};
	long ret;

	memcpy(low, args, sizeof(args));
	__asm__ volatile("int $0x80"
			 : "=a"(ret)
			 : "a"((long)SOCKETCALL), "b"((long)call), "c"(low)
			 : "memory", "r8", "r9", "r10", "r11");
	if ((int)ret < 0) {
		errno = -(int)ret;
		return -1;
	}
	return ret;
}

static uint32_t address(const char *path, socklen_t *len)
{
	struct sockaddr_un *sun = (struct sockaddr_un *)(low + 256);

	memset(sun, 0, sizeof(*sun));
	sun->sun_family = AF_UNIX;
	strncpy(sun->sun_path, path, sizeof(sun->sun_path) - 1);
	*len = sizeof(*sun);
	return (uint32_t)(unsigned long)sun;
}

/* A 32-bit struct msghdr with a name and one byte. */
static uint32_t message(uint32_t name, uint32_t len)
{
	uint32_t base = (uint32_t)(unsigned long)low;
	uint32_t iov[] = {base, 1};
	uint32_t head[] = {name, len, base + 640, 1, 0, 0, 0};

	memcpy(low + 640, iov, sizeof(iov));
	memcpy(low + 512, head, sizeof(head));
	return base + 512;
}
#endif

static void run(void)
{
#ifdef __x86_64__
	socklen_t len;
	uint32_t addr;
	long server, client;

	low = must(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT,
			-1, 0));
	signal(SIGSEGV, no_such_gate);
	if (sigsetjmp(back, 1))
		wl_skip("the kernel has no 32-bit system calls");
	server = socketcall(SYS_SOCKET, AF_UNIX, SOCK_DGRAM, 0, 0, 0, 0);
	if (server < 0)
		wl_skip("the kernel has no 32-bit system calls");
	client = must(socketcall(SYS_SOCKET, AF_UNIX, SOCK_DGRAM, 0, 0, 0, 0));
	addr = address("server", &len);
	expect(socketcall(SYS_CONNECT, (uint32_t)client, addr, len, 0, 0, 0), .op = "connect",
	       .abs = at("server"), .err = ENOENT, .needs = "SOCKET COMPAT32");
	expect(socketcall(SYS_BIND, (uint32_t)server, addr, len, 0, 0, 0), .op = "bind",
	       .abs = at("server"), .requested = "server", .needs = "SOCKET COMPAT32");
	expect(socketcall(SYS_SENDTO, (uint32_t)client, (uint32_t)(unsigned long)low, 1, 0, addr,
			  len),
	       .op = "sendto", .abs = at("server"), .needs = "SOCKET COMPAT32");
	expect(socketcall(SYS_SENDMSG, (uint32_t)client, message(addr, len), 0, 0, 0, 0),
	       .op = "sendto", .abs = at("server"), .needs = "SOCKET COMPAT32");
	addr = address("nobody", &len);
	expect(socketcall(SYS_SENDMSG, (uint32_t)client, message(addr, len), 0, 0, 0, 0),
	       .op = "sendto", .abs = at("nobody"), .err = ENOENT, .needs = "SOCKET COMPAT32");
#else
	wl_skip("only x86-64 has int 0x80");
#endif
}
