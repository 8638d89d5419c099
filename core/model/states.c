// SPDX-License-Identifier: MIT
/* States of names and paths over all runs, and what renames imply. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "model/facts.h"
#include "util/bytes.h"

int model_index(struct tkit_model *m)
{
	uint32_t count = m->cells.count, *at;
	uint32_t *parents;
	uint8_t *states;

	free(m->by_run);
	free(m->run_first);
	m->by_run = malloc((count ? count : 1) * sizeof(*m->by_run));
	m->run_first = calloc(m->run_count + 2, sizeof(*m->run_first));
	if (!m->by_run || !m->run_first)
		return -ENOMEM;
	/* Counting sort; run_first[r + 1] runs ahead to where the next cell of r goes. */
	for (uint32_t i = 0; i < count; i++) {
		uint32_t run = model_cell(m, i)->key.run;

		if (run < m->run_count)
			m->run_first[run + 2]++;
	}
	for (uint32_t r = 2; r < m->run_count + 2; r++)
		m->run_first[r] += m->run_first[r - 1];
	at = m->run_first + 1;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t run = model_cell(m, i)->key.run;

		if (run < m->run_count)
			m->by_run[at[run]++] = i;
	}
	m->name_count = m->names.count;
	parents = realloc(m->parents, m->name_count * sizeof(*parents));
	if (parents)
		m->parents = parents;
	states = realloc(m->name_state, m->name_count);
	if (states)
		m->name_state = states;
	if (!parents || !states)
		return -ENOMEM;
	memset(parents, 0xff, m->name_count * sizeof(*parents));
	return 0;
}

/* Renames and bind mounts of names that were there before, found by the new name. */
struct moves {
	struct move {
		uint32_t cell;
		uint32_t next; /* move to the same name; INTERN_NONE */
	} * list;
	uint32_t *heads; /* by name id of the new name */
	uint32_t name_count;
	uint32_t count;
	uint32_t room;
};

/* Cuts the last component off; false at the end. */
static bool go_up(struct tkit_bytes *name)
{
	while (name->len > 1 && name->ptr[name->len - 1] != '/')
		name->len--;
	if (name->len <= 1)
		return false;
	name->len--;
	return true;
}

/* The name, or one above it, was moved there in this run. */
static bool was_moved(const struct tkit_model *m, const struct moves *moves, uint32_t name)
{
	struct tkit_bytes text = intern_get(&m->names, name);

	do {
		uint32_t id = intern_find(&m->names, text);

		if (id < moves->name_count && moves->heads[id] != INTERN_NONE)
			return true;
	} while (go_up(&text));
	return false;
}

/* Cells come in the order of their first events, so a chain of moves is found in order. */
static int find_moves(struct tkit_model *m, struct facts *facts, uint32_t run, struct moves *moves)
{
	for (uint32_t i = 0; i < moves->count; i++)
		moves->heads[model_cell(m, moves->list[i].cell)->key.path] = INTERN_NONE;
	moves->count = 0;
	for (uint32_t i = m->run_first[run]; i < m->run_first[run + 1]; i++) {
		const struct cell *cell = model_cell(m, m->by_run[i]);

		if ((cell->key.op != TKIT_OP_RENAME_TO && cell->key.op != TKIT_OP_MOUNT) ||
		    cell->key.err > 0 || cell->key.path == INTERN_NONE ||
		    cell->key.aux == INTERN_NONE || cell->key.aux == cell->key.path ||
		    (facts_outcome(facts, cell->key.aux) == NAME_CREATED &&
		     !was_moved(m, moves, cell->key.aux)))
			continue;
		if (moves->count == moves->room) {
			uint32_t room = moves->room ? moves->room * 2 : 64;
			struct move *list = realloc(moves->list, room * sizeof(*list));

			if (!list)
				return -ENOMEM;
			memset(list + moves->room, 0, (room - moves->room) * sizeof(*list));
			moves->list = list;
			moves->room = room;
		}
		moves->list[moves->count] =
			(struct move){m->by_run[i], moves->heads[cell->key.path]};
		moves->heads[cell->key.path] = moves->count++;
	}
	return 0;
}

/* A cell below a move's new name (`to_len` of its bytes): adds it below the old name. */
static int imply(struct tkit_model *m, uint32_t index, uint32_t move_index, size_t to_len)
{
	const struct cell *cell = model_cell(m, index), *move = model_cell(m, move_index);
	struct tkit_bytes name = intern_get(&m->names, cell->key.path);
	struct tkit_bytes from = intern_get(&m->names, move->key.aux);
	uint64_t words[CELL_KEY_WORDS];
	struct cell add, *new_cell;
	char buf[2 * PATH_MAX];
	int is_new;

	if (cell->last_seq <= move->first_seq || from.len + (name.len - to_len) > sizeof(buf))
		return 0;
	add = *cell;
	memcpy(buf, from.ptr, from.len);
	memcpy(buf + from.len, name.ptr + to_len, name.len - to_len);
	add.key.path = intern_add(&m->names, BYTES(buf, from.len + (name.len - to_len)), NULL);
	if (add.key.path == INTERN_NONE)
		return -ENOMEM;
	add.key.aux = INTERN_NONE;
	add.key.evidence = cell->key.err ? EVIDENCE_NONE : EVIDENCE_AFTER;
	add.key.variant |= CELL_INFERRED;
	add.requested = add.base = add.root = add.resolved = INTERN_NONE;
	memcpy(words, &add.key, sizeof(words));
	new_cell = keyed_get(&m->cells, words, &is_new);
	if (!new_cell)
		return -ENOMEM;
	if (is_new)
		*new_cell = add;
	return 0;
}

