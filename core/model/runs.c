// SPDX-License-Identifier: MIT
/* Copies of runs' facts that live as long as the model. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/priv.h"
#include "util/bytes.h"
#include "util/cleanup.h"

void run_data_free(struct run_data *run)
{
	if (!run)
		return;
	free(run->backends);
	free(run->argv);
	free(run->mounts);
	pids_done(&run->pids);
	free(run);
}

/* A run without its header has no id; it is never the same as another. */
bool run_has_id(const struct tkit_run_info *info)
{
	for (size_t i = 0; i < sizeof(info->id); i++)
		if (info->id[i])
			return true;
	return false;
}

/* NULL counts as "". */
static int copy_text(struct model_builder *b, const char **text)
{
	const char *from = *text ? *text : "";
	uint32_t id = intern_add(&b->texts, BYTES(from, strlen(from) + 1), NULL);

	if (id == INTERN_NONE)
		return -ENOMEM;
	*text = intern_get(&b->texts, id).ptr;
	return 0;
}

static int copy_texts(struct model_builder *b, struct tkit_run_info *info)
{
	const char **texts[] = {&info->tkit_version, &info->host,    &info->host_id,
				&info->kernel,       &info->machine, &info->target,
				&info->root,         &info->cwd,     &info->image_digest,
				&info->container_id};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		if (copy_text(b, texts[i]) < 0)
			return -ENOMEM;
	return 0;
}

static int copy_argv(struct model_builder *b, struct run_data *run)
{
	const char *const *from = run->info.argv;
	size_t count = 0;

	if (!from)
		return 0;
	while (from[count])
		count++;
	run->argv = calloc(count + 1, sizeof(*run->argv));
	if (!run->argv)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		run->argv[i] = from[i];
		if (copy_text(b, &run->argv[i]) < 0)
			return -ENOMEM;
	}
	run->info.argv = run->argv;
	return 0;
}

static int copy_backends(struct model_builder *b, struct run_data *run)
{
	const char *from = (const char *)run->info.backends;
	size_t stride = run->info.backend_stride ? run->info.backend_stride
						 : sizeof(struct tkit_backend_info);
	uint32_t count = run->info.backend_count;

	run->backends = calloc(count ? count : 1, sizeof(*run->backends));
	if (!run->backends)
		return -ENOMEM;
	for (uint32_t i = 0; i < count; i++) {
		struct tkit_backend_info *to = &run->backends[i];

		memcpy(to, from + i * stride, stride < sizeof(*to) ? stride : sizeof(*to));
		if (!to->facilities)
			to->facilities = "";
		if (copy_text(b, &to->name) < 0 || copy_text(b, &to->version) < 0 ||
		    copy_text(b, &to->options) < 0 || copy_text(b, &to->facilities) < 0)
			return -ENOMEM;
		run->caps |= to->caps;
	}
	run->info.backends = run->backends;
	run->info.backend_stride = sizeof(struct tkit_backend_info);
	return 0;
}

/* Without those of which nobody can say where they are. */
static int copy_mounts(struct model_builder *b, struct run_data *run)
{
	const char *from = (const char *)run->info.mounts;
	size_t stride =
		run->info.mount_stride ? run->info.mount_stride : sizeof(struct tkit_mount_info);
	uint32_t count = from ? run->info.mount_count : 0, kept = 0;
	_cleanup_(buf_done) struct buf place = BUF_INIT;

	run->mounts = calloc(count ? count : 1, sizeof(*run->mounts));
	if (!run->mounts)
		return -ENOMEM;
	for (uint32_t i = 0; i < count; i++) {
		struct tkit_mount_info *to = &run->mounts[kept];

		memcpy(to, from + i * stride, stride < sizeof(*to) ? stride : sizeof(*to));
		if (!mount_place(to->destination ? to->destination : "", &place))
			continue;
		if (place.failed)
			return -ENOMEM;
		to->destination = place.data;
		if (copy_text(b, &to->destination) < 0 || copy_text(b, &to->source) < 0 ||
		    copy_text(b, &to->type) < 0 || copy_text(b, &to->name) < 0)
			return -ENOMEM;
		kept++;
	}
	run->info.mounts = run->mounts;
	run->info.mount_count = kept;
	run->info.mount_stride = sizeof(struct tkit_mount_info);
	return 0;
}

