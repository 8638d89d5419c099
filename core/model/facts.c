// SPDX-License-Identifier: MIT
/*
 * The rules by which a run tells what was there before it. The first evidence on a name
 * decides; a name below a directory that the run made is the run's own; where that is
 * open (a directory that was there, went away and came back; a mount; a symbolic link of
 * the run's own) the answer is "unsure", and the root file system has to tell.
 */
#include "model/facts.h"

#include <errno.h>
#include <stdlib.h>

#include "util/bytes.h"

int facts_init(struct facts *facts, struct tkit_model *m)
{
	*facts = (struct facts){.model = m};
	facts->by_name = malloc(m->name_count * sizeof(*facts->by_name));
	facts->touched = malloc(m->name_count * sizeof(*facts->touched));
	if (!facts->by_name || !facts->touched)
		return -ENOMEM;
	for (uint32_t i = 0; i < m->name_count; i++)
		facts->by_name[i] = (struct fact){.first_seq = SEQ_NONE};
	return 0;
}

void facts_done(struct facts *facts)
{
	free(facts->by_name);
	free(facts->touched);
}

/* One piece of evidence at one moment. */
static void add_evidence(struct facts *facts, uint32_t name, uint64_t seq, enum evidence kind)
{
	struct fact *fact = &facts->by_name[name];

	if (fact->first_seq == SEQ_NONE) {
		*fact = (struct fact){.first_seq = seq,
				      .last_seq = seq,
				      .exist_seq = SEQ_NONE,
				      .create_seq = SEQ_NONE,
				      .mount_seq = SEQ_NONE,
				      .first_kind = (uint8_t)kind,
				      .last_kind = (uint8_t)kind};
		facts->touched[facts->touched_count++] = name;
	}
	if (seq < fact->first_seq) {
		fact->first_seq = seq;
		fact->first_kind = (uint8_t)kind;
	}
	if (seq > fact->last_seq) {
		fact->last_seq = seq;
		fact->last_kind = (uint8_t)kind;
	}
	if (kind != EVIDENCE_ABSENT && seq < fact->exist_seq) {
		fact->exist_seq = seq;
		fact->exist_kind = (uint8_t)kind;
	}
	if (kind == EVIDENCE_CREATES && seq < fact->create_seq)
		fact->create_seq = seq;
}

static void add_cell(struct facts *facts, const struct cell *cell, uint32_t name)
{
	enum evidence kind = cell->key.evidence;
	struct fact *fact;

	add_evidence(facts, name, cell->first_seq, kind);
	add_evidence(facts, name, cell->last_seq, kind);
	if (cell->key.err)
		return;
	fact = &facts->by_name[name];
	if (cell->key.op == TKIT_OP_SYMLINK)
		fact->flags |= FACT_BY_LINK;
	if (cell->key.op == TKIT_OP_MOUNT) {
		fact->flags |= FACT_MOUNTED;
		if (cell->first_seq < fact->mount_seq)
			fact->mount_seq = cell->first_seq;
	}
}

/* An access that ends at the run's own file says nothing on the name that led there. */
static void mark_link(struct facts *facts, const struct cell *cell)
{
	uint32_t path = cell->key.path, resolved = cell->resolved;

	if (cell->key.evidence != EVIDENCE_EXISTS || path == INTERN_NONE ||
	    resolved == INTERN_NONE || resolved == path)
		return;
	if (facts_outcome(facts, resolved) == NAME_CREATED)
		facts->by_name[path].flags |= FACT_LINK_TO_OWN;
}

void facts_collect(struct facts *facts, uint32_t run)
{
	struct tkit_model *m = facts->model;
	uint32_t from = m->run_first[run], to = m->run_first[run + 1];

	for (uint32_t i = 0; i < facts->touched_count; i++)
		facts->by_name[facts->touched[i]].first_seq = SEQ_NONE;
	facts->touched_count = 0;
	for (uint32_t i = from; i < to; i++) {
		const struct cell *cell = model_cell(m, m->by_run[i]);
		uint32_t path = cell->key.path, canon;

		if (path == INTERN_NONE || cell->key.evidence == EVIDENCE_NONE)
			continue;
		add_cell(facts, cell, path);
		canon = m->canon ? m->canon[path] : path;
		if (canon != path)
			add_cell(facts, cell, canon);
		if (cell->resolved != INTERN_NONE && cell->resolved != path &&
		    cell->resolved != canon)
			add_cell(facts, cell, cell->resolved);
	}
	for (uint32_t i = from; i < to; i++)
		mark_link(facts, model_cell(m, m->by_run[i]));
}

