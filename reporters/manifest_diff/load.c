// SPDX-License-Identifier: MIT
/* Which form a manifest has; lists of names, folders and traces as manifests. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "manifest_diff.h"

#define SLURP_MAX  (64u << 20)
#define HEAD_SIZE  4096
#define DEPTH_MAX  256
#define ZSTD_MAGIC "\x28\xb5\x2f\xfd"

int slurp(struct tkit_ctx *ctx, const char *file, char **ret_text, size_t *ret_size)
{
	FILE *f = fopen(file, "re");
	char *text = NULL;
	size_t size = 0, room = 0, n;
	int rc = 0;

	if (!f)
		return tkit_fail(ctx, -errno, "opening %s", file);
	do {
		char *larger;

		room = room ? room * 2 : 65536;
		larger = room > SLURP_MAX ? NULL : realloc(text, room + 1);
		if (!larger) {
			rc = room > SLURP_MAX ? tkit_fail(ctx, -EFBIG, "reading %s", file)
					      : tkit_fail(ctx, -ENOMEM, "reading %s", file);
			break;
		}
		text = larger;
		n = fread(text + size, 1, room - size, f);
		size += n;
	} while (size == room);
	if (!rc && ferror(f))
		rc = tkit_fail(ctx, -errno, "reading %s", file);
	fclose(f);
	if (rc || !text) {
		free(text);
		return rc;
	}
	text[size] = '\0';
	*ret_text = text;
	*ret_size = size;
	return 0;
}

static int ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n >= m && !strcmp(text + n - m, end);
}

/* The first line that says something, in a head of a file. */
static const char *first_line(const char *head)
{
	while (*head == '\n' || *head == '\r' || *head == ' ' ||
	       (*head == '#' && strncmp(head, "#mtree", 6) != 0))
		head = *head == '#' ? head + strcspn(head, "\n") : head + 1;
	return head;
}

/* By what is in it. */
static enum manifest_type sniff(const char *file, const char *head, size_t size)
{
	const char *line, *words;

	if (size >= 262 && !memcmp(head + 257, "ustar", 5))
		return TYPE_TAR;
	if (size >= 4 && !memcmp(head, ZSTD_MAGIC, 4))
		return TYPE_TRACE;
	for (size_t i = 0; i < size; i++)
		if (!head[i])
			return TYPE_TAR; /* compressed, or of an older kind */
	if (size && ((unsigned char)head[0] >= 0x80 || (unsigned char)head[0] == 0x1f))
		return TYPE_TAR;
	line = first_line(head);
	words = line + strcspn(line, " \t\n");
	if (!strncmp(line, "#mtree", 6) || !strncmp(line, "/set ", 5) ||
	    !strncmp(line, "/unset ", 7))
		return TYPE_MTREE;
	if (*line == '/' || !strncmp(line, "./", 2)) {
		size_t len = strcspn(words, "\n");

		if (memmem(words, len, " type=", 6) || memmem(words, len, " mode=", 6))
			return TYPE_MTREE;
		return !strncmp(line, "/.\n", 3) || ends_with(file, ".list") ? TYPE_DPKG
									     : TYPE_LIST;
	}
	return TYPE_SCHEMA;
}

static int find_type(struct tkit_ctx *ctx, const struct options *options,
		     enum manifest_type *ret_type)
{
	char head[HEAD_SIZE + 1];
	struct stat st;
	ssize_t n;
	int fd;

	*ret_type = (enum manifest_type)options->type;
	if (options->type != TYPE_AUTO)
		return 0;
	fd = open(options->manifest, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) < 0) {
		int rc = tkit_fail(ctx, -errno, "opening the manifest %s", options->manifest);

		if (fd >= 0)
			close(fd);
		return rc;
	}
	if (S_ISDIR(st.st_mode)) {
		close(fd);
		*ret_type = TYPE_DIRECTORY;
		return 0;
	}
	n = S_ISREG(st.st_mode) ? read(fd, head, HEAD_SIZE) : 0;
	close(fd);
	if (!S_ISREG(st.st_mode))
		return tkit_fail(ctx, -EINVAL, "%s is neither a file nor a folder",
				 options->manifest);
	if (n < 0)
		return tkit_fail(ctx, -errno, "reading %s", options->manifest);
	if (!n)
		return tkit_fail(ctx, -EINVAL, "%s is empty: it declares nothing",
				 options->manifest);
	head[n] = '\0';
	*ret_type = sniff(options->manifest, head, (size_t)n);
	return 0;
}

int read_list(struct tkit_ctx *ctx, const char *file, struct plan *plan)
{
	char *text = NULL, *line;
	unsigned int number = 0;
	size_t size = 0;
	int rc = slurp(ctx, file, &text, &size);

	if (rc < 0 || !text)
		return rc;
	if (strlen(text) != size)
		rc = tkit_fail(ctx, -EINVAL,
			       "%s: a NUL byte in it: no list of paths (option type= tells what "
			       "it is)",
			       file);
	for (line = text; !rc && *line;) {
		size_t len = strcspn(line, "\n");
		char *next = line + len + (line[len] == '\n');
		struct node *node;

		number++;
		line[len] = '\0';
		if (len && line[len - 1] == '\r')
			line[len - 1] = '\0';
		if (*line && *line != '#') {
			if (*line != '/' && strncmp(line, "./", 2) != 0)
				rc = tkit_fail(ctx, -EINVAL, "%s:%u: an absolute path is expected",
					       file, number);
			else if (!(node = plan_add(plan, line, NODE_ANY)))
				rc = tkit_fail(ctx, -EINVAL,
					       "%s:%u: a path with \"..\" or one that is too long",
					       file, number);
			else
				node->line = number;
		}
		line = next;
	}
	free(text);
	return rc;
}

