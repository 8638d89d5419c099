// SPDX-License-Identifier: MIT
/*
 * DT_NEEDED, followed as ld.so would. Only for files that no trace speaks for: include
 * rules, and traces that are incomplete or do not show opens. Where ld.so itself was
 * watched it has named every library already.
 */
#include <elf.h>
#include <errno.h>
#include <string.h>

#include "enrich/elf.h"
#include "image/closure.h"
#include "util/bytes.h"
#include "util/cleanup.h"
#include "util/glob.h"

#define CONF_MAX   65536 /* bytes read of a file of ld.so.conf */
#define CONF_DEPTH 4     /* include lines within included files */

struct search {
	struct closure_job *job;
	const struct cause *cause;
	const struct elf_facts *by; /* who needs it */
	struct tkit_bytes by_path;
	struct buf name; /* the candidate */
};

static int read_conf(struct closure_job *job, struct tkit_bytes path, unsigned int depth);

struct conf_dir {
	struct closure_job *job;
	struct tkit_bytes dir;
	struct tkit_bytes pattern;
	unsigned int depth;
};

static int conf_file(void *arg, struct tkit_bytes name, unsigned char type)
{
	struct conf_dir *conf = arg;
	_cleanup_(buf_done) struct buf path = BUF_INIT;

	buf_add(&path, conf->dir.ptr, conf->dir.len);
	buf_char(&path, '/');
	buf_add(&path, name.ptr, name.len);
	if (path.failed)
		return -ENOMEM;
	if (!glob_match(conf->pattern, BYTES(path.data, path.size)))
		return 0;
	return read_conf(conf->job, BYTES(path.data, path.size), conf->depth + 1);
}

static int conf_line(struct closure_job *job, struct tkit_bytes line, unsigned int depth)
{
	static const char include[] = "include";

	while (line.len && strchr(" \t\r", line.ptr[line.len - 1]))
		line.len--;
	while (line.len && (*line.ptr == ' ' || *line.ptr == '\t'))
		line = BYTES(line.ptr + 1, line.len - 1);
	if (bytes_starts(line, BYTES_LIT(include)) && line.len > 8 &&
	    strchr(" \t", line.ptr[sizeof(include) - 1])) {
		struct conf_dir conf = {.job = job, .depth = depth};

		line = BYTES(line.ptr + sizeof(include), line.len - sizeof(include));
		while (line.len && (*line.ptr == ' ' || *line.ptr == '\t'))
			line = BYTES(line.ptr + 1, line.len - 1);
		conf.pattern = line;
		conf.dir = closure_parent(line);
		if (line.len && line.ptr[0] == '/' && rootfs_canonical(conf.dir))
			rootfs_list(job->fs, conf.dir, conf_file, &conf);
	} else if (line.len && line.ptr[0] == '/' && !memchr(line.ptr, '\0', line.len)) {
		buf_add(&job->library_dirs, line.ptr, line.len);
		buf_char(&job->library_dirs, '\0');
	}
	return job->library_dirs.failed ? -ENOMEM : 0;
}

static int read_conf(struct closure_job *job, struct tkit_bytes path, unsigned int depth)
{
	_cleanup_(buf_done) struct buf real = BUF_INIT, text = BUF_INIT;
	_cleanup_close_ int fd = -1;
	struct rootfs_walk walk = {0};
	ssize_t n;
	int rc = 0;

	if (depth > CONF_DEPTH || rootfs_resolve(job->fs, &walk, path, &real) < 0)
		return 0;
	fd = tkit_rootfs_openfile(job->fs, BYTES(real.data, real.size));
	if (fd < 0)
		return 0;
	if (!buf_reserve(&text, CONF_MAX))
		return -ENOMEM;
	n = read(fd, text.data, CONF_MAX);
	for (ssize_t at = 0; rc == 0 && at < n;) {
		const char *start = text.data + at;
		const char *end = memchr(start, '\n', (size_t)(n - at));
		size_t len = end ? (size_t)(end - start) : (size_t)(n - at);
		const char *hash = memchr(start, '#', len);

		rc = conf_line(job, BYTES(start, hash ? (size_t)(hash - start) : len), depth);
		at += (ssize_t)len + 1;
	}
	return rc;
}

/* Takes the candidate in s->name if it is a library of the same kind. 1 if it was. */
static int try_candidate(struct search *s)
{
	_cleanup_(buf_done) struct buf real = BUF_INIT;
	_cleanup_(elf_facts_done) struct elf_facts facts = {0};
	_cleanup_close_ int fd = -1;
	struct rootfs_walk walk = {.root = s->cause->root};
	struct cause why = {
		.reason = TKIT_REASON_NEEDED, .because = s->by_path, .root = s->cause->root};
	struct tkit_bytes name = BYTES(s->name.data, s->name.size);
	int rc;

	if (s->name.failed)
		return -ENOMEM;
	if (rootfs_resolve(s->job->fs, &walk, name, &real) < 0)
		return 0;
	fd = tkit_rootfs_openfile(s->job->fs, BYTES(real.data, real.size));
	if (fd < 0 || elf_facts_read(fd, &facts) < 0 || facts.bits != s->by->bits ||
	    facts.machine != s->by->machine)
		return 0;
	if (s->cause->reason == TKIT_REASON_INCLUDED)
		why.reason = TKIT_REASON_INCLUDED;
	rc = closure_want(s->job, name, &why, 0, NULL);
	if (rc <= 0)
		return rc;
	/* Its own libraries: joins the end of the list that closure_needed() works on. */
	buf_char(&real, '\0');
	buf_add(&real, s->cause->root.ptr, s->cause->root.len);
	if (real.failed ||
	    intern_add(&s->job->needing, BYTES(real.data, real.size), NULL) == INTERN_NONE)
		return -ENOMEM;
	return 1;
}

