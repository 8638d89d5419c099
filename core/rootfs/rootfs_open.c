// SPDX-License-Identifier: MIT
/* tkit_rootfs_open(): from the text that names a source to a root file system. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "plugin/ctx.h"
#include "rootfs/engine.h"
#include "rootfs/source.h"
#include "util/bytes.h"
#include "util/cleanup.h"

struct source {
	struct tkit_ctx *ctx;
	const char *name; /* as given */
	const char *rest; /* behind the prefix */
	const struct tkit_rootfs_options *options;
	struct tkit_rootfs **ret;
};

/* The cause, with the source's name before it. */
static int fail(const struct source *s, int rc, const struct err *err)
{
	_cleanup_(buf_done) struct buf name = BUF_INIT;

	buf_escaped(&name, bytes_str(s->name));
	buf_char(&name, '\0');
	/* The text says it all: no strerror() behind it. */
	tkit_fail(s->ctx, -EINVAL, "%s: %s", name.failed ? "?" : name.data, err_text(err));
	if (s->ctx)
		s->ctx->err.rc = rc;
	return rc;
}

static int fail_open(const struct source *s, int rc)
{
	return tkit_fail(s->ctx, rc, "opening %s", s->rest);
}

static int take(const struct source *s, struct source_image *image)
{
	int rc = rootfs_image_new(image, s->ret);

	if (rc < 0)
		source_image_done(image);
	return rc < 0 ? fail_open(s, rc) : 0;
}

static int read_from(const struct source *s, enum image_kind kind, int fd)
{
	struct source_image image;
	struct err err = ERR_INIT;
	int rc = source_read(kind, fd, s->options, &image, &err);

	rc = rc < 0 ? fail(s, rc, &err) : take(s, &image);
	err_done(&err);
	return rc;
}

static int open_dir(const struct source *s)
{
	return tkit_rootfs_open_dir(s->ctx, s->rest, s->ret);
}

static int open_layout(const struct source *s)
{
	_cleanup_close_ int fd = open(s->rest, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? fail_open(s, -errno) : read_from(s, IMAGE_OCI_LAYOUT, fd);
}

static int open_file(const struct source *s, enum image_kind kind)
{
	_cleanup_close_ int fd = open(s->rest, O_RDONLY | O_NOCTTY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return fail_open(s, -errno);
	if (S_ISDIR(st.st_mode))
		return fail_open(s, -EISDIR);
	if (!S_ISREG(st.st_mode) && !S_ISFIFO(st.st_mode))
		return tkit_fail(s->ctx, -EINVAL, "%s is neither a file nor a directory", s->rest);
	return read_from(s, kind, fd);
}

static int open_tar(const struct source *s)
{
	return open_file(s, IMAGE_TAR);
}

static int open_docker_archive(const struct source *s)
{
	return open_file(s, IMAGE_DOCKER);
}

static int open_oci_archive(const struct source *s)
{
	return open_file(s, IMAGE_OCI);
}

/* What the engine says goes before what the reader of a half archive says. */
static int open_engine(const struct source *s, const char *program)
{
	struct err err = ERR_INIT, read_err = ERR_INIT;
	struct source_image image;
	struct engine_save save;
	int rc = engine_start(&save, program, s->rest, &err), read_rc;

	if (rc == 0) {
		read_rc = source_read(IMAGE_FIND_OUT, save.out, s->options, &image, &read_err);
		rc = engine_finish(&save, &err);
		/* It may have died of our not reading on. */
		if (read_rc < 0 && (rc == 0 || (read_rc != -EBADMSG && read_rc != -ENOMSG))) {
			err_done(&err);
			err = read_err;
			read_err = (struct err)ERR_INIT;
			rc = read_rc;
		} else if (rc < 0 && read_rc == 0) {
			source_image_done(&image);
		}
	}
	rc = rc < 0 ? fail(s, rc, &err) : take(s, &image);
	err_done(&err);
	err_done(&read_err);
	return rc;
}

static int open_docker(const struct source *s)
{
	return open_engine(s, "docker");
}

static int open_podman(const struct source *s)
{
	return open_engine(s, "podman");
}

static const struct {
	const char *prefix;
	int (*open)(const struct source *s);
} kinds[] = {
	{"dir:", open_dir},
	{"tar:", open_tar},
	{"docker-archive:", open_docker_archive},
	{"oci-archive:", open_oci_archive},
	{"oci:", open_layout},
	{"docker:", open_docker},
	{"podman:", open_podman},
};

static bool is_layout(int dir)
{
	struct stat st;

	return fstatat(dir, "oci-layout", &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
	       fstatat(dir, "index.json", &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode);
}

static int open_unnamed(const struct source *s)
{
	_cleanup_close_ int dir = -1;
	struct stat st;

	if (stat(s->name, &st) < 0)
		return errno == ENOENT
			       ? tkit_fail(
					 s->ctx, -EINVAL,
					 "there is no file or directory %s (an image of an engine "
					 "is docker:%s or podman:%s)",
					 s->name, s->name, s->name)
			       : fail_open(s, -errno);
	if (!S_ISDIR(st.st_mode))
		return open_file(s, IMAGE_FIND_OUT);
	dir = open(s->name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return dir >= 0 && is_layout(dir) ? open_layout(s) : open_dir(s);
}

int tkit_rootfs_open(struct tkit_ctx *ctx, const char *source,
		     const struct tkit_rootfs_options *options, struct tkit_rootfs **ret_rootfs)
{
	struct tkit_rootfs_options given = {0};
	struct source s = {
		.ctx = ctx, .name = source, .rest = source, .options = &given, .ret = ret_rootfs};

	if (options)
		memcpy(&given, options,
		       options->size < sizeof(given) ? options->size : sizeof(given));
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (strncmp(source, kinds[i].prefix, strlen(kinds[i].prefix)) == 0) {
			s.rest = source + strlen(kinds[i].prefix);
			return kinds[i].open(&s);
		}
	return open_unnamed(&s);
}
