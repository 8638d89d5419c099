// SPDX-License-Identifier: MIT
/* In which runs a path was seen, and how much single runs contribute. */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "model/priv.h"
#include "util/bytes.h"
#include "util/cleanup.h"

int model_seen(struct tkit_model *m)
{
	uint32_t *last = calloc(m->path_count + 1, sizeof(*last)); /* run + 1 */
	uint32_t total = 0;

	m->seen_first = calloc(m->path_count + 1, sizeof(*m->seen_first));
	if (!last || !m->seen_first) {
		free(last);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < m->path_count; i++) {
		m->seen_first[i] = total;
		total += m->paths[i].pub.runs;
	}
	m->seen_first[m->path_count] = total;
	m->seen = calloc(total + 1, sizeof(*m->seen));
	for (uint32_t run = 0; m->seen && run < m->run_count; run++)
		for (uint32_t i = m->run_first[run]; i < m->run_first[run + 1]; i++) {
			uint32_t name = model_cell(m, m->by_run[i])->key.path, path;

			if (name == INTERN_NONE)
				continue;
			path = m->path_of[name];
			if (last[path] == run + 1)
				continue;
			last[path] = run + 1;
			m->seen[m->seen_first[path]++] = run;
		}
	/* seen_first has run ahead to the next path's. */
	for (uint32_t i = m->path_count; m->seen && i > 0; i--)
		m->seen_first[i] = m->seen_first[i - 1];
	m->seen_first[0] = 0;
	free(last);
	return m->seen ? 0 : -ENOMEM;
}

size_t tkit_model_path_run(const struct tkit_model *model, const struct tkit_path *path,
			   size_t index)
{
	/* Every public path is the start of a struct model_path. */
	size_t at = (size_t)((const struct model_path *)(const void *)path - model->paths);
	uint32_t first = model->seen_first[at];

	return index < model->seen_first[at + 1] - first ? model->seen[first + index] : SIZE_MAX;
}

/* One file in one run. */
struct sighting {
	uint32_t file;
	uint32_t run;
};

static int compare(const void *a, const void *b)
{
	const struct sighting *x = a, *y = b;

	if (x->file != y->file)
		return x->file < y->file ? -1 : 1;
	return x->run < y->run ? -1 : x->run > y->run;
}

/* What the kernel makes up says nothing of an image. */
static bool is_kernels(struct tkit_bytes name)
{
	return bytes_starts(name, BYTES_LIT("/proc/")) || bytes_starts(name, BYTES_LIT("/sys/")) ||
	       bytes_starts(name, BYTES_LIT("/dev/"));
}

struct table {
	struct intern files; /* canonical names where known */
	uint64_t *sizes;     /* by file */
	struct sighting *sightings;
	size_t count;
};

static int collect(const struct tkit_model *m, struct table *table)
{
	table->sizes = calloc(m->path_count + 1, sizeof(*table->sizes));
	table->sightings = calloc(m->cells.count + 1, sizeof(*table->sightings));
	if (!table->sizes || !table->sightings)
		return -ENOMEM;
	for (uint32_t run = 0; run < m->run_count; run++)
		for (uint32_t i = m->run_first[run]; i < m->run_first[run + 1]; i++) {
			const struct cell *cell = model_cell(m, m->by_run[i]);
			const struct tkit_path *path;
			uint32_t file;

			if (cell->key.path == INTERN_NONE || cell->key.err)
				continue;
			path = &m->paths[m->path_of[cell->key.path]].pub;
			if (is_kernels(path->name) ||
			    (path->state & TKIT_PATH_CREATED && !(path->state & TKIT_PATH_EXISTED)))
				continue;
			file = intern_add(&table->files,
					  path->canonical.len ? path->canonical : path->name, NULL);
			if (file == INTERN_NONE)
				return -ENOMEM;
			if (path->enriched & TKIT_ENRICHED_NODE && path->exists &&
			    S_ISREG(path->mode))
				table->sizes[file] = path->file_size;
			table->sightings[table->count++] = (struct sighting){file, run};
		}
	qsort(table->sightings, table->count, sizeof(*table->sightings), compare);
	return 0;
}

static void count_file(struct tkit_saturation *s, uint64_t size, uint64_t runs, uint32_t last)
{
	s->files++;
	s->bytes += size;
	s->sightings += runs;
	if (runs != 1)
		return;
	s->once++;
	s->once_bytes += size;
	if (last + 1 != s->runs)
		return;
	s->last++;
	s->last_bytes += size;
}

int tkit_model_saturation(const struct tkit_model *model, struct tkit_saturation *ret)
{
	struct tkit_saturation s = {.runs = model->run_count};
	struct table table = {0};
	int rc;

	intern_init(&table.files);
	rc = collect(model, &table);
	for (size_t i = 0; rc == 0 && i < table.count;) {
		uint32_t file = table.sightings[i].file, run = table.sightings[i].run;
		uint64_t runs = 1;

		for (i++; i < table.count && table.sightings[i].file == file; i++) {
			runs += table.sightings[i].run != run;
			run = table.sightings[i].run;
		}
		count_file(&s, table.sizes[file], runs, run);
	}
	intern_done(&table.files);
	free(table.sizes);
	free(table.sightings);
	if (rc == 0)
		*ret = s;
	return rc;
}
