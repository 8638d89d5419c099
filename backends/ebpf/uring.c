// SPDX-License-Identifier: MIT
/* Requests to io_uring: a record of the request and one of its end make an access. */
#include <stdlib.h>
#include <string.h>

#include "ebpf.h"

/* IORING_OP_* -> number of the call of the same name, x86-64; 0: names no file */
static const unsigned short calls[EBPF_URING_LIMIT] = {
	[18] = 257, /* openat */
	[21] = 332, /* statx */
	[28] = 437, /* openat2 */
	[35] = 316, /* renameat2 */
	[36] = 263, /* unlinkat */
	[37] = 258, /* mkdirat */
	[38] = 266, /* symlinkat */
	[39] = 265, /* linkat */
	[41] = 190, /* fsetxattr */
	[42] = 188, /* setxattr */
	[43] = 193, /* fgetxattr */
	[44] = 191, /* getxattr */
};

int uring_nr(int opcode)
{
	return opcode >= 0 && opcode < EBPF_URING_LIMIT ? calls[opcode] : 0;
}

static const struct ebpf_event *request_of(const struct text *record)
{
	return (const void *)record->bytes;
}

static unsigned int facts_of(const struct ebpf_event *ev)
{
	return !!(ev->strings[0].flags & EBPF_S_PRESENT) +
	       !!(ev->strings[1].flags & EBPF_S_PRESENT);
}

/* A request that was to be silent when it succeeds. With `ended` it certainly has. */
static void end_silent(struct ebpf *e, const struct text *record, bool ended)
{
	struct ebpf_event *ev = malloc(record->len);
	size_t used = e->used;

	e->extra += facts_of(request_of(record));
	if (!ev) {
		decode_lose(e, TKIT_LOSS_UNFINISHED, facts_of(request_of(record)),
			    "no memory for an io_uring request");
		return;
	}
	memcpy(ev, record->bytes, record->len);
	ev->bits |= ended ? EBPF_E_NO_RET : EBPF_E_NO_RET | EBPF_E_NO_ERR;
	decode_access(e, ev);
	e->used = used;
	free(ev);
}

void uring_submitted(struct ebpf *e, const struct ebpf_event *ev)
{
	struct known *slot = table_get(&e->requests, ev->request);

	if (!slot) /* its end will be told as lost */
		return;
	if (slot->request && (ev->bits & EBPF_E_AGAIN))
		end_silent(e, slot->request, true);
	text_unref(slot->request);
	slot->request = text_new((struct tkit_bytes){(const char *)ev, sizeof(*ev) + ev->len});
}

/* The request's record with the result of its end. NULL: no memory. */
static struct ebpf_event *join(const struct text *record, const struct ebpf_event *end)
{
	struct ebpf_event *ev = malloc(record->len + end->len);
	struct ebpf_walk *walk;

	if (!ev)
		return NULL;
	memcpy(ev, record->bytes, record->len);
	memcpy(ev->data + ev->len, end->data, end->len);
	walk = &ev->walks[EBPF_WALK_RESOLVED];
	*walk = end->walks[EBPF_WALK_RESOLVED];
	walk->off = (unsigned short)(walk->off + ev->len);
	ev->len += end->len;
	ev->ts = end->ts;
	ev->ret = end->ret;
	ev->bits |= end->bits;
	if (end->bits & EBPF_E_FILE)
		ev->inodes[0] = end->inodes[0];
	return ev;
}

void uring_ended(struct ebpf *e, const struct ebpf_event *end)
{
	struct known *slot = table_find(&e->requests, end->request);
	struct ebpf_event *ev = slot && slot->request ? join(slot->request, end) : NULL;

	if (ev && end->facts)
		decode_access(e, ev);
	else if (end->facts)
		decode_lose(e, TKIT_LOSS_UNFINISHED, end->facts,
			    "no memory for an io_uring request");
	free(ev);
	table_drop(&e->requests, end->request);
}

void uring_rest(struct ebpf *e)
{
	for (size_t i = 0; i < e->requests.room; i++) {
		struct known *slot = &e->requests.slots[i];
		unsigned int facts;

		/* What the kernel does not know any more has ended, and its end was lost. */
		if (!slot->key || !slot->request || !load_has_request(e, slot->key))
			continue;
		e->used = 0;
		if (request_of(slot->request)->bits & EBPF_E_SILENT) {
			end_silent(e, slot->request, false);
			continue;
		}
		facts = facts_of(request_of(slot->request));
		e->extra += facts;
		decode_lose(e, TKIT_LOSS_UNFINISHED, facts, "io_uring request under way");
	}
	table_clear(&e->requests);
}
