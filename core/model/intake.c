// SPDX-License-Identifier: MIT
#include "model/intake.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>

#include "util/bytes.h"

#define ABS_MAX (64 * 1024) /* longer than what three joined parts can be in practice */

bool intake_has_resolved(const struct tkit_event *event)
{
	return (event->valid & TKIT_V_RESOLVED) && event->resolved.len &&
	       event->resolved.ptr[0] == '/' &&
	       !(event->pflags & (TKIT_P_DELETED | TKIT_P_OUTSIDE_ROOT | TKIT_P_RES_TRUNC));
}

bool intake_resolved_counts(struct tkit_bytes resolved)
{
	return !bytes_below(resolved, BYTES_LIT("/proc"));
}

/* The name of a deleted file that was in use: another one may have it by now (an upgrade). */
static bool was_held(const struct tkit_event *event)
{
	struct tkit_event named = *event;

	named.pflags &= ~TKIT_P_DELETED;
	return event->op == TKIT_OP_HELD && intake_has_resolved(&named);
}

static enum tkit_pathless pathless_reason(const struct tkit_event *event, long len)
{
	if (event->pflags & TKIT_P_ABSTRACT || event->op == TKIT_OP_HELD)
		return TKIT_PATHLESS_NO_FILE;
	if (event->pflags & TKIT_P_UNREADABLE)
		return TKIT_PATHLESS_UNREADABLE;
	if (event->pflags & TKIT_P_TRUNCATED || len == -ENAMETOOLONG)
		return TKIT_PATHLESS_TRUNCATED;
	if (event->pflags & TKIT_P_FD)
		return TKIT_PATHLESS_NO_BASE;
	if (!(event->valid & TKIT_V_PATH))
		return TKIT_PATHLESS_ABSENT;
	return event->path.len ? TKIT_PATHLESS_NO_BASE : TKIT_PATHLESS_EMPTY;
}

/* The name that the access counts for: absolute, else where the kernel ended up. */
static int find_name(struct model_builder *b, const struct tkit_event *event, struct cell_key *key)
{
	char buf[2 * PATH_MAX];
	char *big = NULL, *text = buf;
	long len = 0;

	if (!(event->pflags & TKIT_P_TRUNCATED)) {
		len = tkit_event_abs(event, buf, sizeof(buf));
		if (len == -ENAMETOOLONG) {
			big = malloc(ABS_MAX);
			if (!big)
				return -ENOMEM;
			text = big;
			len = tkit_event_abs(event, big, ABS_MAX);
		}
	}
	key->path = INTERN_NONE;
	if (len > 0)
		key->path = intern_add(&b->names, BYTES(text, (size_t)len), NULL);
	else if (intake_has_resolved(event) || was_held(event))
		key->path = intern_add(&b->names, event->resolved, NULL);
	else
		key->aux = pathless_reason(event, len);
	free(big);
	return key->path == INTERN_NONE &&
			       (len > 0 || intake_has_resolved(event) || was_held(event))
		       ? -ENOMEM
		       : 0;
}

int intake_keep(struct model_builder *b, bool valid, struct tkit_bytes text, uint32_t *ret_id)
{
	*ret_id = INTERN_NONE;
	if (!valid)
		return 0;
	*ret_id = intern_add(&b->names, text, NULL);
	return *ret_id == INTERN_NONE ? -ENOMEM : 0;
}

int intake_programs(struct model_builder *b, const struct intake *in, struct cell_key *key)
{
	const struct tkit_event *event = in->event;
	bool has_exe = event->valid & TKIT_V_EXE;
	uint32_t exe = 0;

	if (has_exe) {
		exe = intern_add(&b->names, event->exe, NULL);
		if (exe == INTERN_NONE)
			return -ENOMEM;
	}
	if (event->type == TKIT_EVENT_EXEC) {
		if (event->valid & TKIT_V_PID)
			key->program = pids_get(&in->run->pids, event->pid);
		key->image = exe;
		return 0;
	}
	/* Of a REPEAT the process may run another program by now, or be another one. */
	if (event->pflags & TKIT_P_REPEAT) {
		key->program = exe;
		return 0;
	}
	if (!has_exe) {
		if (event->valid & TKIT_V_PID)
			key->program = pids_get(&in->run->pids, event->pid);
		return 0;
	}
	key->program = exe;
	/* The snapshot is made beside the trace: what an exec has told is newer. */
	if (event->op == TKIT_OP_HELD && event->valid & TKIT_V_PID &&
	    pids_get(&in->run->pids, event->pid))
		return 0;
	return event->valid & TKIT_V_PID ? pids_set(&in->run->pids, event->pid, exe) : 0;
}

