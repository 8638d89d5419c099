// SPDX-License-Identifier: MIT
/* From cells to the sorted lists that reporters see. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/priv.h"
#include "util/bytes.h"

/* What the comparison functions need beside the two indexes. */
struct order {
	const struct tkit_model *model;
	const uint32_t *rank; /* of names, in byte order */
};

static int inferred(const struct cell *cell)
{
	return !!(cell->key.variant & CELL_INFERRED);
}

static int compare_u32(uint32_t a, uint32_t b)
{
	return a < b ? -1 : a > b;
}

static int compare_names(const void *a, const void *b, void *arg)
{
	const struct tkit_model *m = arg;

	return bytes_cmp(intern_get(&m->names, *(const uint32_t *)a),
			 intern_get(&m->names, *(const uint32_t *)b));
}

/* Two cells of one path. */
static int compare_cells(const void *a, const void *b, void *arg)
{
	const struct order *order = arg;
	const struct cell *x = model_cell(order->model, *(const uint32_t *)a);
	const struct cell *y = model_cell(order->model, *(const uint32_t *)b);
	int c = x->key.op - y->key.op;

	if (!c)
		c = x->key.err - y->key.err;
	if (!c)
		c = compare_u32(order->rank[x->key.program], order->rank[y->key.program]);
	if (!c)
		c = inferred(x) - inferred(y);
	if (!c)
		c = compare_u32(x->key.run, y->key.run);
	if (!c)
		c = x->first_seq < y->first_seq ? -1 : x->first_seq > y->first_seq;
	if (!c)
		c = bytes_cmp(
			x->resolved == INTERN_NONE ? BYTES_LIT("")
						   : intern_get(&order->model->names, x->resolved),
			y->resolved == INTERN_NONE ? BYTES_LIT("")
						   : intern_get(&order->model->names, y->resolved));
	return c;
}

/* Ranks of those names that are a path or a program; the rest stays 0. */
static int rank_names(struct tkit_model *m, uint32_t **ret_rank)
{
	uint32_t *rank = calloc(m->name_count, sizeof(*rank));
	uint32_t *used = malloc(m->name_count * sizeof(*used));
	uint32_t count = 0;

	if (!rank || !used) {
		free(rank);
		free(used);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < m->cells.count; i++) {
		const struct cell *cell = model_cell(m, i);

		if (cell->key.run >= m->run_count)
			continue;
		rank[cell->key.program] = 1;
		if (cell->key.path != INTERN_NONE)
			rank[cell->key.path] = 1;
	}
	for (uint32_t i = 0; i < m->name_count; i++)
		if (rank[i])
			used[count++] = i;
	qsort_r(used, count, sizeof(*used), compare_names, m);
	for (uint32_t i = 0; i < count; i++)
		rank[used[i]] = i;
	free(used);
	*ret_rank = rank;
	return 0;
}

static struct tkit_bytes name_or_empty(const struct tkit_model *m, uint32_t id)
{
	return id == INTERN_NONE ? BYTES_LIT("") : intern_get(&m->names, id);
}

static void first_of_access(const struct tkit_model *m, struct tkit_access *to,
			    const struct cell *cell)
{
	*to = (struct tkit_access){.op = cell->key.op,
				   .via = cell->key.via ? cell->key.via : TKIT_VIA_SYSCALL,
				   .err = cell->key.err,
				   .program = m->program_of[cell->key.program],
				   .nofollow_all = 1,
				   .first_run = cell->key.run,
				   .first_ns = cell->first_ns,
				   .first_pid = cell->first_pid,
				   .requested = name_or_empty(m, cell->requested),
				   .base = name_or_empty(m, cell->base),
				   .root = name_or_empty(m, cell->root),
				   .origin = inferred(cell) ? TKIT_ORIGIN_INFERRED
							    : TKIT_ORIGIN_OBSERVED};
}