int model_builder_begin_run(struct model_builder *builder, const struct tkit_run_info *info,
			    uint32_t *ret_run, struct err *err)
{
	struct run_data *run = calloc(1, sizeof(*run));

	if (run && builder->run_count == builder->run_room) {
		uint32_t room = builder->run_room ? builder->run_room * 2 : 8;
		struct run_data **runs = realloc(builder->runs, room * sizeof(struct run_data *));

		if (!runs) {
			free(run);
			return err_sys(err, -ENOMEM, "building a model");
		}
		builder->runs = runs;
		builder->run_room = room;
	}
	if (!run)
		return err_sys(err, -ENOMEM, "building a model");
	run->info = *info;
	run->info.size = sizeof(run->info);
	run->info.env = NULL;
	run->pub.info = &run->info;
	run->pub.index = builder->run_count;
	if (copy_texts(builder, &run->info) < 0 || copy_argv(builder, run) < 0 ||
	    copy_backends(builder, run) < 0 || copy_mounts(builder, run) < 0) {
		run_data_free(run);
		return err_sys(err, -ENOMEM, "building a model");
	}
	*ret_run = builder->run_count;
	builder->runs[builder->run_count++] = run;
	return 0;
}

uint64_t run_data_lost(const struct run_data *run, int reason)
{
	uint64_t lost = run->lost[reason];

	if (run->has_end && run->end_losses[reason] > lost)
		lost = run->end_losses[reason];
	/* Cut off: what was behind the end is gone, however much it was. */
	if (!run->has_end && reason == TKIT_LOSS_DAMAGED)
		lost = add_count(lost, 1);
	return lost;
}

bool run_data_final(const struct run_data *run)
{
	return run_data_lost(run, TKIT_LOSS_DAMAGED) == 0;
}

/* How much a copy of a run holds: the whole beats a part. */
static int compare_worth(const struct run_data *a, const struct run_data *b)
{
	if (run_data_final(a) != run_data_final(b))
		return run_data_final(a) ? -1 : 1;
	return a->facts > b->facts ? -1 : a->facts < b->facts;
}

static int compare_runs(const void *a, const void *b)
{
	const struct run_data *x = *(struct run_data *const *)a, *y = *(struct run_data *const *)b;
	int c;

	if (x->info.armed_realtime_ns != y->info.armed_realtime_ns)
		return x->info.armed_realtime_ns < y->info.armed_realtime_ns ? -1 : 1;
	c = memcmp(x->info.id, y->info.id, sizeof(x->info.id));
	return c ? c : compare_worth(x, y);
}

int model_sort_runs(struct tkit_model *m)
{
	uint32_t *renumber = malloc((m->run_count + 1) * sizeof(*renumber));
	uint32_t count = 0;

	if (!renumber)
		return -ENOMEM;
	if (m->run_count)
		qsort(m->runs, m->run_count, sizeof(struct run_data *), compare_runs);
	for (uint32_t i = 0; i < m->run_count; i++) {
		struct run_data *run = m->runs[i];
		bool again =
			count && run_has_id(&run->info) &&
			!memcmp(m->runs[count - 1]->info.id, run->info.id, sizeof(run->info.id));

		renumber[run->pub.index] = again ? UINT32_MAX : count;
		if (again) {
			run_data_free(run);
			continue;
		}
		run->pub.index = count;
		m->runs[count++] = run;
	}
	m->run_count = count;
	for (uint32_t i = 0; i < m->cells.count; i++) {
		struct cell *cell = keyed_at(&m->cells, i);

		cell->key.run = renumber[cell->key.run];
	}
	for (uint32_t i = 0; i < m->progs.count; i++) {
		struct prog *prog = keyed_at(&m->progs, i);

		prog->run = renumber[prog->run];
	}
	free(renumber);
	return 0;
}
