// SPDX-License-Identifier: MIT
/* Findings, stages, lent memory, and lives that are repeated to see what they leave behind. */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <tkit/backend.h>

#include "util/cleanup.h"
#include "vet/pipe.h"
#include "vet/priv.h"

/* Lives before memory is measured, and while it is. Fewer of a life that takes its time. */
#define WARM        4
#define MEASURED    8
#define SLOW_NS     30000000u
#define ARENA_BYTES (256u << 20) /* of address space */
#define LEAK_BYTES  16u          /* smallest block that malloc(3) gives */

__attribute__((format(printf, 3, 0))) static void tell(struct vet *vet, const char *id,
						       const char *fmt, va_list ap)
{
	struct vet_message message = {0};

	snprintf(message.id, sizeof(message.id), "%s", id ? id : "");
	vsnprintf(message.text, sizeof(message.text), fmt, ap);
	for (char *c = message.text; *c; c++)
		if (*c == '\n')
			*c = ' ';
	message.kind = id ? VET_MESSAGE_FOUND : VET_MESSAGE_NOTE;
	vet_send(vet->pipe, &message);
}

void vet_found(struct vet *vet, const char *id, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	tell(vet, id, fmt, ap);
	va_end(ap);
}

void vet_note(struct vet *vet, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	tell(vet, NULL, fmt, ap);
	va_end(ap);
}

void vet_stage_as(struct vet *vet, const char *stage, const char *id, const char *text)
{
	vet->shared->crash_id = id;
	vet->shared->crash_text = text;
	snprintf(vet->shared->stage, sizeof(vet->shared->stage), "%s", stage);
	__atomic_add_fetch(&vet->shared->beats, 1, __ATOMIC_RELEASE);
}

void vet_stage(struct vet *vet, const char *stage)
{
	vet_stage_as(vet, stage, NULL, NULL);
}

bool vet_result(struct vet *vet, const char *stage, struct tkit_ctx *ctx, int rc, int max)
{
	vet_stage(vet, "");
	if (rc > max || (rc < 0 && !strerrorname_np(-rc))) {
		vet_found(vet, VET_RETURN, "%s returned %d, which is neither 0..%d nor -errno",
			  stage, rc, max);
	} else if (rc < 0 && !ctx->err.rc) {
		vet_found(vet, VET_SILENT, "%s failed (%s) without saying why: use tkit_fail()",
			  stage, strerror(-rc));
	}
	if (ctx->err.rc && strchr(err_text(&ctx->err), '\n'))
		vet_found(vet, VET_SILENT, "%s: the cause that it recorded is more than one line",
			  stage);
	return rc >= 0;
}

void vet_self(struct vet *vet, const char *stage, int rc, const void *self)
{
	if (rc < 0 && self != VET_SELF_POISON)
		vet_found(vet, VET_OUTPUT, "%s failed, but has set *ret_self", stage);
}

void vet_refused(struct vet *vet, struct tkit_ctx *ctx, const char *stage)
{
	vet_note(vet, "%s: %s; its behaviour was not checked (--options gives it options)", stage,
		 err_text(&ctx->err));
	vet->stopped = true;
}

/* ---- lent memory ---- */

int loan_new(struct vet *vet, struct loan *loan, size_t size)
{
	struct vet_shared *shared = vet->shared;

	if (!shared->arena) {
		void *arena = mmap(NULL, ARENA_BYTES, PROT_NONE,
				   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

		if (arena == MAP_FAILED)
			return -errno;
		shared->arena_size = ARENA_BYTES;
		shared->arena = (uintptr_t)arena;
	}
	/* The place that was lent longest ago is lent again. */
	if (size > ARENA_BYTES - vet->lent)
		vet->lent = 0;
	*loan = (struct loan){
		.shared = shared, .size = size, .data = (char *)shared->arena + vet->lent};
	vet->lent += size;
	return mprotect(loan->data, size, PROT_READ | PROT_WRITE) ? -errno : 0;
}

void *loan_take(struct loan *loan, size_t size)
{
	void *p = loan->data + loan->used;

	size = (size + 15) & ~(size_t)15;
	if (size > loan->size - loan->used)
		abort(); /* the samples are of a fixed size */
	loan->used += size;
	return p;
}

const char *loan_text(struct loan *loan, const char *text)
{
	size_t size = strlen(text) + 1;

	return memcpy(loan_take(loan, size), text, size);
}

void loan_give(struct loan *loan)
{
	mprotect(loan->data, loan->size, PROT_READ);
	for (size_t i = 0; i < LOANS_MAX; i++)
		if (!loan->shared->lent[i].size) {
			loan->shared->lent[i].at = (uintptr_t)loan->data;
			loan->shared->lent[i].size = loan->size;
			return;
		}
}

void loan_end(struct loan *loan)
{
	for (size_t i = 0; i < LOANS_MAX; i++)
		if (loan->shared->lent[i].at == (uintptr_t)loan->data)
			loan->shared->lent[i].size = 0;
	mprotect(loan->data, loan->size, PROT_NONE);
	madvise(loan->data, loan->size, MADV_DONTNEED);
}

/* ---- lives ---- */

struct life {
	struct vet *vet;
	vet_life run;
};

static void *live(void *arg)
{
	struct life *life = arg;
	sigset_t before, after;

	pthread_sigmask(SIG_SETMASK, NULL, &before);
	life->run(life->vet);
	pthread_sigmask(SIG_SETMASK, NULL, &after);
	for (int s = 1; s <= SIGRTMAX; s++)
		if (sigismember(&before, s) != sigismember(&after, s))
			vet_found(life->vet, VET_PROCESS, "leaves signal %d (%s) %s", s,
				  strsignal(s), sigismember(&after, s) ? "blocked" : "unblocked");
	return NULL;
}

/*
 * As in a session: all calls on one thread, and not the main one. With the thread malloc's
 * cache of it ends, too, so that what is in use afterwards is what nobody has freed.
 */
void vet_live(struct vet *vet, vet_life life)
{
	struct life one = {vet, life};
	pthread_t thread;

	if (pthread_create(&thread, NULL, live, &one) == 0)
		pthread_join(thread, NULL);
	else
		vet_note(vet, "no thread for an instance");
}

static uint64_t grown(struct vet *vet, vet_life life, unsigned int times)
{
	uint64_t before = residue_memory(), after;

	for (unsigned int i = 0; i < times && !vet->stopped; i++)
		vet_live(vet, life);
	after = residue_memory();
	return after > before ? after - before : 0;
}

void vet_lives(struct vet *vet, const char *what, vet_life life)
{
	unsigned int warm = WARM, times = MEASURED;
	struct residue *before;
	uint64_t start, bytes, again;

	if (vet->stopped)
		return;
	start = tkit_now_ns();
	before = residue_new();
	vet_live(vet, life); /* what libraries set up once is not the plugin's */
	if (before)
		residue_settings(vet, before);
	free(before);
	if (vet->stopped)
		return;
	if (tkit_now_ns() - start > SLOW_NS) {
		warm = 1;
		times = 3;
	}
	before = residue_new();
	vet_live(vet, life);
	if (residue_check(vet, before, "close()"))
		return; /* what is left running is not free of memory */
	grown(vet, life, warm);
	bytes = grown(vet, life, times);
	again = bytes >= times * LEAK_BYTES ? grown(vet, life, times) : 0;
	if (again >= times * LEAK_BYTES)
		vet_found(vet, VET_LEAK, "leaks memory: about %llu bytes with each %s",
			  (unsigned long long)((bytes < again ? bytes : again) / times), what);
}
