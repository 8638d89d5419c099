// SPDX-License-Identifier: MIT
/* All that a program loads before its first instruction: interpreter and libraries. */
#include <errno.h>
#include <string.h>

#include "image/library.h"
#include "util/bytes.h"
#include "util/cleanup.h"

struct walk {
	struct tkit_rootfs *fs;
	struct library_dirs dirs;
	struct intern queue; /* canonical paths, in order */
	tkit_need_fn fn;
	void *arg;
};

static int put(struct walk *w, struct tkit_bytes name, struct tkit_bytes asked,
	       struct tkit_bytes real, struct tkit_bytes by, int interpreter)
{
	struct tkit_need need = {.asked = asked,
				 .name = name,
				 .canonical = real,
				 .by = by,
				 .interpreter = (uint32_t)interpreter};

	if (real.len && intern_add(&w->queue, real, NULL) == INTERN_NONE)
		return -ENOMEM;
	return w->fn(w->arg, &need);
}

static int put_interpreter(struct walk *w, const struct elf_facts *facts, struct tkit_bytes path)
{
	_cleanup_(buf_done) struct buf real = BUF_INIT;
	struct rootfs_walk how = {0};
	struct tkit_bytes asked = bytes_str(facts->interp);
	int rc;

	if (!asked.len)
		return 0;
	rc = rootfs_resolve(w->fs, &how, asked, &real);
	if (rc == -ENOMEM)
		return rc;
	return put(w, rc < 0 ? BYTES("", 0) : asked, asked,
		   rc < 0 ? BYTES("", 0) : BYTES(real.data, real.size), path, 1);
}

static int needs_of(struct walk *w, struct tkit_bytes path)
{
	_cleanup_(elf_facts_done) struct elf_facts facts = {0};
	_cleanup_close_ int fd = tkit_rootfs_openfile(w->fs, path);
	_cleanup_(buf_done) struct buf name = BUF_INIT;
	_cleanup_(buf_done) struct buf real = BUF_INIT;
	struct library_user user = {.fs = w->fs, .dirs = &w->dirs, .path = path, .facts = &facts};
	int rc;

	if (fd < 0 || elf_facts_read(fd, &facts) < 0)
		return 0;
	rc = put_interpreter(w, &facts, path);
	for (size_t i = 0; rc == 0 && i < facts.needed_count; i++) {
		rc = library_find(&user, facts.needed[i], &name, &real);
		if (rc < 0)
			return rc;
		rc = put(w, rc ? BYTES(name.data, name.size) : BYTES("", 0),
			 bytes_str(facts.needed[i]),
			 rc ? BYTES(real.data, real.size) : BYTES("", 0), path, 0);
	}
	return rc;
}

int tkit_rootfs_needs(struct tkit_rootfs *rootfs, struct tkit_bytes path, tkit_need_fn fn,
		      void *arg)
{
	struct walk w = {.fs = rootfs, .fn = fn, .arg = arg};
	_cleanup_(buf_done) struct buf real = BUF_INIT;
	struct rootfs_walk how = {0};
	int rc = rootfs_resolve(rootfs, &how, path, &real);

	if (rc < 0)
		return rc;
	intern_init(&w.queue);
	if (intern_add(&w.queue, BYTES(real.data, real.size), NULL) == INTERN_NONE)
		rc = -ENOMEM;
	for (uint32_t i = 0; rc == 0 && i < w.queue.count; i++)
		rc = needs_of(&w, intern_get(&w.queue, i));
	intern_done(&w.queue);
	library_dirs_done(&w.dirs);
	return rc;
}
