/* SPDX-License-Identifier: MIT */
/* Which program each process runs, by process id. 0 = unknown. */
#ifndef MODEL_PIDS_H
#define MODEL_PIDS_H

#include <stdint.h>

#define PIDS_MAX (1 << 22) /* the kernel's own limit */

struct pids {
	uint32_t *programs;
	int32_t room;
};

void pids_done(struct pids *pids);

/* Ids out of the kernel's range (a damaged trace) are not kept. 0 or -ENOMEM. */
int pids_set(struct pids *pids, int32_t pid, uint32_t program);

static inline uint32_t pids_get(const struct pids *pids, int32_t pid)
{
	return pid >= 0 && pid < pids->room ? pids->programs[pid] : 0;
}

#endif
