/* SPDX-License-Identifier: MIT */
/* For workloads that mount. Behind workload.h. */
#ifndef WORKLOAD_MOUNTS_H
#define WORKLOAD_MOUNTS_H

#include <sched.h>
#include <sys/mount.h>

/* From now on nobody else sees what this process mounts. */
static void wl_own_mounts(void)
{
	if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0)
		wl_skip("mounting needs CAP_SYS_ADMIN");
	if (mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0)
		return;
	if (errno == EINVAL)
		wl_skip("the root directory is no mount point (a chroot)");
	wl_broken("making mounts private: %s", strerror(errno));
}

#endif
