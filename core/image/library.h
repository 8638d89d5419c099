/* SPDX-License-Identifier: MIT */
/* Where ld.so finds a library, inside a root file system. */
#ifndef IMAGE_LIBRARY_H
#define IMAGE_LIBRARY_H

#include <stdbool.h>

#include "enrich/elf.h"
#include "rootfs/rootfs.h"
#include "util/buf.h"
#include "util/intern.h"

/* The directories of ld.so.conf, read once. */
struct library_dirs {
	struct buf names; /* NUL-terminated, one after the other */
	size_t count;
	struct intern read; /* the files, canonical */
	bool known;
};

void library_dirs_done(struct library_dirs *dirs);

/* Who asks for a library. */
struct library_user {
	struct tkit_rootfs *fs;
	struct library_dirs *dirs;
	struct tkit_bytes root; /* of the process; empty = "/" */
	struct tkit_bytes path; /* canonical, of the file that needs it */
	const struct elf_facts *facts;
};

/*
 * Looks for a library as ld.so would: DT_RPATH, DT_RUNPATH, ld.so.conf, the default
 * directories; only a file of the same kind counts. 1 with the name under which it was found
 * (absolute in the process's root) and its canonical path, 0 if it is nowhere, -ENOMEM.
 */
int library_find(const struct library_user *user, const char *soname, struct buf *ret_name,
		 struct buf *ret_canonical);

#endif
