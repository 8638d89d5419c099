// SPDX-License-Identifier: MIT
#include "model/pids.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void pids_done(struct pids *pids)
{
	free(pids->programs);
	*pids = (struct pids){0};
}

int pids_set(struct pids *pids, int32_t pid, uint32_t program)
{
	if (pid < 0 || pid >= PIDS_MAX || (pid >= pids->room && !program))
		return 0;
	if (pid >= pids->room) {
		int32_t room = pids->room ? pids->room : 4096;
		uint32_t *programs;

		while (room <= pid)
			room *= 2;
		programs = realloc(pids->programs, (size_t)room * sizeof(*programs));
		if (!programs)
			return -ENOMEM;
		memset(programs + pids->room, 0, (size_t)(room - pids->room) * sizeof(*programs));
		pids->programs = programs;
		pids->room = room;
	}
	pids->programs[pid] = program;
	return 0;
}
