// SPDX-License-Identifier: MIT
#include "enrich/enrich.h"

#include <tkit/image.h>
#include <tkit/reporter.h>

static const struct enrich_pass passes[] = {
	{"canonical names", 0, enrich_canon},
	{"nodes", TKIT_WANTS_NODES, enrich_nodes},
	{"packages", TKIT_WANTS_PACKAGES, enrich_packages},
	{"ELF needs", TKIT_WANTS_ELF, enrich_needs},
};

int model_enrich(struct tkit_model *model, struct tkit_rootfs *rootfs, uint64_t wants,
		 struct err *err)
{
	if (model->rootfs && model->rootfs != rootfs)
		tkit_rootfs_free(model->rootfs);
	model->rootfs = rootfs;
	if (!rootfs)
		return 0;
	for (size_t i = 0; i < sizeof(passes) / sizeof(passes[0]); i++) {
		int rc;

		if (passes[i].wants && !(passes[i].wants & wants))
			continue;
		rc = passes[i].run(model, err);
		if (rc < 0)
			return err_wrap(err, "looking at the root file system (%s)",
					passes[i].name);
	}
	return 0;
}