/* A folder's content, each directory opened from the one above it. */
static int read_below(struct tkit_ctx *ctx, int fd, char *name, size_t len, int depth,
		      struct plan *plan);

static int add_link(struct tkit_ctx *ctx, int fd, const char *name, struct node *node)
{
	char target[PATH_MAX];
	ssize_t n = readlinkat(fd, name, target, sizeof(target) - 1);

	if (n < 0)
		return tkit_fail(ctx, -errno, "reading the symlink %s", name);
	target[n] = '\0';
	node->target = strdup(target);
	return node->target ? 0 : tkit_fail(ctx, -ENOMEM, "reading the manifest");
}

static int read_entry(struct tkit_ctx *ctx, int fd, const char *base, char *name, size_t len,
		      int depth, struct plan *plan)
{
	size_t more = strlen(base);
	struct node *node;
	struct stat st;
	int rc = 0;

	if (len + more + 2 > NAME_SIZE || depth > DEPTH_MAX)
		return tkit_fail(ctx, -ENAMETOOLONG, "reading %s", name);
	name[len] = '/';
	memcpy(name + len + 1, base, more + 1);
	if (fstatat(fd, base, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return tkit_fail(ctx, -errno, "looking at %s", name);
	node = plan_add(plan, name,
			S_ISLNK(st.st_mode)   ? NODE_LINK
			: S_ISDIR(st.st_mode) ? NODE_DIRECTORY
					      : NODE_FILE);
	if (!node)
		return tkit_fail(ctx, -ENOMEM, "reading the manifest");
	if (S_ISLNK(st.st_mode))
		rc = add_link(ctx, fd, base, node);
	if (S_ISDIR(st.st_mode)) {
		int sub = openat(fd, base, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

		if (sub < 0)
			return tkit_fail(ctx, -errno, "opening %s", name);
		rc = read_below(ctx, sub, name, len + 1 + more, depth + 1, plan);
	}
	return rc;
}

/* fd is closed. */
static int read_below(struct tkit_ctx *ctx, int fd, char *name, size_t len, int depth,
		      struct plan *plan)
{
	DIR *dir = fdopendir(fd);
	struct dirent *entry;
	int rc = 0;

	if (!dir) {
		close(fd);
		return tkit_fail(ctx, -errno, "opening %s", name);
	}
	while (!rc && (errno = 0, entry = readdir(dir)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			rc = read_entry(ctx, fd, entry->d_name, name, len, depth, plan);
	if (!rc && errno)
		rc = tkit_fail(ctx, -errno, "reading %s", name);
	closedir(dir);
	return rc;
}

int read_directory(struct tkit_ctx *ctx, const char *file, struct plan *plan)
{
	int fd = open(file, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char name[NAME_SIZE] = "";

	if (fd < 0)
		return tkit_fail(ctx, -errno, "opening %s", file);
	return read_below(ctx, fd, name, 0, 0, plan);
}

/* What another run used is what is declared. */
int read_trace(struct tkit_ctx *ctx, const char *file, struct plan *plan)
{
	const uint32_t there = TKIT_PATH_SUCCEEDED | TKIT_PATH_EXISTED;
	const struct tkit_path *path;
	struct tkit_model *model;
	int rc = tkit_model_read(ctx, file, &model);

	if (rc < 0)
		return rc;
	for (size_t i = 0; !rc && (path = tkit_model_path(model, i)); i++) {
		char *name;

		if (!(path->state & there) || tkit_model_created(model, path->name))
			continue;
		name = strndup(path->name.ptr, path->name.len);
		/* A name with ".." is declared by the others that lead there. */
		if (!name)
			rc = tkit_fail(ctx, -ENOMEM, "reading %s", file);
		else if (!plan_add(plan, name,
				   path->state & TKIT_PATH_LISTED ? NODE_DIRECTORY : NODE_ANY) &&
			 !strstr(name, ".."))
			rc = tkit_fail(ctx, -ENOMEM, "reading %s", file);
		free(name);
	}
	if (!rc && !tkit_model_complete(model))
		tkit_log(ctx, TKIT_LOG_WARN, "%s is incomplete: it may declare too little", file);
	tkit_model_free(model);
	return rc;
}

static int read_type(struct tkit_ctx *ctx, const struct options *options, struct plan *plan)
{
	const char *file = options->manifest;

	switch (plan->type) {
	case TYPE_DIRECTORY:
		return read_directory(ctx, file, plan);
	case TYPE_LIST:
	case TYPE_DPKG:
		return read_list(ctx, file, plan);
	case TYPE_TRACE:
		return read_trace(ctx, file, plan);
	case TYPE_MTREE:
	case TYPE_TAR:
		return read_archive(ctx, file, plan);
	default:
		return read_schema(ctx, options, file, plan);
	}
}

/* zstd may be a trace or a compressed tar. */
static int is_trace(const char *file)
{
	struct tkit_trace_reader *reader;
	int fd = open(file, O_RDONLY | O_CLOEXEC), rc;

	if (fd < 0)
		return 1;
	rc = tkit_trace_reader_new(NULL, fd, file, &reader);
	if (rc == 0)
		tkit_trace_reader_free(reader);
	close(fd);
	return rc != -EBADMSG;
}

int load_manifest(struct tkit_ctx *ctx, const struct options *options, struct plan *plan)
{
	int rc = find_type(ctx, options, &plan->type);

	if (rc < 0)
		return rc;
	if (options->type == TYPE_AUTO && plan->type == TYPE_TRACE && !is_trace(options->manifest))
		plan->type = TYPE_TAR;
	rc = read_type(ctx, options, plan);
	return rc < 0 ? rc : plan_finish(ctx, plan);
}
