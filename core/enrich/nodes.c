// SPDX-License-Identifier: MIT
#include <errno.h>
#include <limits.h>

#include "enrich/enrich.h"
#include "rootfs/rootfs.h"
#include "util/bytes.h"

/* Nobody followed a symlink in the last place: the link itself is the object. */
static int link_itself(const struct tkit_model *m, const struct model_path *path)
{
	for (uint32_t i = 0; i < path->pub.access_count; i++)
		if (!m->accesses[path->first_access + i].nofollow_all)
			return 0;
	return 1;
}

static int add_node(struct tkit_model *m, struct model_path *path)
{
	char buf[2 * PATH_MAX];
	long len = tkit_rootfs_resolve(m->rootfs, path->pub.name, link_itself(m, path), buf,
				       sizeof(buf), NULL, NULL);
	struct stat st;
	uint32_t id;

	path->pub.enriched |= TKIT_ENRICHED_NODE;
	path->pub.exists = 0;
	if (len == -ENOMEM)
		return -ENOMEM;
	if (len < 0 || tkit_rootfs_lstat(m->rootfs, BYTES(buf, (size_t)len), &st) < 0)
		return 0;
	id = intern_add(&m->texts, BYTES(buf, (size_t)len), NULL);
	if (id == INTERN_NONE)
		return -ENOMEM;
	path->pub.exists = 1;
	path->pub.canonical = intern_get(&m->texts, id);
	path->pub.mode = st.st_mode;
	path->pub.file_size = (uint64_t)st.st_size;
	return 0;
}

int enrich_nodes(struct tkit_model *model, struct err *err)
{
	for (uint32_t i = 0; i < model->path_count; i++) {
		int rc = add_node(model, &model->paths[i]);

		if (rc < 0)
			return err_sys(err, rc, "no memory");
	}
	return 0;
}
