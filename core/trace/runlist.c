// SPDX-License-Identifier: MIT
#include "trace/runlist.h"

#include <errno.h>
#include <stdlib.h>

#include "trace/decode.h"
#include "trace/format.h"

void runlist_init(struct runlist *list)
{
	*list = (struct runlist){.memory = ARENA_INIT(FORMAT_HEADERS_MAX)};
}

void runlist_done(struct runlist *list)
{
	arena_done(&list->memory);
	free(list->runs);
	runlist_init(list);
}

struct run *runlist_add(struct runlist *list)
{
	struct run *run;

	if (list->count == FORMAT_RUNS_MAX)
		return NULL;
	if (list->count == list->room) {
		uint32_t room = list->room ? list->room * 2 : 8;
		struct run **runs = realloc(list->runs, room * sizeof(struct run *));

		if (!runs)
			return NULL;
		list->runs = runs;
		list->room = room;
	}
	run = arena_alloc(&list->memory, sizeof(*run));
	if (!run)
		return NULL;
	*run = (struct run){0};
	return list->runs[list->count++] = run;
}

int runlist_find(struct runlist *list, uint64_t key, bool *ret_new)
{
	Tkit__Header lost = TKIT__HEADER__INIT;
	uint8_t id[16] = {0};
	struct run *run;

	*ret_new = false;
	for (uint32_t i = list->count; i-- > 0;) {
		run = list->runs[i];
		if (format_run_key(run->info.id) == key && !run->footed)
			return (int)i;
	}
	for (int i = 0; i < 8; i++)
		id[i] = (uint8_t)(key >> (8 * i));
	lost.run_id.data = id;
	lost.run_id.len = sizeof(id);
	run = runlist_add(list);
	if (!run)
		return -ENOMEM;
	if (decode_header(&lost, &list->memory, &run->info) < 0) {
		list->count--;
		return -ENOMEM;
	}
	*ret_new = true;
	return (int)list->count - 1;
}
