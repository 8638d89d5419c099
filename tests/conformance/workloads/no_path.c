// SPDX-License-Identifier: MIT
/* Strings that look like names of files here and are none: no access may be made of them. */
#include "workload.h"

#include <mqueue.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/xattr.h>

#ifndef SYS_statmount
#define SYS_statmount 457
#define SYS_listmount 458
#endif

static void setup(void)
{
	make_file("file", "");
	make_file("opened", "");
	make_file("mq", "");
	must(symlink("file", "link"));
}

static void run(void)
{
	int fd = (int)expect(open("opened", O_RDWR), .op = "open", .abs = at("opened"));
	char buf[PATH_MAX] = "file";
	struct mq_attr attr = {.mq_maxmsg = 1, .mq_msgsize = 1};
	struct stat st;
	int pipes[2];
	mqd_t queue;

	must(getcwd(buf, sizeof(buf)));
	must(memfd_create("file", MFD_CLOEXEC));
	must(prctl(PR_SET_NAME, "file"));
	fgetxattr(fd, "file", buf, sizeof(buf));
	fsetxattr(fd, "user.file", "file", 4, 0);
	flistxattr(fd, strcpy(buf, "file"), sizeof(buf));
	must(write(fd, at("file"), 4));
	must(pread(fd, strcpy(buf, "file"), 4, 0));
	must(fstat(fd, &st));
	must(ftruncate(fd, 0));
	must(fchmod(fd, 0600));
	syscall(SYS_add_key, "user", "file", "file", 4, -3 /* the process's own */);
	syscall(SYS_fsopen, "file", 0);
	syscall(SYS_statmount, strcpy(buf, "file"), buf + 64, 0, 0);
	syscall(SYS_listmount, strcpy(buf, "file"), buf + 64, 0, 0);
	queue = mq_open("/file", O_RDWR | O_CREAT | O_EXCL, 0600, &attr);
	if (queue >= 0)
		mq_unlink("/file");
	must(pipe(pipes));
	must(fstatat(pipes[0], "", &st, AT_EMPTY_PATH));
	/* What a link leads to is content. */
	expect(symlink(at("file"), "made"), .op = "symlink", .abs = at("made"));
	expect(readlink("link", buf, sizeof(buf)), .op = "readlink", .abs = at("link"));
	/* Calls on a descriptor are no accesses, but may be told as such: not of "file". */
	also(.op = "stat", .abs = at("opened"), .maybe = true);
}
