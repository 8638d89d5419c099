// SPDX-License-Identifier: MIT
/* tkit plugin new: a project from the templates, made aside and put in place when it is whole. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/plugin_cli.h"
#include "cli/print.h"
#include "plugin/place.h"
#include "util/cleanup.h"
#include "util/suggest.h"

/* The words that stand for the plugin's name and kind in the templates. */
#define NAME_WORD "tkitnew"
#define KIND_WORD "tkitkind"

#define FILE_MAX (1u << 20)
#define DEPTH    4

struct project {
	const char *kind;
	const char *name;
	char *dir;  /* where it is to be */
	char *temp; /* where it is made */
};

/* ---- copying ---- */

/* Text with the words replaced. */
static void put_replaced(struct buf *out, const char *text, size_t len, const struct project *p)
{
	for (size_t i = 0; i < len;) {
		if (len - i >= strlen(NAME_WORD) &&
		    !memcmp(text + i, NAME_WORD, strlen(NAME_WORD))) {
			buf_str(out, p->name);
			i += strlen(NAME_WORD);
		} else if (len - i >= strlen(KIND_WORD) &&
			   !memcmp(text + i, KIND_WORD, strlen(KIND_WORD))) {
			buf_str(out, p->kind);
			i += strlen(KIND_WORD);
		} else {
			buf_char(out, text[i++]);
		}
	}
}

static int read_file(int dir, const char *name, struct buf *text, mode_t *ret_mode, struct err *err)
{
	_cleanup_close_ int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(err, -errno, "%s", name);
	if (!S_ISREG(st.st_mode) || st.st_size > FILE_MAX)
		return err_set(err, -EINVAL, "%s: not a template", name);
	*ret_mode = st.st_mode & 0777;
	while (text->size < FILE_MAX) {
		char *to = buf_reserve(text, 4096);
		ssize_t n = to ? read(fd, to, 4096) : -1;

		if (n < 0)
			return err_sys(err, to ? -errno : -ENOMEM, "%s", name);
		if (n == 0)
			return 0;
		text->size += (size_t)n;
	}
	return err_set(err, -EFBIG, "%s: not a template", name);
}

static int write_file(int dir, const char *name, const struct buf *text, mode_t mode,
		      struct err *err)
{
	_cleanup_close_ int fd =
		openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
	size_t done = 0;

	while (fd >= 0 && done < text->size) {
		ssize_t n = write(fd, text->data + done, text->size - done);

		if (n < 0 && errno != EINTR)
			return err_sys(err, -errno, "writing %s", name);
		done += n > 0 ? (size_t)n : 0;
	}
	return fd < 0 || fsync(fd) < 0 ? err_sys(err, -errno, "writing %s", name) : 0;
}

static int copy_file(int from, int to, const char *name, const char *new_name,
		     const struct project *p, struct err *err)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT, made = BUF_INIT;
	mode_t mode = 0;
	int rc = read_file(from, name, &text, &mode, err);

	if (rc < 0)
		return rc;
	put_replaced(&made, text.data, text.size, p);
	if (made.failed)
		return err_sys(err, -ENOMEM, "%s", name);
	return write_file(to, new_name, &made, mode, err);
}

static int copy_dir(int from, int to, const struct project *p, int depth, struct err *err);

