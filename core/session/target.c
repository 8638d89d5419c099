// SPDX-License-Identifier: MIT
/* What backends ask core about their target. */
#include <errno.h>
#include <string.h>

#include <tkit/backend.h>

#include "session/inroot.h"
#include "util/cleanup.h"
#include "util/shebang.h"

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

/* The first bytes of a file. Returns how many, or -errno. */
static ssize_t read_head(int root_fd, const char *path, char head[SHEBANG_SIZE])
{
	_cleanup_close_ int fd = inroot_open_file(root_fd, path);
	size_t have = 0;

	if (fd < 0)
		return fd;
	while (have < SHEBANG_SIZE) {
		ssize_t n = pread(fd, head + have, SHEBANG_SIZE - have, (off_t)have);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		have += (size_t)n;
	}
	return (ssize_t)have;
}

int tkit_script_interpreters(int root_fd, const char *path,
			     void (*fn)(void *arg, const char *interpreter, size_t len), void *arg)
{
	char head[SHEBANG_SIZE], name[SHEBANG_SIZE + 1];
	int count = 0;

	while (count < SHEBANG_DEPTH) {
		ssize_t size = read_head(root_fd, path, head);
		struct shebang script;

		if (size < 0)
			return count ? count : (int)size;
		if (shebang_parse(head, (size_t)size, &script) < 0)
			break;
		fn(arg, script.interp.ptr, script.interp.len);
		count++;
		if (script.interp.ptr[0] != '/')
			break; /* relative to a working directory that is not known here */
		memcpy(name, script.interp.ptr, script.interp.len);
		name[script.interp.len] = '\0';
		path = name;
	}
	return count;
}
