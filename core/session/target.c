// SPDX-License-Identifier: MIT
/* What backends ask core about their target. */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include <tkit/backend.h>

#include "session/inroot.h"
#include "util/bytes.h"
#include "util/cleanup.h"

#define SCRIPT_DEPTH 5   /* interpreters of interpreters, as in the kernel's exec_binprm() */
#define SCRIPT_HEAD  256 /* BINPRM_BUF_SIZE */

const char *tkit_target_path(const struct tkit_target *target, const char *path)
{
	size_t len = target->root ? strlen(target->root) : 0;

	if (path[0] != '/')
		return NULL;
	while (len && target->root[len - 1] == '/')
		len--;
	if (strncmp(path, target->root ? target->root : "", len) != 0)
		return NULL;
	if (path[len] == '\0')
		return "/";
	return path[len] == '/' ? path + len : NULL;
}

static bool spacetab(char c)
{
	return c == ' ' || c == '\t';
}

/*
 * The interpreter named in the first bytes of a script, by the kernel's rules (load_script()):
 * NULL if it is no script, or a line that the kernel refuses. `head` is padded with NULs.
 */
static const char *script_interpreter(const char head[SCRIPT_HEAD], size_t *ret_len)
{
	const char *limit = head + SCRIPT_HEAD, *p = head + 2, *end, *name;

	if (head[0] != '#' || head[1] != '!')
		return NULL;
	for (end = p; end < limit && *end && *end != '\n'; end++)
		;
	if (end == limit || *end != '\n') {
		/* No whole line: good only if the name itself is whole. */
		for (end = p; end < limit && spacetab(*end); end++)
			;
		while (end < limit && *end && !spacetab(*end))
			end++;
		if (end == limit)
			return NULL;
	}
	while (p < end && spacetab(*p))
		p++;
	for (name = p; p < end && *p && !spacetab(*p); p++)
		;
	*ret_len = (size_t)(p - name);
	return *ret_len ? name : NULL;
}

static int read_head(int root_fd, const char *path, char head[SCRIPT_HEAD])
{
	_cleanup_close_ int fd = inroot_open_file(root_fd, path);
	size_t have = 0;

	if (fd < 0)
		return fd;
	memset(head, 0, SCRIPT_HEAD);
	while (have < SCRIPT_HEAD) {
		ssize_t n = pread(fd, head + have, SCRIPT_HEAD - have, (off_t)have);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		have += (size_t)n;
	}
	return 0;
}

int tkit_script_interpreters(int root_fd, const char *path,
			     void (*fn)(void *arg, const char *interpreter, size_t len), void *arg)
{
	char head[SCRIPT_HEAD], name[SCRIPT_HEAD];
	int count = 0;

	while (count < SCRIPT_DEPTH) {
		const char *interpreter;
		size_t len;
		int rc = read_head(root_fd, path, head);

		if (rc < 0)
			return count ? count : rc;
		interpreter = script_interpreter(head, &len);
		if (!interpreter)
			break;
		fn(arg, interpreter, len);
		count++;
		if (*interpreter != '/')
			break; /* relative to a working directory that is not known here */
		memcpy(name, interpreter, len);
		name[len] = '\0';
		path = name;
	}
	return count;
}