static int copy_entry(int from, int to, const struct dirent *entry, const struct project *p,
		      int depth, struct err *err)
{
	_cleanup_(buf_done) struct buf name = BUF_INIT;
	_cleanup_close_ int below = -1, made = -1;
	struct stat st;

	put_replaced(&name, entry->d_name, strlen(entry->d_name), p);
	buf_char(&name, '\0');
	if (name.failed)
		return err_sys(err, -ENOMEM, "%s", entry->d_name);
	if (fstatat(from, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(err, -errno, "%s", entry->d_name);
	if (!S_ISDIR(st.st_mode))
		return copy_file(from, to, entry->d_name, name.data, p, err);
	if (mkdirat(to, name.data, 0777) < 0 && errno != EEXIST)
		return err_sys(err, -errno, "making %s", name.data);
	below = openat(from, entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	made = openat(to, name.data, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (below < 0 || made < 0)
		return err_sys(err, -errno, "%s", entry->d_name);
	return depth ? copy_dir(below, made, p, depth - 1, err) : 0;
}

static int copy_dir(int from, int to, const struct project *p, int depth, struct err *err)
{
	int copy = fcntl(from, F_DUPFD_CLOEXEC, 3);
	_cleanup_closedir_ DIR *d = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *entry;
	int rc = 0;

	if (!d)
		return err_sys(err, -errno, "reading templates");
	while (rc == 0 && (entry = readdir(d)))
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			rc = copy_entry(from, to, entry, p, depth, err);
	return rc;
}

static int copy_template(const char *templates, const char *which, const struct project *p,
			 struct err *err)
{
	_cleanup_free_ char *dir = NULL;
	_cleanup_close_ int from = -1, to = open(p->temp, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (asprintf(&dir, "%s/%s", templates, which) < 0)
		return err_sys(err, -ENOMEM, "%s", which);
	from = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (from < 0 || to < 0)
		return err_sys(err, -errno, "%s", from < 0 ? dir : p->temp);
	return copy_dir(from, to, p, DEPTH, err);
}

/* ---- the project ---- */

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	remove(path);
	return 0;
}

/* A hidden folder beside the place. */
static int make_temp(struct project *p, struct err *err)
{
	char *slash = strrchr(p->dir, '/');
	mode_t mask = umask(0);

	umask(mask);
	if (asprintf(&p->temp, "%.*s.%s.XXXXXX", slash ? (int)(slash - p->dir) + 1 : 0, p->dir,
		     p->name) < 0)
		p->temp = NULL;
	if (!p->temp)
		return err_sys(err, -ENOMEM, "%s", p->dir);
	if (!mkdtemp(p->temp)) {
		int rc = -errno;

		free(p->temp);
		p->temp = NULL;
		return err_sys(err, rc < 0 ? rc : -EIO, "making a folder beside %s", p->dir);
	}
	return chmod(p->temp, 0777 & ~mask) ? err_sys(err, -errno, "%s", p->temp) : 0;
}

static int put_in_place(struct project *p, struct err *err)
{
	if (syscall(SYS_renameat2, AT_FDCWD, p->temp, AT_FDCWD, p->dir, RENAME_NOREPLACE) == 0)
		return 0;
	/* File systems that cannot do it: rename(2) replaces nothing but an empty folder. */
	if (errno == EINVAL && access(p->dir, F_OK) < 0 && rename(p->temp, p->dir) == 0)
		return 0;
	return err_sys(err, -errno, "%s", p->dir);
}

static int make(struct project *p, struct err *err)
{
	_cleanup_free_ char *templates = NULL;
	struct stat st;
	int rc = place_data("templates", &templates, err);

	if (rc < 0)
		return rc;
	if (lstat(p->dir, &st) == 0)
		return err_set(err, -EEXIST, "%s: exists already; nothing is overwritten", p->dir);
	rc = make_temp(p, err);
	if (rc == 0)
		rc = copy_template(templates, "common", p, err);
	if (rc == 0)
		rc = copy_template(templates, p->kind, p, err);
	if (rc == 0)
		rc = put_in_place(p, err);
	if (rc < 0 && p->temp)
		nftw(p->temp, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	return rc;
}

static bool name_valid(const char *name)
{
	return name[0] >= 'a' && name[0] <= 'z' && strlen(name) <= 64 &&
	       !name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_")];
}

static int tell(const struct project *p)
{
	struct buf out = BUF_INIT;

	buf_str(&out, "Made ");
	print_text(&out, p->dir);
	buf_printf(&out, ", the %s '%s'. Next:\n  cd ", p->kind, p->name);
	print_text(&out, p->dir);
	buf_str(&out, " && make && make check\n");
	return print_out(&out);
}

int plugin_cli_new(char **args, int count)
{
	static const char *const kinds[] = {"backend", "sink", "reporter"};
	struct project p = {0};
	struct err err = ERR_INIT;
	const char *near;
	int rc;

	if (count < 2 || count > 3)
		return cli_usage(&cmd_plugin, "new takes a kind, a name and a folder or none");
	p.kind = args[0];
	p.name = args[1];
	if (!kind_parse(p.kind)) {
		near = suggest(p.kind, kinds, 3);
		return cli_usage(&cmd_plugin, "'%s' is no kind of plugin%s%s", p.kind,
				 near ? "; did you mean " : ": backend, sink or reporter",
				 near ? near : "");
	}
	if (!name_valid(p.name))
		return cli_usage(&cmd_plugin,
				 "'%s' cannot be a plugin's name (a-z first, then a-z, 0-9 and _; "
				 "at most 64)",
				 p.name);
	if (count == 3 ? !(p.dir = strdup(args[2])) : asprintf(&p.dir, "%s-%s", p.kind, p.name) < 0)
		return CLI_FAILED;
	while (strlen(p.dir) > 1 && p.dir[strlen(p.dir) - 1] == '/')
		p.dir[strlen(p.dir) - 1] = '\0';
	rc = make(&p, &err) < 0 ? cli_error(&err) : tell(&p);
	err_done(&err);
	free(p.temp);
	free(p.dir);
	return rc;
}
