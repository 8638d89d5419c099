/* SPDX-License-Identifier: MIT */
/* Passes that add facts from a root file system to a model (model_enrich()). */
#ifndef ENRICH_ENRICH_H
#define ENRICH_ENRICH_H

#include "model/facts.h"

struct enrich_pass {
	const char *name;
	uint64_t wants; /* TKIT_WANTS_* that ask for it; 0 = always */
	int (*run)(struct tkit_model *model, struct err *err); /* model->rootfs is set */
};

/*
 * One canonical name for each path: symlinks on the way resolved, the last one not. Works
 * the states out again, for what was made under one name and used under another.
 */
int enrich_canon(struct tkit_model *model, struct err *err);

/* exists, canonical, mode and file_size of each path. */
int enrich_nodes(struct tkit_model *model, struct err *err);

/* package and package_version of each path; the owner of any file. */
int enrich_packages(struct tkit_model *model, struct err *err);

/* elf and elf_by of each path; the needs that nothing opened. */
int enrich_needs(struct tkit_model *model, struct err *err);

#endif
