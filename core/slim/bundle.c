// SPDX-License-Identifier: MIT
#include "slim/bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include "slim/oci.h"
#include "util/bytes.h"
#include "util/cleanup.h"

#define HOSTNAME "tkit"

static int write_file(int dir, const char *name, struct buf *text, struct err *err)
{
	_cleanup_close_ int fd =
		openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
	int rc = fd < 0 || fchmod(fd, 0644) < 0 ? -errno : 0;

	if (rc == 0 && (text->failed || write(fd, text->data, text->size) != (ssize_t)text->size))
		rc = text->failed ? -ENOMEM : errno ? -errno : -EIO;
	buf_done(text);
	return rc < 0 ? err_sys(err, rc, "writing %s", name) : 0;
}

static int write_text(int dir, const char *name, const char *content, struct err *err)
{
	struct buf text = BUF_INIT;

	buf_str(&text, content);
	return write_file(dir, name, &text, err);
}

static bool is_cgroup2(void)
{
	struct statfs st;

	return statfs("/sys/fs/cgroup", &st) == 0 && st.f_type == 0x63677270;
}

static int fill_spec(const struct box *box, struct oci_spec *oci, struct user *user,
		     struct err *err)
{
	const struct box_spec *spec = box->spec;

	*oci = (struct oci_spec){
		.image = spec->config,
		.user = user,
		.args = spec->args,
		.arg_count = spec->arg_count,
		.hostname = HOSTNAME,
		.cgroup_ns = is_cgroup2(),
		.read_only = spec->read_only,
	};
	return user_find(spec->rootfs, spec->config ? spec->config->user : NULL, user, err);
}

/* Its users must get through it, whatever tkit's own umask is. */
static int make_dir(int dir, const char *name)
{
	return mkdirat(dir, name, 0755) < 0 || fchmodat(dir, name, 0755, 0) < 0 ? -errno : 0;
}

/*
 * The files that are mounted over the image's own. Their directory has the container's id for a
 * name, as with engines: by that they are known for what the runtime brought, of which the image
 * needs nothing.
 */
static int write_files(const struct box *box, int parent, struct err *err)
{
	_cleanup_close_ int dir = -1;
	int rc = make_dir(parent, box->id);

	if (rc == 0)
		dir = openat(parent, box->id, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return err_sys(err, rc < 0 ? rc : -errno, "making a bundle");
	rc = write_text(dir, "hostname", HOSTNAME "\n", err);
	if (rc == 0)
		rc = write_text(dir, "resolv.conf", "nameserver 127.0.0.1\n", err);
	if (rc == 0)
		rc = write_text(dir, "hosts",
				"127.0.0.1\tlocalhost " HOSTNAME "\n::1\tlocalhost ip6-localhost\n",
				err);
	return rc;
}

static int write_bundle(const struct box *box, int dir, struct err *err)
{
	_cleanup_free_ char *root = NULL, *files = NULL;
	struct buf json = BUF_INIT;
	struct oci_spec oci;
	const char *word;
	struct user user;
	char cgroup[96];
	int rc = fill_spec(box, &oci, &user, err);

	if (rc < 0)
		return rc;
	if (!oci_command(&oci, &word, 1))
		return err_set(err, -EINVAL,
			       "the image names no command to run; give one after --");
	if (asprintf(&root, "%s/root", box->path) < 0) {
		root = NULL;
		return err_sys(err, -ENOMEM, "making a bundle");
	}
	if (asprintf(&files, "%s/%s", box->path, box->id) < 0) {
		files = NULL;
		return err_sys(err, -ENOMEM, "making a bundle");
	}
	snprintf(cgroup, sizeof(cgroup), "/tkit-%s", box->id);
	oci.root = root;
	oci.files = files;
	oci.cgroup = cgroup;
	oci_config(&oci, &json);
	rc = write_file(dir, "config.json", &json, err);
	return rc < 0 ? rc : write_files(box, dir, err);
}

/* What the container writes lies in memory: it is fast, and gone with the mount. */
static int mount_root(const struct box *box, int dir, struct err *err)
{
	_cleanup_(buf_done) struct buf options = BUF_INIT;
	_cleanup_free_ char *root = NULL;
	int rc;

	if ((rc = make_dir(dir, "upper")) < 0 || (rc = make_dir(dir, "work")) < 0 ||
	    (rc = make_dir(dir, "root")) < 0)
		return err_sys(err, rc, "making a root");
	buf_printf(&options, "lowerdir=%s,upperdir=%s/upper,workdir=%s/work", box->spec->lower,
		   box->path, box->path);
	buf_char(&options, '\0');
	if (options.failed || options.size >= 4096 || asprintf(&root, "%s/root", box->path) < 0) {
		root = NULL;
		return err_sys(err, -E2BIG, "mounting the image's root");
	}
	if (mount("overlay", root, "overlay", 0, options.data) < 0)
		return err_sys(err, -errno, "mounting the image's root (overlay)");
	return 0;
}

int bundle_make(struct box *box, struct err *err)
{
	_cleanup_close_ int dir = -1;
	int rc;

	box->path = workdir_path(box->dir, box->spec->name, 0700, err);
	if (!box->path)
		return err->rc;
	if (mount("tmpfs", box->path, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0700") < 0)
		return err_sys(err, -errno, "mounting a file system in memory");
	dir = open(box->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return err_sys(err, -errno, "opening %s", box->path);
	rc = mount_root(box, dir, err);
	return rc < 0 ? rc : write_bundle(box, dir, err);
}

int bundle_process(const struct box *box, char *const *argv, char **ret_file, struct err *err)
{
	_cleanup_close_ int dir = open(box->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct buf json = BUF_INIT;
	struct oci_spec oci;
	struct user user;
	int rc = fill_spec(box, &oci, &user, err);

	if (rc < 0)
		return rc;
	if (asprintf(ret_file, "%s/process.json", box->path) < 0) {
		*ret_file = NULL;
		return err_sys(err, -ENOMEM, "starting a command");
	}
	unlinkat(dir, "process.json", 0);
	oci_process(&oci, argv, &json);
	return write_file(dir, "process.json", &json, err);
}
