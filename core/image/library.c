// SPDX-License-Identifier: MIT
#include "image/library.h"

#include <elf.h>
#include <errno.h>
#include <string.h>

#include "util/bytes.h"
#include "util/cleanup.h"
#include "util/glob.h"

#define CONF_MAX   65536 /* bytes read of a file of ld.so.conf */
#define CONF_DEPTH 4     /* include lines within included files */

static struct tkit_bytes parent_of(struct tkit_bytes path)
{
	while (path.len > 1 && path.ptr[path.len - 1] != '/')
		path.len--;
	if (path.len > 1)
		path.len--;
	return path;
}

void library_dirs_done(struct library_dirs *dirs)
{
	buf_done(&dirs->names);
	dirs->known = false;
}

static int read_conf(const struct library_user *user, struct tkit_bytes path, unsigned int depth);

struct conf_dir {
	const struct library_user *user;
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
	return read_conf(conf->user, BYTES(path.data, path.size), conf->depth + 1);
}

static int conf_line(const struct library_user *user, struct tkit_bytes line, unsigned int depth)
{
	static const char include[] = "include";

	while (line.len && strchr(" \t\r", line.ptr[line.len - 1]))
		line.len--;
	while (line.len && (*line.ptr == ' ' || *line.ptr == '\t'))
		line = BYTES(line.ptr + 1, line.len - 1);
	if (bytes_starts(line, BYTES_LIT(include)) && line.len > 8 &&
	    strchr(" \t", line.ptr[sizeof(include) - 1])) {
		struct conf_dir conf = {.user = user, .depth = depth};

		line = BYTES(line.ptr + sizeof(include), line.len - sizeof(include));
		while (line.len && (*line.ptr == ' ' || *line.ptr == '\t'))
			line = BYTES(line.ptr + 1, line.len - 1);
		conf.pattern = line;
		conf.dir = parent_of(line);
		if (line.len && line.ptr[0] == '/' && rootfs_canonical(conf.dir))
			rootfs_list(user->fs, conf.dir, conf_file, &conf);
	} else if (line.len && line.ptr[0] == '/' && !memchr(line.ptr, '\0', line.len)) {
		buf_add(&user->dirs->names, line.ptr, line.len);
		buf_char(&user->dirs->names, '\0');
	}
	return user->dirs->names.failed ? -ENOMEM : 0;
}

static int read_conf(const struct library_user *user, struct tkit_bytes path, unsigned int depth)
{
	_cleanup_(buf_done) struct buf real = BUF_INIT, text = BUF_INIT;
	_cleanup_close_ int fd = -1;
	struct rootfs_walk walk = {0};
	ssize_t n;
	int rc = 0;

	if (depth > CONF_DEPTH || rootfs_resolve(user->fs, &walk, path, &real) < 0)
		return 0;
	fd = tkit_rootfs_openfile(user->fs, BYTES(real.data, real.size));
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

		rc = conf_line(user, BYTES(start, hash ? (size_t)(hash - start) : len), depth);
		at += (ssize_t)len + 1;
	}
	return rc;
}

/* One search. */
struct search {
	const struct library_user *user;
	struct buf *name; /* the candidate */
	struct buf *real;
};

/* Whether the candidate in s->name is a library of the same kind. 1 if it is. */
static int try_candidate(struct search *s)
{
	_cleanup_(elf_facts_done) struct elf_facts facts = {0};
	_cleanup_close_ int fd = -1;
	struct rootfs_walk walk = {.root = s->user->root};
	int rc;

	if (s->name->failed)
		return -ENOMEM;
	rc = rootfs_resolve(s->user->fs, &walk, BYTES(s->name->data, s->name->size), s->real);
	if (rc < 0)
		return rc == -ENOMEM ? rc : 0;
	fd = tkit_rootfs_openfile(s->user->fs, BYTES(s->real->data, s->real->size));
	if (fd < 0 || elf_facts_read(fd, &facts) < 0)
		return 0;
	return facts.bits == s->user->facts->bits && facts.machine == s->user->facts->machine;
}

static int try_in(struct search *s, struct tkit_bytes dir, const char *soname)
{
	buf_clear(s->name);
	buf_add(s->name, dir.ptr, dir.len);
	buf_char(s->name, '/');
	buf_str(s->name, soname);
	return try_candidate(s);
}

/* Directories of DT_RPATH or DT_RUNPATH, with $ORIGIN. */
static int try_list(struct search *s, const char *list, const char *soname)
{
	static const char *const origins[] = {"$ORIGIN", "${ORIGIN}"};
	struct tkit_bytes origin = parent_of(s->user->path);

	if (bytes_starts(origin, s->user->root) && s->user->root.len > 1)
		origin = BYTES(origin.ptr + s->user->root.len, origin.len - s->user->root.len);
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

		if (multiarch && !*triplet(s->user->facts))
			continue;
		snprintf(dir, sizeof(dir), "%s%s", dirs[i],
			 multiarch ? triplet(s->user->facts) : "");
		rc = try_in(s, bytes_str(dir), soname);
		if (rc != 0)
			return rc;
	}
	return 0;
}

static int search(struct search *s, const char *soname)
{
	const struct buf *dirs = &s->user->dirs->names;
	int rc = 0;

	if (strchr(soname, '/')) {
		buf_clear(s->name);
		buf_str(s->name, soname);
		return soname[0] == '/' ? try_candidate(s) : 0;
	}
	if (!s->user->facts->runpath)
		rc = try_list(s, s->user->facts->rpath, soname);
	if (rc == 0)
		rc = try_list(s, s->user->facts->runpath, soname);
	for (size_t at = 0; rc == 0 && at < dirs->size;) {
		struct tkit_bytes dir = bytes_str(dirs->data + at);

		rc = try_in(s, dir, soname);
		at += dir.len + 1;
	}
	return rc == 0 ? try_defaults(s, soname) : rc;
}

int library_find(const struct library_user *user, const char *soname, struct buf *ret_name,
		 struct buf *ret_canonical)
{
	struct search s = {.user = user, .name = ret_name, .real = ret_canonical};

	if (!user->dirs->known) {
		int rc = read_conf(user, BYTES_LIT("/etc/ld.so.conf"), 0);

		if (rc < 0)
			return rc;
		user->dirs->known = true;
	}
	return search(&s, soname);
}
