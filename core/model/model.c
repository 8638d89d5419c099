// SPDX-License-Identifier: MIT
/* A builder becomes a model; the questions that reporters ask it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <tkit/image.h>

#include "model/priv.h"
#include "util/bytes.h"

void model_free(struct tkit_model *model)
{
	if (!model)
		return;
	for (uint32_t i = 0; i < model->run_count; i++)
		run_data_free(model->runs[i]);
	free(model->runs);
	keyed_done(&model->cells);
	keyed_done(&model->progs);
	intern_done(&model->names);
	intern_done(&model->texts);
	free(model->by_run);
	free(model->run_first);
	free(model->canon);
	free(model->parents);
	free(model->name_state);
	free(model->programs);
	free(model->program_of);
	free(model->paths);
	free(model->path_of);
	free(model->accesses);
	free(model->seen);
	free(model->seen_first);
	free(model->mounts);
	if (model->owners)
		model->owners_free(model->owners);
	free(model->unused_needs);
	if (model->rootfs)
		tkit_rootfs_free(model->rootfs);
	free(model);
}

/* Over all runs: losses, completeness, what the backends can see. */
static void sum_up(struct tkit_model *m)
{
	m->complete = m->run_count > 0 && !m->orphan_damage;
	m->caps = m->run_count ? UINT64_MAX : 0;
	if (m->orphan_damage)
		m->losses[TKIT_LOSS_DAMAGED]++;
	for (uint32_t i = 0; i < m->run_count; i++) {
		struct run_data *run = m->runs[i];
		bool lost = false;

		for (int reason = 0; reason < TKIT_LOSS_COUNT_; reason++) {
			uint64_t count = run_data_lost(run, reason);

			lost = lost || count;
			m->losses[reason] = add_count(m->losses[reason], count);
		}
		run->pub.end = run->has_end ? &run->end : NULL;
		run->pub.complete = run->has_end && run->end.complete && !lost;
		m->complete = m->complete && run->pub.complete;
		m->caps &= run->caps;
	}
}

int model_builder_finish(struct model_builder *builder, struct tkit_model **ret_model,
			 struct err *err)
{
	struct tkit_model *m = calloc(1, sizeof(*m));
	int rc;

	if (!m)
		return err_sys(err, -ENOMEM, "building a model");
	m->names = builder->names;
	m->texts = builder->texts;
	m->cells = builder->cells;
	m->progs = builder->progs;
	m->runs = builder->runs;
	m->run_count = builder->run_count;
	m->orphan_damage = builder->orphan_damage;
	memset(builder, 0, sizeof(*builder));
	rc = model_sort_runs(m);
	if (!rc)
		rc = model_index(m);
	if (!rc)
		rc = model_infer(m);
	if (!rc)
		rc = model_fold(m);
	if (!rc)
		rc = model_states(m);
	if (!rc)
		rc = model_seen(m);
	if (!rc)
		rc = model_mounts(m);
	if (rc) {
		model_free(m);
		return err_sys(err, rc, "building a model");
	}
	sum_up(m);
	*ret_model = m;
	return 0;
}

int tkit_model_complete(const struct tkit_model *model)
{
	return model->complete;
}

uint64_t tkit_model_losses(const struct tkit_model *model, enum tkit_loss reason)
{
	return reason < TKIT_LOSS_COUNT_ ? model->losses[reason] : 0;
}

size_t tkit_model_run_count(const struct tkit_model *model)
{
	return model->run_count;
}

const struct tkit_run *tkit_model_run(const struct tkit_model *model, size_t index)
{
	return index < model->run_count ? &model->runs[index]->pub : NULL;
}

size_t tkit_model_program_count(const struct tkit_model *model)
{
	return model->program_count;
}

const struct tkit_program *tkit_model_program(const struct tkit_model *model, size_t index)
{
	return index < model->program_count ? &model->programs[index] : NULL;
}

size_t tkit_model_path_count(const struct tkit_model *model)
{
	return model->path_count;
}

const struct tkit_path *tkit_model_path(const struct tkit_model *model, size_t index)
{
	return index < model->path_count ? &model->paths[index].pub : NULL;
}

const struct tkit_path *tkit_model_find(const struct tkit_model *model, struct tkit_bytes name)
{
	uint32_t id = intern_find(&model->names, name);

	if (id >= model->name_count || model->path_of[id] == INTERN_NONE)
		return NULL;
	return &model->paths[model->path_of[id]].pub;
}

const struct tkit_access *tkit_model_access(const struct tkit_model *model,
					    const struct tkit_path *path, size_t index)
{
	/* Every public path is the start of a struct model_path. */
	const struct model_path *p = (const struct model_path *)(const void *)path;

	return index < path->access_count ? &model->accesses[p->first_access + index] : NULL;
}

uint64_t tkit_model_pathless(const struct tkit_model *model, enum tkit_pathless reason, int failed)
{
	return reason < TKIT_PATHLESS_COUNT_ ? model->pathless[!!failed][reason] : 0;
}

const char *tkit_pathless_name(int reason)
{
	static const char *const names[TKIT_PATHLESS_COUNT_] = {
		"no-name", "no-base", "empty", "unreadable", "truncated", "no-file"};

	return reason >= 0 && reason < TKIT_PATHLESS_COUNT_ ? names[reason] : NULL;
}

uint64_t tkit_model_caps(const struct tkit_model *model)
{
	return model->caps;
}

struct tkit_rootfs *tkit_model_rootfs(const struct tkit_model *model)
{
	return model->rootfs;
}

size_t tkit_model_unused_need_count(const struct tkit_model *model)
{
	return model->unused_need_count;
}

const struct tkit_unused_need *tkit_model_unused_need(const struct tkit_model *model, size_t index)
{
	return index < model->unused_need_count ? &model->unused_needs[index] : NULL;
}
