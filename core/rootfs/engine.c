// SPDX-License-Identifier: MIT
#include "rootfs/engine.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/buf.h"
#include "util/bytes.h"
#include "util/cleanup.h"

#define ERRORS_SHOWN 2000 /* bytes from the end of what it said */

/* An image's name goes to another program: nothing that it could take for an option. */
static int check_name(const char *program, const char *image, struct err *err)
{
	if (!*image)
		return err_set(err, -EINVAL, "%s: needs the name of an image: %s:IMAGE", program,
			       program);
	for (const char *p = image; *p; p++)
		if ((unsigned char)*p <= ' ' || (unsigned char)*p >= 0x7f || *image == '-')
			return err_set(err, -EINVAL, "%s: this is no name of an image", program);
	return 0;
}

static int spawn(struct engine_save *save, int out)
{
	char *argv[] = {(char *)save->program, (char *)"save", (char *)"--", (char *)save->image,
			NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t defaults, none;
	int rc;

	sigemptyset(&none);
	sigemptyset(&defaults);
	sigaddset(&defaults, SIGPIPE);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigdefault(&attr, &defaults);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&actions, save->errors, STDERR_FILENO);
	rc = posix_spawnp(&save->pid, save->program, &actions, &attr, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attr);
	return -rc;
}

int engine_start(struct engine_save *save, const char *program, const char *image, struct err *err)
{
	int pair[2], rc = check_name(program, image, err);

	if (rc < 0)
		return rc;
	*save = (struct engine_save){.program = program, .image = image};
	save->errors = memfd_create("tkit-engine", MFD_CLOEXEC);
	if (save->errors < 0 || pipe2(pair, O_CLOEXEC) < 0) {
		rc = -errno;
		cleanup_close(&save->errors);
		return err_sys(err, rc, "running %s", program);
	}
	save->out = pair[0];
	rc = spawn(save, pair[1]);
	close(pair[1]);
	if (rc == 0)
		return 0;
	close(save->out);
	close(save->errors);
	if (rc == -ENOENT)
		return err_set(err, rc,
			       "%s is not in PATH; install it, or give an archive that `save` made "
			       "elsewhere",
			       program);
	return err_sys(err, rc, "running %s", program);
}

/* The last line that it said. */
static void last_line(int fd, struct buf *text)
{
	char raw[ERRORS_SHOWN];
	off_t size = lseek(fd, 0, SEEK_END);
	ssize_t n = pread(fd, raw, sizeof(raw),
			  size > (off_t)sizeof(raw) ? size - (off_t)sizeof(raw) : 0);
	size_t end = n > 0 ? (size_t)n : 0, start;

	while (end && strchr("\r\n ", raw[end - 1]))
		end--;
	for (start = end; start && raw[start - 1] != '\n'; start--)
		;
	buf_escaped(text, BYTES(raw + start, end - start));
	if (end == start)
		buf_str(text, "it gave no reason");
	buf_char(text, '\0');
}

int engine_finish(struct engine_save *save, struct err *err)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT;
	int status = 0, rc = 0;

	close(save->out);
	while (waitpid(save->pid, &status, 0) < 0)
		if (errno != EINTR) {
			rc = err_sys(err, -errno, "waiting for %s", save->program);
			break;
		}
	if (rc == 0 && status != 0) {
		last_line(save->errors, &text);
		rc = err_set(err, -EIO, "`%s save %s` failed: %s", save->program, save->image,
			     text.failed ? "?" : text.data);
	}
	close(save->errors);
	return rc;
}
