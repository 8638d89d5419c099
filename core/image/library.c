// SPDX-License-Identifier: MIT
#include "image/library.h"

#include <elf.h>
#include <errno.h>
#include <string.h>

#include "rootfs/names.h"
#include "util/bytes.h"
#include "util/cleanup.h"
#include "util/glob.h"

#define CONF_MAX   65536 /* bytes read of a file of ld.so.conf */
#define CONF_DEPTH 4     /* include lines within included files */
#define DIRS_MAX   4096  /* directories in all */
#define BLANKS     " \t\r"

static struct tkit_bytes parent_of(struct tkit_bytes path)
{
	while (path.len > 1 && path.ptr[path.len - 1] != '/')
		path.len--;
	if (path.len > 1)
		path.len--;
	return path;
}

/* The next word of *rest, which is moved on; false at the end. */
static bool next_word(struct tkit_bytes *rest, struct tkit_bytes *ret_word)
{
	size_t len = 0;

	while (rest->len && strchr(BLANKS, *rest->ptr))
		*rest = BYTES(rest->ptr + 1, rest->len - 1);
	while (len < rest->len && !strchr(BLANKS, rest->ptr[len]))
		len++;
	*ret_word = BYTES(rest->ptr, len);
	*rest = BYTES(rest->ptr + len, rest->len - len);
	return len > 0;
}

void library_dirs_done(struct library_dirs *dirs)
{
	buf_done(&dirs->names);
	if (dirs->known)
		intern_done(&dirs->read);
	*dirs = (struct library_dirs){0};
}

static int read_conf(const struct library_user *user, struct tkit_bytes path, unsigned int depth);

/* All that a pattern matches, in the order of names as glob(3) has it. */
static int conf_include(const struct library_user *user, struct tkit_bytes pattern,
			unsigned int depth)
{
	_cleanup_(names_done) struct names names = {0};
	_cleanup_(buf_done) struct buf path = BUF_INIT;
	struct tkit_bytes dir = parent_of(pattern);
	int rc;

	if (!rootfs_canonical(dir))
		return 0;
	rc = names_read(&names, user->fs, dir);
	if (rc < 0)
		return rc == -ENOMEM ? rc : 0;
	for (size_t i = 0; rc == 0 && i < names.count; i++) {
		buf_clear(&path);
		buf_add(&path, dir.ptr, dir.len > 1 ? dir.len : 0);
		buf_char(&path, '/');
		buf_str(&path, names_at(&names, i));
		if (path.failed)
			return -ENOMEM;
		if (glob_match(pattern, BYTES(path.data, path.size)))
			rc = read_conf(user, BYTES(path.data, path.size), depth + 1);
	}
	return rc;
}

/* The patterns behind "include"; those that are not absolute begin where the file is. */
static int conf_includes(const struct library_user *user, struct tkit_bytes line,
			 struct tkit_bytes file, unsigned int depth)
{
	_cleanup_(buf_done) struct buf path = BUF_INIT;
	struct tkit_bytes dir = parent_of(file), pattern;
	int rc = 0;

	while (rc == 0 && next_word(&line, &pattern)) {
		buf_clear(&path);
		if (pattern.ptr[0] != '/') {
			buf_add(&path, dir.ptr, dir.len > 1 ? dir.len : 0);
			buf_char(&path, '/');
		}
		buf_add(&path, pattern.ptr, pattern.len);
		rc = path.failed ? -ENOMEM : conf_include(user, BYTES(path.data, path.size), depth);
	}
	return rc;
}

static int conf_line(const struct library_user *user, struct tkit_bytes line,
		     struct tkit_bytes file, unsigned int depth)
{
	struct library_dirs *dirs = user->dirs;
	struct tkit_bytes rest = line, word;

	if (!next_word(&rest, &word))
		return 0;
	if (bytes_is(word, "include"))
		return conf_includes(user, rest, file, depth);
	/* A directory's name may have blanks in it. */
	line = BYTES(word.ptr, line.len - (size_t)(word.ptr - line.ptr));
	while (strchr(BLANKS, line.ptr[line.len - 1]))
		line.len--;
	if (line.ptr[0] == '/' && !memchr(line.ptr, '\0', line.len) && dirs->count < DIRS_MAX) {
		dirs->count++;
		buf_add(&dirs->names, line.ptr, line.len);
		buf_char(&dirs->names, '\0');
	}
	return dirs->names.failed ? -ENOMEM : 0;
}

/* Each file once: they may include each other. */
static int read_conf(const struct library_user *user, struct tkit_bytes path, unsigned int depth)
{
	_cleanup_(buf_done) struct buf real = BUF_INIT, text = BUF_INIT;
	_cleanup_close_ int fd = -1;
	struct rootfs_walk walk = {0};
	int rc = 0, is_new = 0;
	ssize_t n;

	if (depth > CONF_DEPTH || rootfs_resolve(user->fs, &walk, path, &real) < 0)
		return 0;
	if (intern_add(&user->dirs->read, BYTES(real.data, real.size), &is_new) == INTERN_NONE)
		return -ENOMEM;
	fd = is_new ? tkit_rootfs_openfile(user->fs, BYTES(real.data, real.size)) : -1;
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

		rc = conf_line(user, BYTES(start, hash ? (size_t)(hash - start) : len), path,
			       depth);
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
		int rc;

		intern_init(&user->dirs->read);
		user->dirs->known = true;
		rc = read_conf(user, BYTES_LIT("/etc/ld.so.conf"), 0);
		if (rc < 0)
			return rc;
	}
	return search(&s, soname);
}
