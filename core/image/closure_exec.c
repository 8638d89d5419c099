// SPDX-License-Identifier: MIT
/* What the kernel opens by itself to execute a file: ELF and script interpreters. */
#include <errno.h>
#include <string.h>

#include "enrich/elf.h"
#include "image/closure.h"
#include "util/bytes.h"
#include "util/cleanup.h"
#include "util/shebang.h"

/* True the first time for this file and root. */
static int first_time(struct intern *table, struct tkit_bytes path, struct tkit_bytes root)
{
	_cleanup_(buf_done) struct buf key = BUF_INIT;
	int is_new = 0;

	buf_add(&key, path.ptr, path.len);
	buf_char(&key, '\0');
	buf_add(&key, root.ptr, root.len);
	if (key.failed || intern_add(table, BYTES(key.data, key.size), &is_new) == INTERN_NONE)
		return -ENOMEM;
	return is_new;
}

static int add_interpreter(struct closure_job *job, struct tkit_bytes interp,
			   struct tkit_bytes path, const struct cause *cause)
{
	struct cause why = {.reason = TKIT_REASON_INTERP, .because = path, .root = cause->root};
	_cleanup_(buf_done) struct buf name = BUF_INIT;
	int rc;

	/* Relative to a working directory that only the trace can know (op interp). */
	if (!interp.len || interp.ptr[0] != '/')
		return 0;
	if (cause->reason == TKIT_REASON_INCLUDED || cause->reason == TKIT_REASON_PRESET)
		why.reason = cause->reason;
	rc = closure_want(job, interp, &why, CLOSURE_EXECUTED, NULL);
	if (rc != CLOSURE_MISSING)
		return rc < 0 ? rc : 0;
	if (cause->root.len > 1)
		buf_add(&name, cause->root.ptr, cause->root.len);
	buf_add(&name, interp.ptr, interp.len);
	return name.failed ? -ENOMEM : closure_note_absent(job, BYTES(name.data, name.size));
}

static int inspect(struct closure_job *job, int fd, struct tkit_bytes path,
		   const struct cause *cause)
{
	_cleanup_(elf_facts_done) struct elf_facts facts = {0};
	struct shebang line;
	char head[SHEBANG_SIZE];
	ssize_t n = pread(fd, head, sizeof(head), 0);
	int rc;

	if (n < 0)
		return -errno;
	if (shebang_parse(head, (size_t)n, &line) == 0)
		return add_interpreter(job, line.interp, path, cause);
	rc = elf_facts_read(fd, &facts);
	if (rc == -ENOEXEC) /* something that the kernel runs in another way, or not at all */
		return 0;
	if (rc == 0 && facts.interp)
		rc = add_interpreter(job, bytes_str(facts.interp), path, cause);
	if (rc == 0 && (job->static_needs || cause->reason == TKIT_REASON_INCLUDED ||
			cause->reason == TKIT_REASON_PRESET))
		rc = closure_needed(job, path, cause);
	return rc;
}

int closure_executed(struct closure_job *job, struct tkit_bytes path, const struct cause *cause)
{
	_cleanup_close_ int fd = -1;
	int rc;

	if (closure_runtime(path) || job->exec_depth > SHEBANG_DEPTH)
		return 0;
	rc = first_time(&job->inspected, path, cause->root);
	if (rc <= 0)
		return rc;
	fd = tkit_rootfs_openfile(job->fs, path);
	if (fd == -EINVAL || fd == -EISDIR || fd == -ELOOP || fd == -ENOENT)
		return 0;
	job->exec_depth++;
	rc = fd < 0 ? fd : inspect(job, fd, path, cause);
	job->exec_depth--;
	if (rc < 0) {
		_cleanup_(buf_done) struct buf text = BUF_INIT;

		buf_escaped(&text, path);
		buf_char(&text, '\0');
		return tkit_fail(job->ctx, rc, "looking for the interpreter of %s",
				 text.failed ? "a file" : text.data);
	}
	return 0;
}
