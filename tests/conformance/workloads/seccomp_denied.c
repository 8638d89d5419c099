// SPDX-License-Identifier: MIT
/* Calls that the program's own filter refuses: the call fails, and the program goes on. */
#include "workload.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>

static void setup(void)
{
	make_file("before", "");
	make_file("after", "");
}

static void run(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mkdirat, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EDOM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = {.len = sizeof(code) / sizeof(code[0]), .filter = code};
	char name[] = "denied"; /* on the stack: it can be read */

	expect(open("before", O_RDONLY), .op = "open", .abs = at("before"));
	must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
	must(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter));
	expect(mkdirat(AT_FDCWD, name, 0755), .op = "mkdir", .abs = at("denied"), .err = EDOM);
	expect(open("after", O_RDONLY), .op = "open", .abs = at("after"));
}