static int try_in(struct search *s, struct tkit_bytes dir, const char *soname)
{
	buf_clear(&s->name);
	buf_add(&s->name, dir.ptr, dir.len);
	buf_char(&s->name, '/');
	buf_str(&s->name, soname);
	return try_candidate(s);
}

/* Directories of DT_RPATH or DT_RUNPATH, with $ORIGIN. */
static int try_list(struct search *s, const char *list, const char *soname)
{
	static const char *const origins[] = {"$ORIGIN", "${ORIGIN}"};
	struct tkit_bytes origin = closure_parent(s->by_path);

	if (bytes_starts(origin, s->cause->root) && s->cause->root.len > 1)
		origin = BYTES(origin.ptr + s->cause->root.len, origin.len - s->cause->root.len);
	while (list && *list) {
		const char *end = strchrnul(list, ':');
		struct tkit_bytes dir = BYTES(list, (size_t)(end - list));
		_cleanup_(buf_done) struct buf expanded = BUF_INIT;
		int rc = 0;

		for (size_t i = 0; i < 2; i++)
			if (bytes_starts(dir, bytes_str(origins[i]))) {
				buf_add(&expanded, origin.ptr, origin.len);
				buf_add(&expanded, dir.ptr + strlen(origins[i]),
					dir.len - strlen(origins[i]));
				dir = BYTES(expanded.data, expanded.size);
				break;
			}
		if (expanded.failed)
			return -ENOMEM;
		if (dir.len && dir.ptr[0] == '/')
			rc = try_in(s, dir, soname);
		if (rc != 0)
			return rc;
		list = *end ? end + 1 : end;
	}
	return 0;
}

static const char *triplet(const struct elf_facts *facts)
{
	switch (facts->machine) {
	case EM_X86_64:
		return facts->bits == 64 ? "x86_64-linux-gnu" : "x86_64-linux-gnux32";
	case EM_386:
		return "i386-linux-gnu";
	case EM_AARCH64:
		return "aarch64-linux-gnu";
	default:
		return "";
	}
}

static int try_defaults(struct search *s, const char *soname)
{
	static const char *const dirs[] = {"/lib/", "/usr/lib/", "/lib64",        "/usr/lib64",
					   "/lib",  "/usr/lib",  "/usr/local/lib"};

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		char dir[64];
		bool multiarch = dirs[i][strlen(dirs[i]) - 1] == '/';
		int rc;

		if (multiarch && !*triplet(s->by))
			continue;
		snprintf(dir, sizeof(dir), "%s%s", dirs[i], multiarch ? triplet(s->by) : "");
		rc = try_in(s, bytes_str(dir), soname);
		if (rc != 0)
			return rc;
	}
	return 0;
}

static int find_library(struct search *s, const char *soname)
{
	const struct buf *dirs = &s->job->library_dirs;
	int rc = 0;

	if (strchr(soname, '/')) {
		buf_clear(&s->name);
		buf_str(&s->name, soname);
		return soname[0] == '/' ? try_candidate(s) : 0;
	}
	if (!s->by->runpath)
		rc = try_list(s, s->by->rpath, soname);
	if (rc == 0)
		rc = try_list(s, s->by->runpath, soname);
	for (size_t at = 0; rc == 0 && at < dirs->size;) {
		struct tkit_bytes dir = bytes_str(dirs->data + at);

		rc = try_in(s, dir, soname);
		at += dir.len + 1;
	}
	return rc == 0 ? try_defaults(s, soname) : rc;
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
	struct search s = {.job = job, .cause = cause, .by = &facts, .by_path = path};
	int rc = 0;

	if (fd < 0 || elf_facts_read(fd, &facts) < 0)
		return 0;
	for (size_t i = 0; rc >= 0 && i < facts.needed_count; i++) {
		rc = find_library(&s, facts.needed[i]);
		if (rc == 0)
			warn_missing(job, facts.needed[i], path);
	}
	buf_done(&s.name);
	return rc < 0 ? rc : 0;
}

int closure_needed(struct closure_job *job, struct tkit_bytes path, const struct cause *cause)
{
	_cleanup_(buf_done) struct buf key = BUF_INIT;
	uint32_t at = job->needing.count;
	int rc = 0;

	if (!job->library_dirs_known) {
		job->library_dirs_known = true;
		rc = read_conf(job, BYTES_LIT("/etc/ld.so.conf"), 0);
	}
	buf_add(&key, path.ptr, path.len);
	buf_char(&key, '\0');
	buf_add(&key, cause->root.ptr, cause->root.len);
	if (rc < 0 || key.failed ||
	    intern_add(&job->needing, BYTES(key.data, key.size), NULL) == INTERN_NONE)
		return -ENOMEM;
	for (; rc == 0 && at < job->needing.count; at++) {
		struct tkit_bytes item = intern_get(&job->needing, at);
		struct cause why = *cause;

		item.len = strlen(item.ptr); /* the key's first part ends in a NUL byte */
		rc = needs_of(job, item, &why);
	}
	return rc;
}