/* The nearest name above that the model knows; the name itself if there is none. */
static uint32_t parent_of(struct tkit_model *m, uint32_t name)
{
	struct tkit_bytes text = intern_get(&m->names, name);
	uint32_t found = name;

	if (m->parents[name] != INTERN_NONE)
		return m->parents[name];
	while (text.len > 1) {
		uint32_t id;

		while (text.len > 1 && text.ptr[text.len - 1] != '/')
			text.len--;
		if (text.len > 1)
			text.len--;
		id = intern_find(&m->names, text);
		if (id != INTERN_NONE && id < m->name_count) {
			found = id;
			break;
		}
	}
	m->parents[name] = found;
	return found;
}

/* Behind a symlink "x/.." need not be the directory above x. */
bool name_has_dotdot(struct tkit_bytes text)
{
	for (size_t i = 0; i + 2 < text.len; i++)
		if (text.ptr[i] == '/' && text.ptr[i + 1] == '.' && text.ptr[i + 2] == '.' &&
		    (i + 3 == text.len || text.ptr[i + 3] == '/'))
			return true;
	return false;
}

/* What the directories above make of a name that was first seen existing at `seq`. */
static unsigned int outcome_above(struct facts *facts, uint32_t name, uint64_t seq)
{
	const struct intern *names = &facts->model->names;
	struct tkit_bytes text = intern_get(names, name);

	for (uint32_t above = parent_of(facts->model, name); above != name;
	     name = above, above = parent_of(facts->model, name)) {
		const struct fact *fact = &facts->by_name[above];
		unsigned int outcome;
		size_t rest;

		if (fact->first_seq == SEQ_NONE)
			continue;
		if (fact->flags & FACT_MOUNTED && fact->mount_seq < seq)
			return NAME_UNSURE;
		if (fact->create_seq >= seq)
			continue;
		outcome = facts_outcome(facts, above);
		if (fact->flags & FACT_BY_LINK || outcome != NAME_CREATED)
			return NAME_UNSURE;
		rest = intern_get(names, above).len;
		if (name_has_dotdot(BYTES(text.ptr + rest, text.len - rest)))
			return NAME_UNSURE;
		return NAME_CREATED;
	}
	return NAME_EXISTED;
}

static unsigned int decide(struct facts *facts, uint32_t name, const struct fact *fact)
{
	unsigned int created = fact->create_seq == SEQ_NONE ? 0 : NAME_CREATED;
	unsigned int above;

	if (fact->exist_seq == SEQ_NONE)
		return 0;
	if (fact->exist_kind == EVIDENCE_CREATES)
		return NAME_CREATED;
	above = outcome_above(facts, name, fact->exist_seq);
	if (above == NAME_CREATED)
		return NAME_CREATED;
	if (fact->first_kind == EVIDENCE_ABSENT)
		/* It was not there. Who made it was seen, or was not. */
		return fact->exist_kind == EVIDENCE_AFTER ? NAME_CREATED : NAME_UNSURE | created;
	if (fact->exist_kind == EVIDENCE_AFTER || fact->flags & FACT_LINK_TO_OWN)
		return NAME_UNSURE | created;
	return above | created;
}

unsigned int facts_outcome(struct facts *facts, uint32_t name)
{
	struct fact *fact = &facts->by_name[name];

	if (fact->first_seq == SEQ_NONE)
		return 0;
	/* Of a name with a mark that comes later the answer must stay open until then. */
	if (!fact->decided || fact->flags & FACT_LINK_TO_OWN) {
		fact->outcome = (uint8_t)decide(facts, name, fact);
		fact->decided = 1;
	}
	return fact->outcome;
}
