// SPDX-License-Identifier: MIT
/*
 * What static analysis knows against what was loaded: libraries that no DT_NEEDED names, and
 * names in DT_NEEDED that nothing opened.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <elf.h>

#include <tkit/image.h>

#include "enrich/elf.h"
#include "enrich/enrich.h"
#include "rootfs/rootfs.h"
#include "util/buf.h"
#include "util/bytes.h"
#include "util/cleanup.h"

/* Canonical names, each with the file that asks for it. */
struct set {
	struct intern names;
	struct tkit_bytes *by; /* in the model's texts */
	uint32_t room;
};

struct pass {
	struct tkit_model *model;
	struct set opened;   /* `by` not used */
	struct set programs; /* executed */
	struct set needed;   /* by what was executed */
	struct set brought;  /* by hidden libraries */
	struct set *into;
	struct tkit_bytes program;      /* in the model's texts */
	struct tkit_unused_need *needs; /* all of them */
	size_t count;
	size_t room;
};

static struct tkit_bytes keep(struct tkit_model *m, struct tkit_bytes text)
{
	uint32_t id = intern_add(&m->texts, text, NULL);

	return id == INTERN_NONE ? BYTES(NULL, 0) : intern_get(&m->texts, id);
}

/* 1 if it is new. */
static int set_add(struct set *set, struct tkit_bytes name, struct tkit_bytes by)
{
	int is_new;
	uint32_t id = intern_add(&set->names, name, &is_new);

	if (id == INTERN_NONE)
		return -ENOMEM;
	if (id >= set->room) {
		uint32_t room = set->room ? set->room * 2 : 64;
		struct tkit_bytes *more = reallocarray(set->by, room, sizeof(*more));

		if (!more)
			return -ENOMEM;
		set->by = more;
		set->room = room;
	}
	if (is_new)
		set->by[id] = by;
	return is_new;
}

static void set_done(struct set *set)
{
	intern_done(&set->names);
	free(set->by);
}

/* Where a path of the model ends. 1, 0 if it does not, -ENOMEM. */
static int canonical(struct tkit_model *m, const struct tkit_path *path, struct buf *out)
{
	struct rootfs_walk walk = {0};
	int rc = rootfs_resolve(m->rootfs, &walk, path->name, out);

	return rc == -ENOMEM ? rc : rc == 0;
}

static int note_need(struct pass *p, const struct tkit_need *need, struct tkit_bytes by)
{
	struct tkit_unused_need *at;

	if (p->count == p->room) {
		size_t room = p->room ? p->room * 2 : 128;
		struct tkit_unused_need *more = reallocarray(p->needs, room, sizeof(*more));

		if (!more)
			return -ENOMEM;
		p->needs = more;
		p->room = room;
	}
	at = &p->needs[p->count];
	*at = (struct tkit_unused_need){.asked = keep(p->model, need->asked),
					.canonical = keep(p->model, need->canonical),
					.by = by,
					.program = p->program};
	if (!at->asked.ptr || !at->canonical.ptr)
		return -ENOMEM;
	p->count++;
	return 0;
}

static int add_need(void *arg, const struct tkit_need *need)
{
	struct pass *p = arg;
	struct tkit_bytes by = keep(p->model, need->by);
	int rc = 0;

	if (!by.ptr)
		return -ENOMEM;
	if (need->canonical.len)
		rc = set_add(p->into, need->canonical, by);
	if (rc >= 0 && p->into == &p->needed && !need->interpreter)
		rc = note_need(p, need, by);
	return rc < 0 ? rc : 0;
}

static int needs_of(struct pass *p, struct tkit_bytes file, struct set *into)
{
	int rc;

	p->into = into;
	p->program = keep(p->model, file);
	if (!p->program.ptr)
		return -ENOMEM;
	rc = tkit_rootfs_needs(p->model->rootfs, p->program, add_need, p);
	return rc == -ENOMEM ? rc : 0;
}

/* What was executed, and its closure. */
static int add_path(struct pass *p, const struct tkit_path *path)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT;
	struct tkit_bytes name;
	int rc;

	if (!(path->state & TKIT_PATH_SUCCEEDED))
		return 0;
	rc = canonical(p->model, path, &out);
	if (rc <= 0)
		return rc;
	name = BYTES(out.data, out.size);
	rc = set_add(&p->opened, name, BYTES("", 0));
	if (rc < 0 || !(path->state & TKIT_PATH_EXECUTED))
		return rc < 0 ? rc : 0;
	rc = set_add(&p->programs, name, BYTES("", 0));
	return rc <= 0 ? rc : needs_of(p, name, &p->needed);
}