static int imply_all(struct tkit_model *m, const struct moves *moves, uint32_t index)
{
	const struct cell *cell = model_cell(m, index);
	struct tkit_bytes above;
	int rc = 0;

	if (cell->key.err > 0 || cell->key.path == INTERN_NONE)
		return 0;
	above = intern_get(&m->names, cell->key.path);
	while (!rc && go_up(&above)) {
		uint32_t id = intern_find(&m->names, above);

		if (id >= moves->name_count)
			continue;
		for (uint32_t k = moves->heads[id]; !rc && k != INTERN_NONE;
		     k = moves->list[k].next)
			rc = imply(m, index, moves->list[k].cell, above.len);
	}
	return rc;
}

/* All cells of the run below moved names; what is added is looked at, too (two moves). */
static int infer_run(struct tkit_model *m, uint32_t run, const struct moves *moves)
{
	uint32_t added = m->cells.count;
	int rc = 0;

	for (uint32_t i = m->run_first[run]; !rc && i < m->run_first[run + 1]; i++)
		rc = imply_all(m, moves, m->by_run[i]);
	for (int depth = 0; !rc && depth < 8; depth++)
		for (uint32_t end = m->cells.count; !rc && added < end; added++)
			rc = imply_all(m, moves, added);
	return rc;
}

int model_infer(struct tkit_model *m)
{
	struct moves moves = {.name_count = m->name_count};
	struct facts facts = {0};
	uint32_t before = m->cells.count;
	int rc = facts_init(&facts, m);

	moves.heads = malloc(m->name_count * sizeof(*moves.heads));
	if (!moves.heads)
		rc = -ENOMEM;
	else
		memset(moves.heads, 0xff, m->name_count * sizeof(*moves.heads));
	for (uint32_t run = 0; !rc && run < m->run_count; run++) {
		facts_collect(&facts, run);
		rc = find_moves(m, &facts, run, &moves);
		if (!rc && moves.count)
			rc = infer_run(m, run, &moves);
	}
	free(moves.list);
	free(moves.heads);
	facts_done(&facts);
	return rc || before == m->cells.count ? rc : model_index(m);
}

static void path_state(struct tkit_model *m, struct facts *facts, uint32_t name)
{
	struct model_path *path = &m->paths[m->path_of[name]];
	const struct fact *fact = &facts->by_name[name];
	unsigned int outcome = facts_outcome(facts, name);

	/* Under its canonical name more may be known: who made it there. */
	if (m->canon && m->canon[name] != name) {
		unsigned int canonical = facts_outcome(facts, m->canon[name]);

		if (canonical)
			outcome = canonical;
	}
	if (outcome & NAME_EXISTED)
		path->pub.state |= TKIT_PATH_EXISTED;
	if (outcome & NAME_CREATED)
		path->pub.state |= TKIT_PATH_CREATED;
	if (outcome & NAME_UNSURE)
		path->pub.state |= TKIT_PATH_UNSURE;
	if (fact->first_seq == SEQ_NONE || fact->last_kind != EVIDENCE_ABSENT)
		path->pub.state &= ~TKIT_PATH_MISSING;
}

/* Each path that has a cell in the run, once. `stamp` is by path. */
static void paths_of_run(struct tkit_model *m, struct facts *facts, uint32_t run, uint32_t *stamp)
{
	for (uint32_t i = m->run_first[run]; i < m->run_first[run + 1]; i++) {
		uint32_t name = model_cell(m, m->by_run[i])->key.path;

		if (name == INTERN_NONE || stamp[m->path_of[name]] == run + 1)
			continue;
		stamp[m->path_of[name]] = run + 1;
		m->paths[m->path_of[name]].pub.runs++;
		path_state(m, facts, name);
	}
}

int model_states(struct tkit_model *m)
{
	const uint32_t open_bits = TKIT_PATH_EXISTED | TKIT_PATH_CREATED | TKIT_PATH_UNSURE;
	uint32_t *stamp = calloc(m->path_count + 1, sizeof(*stamp));
	struct facts facts;
	int rc = facts_init(&facts, m);

	if (!stamp)
		rc = -ENOMEM;
	memset(m->name_state, 0, m->name_count);
	for (uint32_t i = 0; i < m->path_count; i++) {
		m->paths[i].pub.runs = 0;
		m->paths[i].pub.state = (m->paths[i].pub.state & ~open_bits) | TKIT_PATH_MISSING;
	}
	for (uint32_t run = 0; !rc && run < m->run_count; run++) {
		facts_collect(&facts, run);
		paths_of_run(m, &facts, run, stamp);
		for (uint32_t i = 0; i < facts.touched_count; i++)
			m->name_state[facts.touched[i]] |=
				(uint8_t)facts_outcome(&facts, facts.touched[i]);
	}
	facts_done(&facts);
	free(stamp);
	return rc;
}

int tkit_model_created(const struct tkit_model *model, struct tkit_bytes name)
{
	struct tkit_bytes whole = name;
	bool exact = true;

	while (name.len && name.ptr[0] == '/') {
		uint32_t id = intern_find(&model->names, name);
		unsigned int state = id < model->name_count ? model->name_state[id] : 0;

		if (state == NAME_CREATED)
			return !name_has_dotdot(BYTES(whole.ptr + name.len, whole.len - name.len));
		/* It was there itself; what is above it does not matter. */
		if (exact && state)
			return 0;
		exact = false;
		if (!go_up(&name))
			break;
	}
	return 0;
}
