// SPDX-License-Identifier: MIT
/* acct, swapon, swapoff, quotactl, umount: in forms that change nothing on the machine. */
#include "workload.h"

#include <sys/mount.h>
#include <sys/quota.h>
#include <sys/swap.h>

static void setup(void)
{
	must(mkdir("dir", 0755));
	make_file("file", "no swap space");
}

static void run(void)
{
	struct dqinfo info;

	expect(acct("dir"), .op = "acct", .abs = at("dir"), .requested = "dir", .err = ANY_ERROR);
	expect(acct(at("none")), .op = "acct", .abs = at("none"), .err = ANY_ERROR);
	expect(swapon("file", 0), .op = "swapon", .abs = at("file"), .err = ANY_ERROR);
	expect(swapon(at("none"), 0), .op = "swapon", .abs = at("none"), .err = ANY_ERROR);
	expect(swapoff("file"), .op = "swapoff", .abs = at("file"), .err = ANY_ERROR);
	expect(swapoff(at("none")), .op = "swapoff", .abs = at("none"), .err = ANY_ERROR);
	expect(quotactl(QCMD(Q_GETINFO, USRQUOTA), at("none"), 0, (caddr_t)&info), .op = "quotactl",
	       .abs = at("none"), .err = ANY_ERROR);
	expect(umount2("dir", 0), .op = "umount", .abs = at("dir"), .err = ANY_ERROR);
#ifdef SYS_uselib
	expect(syscall(SYS_uselib, "file"), .op = "open", .abs = at("file"), .err = ANY_ERROR);
#endif
}
