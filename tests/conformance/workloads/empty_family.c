// SPDX-License-Identifier: MIT
/* "" and NULL for the descriptor itself, in every call that takes them. */
#include "workload.h"

#ifndef SYS_fchmodat2
#define SYS_fchmodat2 452
#endif

static void setup(void)
{
	make_file("statx", "");
	make_file("null", "");
	make_file("access", "");
	make_file("chown", "");
	make_file("chmod", "");
	make_file("utime", "");
	make_file("handle", "");
	make_file("source", "");
	must(symlink("nowhere", "link"));
}

static int opened(const char *name, int flags)
{
	return (int)expect(open(name, flags), .op = "open", .abs = at(name),
			   .needs = flags & O_PATH ? "REQUESTED" : NULL);
}

static void run(void)
{
	union {
		struct file_handle handle;
		char space[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	} handle = {.handle = {.handle_bytes = MAX_HANDLE_SZ}};
	struct statx stx;
	char target[64];
	int mount_id;

	expect(statx(opened("statx", O_RDONLY), "", AT_EMPTY_PATH, STATX_MODE, &stx), .op = "stat",
	       .abs = at("statx"));
	/* Linux 6.11 takes NULL, too. */
	expect(syscall(SYS_statx, opened("null", O_RDONLY), NULL, AT_EMPTY_PATH, STATX_MODE, &stx),
	       .op = "stat", .any_abs = true, .err = ANY_ERROR);
	expect(syscall(SYS_faccessat2, opened("access", O_RDONLY), "", R_OK, AT_EMPTY_PATH),
	       .op = "access", .abs = at("access"));
	expect(fchownat(opened("chown", O_RDONLY), "", (uid_t)-1, (gid_t)-1, AT_EMPTY_PATH),
	       .op = "chown", .abs = at("chown"));
	expect(syscall(SYS_fchmodat2, opened("chmod", O_PATH), "", 0600, AT_EMPTY_PATH),
	       .op = "chmod", .abs = at("chmod"), .err = ANY_ERROR);
	expect(syscall(SYS_utimensat, opened("utime", O_RDONLY), NULL, NULL, 0), .op = "utime",
	       .abs = at("utime"));
	expect(name_to_handle_at(opened("handle", O_PATH), "", &handle.handle, &mount_id,
				 AT_EMPTY_PATH),
	       .op = "handle", .abs = at("handle"), .err = ANY_ERROR);
	expect(readlinkat(opened("link", O_PATH | O_NOFOLLOW), "", target, sizeof(target)),
	       .op = "readlink", .abs = at("link"));
	if (geteuid() == 0) {
		expect(linkat(opened("source", O_PATH), "", AT_FDCWD, "hard", AT_EMPTY_PATH),
		       .op = "link_from", .abs = at("source"));
		also(.op = "link_to", .abs = at("hard"));
	}
}