static void add_to_access(const struct tkit_model *m, struct tkit_access *to,
			  const struct cell *cell, bool new_run)
{
	to->pflags |= cell->pflags;
	if (cell->key.evidence == EVIDENCE_CREATES && cell->key.op == TKIT_OP_OPEN)
		to->pflags |= TKIT_P_CREATED;
	if (!(cell->key.variant & CELL_NOFOLLOW))
		to->nofollow_all = 0;
	to->flags |= cell->flags;
	to->count = add_count(to->count, cell->count);
	if (cell->last_ns > to->last_ns)
		to->last_ns = cell->last_ns;
	if (new_run)
		to->runs++;
	if (!to->resolved.len)
		to->resolved = name_or_empty(m, cell->resolved);
}

static void add_to_path(struct model_path *path, const struct cell *cell)
{
	struct tkit_path *pub = &path->pub;

	if (cell->first_ns < pub->first_ns)
		pub->first_ns = cell->first_ns;
	if (cell->key.err == 0)
		pub->state |= TKIT_PATH_SUCCEEDED;
	else if (cell->key.err > 0)
		pub->state |= TKIT_PATH_FAILED;
	if (cell->key.err)
		return;
	if (cell->key.op == TKIT_OP_LIST)
		pub->state |= TKIT_PATH_LISTED;
	if (cell->key.op == TKIT_OP_EXEC || cell->key.op == TKIT_OP_INTERP)
		pub->state |= TKIT_PATH_EXECUTED;
}

static bool same_access(const struct cell *a, const struct cell *b)
{
	return a->key.path == b->key.path && a->key.op == b->key.op && a->key.err == b->key.err &&
	       a->key.program == b->key.program && inferred(a) == inferred(b);
}

/* `sorted`: the cells that have a path, in order. */
static int fold_sorted(struct tkit_model *m, const uint32_t *sorted, uint32_t count)
{
	const struct cell *before = NULL;
	struct model_path *path = NULL;
	struct tkit_access *access = NULL;

	m->accesses = calloc(count ? count : 1, sizeof(*m->accesses));
	m->paths = calloc(count ? count : 1, sizeof(*m->paths));
	m->path_of = malloc(m->name_count * sizeof(*m->path_of));
	if (!m->accesses || !m->paths || !m->path_of)
		return -ENOMEM;
	memset(m->path_of, 0xff, m->name_count * sizeof(*m->path_of));
	for (uint32_t i = 0; i < count; i++) {
		const struct cell *cell = model_cell(m, sorted[i]);
		bool same = before && same_access(before, cell);

		if (!before || before->key.path != cell->key.path) {
			path = &m->paths[m->path_count];
			path->pub.name = intern_get(&m->names, cell->key.path);
			path->pub.first_ns = UINT64_MAX;
			path->name = cell->key.path;
			path->first_access = m->access_count;
			m->path_of[cell->key.path] = m->path_count++;
		}
		if (!same) {
			access = &m->accesses[m->access_count++];
			first_of_access(m, access, cell);
			path->pub.access_count++;
		}
		add_to_access(m, access, cell, !same || before->key.run != cell->key.run);
		add_to_path(path, cell);
		before = cell;
	}
	return 0;
}

static void give_back(void **array, size_t item, size_t count)
{
	void *smaller = realloc(*array, item * (count ? count : 1));

	if (smaller)
		*array = smaller;
}

/*
 * Sorts the cells that have a path: by paths by counting, as there are so many cells, and then
 * those of each path. `first` is by rank, one more at the end, all 0. Returns how many they are.
 */
static uint32_t sort_cells(struct order *order, uint32_t *first, uint32_t *sorted)
{
	const struct tkit_model *m = order->model;
	uint32_t count = 0;

	for (uint32_t i = 0; i < m->cells.count; i++) {
		const struct cell *cell = model_cell(m, i);

		if (cell->key.run < m->run_count && cell->key.path != INTERN_NONE)
			first[order->rank[cell->key.path]]++;
	}
	for (uint32_t i = 0; i <= m->name_count; i++) {
		uint32_t here = first[i];

		first[i] = count;
		count += here;
	}
	for (uint32_t i = 0; i < m->cells.count; i++) {
		const struct cell *cell = model_cell(m, i);

		if (cell->key.run < m->run_count && cell->key.path != INTERN_NONE)
			sorted[first[order->rank[cell->key.path]]++] = i;
	}
	/* By now first[i] is where those of rank i end. */
	for (uint32_t i = 0, start = 0; i < m->name_count; start = first[i++]) {
		for (uint32_t k = start; k < first[i]; k++)
			__builtin_prefetch(model_cell(m, sorted[k]));
		if (first[i] - start > 1)
			qsort_r(sorted + start, first[i] - start, sizeof(*sorted), compare_cells,
				order);
	}
	return count;
}

