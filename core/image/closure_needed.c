// SPDX-License-Identifier: MIT
/*
 * DT_NEEDED, followed as ld.so would. Only for files that no trace speaks for: include
 * rules, and traces that are incomplete or do not show opens. Where ld.so itself was
 * watched it has named every library already.
 */
#include <errno.h>
#include <string.h>

#include "image/closure.h"
#include "util/bytes.h"
#include "util/cleanup.h"

/* Adds a library that was found; its own libraries follow. */
static int take_library(struct closure_job *job, struct tkit_bytes name, struct buf *real,
			const struct cause *cause, struct tkit_bytes needed_by)
{
	struct cause why = {
		.reason = TKIT_REASON_NEEDED, .because = needed_by, .root = cause->root};
	int rc;

	if (cause->reason == TKIT_REASON_INCLUDED || cause->reason == TKIT_REASON_PRESET)
		why.reason = cause->reason;
	rc = closure_want(job, name, &why, 0, NULL);
	if (rc <= 0)
		return rc;
	/* Joins the end of the list that closure_needed() works on. */
	buf_char(real, '\0');
	buf_add(real, cause->root.ptr, cause->root.len);
	if (real->failed ||
	    intern_add(&job->needing, BYTES(real->data, real->size), NULL) == INTERN_NONE)
		return -ENOMEM;
	return 1;
}

static void warn_missing(struct closure_job *job, const char *soname, struct tkit_bytes path)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT;

	buf_escaped(&text, bytes_str(soname));
	buf_str(&text, ", which ");
	buf_escaped(&text, path);
	buf_str(&text, " needs, is not where ld.so would look");
	buf_char(&text, '\0');
	if (!text.failed)
		tkit_log(job->ctx, TKIT_LOG_WARN, "%s", text.data);
}

static int needs_of(struct closure_job *job, struct tkit_bytes path, const struct cause *cause)
{
	_cleanup_(elf_facts_done) struct elf_facts facts = {0};
	_cleanup_close_ int fd = tkit_rootfs_openfile(job->fs, path);
	_cleanup_(buf_done) struct buf name = BUF_INIT;
	_cleanup_(buf_done) struct buf real = BUF_INIT;
	struct library_user user = {.fs = job->fs,
				    .dirs = &job->library_dirs,
				    .root = cause->root,
				    .path = path,
				    .facts = &facts};
	int rc = 0;

	if (fd < 0 || elf_facts_read(fd, &facts) < 0)
		return 0;
	for (size_t i = 0; rc >= 0 && i < facts.needed_count; i++) {
		rc = library_find(&user, facts.needed[i], &name, &real);
		if (rc > 0)
			rc = take_library(job, BYTES(name.data, name.size), &real, cause, path);
		if (rc == 0)
			warn_missing(job, facts.needed[i], path);
	}
	return rc < 0 ? rc : 0;
}

int closure_needed(struct closure_job *job, struct tkit_bytes path, const struct cause *cause)
{
	_cleanup_(buf_done) struct buf key = BUF_INIT;
	uint32_t at = job->needing.count;
	int rc = 0;

	buf_add(&key, path.ptr, path.len);
	buf_char(&key, '\0');
	buf_add(&key, cause->root.ptr, cause->root.len);
	if (key.failed || intern_add(&job->needing, BYTES(key.data, key.size), NULL) == INTERN_NONE)
		return -ENOMEM;
	for (; rc == 0 && at < job->needing.count; at++) {
		struct tkit_bytes item = intern_get(&job->needing, at);
		struct cause why = *cause;

		item.len = strlen(item.ptr); /* the key's first part ends in a NUL byte */
		rc = needs_of(job, item, &why);
	}
	return rc;
}
