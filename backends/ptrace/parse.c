// SPDX-License-Identifier: MIT
/* What needs no tracee: forms of /proc files and of socket addresses. */
#include "ptrace.h"

#include <elf.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#define AUXV_TYPES 4096 /* no type is as large as this */

/* AT_BASE from words of `width` bytes. False if this is not what the vector consists of. */
static bool auxv_base(const void *auxv, size_t size, size_t width, uint64_t *ret)
{
	const char *p = auxv;

	*ret = 0;
	for (size_t i = 0; i + 2 * width <= size; i += 2 * width) {
		uint64_t type = 0, value = 0;

		/* little endian, as all machines that tkit knows */
		memcpy(&type, p + i, width);
		memcpy(&value, p + i + width, width);
		if (type >= AUXV_TYPES)
			return false;
		if (type == AT_NULL)
			return i > 0;
		if (type == AT_BASE)
			*ret = value;
	}
	return false;
}

/*
 * Where the ELF interpreter is mapped according to /proc/PID/auxv; 0 = there is none.
 * A 32-bit program's vector has 32-bit words: read as 64-bit ones, its types are absurd.
 */
uint64_t pt_auxv_base(const void *auxv, size_t size)
{
	uint64_t base;

	if (auxv_base(auxv, size, 8, &base) || auxv_base(auxv, size, 4, &base))
		return base;
	return 0;
}

/* Undoes the one escape of /proc/PID/maps: "\012" for a newline. */
static void unescape(char *s)
{
	char *out = s;

	while (*s) {
		if (strncmp(s, "\\012", 4) == 0) {
			*out++ = '\n';
			s += 4;
		} else {
			*out++ = *s++;
		}
	}
	*out = 0;
}

/*
 * The file that is mapped at addr, in the text of /proc/PID/maps (NUL-terminated, is
 * changed). Returns 1 with *ret_path, 0 if no file is mapped there.
 */
int pt_maps_find(char *maps, uint64_t addr, const char **ret_path)
{
	char *line = maps;

	while (line && *line) {
		char *end = strchr(line, '\n');
		char *rest;
		uint64_t from, to;

		if (end)
			*end = 0;
		from = strtoull(line, &rest, 16);
		to = *rest == '-' ? strtoull(rest + 1, &rest, 16) : 0;
		if (addr >= from && addr < to) {
			char *path = strchr(rest, '/');

			if (!path)
				return 0;
			unescape(path);
			*ret_path = path;
			return 1;
		}
		line = end ? end + 1 : NULL;
	}
	return 0;
}

/*
 * The name in a struct sockaddr of `size` bytes; 0 if it is not one of AF_UNIX with a name.
 * The name of an abstract socket comes without its leading NUL and may hold NULs.
 */
size_t pt_sockaddr_name(const void *addr, size_t size, const char **ret_name, bool *ret_abstract)
{
	const size_t head = offsetof(struct sockaddr_un, sun_path);
	const char *name = (const char *)addr + head;
	sa_family_t family;

	if (size <= head || size > sizeof(struct sockaddr_un))
		return 0;
	memcpy(&family, addr, sizeof(family));
	if (family != AF_UNIX)
		return 0;
	*ret_abstract = !name[0];
	*ret_name = name + *ret_abstract;
	if (*ret_abstract)
		return size - head - 1;
	return strnlen(name, size - head);
}

/* The next component of *path that is not "."; its length, 0 at the end. */
static size_t component(const char **path, const char *end, const char **ret)
{
	const char *p = *path;
	size_t len;

	do {
		while (p < end && *p == '/')
			p++;
		*ret = p;
		while (p < end && *p != '/')
			p++;
		len = (size_t)(p - *ret);
	} while (len == 1 && **ret == '.');
	*path = p;
	return len;
}

static bool one_of(const char *name, size_t len, const char *const *list)
{
	for (; *list; list++)
		if (strlen(*list) == len && memcmp(*list, name, len) == 0)
			return true;
	return false;
}

/* Whether a component may be a process's directory in /proc: "self", "thread-self", a number. */
static bool may_be_process(const char *name, size_t len)
{
	static const char *const own[] = {"self", "thread-self", NULL};
	size_t digits = 0;

	while (digits < len && name[digits] >= '0' && name[digits] <= '9')
		digits++;
	return digits == len || one_of(name, len, own);
}

struct magic_scan {
	bool process;      /* the last component may be a process's directory */
	bool dev;          /* ... was "dev" */
	bool fds;          /* ... was its "fd": the next one is the link */
	bool found;        /* a link was there */
	unsigned int more; /* components behind it */
};

static void scan(struct magic_scan *s, const char *path, size_t path_len)
{
	static const char *const links[] = {"cwd", "root", "exe", NULL};
	static const char *const tables[] = {"fd", "map_files", NULL};
	static const char *const standard[] = {"stdin", "stdout", "stderr", NULL};
	const char *end = path + path_len, *name;
	size_t len;

	while ((len = component(&path, end, &name))) {
		bool process = may_be_process(name, len), was_fds = s->fds;
		bool link = was_fds || (s->process && one_of(name, len, links)) ||
			    (s->dev && one_of(name, len, standard));

		s->fds = !was_fds && (s->process || s->dev) && one_of(name, len, tables);
		s->process = process;
		s->dev = len == 3 && memcmp(name, "dev", 3) == 0;
		if (s->found)
			s->more++;
		else
			s->found = link;
	}
}

/*
 * Whether a path (relative to base, if that is not empty) looks as if it led through a magic
 * link of some /proc: /proc/self/cwd/x, self/fd/3 from /proc, /dev/stdin. Errs on the side
 * of yes. `nofollow`: a last link is not followed, except with a slash behind it.
 */
bool pt_maybe_magic(const char *base, size_t base_len, const char *path, bool nofollow)
{
	struct magic_scan s = {0};
	size_t len = strlen(path);

	if (path[0] != '/')
		scan(&s, base, base_len);
	scan(&s, path, len);
	return s.found && (!nofollow || s.more || (len && path[len - 1] == '/'));
}