static void count_pathless(struct tkit_model *m)
{
	for (uint32_t i = 0; i < m->cells.count; i++) {
		const struct cell *cell = model_cell(m, i);
		uint64_t *at;

		if (cell->key.run >= m->run_count || cell->key.path != INTERN_NONE ||
		    cell->key.aux >= TKIT_PATHLESS_COUNT_)
			continue;
		at = &m->pathless[cell->key.err != 0][cell->key.aux];
		*at = add_count(*at, cell->count);
	}
}

static int fold_cells(struct tkit_model *m, const uint32_t *rank)
{
	struct order order = {.model = m, .rank = rank};
	uint32_t *sorted = malloc((m->cells.count + 1) * sizeof(*sorted));
	uint32_t *first = calloc((size_t)m->name_count + 1, sizeof(*first));
	int rc = sorted && first ? 0 : -ENOMEM;

	if (!rc)
		rc = fold_sorted(m, sorted, sort_cells(&order, first, sorted));
	free(sorted);
	free(first);
	if (rc)
		return rc;
	count_pathless(m);
	give_back((void **)&m->accesses, sizeof(*m->accesses), m->access_count);
	give_back((void **)&m->paths, sizeof(*m->paths), m->path_count);
	return 0;
}

static int compare_progs(const void *a, const void *b, void *arg)
{
	const struct tkit_model *m = arg;
	const struct prog *x = keyed_at(&m->progs, *(const uint32_t *)a);
	const struct prog *y = keyed_at(&m->progs, *(const uint32_t *)b);
	int c = bytes_cmp(intern_get(&m->names, x->exe), intern_get(&m->names, y->exe));

	return c ? c : compare_u32(x->run, y->run);
}

/* Parents can be told once all programs have their index. */
static void link_programs(struct tkit_model *m, const uint32_t *order, uint32_t count)
{
	for (uint32_t i = count; i-- > 0;) {
		const struct prog *prog = keyed_at(&m->progs, order[i]);

		/* Backwards, so that the first run's word is the last. */
		if (prog->has_exec && prog->parent)
			m->programs[m->program_of[prog->exe]].parent = m->program_of[prog->parent];
	}
}

static int fold_programs(struct tkit_model *m)
{
	uint32_t *order = malloc((m->progs.count + 1) * sizeof(*order));
	uint32_t count = 0, last = 0;

	m->programs = calloc(m->progs.count + 1, sizeof(*m->programs));
	m->program_of = calloc(m->name_count, sizeof(*m->program_of));
	if (!order || !m->programs || !m->program_of) {
		free(order);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < m->progs.count; i++) {
		const struct prog *prog = keyed_at(&m->progs, i);

		if (prog->run < m->run_count)
			order[count++] = i;
	}
	qsort_r(order, count, sizeof(*order), compare_progs, m);
	m->program_count = 1; /* "unknown", exe id 0 */
	for (uint32_t i = 0; i < count; i++) {
		const struct prog *prog = keyed_at(&m->progs, order[i]);
		struct tkit_program *to;

		if (prog->exe != last) {
			last = prog->exe;
			m->program_of[last] = m->program_count;
			m->programs[m->program_count].parent = m->program_count;
			m->program_count++;
		}
		to = &m->programs[m->program_of[prog->exe]];
		to->exe = intern_get(&m->names, prog->exe);
		to->processes = add_count(to->processes, add_count(prog->execs, prog->forks));
		if (!to->comm.len)
			to->comm = intern_get(&m->names, prog->comm);
	}
	link_programs(m, order, count);
	free(order);
	return 0;
}

int model_fold(struct tkit_model *m)
{
	uint32_t *rank = NULL;
	int rc = fold_programs(m);

	if (!rc)
		rc = rank_names(m, &rank);
	if (!rc)
		rc = fold_cells(m, rank);
	free(rank);
	return rc;
}