/* The call's flags, where they are bits that can be put together. */
static uint64_t flag_bits(const struct tkit_event *event)
{
	return event->valid & TKIT_V_FLAGS && event->op != TKIT_OP_QUOTACTL ? event->flags : 0;
}

static uint8_t variant_of(const struct tkit_event *event)
{
	static const struct {
		uint32_t pflag;
		uint8_t variant;
	} rows[] = {{TKIT_P_NOFOLLOW, CELL_NOFOLLOW}, {TKIT_P_FD, CELL_FD},
		    {TKIT_P_DELETED, CELL_DELETED},   {TKIT_P_OUTSIDE_ROOT, CELL_OUTSIDE},
		    {TKIT_P_RES_TRUNC, CELL_RES_CUT}, {TKIT_P_TRUNCATED, CELL_CUT}};
	uint8_t variant = event->type == TKIT_EVENT_EXEC ? CELL_EXEC : 0;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (event->pflags & rows[i].pflag)
			variant |= rows[i].variant;
	return variant;
}

void intake_kind(const struct tkit_event *event, struct cell *cell)
{
	struct cell_key *key = &cell->key;

	*cell = (struct cell){.key = {.aux = INTERN_NONE,
				      .sysno = INTERN_NONE,
				      .op = event->op,
				      .err = CELL_ERR_UNKNOWN,
				      .evidence = (uint8_t)evidence_of(event),
				      .variant = variant_of(event),
				      .via = (uint8_t)event->via},
			      .flags = flag_bits(event),
			      .requested = INTERN_NONE,
			      .base = INTERN_NONE,
			      .root = INTERN_NONE,
			      .resolved = INTERN_NONE,
			      .pflags = event->pflags & ~(TKIT_P_CREATED | TKIT_P_REPEAT),
			      .has_pid = !!(event->valid & TKIT_V_PID),
			      .has_flags = !!(event->valid & TKIT_V_FLAGS)};
	if (event->valid & TKIT_V_ERR && event->err >= 0 && event->err <= INT16_MAX)
		key->err = (int16_t)event->err;
	if (event->valid & TKIT_V_SYSNO) {
		key->sysno = (uint32_t)event->sysno;
		key->arch = (uint8_t)event->arch;
	}
}

int intake_cell(struct model_builder *b, const struct intake *in, struct cell *cell)
{
	const struct tkit_event *event = in->event;
	struct cell_key *key = &cell->key;
	int rc;

	intake_kind(event, cell);
	key->run = in->run_index;
	cell->count = in->count;
	cell->first_seq = cell->last_seq = in->seq;
	cell->first_ns = cell->last_ns = in->ns;
	if (cell->has_pid)
		cell->first_pid = event->pid;
	if ((event->valid & TKIT_V_INODE) && (event->mode & 0170000) == 0040000)
		cell->pflags |= TKIT_P_DIRECTORY;
	/* It was so before all else, whenever it was read. */
	if (event->op == TKIT_OP_HELD && event->via == TKIT_VIA_SNAPSHOT)
		cell->first_seq = cell->last_seq = 0;
	rc = intake_programs(b, in, key);
	if (!rc)
		rc = find_name(b, event, key);
	if (!rc && intake_has_resolved(event))
		rc = intake_keep(b, true, event->resolved, &cell->resolved);
	if (!rc && cell->resolved != INTERN_NONE && key->path != INTERN_NONE &&
	    intake_resolved_counts(event->resolved))
		key->aux = cell->resolved;
	return rc;
}