static bool was_opened(const struct tkit_model *m, const struct tkit_path *path)
{
	const struct tkit_access *access;

	for (size_t i = 0; (access = tkit_model_access(m, path, i)); i++)
		if (!access->err && tkit_op_class(access->op) == TKIT_CLASS_CONTENT)
			return true;
	return false;
}

static bool is_library(struct tkit_bytes name)
{
	return memmem(name.ptr, name.len, ".so", 3) != NULL;
}

/* ELF or not; and a library that nothing executed needs. */
static int annotate(struct pass *p, struct tkit_path *path, struct buf *out)
{
	_cleanup_(elf_facts_done) struct elf_facts facts = {0};
	_cleanup_close_ int fd = -1;
	struct tkit_bytes name;
	struct stat st;
	uint32_t id;
	int rc = path->state & TKIT_PATH_SUCCEEDED ? canonical(p->model, path, out) : 0;

	path->enriched |= TKIT_ENRICHED_ELF;
	path->elf = 0;
	name = BYTES(out->data, out->size);
	if (rc <= 0 || tkit_rootfs_lstat(p->model->rootfs, name, &st) < 0 || !S_ISREG(st.st_mode) ||
	    tkit_model_created(p->model, path->name))
		return rc < 0 ? rc : 0;
	fd = tkit_rootfs_openfile(p->model->rootfs, name);
	if (fd < 0 || elf_facts_read(fd, &facts) < 0)
		return 0;
	path->elf = TKIT_ELF_FILE;
	id = intern_find(&p->needed.names, name);
	if (id != INTERN_NONE) {
		path->elf |= TKIT_ELF_NEEDED;
		path->elf_by = p->needed.by[id];
		return 0;
	}
	if (facts.type != ET_DYN || (facts.interp && !is_library(name)) ||
	    intern_find(&p->programs.names, name) != INTERN_NONE || !was_opened(p->model, path))
		return 0;
	path->elf |= TKIT_ELF_HIDDEN;
	return needs_of(p, name, &p->brought);
}

static int compare_needs(const void *a, const void *b)
{
	const struct tkit_unused_need *x = a, *y = b;
	int c = bytes_cmp(x->asked, y->asked);

	if (!c)
		c = bytes_cmp(x->by, y->by);
	return c ? c : bytes_cmp(x->program, y->program);
}

/* Of all needs those that nothing opened, each once. */
static void keep_unused(struct pass *p)
{
	size_t kept = 0;

	if (p->count)
		qsort(p->needs, p->count, sizeof(*p->needs), compare_needs);
	for (size_t i = 0; i < p->count; i++) {
		const struct tkit_unused_need *need = &p->needs[i];

		if (need->canonical.len &&
		    intern_find(&p->opened.names, need->canonical) != INTERN_NONE)
			continue;
		if (!kept || compare_needs(&p->needs[kept - 1], need) != 0)
			p->needs[kept++] = *need;
	}
	free(p->model->unused_needs);
	p->model->unused_needs = p->needs;
	p->model->unused_need_count = kept;
	p->needs = NULL;
}

int enrich_needs(struct tkit_model *model, struct err *err)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT;
	struct pass p = {.model = model};
	int rc = 0;

	intern_init(&p.opened.names);
	intern_init(&p.programs.names);
	intern_init(&p.needed.names);
	intern_init(&p.brought.names);
	for (uint32_t i = 0; rc >= 0 && i < model->path_count; i++)
		rc = add_path(&p, &model->paths[i].pub);
	for (uint32_t i = 0; rc >= 0 && i < model->path_count; i++)
		rc = annotate(&p, &model->paths[i].pub, &out);
	for (uint32_t i = 0; rc >= 0 && i < model->path_count; i++) {
		struct tkit_path *path = &model->paths[i].pub;
		uint32_t id;

		if (!(path->elf & TKIT_ELF_HIDDEN))
			continue;
		rc = canonical(model, path, &out);
		id = rc > 0 ? intern_find(&p.brought.names, BYTES(out.data, out.size))
			    : INTERN_NONE;
		if (id != INTERN_NONE)
			path->elf_by = p.brought.by[id];
	}
	if (rc >= 0)
		keep_unused(&p);
	free(p.needs);
	set_done(&p.opened);
	set_done(&p.programs);
	set_done(&p.needed);
	set_done(&p.brought);
	return rc < 0 ? err_sys(err, rc, "no memory") : 0;
}
