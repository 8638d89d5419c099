// SPDX-License-Identifier: MIT
/* The parent of the sandboxed reader: starts it, gives it blobs, checks what it says. */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

#include "rootfs/imgconfig.h"
#include "rootfs/sandbox.h"
#include "rootfs/source.h"
#include "util/bytes.h"
#include "util/cleanup.h"
#include "util/tmpfile.h"

#define ENTRIES_DEFAULT 5000000u
#define BYTES_DEFAULT   (64ull << 30)
#define ENTRY_MEMORY    700ull       /* bytes of address space while arrays grow, names included */
#define BASE_MEMORY     (1ull << 30) /* windows of decompressors, buffers */
#define ENTRY_TEXTS     256u

struct reading {
	const struct imgread *how;
	struct source_image *image;
	int layout; /* directory, or -1 */
	int socket;
	struct wire_in in;
	struct err *err;
};

void source_files_done(struct source_files *files)
{
	for (uint32_t i = 0; i < files->count; i++)
		cleanup_close(&files->fds[i]);
	free(files->fds);
	free(files->stats);
	*files = (struct source_files){0};
}

int source_files_add(struct source_files *files, int fd)
{
	int *fds = reallocarray(files->fds, files->count + 1, sizeof(*fds));
	struct stat *stats;

	if (fds)
		files->fds = fds;
	stats = reallocarray(files->stats, files->count + 1, sizeof(*stats));
	if (stats)
		files->stats = stats;
	if (!fds || !stats || files->count >= SOURCE_FILES_MAX ||
	    (fd >= 0 && fstat(fd, &stats[files->count]) < 0)) {
		cleanup_close(&fd);
		return files->count >= SOURCE_FILES_MAX ? -E2BIG : -ENOMEM;
	}
	fds[files->count] = fd;
	return (int)files->count++;
}

void source_image_done(struct source_image *image)
{
	imgtree_done(&image->tree);
	source_files_done(&image->files);
	imgconfig_free(image->config);
	image->config = NULL;
}

/* ---- blobs of a layout ---- */

/* index.json, or blobs/ALGORITHM/HEX. */
static bool valid_blob(const char *name)
{
	size_t alg, hex;

	if (strcmp(name, "index.json") == 0)
		return true;
	if (strncmp(name, "blobs/", 6) != 0 || name[6] == '.')
		return false;
	name += 6;
	alg = strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789+._-");
	if (!alg || name[alg] != '/')
		return false;
	hex = strspn(name + alg + 1, "0123456789abcdef");
	return hex && !name[alg + 1 + hex];
}

static int open_blob(int layout, const char *name)
{
	struct open_how how = {.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
			       .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
	_cleanup_close_ int fd = -1;
	struct stat st;

	if (!valid_blob(name))
		return -EINVAL;
	fd = (int)syscall(SYS_openat2, layout, name, &how, sizeof(how));
	if (fd < 0 && (errno == ENOSYS || errno == EPERM))
		fd = openat(layout, name,
			    O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	return S_ISREG(st.st_mode) ? TAKE_FD(fd) : -EINVAL;
}

static int reply(struct reading *r, const struct wire_reply *answer, int fd)
{
	char control[CMSG_SPACE(sizeof(int))] = {0};
	struct iovec iov = {(void *)answer, sizeof(*answer)};
	struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

	if (fd >= 0) {
		struct cmsghdr *c;

		msg.msg_control = control;
		msg.msg_controllen = sizeof(control);
		c = CMSG_FIRSTHDR(&msg);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(c), &fd, sizeof(fd));
	}
	return sendmsg(r->socket, &msg, MSG_NOSIGNAL) == sizeof(*answer) ? 0 : -ENODATA;
}

static int answer_request(struct reading *r)
{
	struct source_files *files = &r->image->files;
	struct wire_reply answer = {0};
	char name[WIRE_NAME_MAX + 1];
	uint16_t len;
	int fd = -1, rc = wire_get(&r->in, &len, sizeof(len));

	if (rc < 0 || len > WIRE_NAME_MAX || r->layout < 0)
		return rc < 0 ? rc : -EBADMSG;
	rc = wire_get(&r->in, name, len);
	if (rc < 0)
		return rc;
	name[len] = '\0';
	fd = open_blob(r->layout, name);
	answer.file = fd < 0 ? fd : source_files_add(files, fd);
	if (answer.file < 0)
		fd = -1;
	else
		answer.size = (uint64_t)files->stats[answer.file].st_size;
	return reply(r, &answer, fd);
}

/* ---- messages ---- */

static int get_error(struct reading *r)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT;
	char raw[WIRE_ERROR_MAX];
	uint16_t len;
	int32_t rc;

	if (wire_get(&r->in, &rc, sizeof(rc)) < 0 || wire_get(&r->in, &len, sizeof(len)) < 0 ||
	    len > sizeof(raw) || wire_get(&r->in, raw, len) < 0)
		return -EBADMSG;
	/* Names in it are escaped already: this is for a reader that was taken over. */
	for (uint16_t i = 0; i < len; i++)
		buf_char(&text, (unsigned char)raw[i] < 0x20 || raw[i] == 0x7f ? '?' : raw[i]);
	buf_char(&text, '\0');
	return err_set(r->err, rc < 0 && rc > -4096 ? rc : -EIO, "%s",
		       text.failed || !bytes_utf8(bytes_str(text.data)) ? "no valid text"
									: text.data);
}

static int get_tree(struct reading *r)
{
	struct source_files *files = &r->image->files;
	_cleanup_free_ uint64_t *sizes = calloc(files->count, sizeof(*sizes));
	struct stat st;

	if (!sizes || r->image->tree.nodes)
		return sizes ? -EBADMSG : -ENOMEM;
	for (uint32_t i = 0; i < files->count; i++)
		if (files->fds[i] >= 0 && fstat(files->fds[i], &st) == 0)
			sizes[i] = (uint64_t)st.st_size;
	if (imgtree_init(&r->image->tree, r->how->max_entries, r->how->max_texts) < 0)
		return -ENOMEM;
	return wire_get_tree(&r->in, &r->image->tree, sizes, files->count);
}

static int get_config(struct reading *r)
{
	struct buf records = BUF_INIT;
	uint32_t size;
	char *data;
	int rc = wire_get_u32(&r->in, &size);

	if (rc == 0 && (size > WIRE_CONFIG_MAX || r->image->config))
		rc = -EBADMSG;
	if (rc < 0)
		return rc;
	data = buf_reserve(&records, size + 1u); /* none at all is fine, too */
	rc = data ? wire_get(&r->in, data, size) : -ENOMEM;
	if (rc == 0) {
		records.size = size;
		rc = imgconfig_new(&records, &r->image->config);
	}
	buf_done(&records);
	return rc;
}

/* Until the child has said all. 1 after its error (recorded), 0, or -errno. */
static int serve(struct reading *r)
{
	uint32_t kind;
	int rc;

	for (;;) {
		rc = wire_get_u32(&r->in, &kind);
		if (rc < 0)
			return rc;
		switch (kind) {
		case WIRE_REQUEST:
			rc = answer_request(r);
			break;
		case WIRE_TREE:
			rc = get_tree(r);
			break;
		case WIRE_CONFIG:
			rc = get_config(r);
			break;
		case WIRE_ERROR:
			rc = get_error(r);
			return r->err->rc ? 1 : rc;
		case WIRE_END:
			return r->image->tree.nodes ? 0 : -EBADMSG;
		default:
			rc = -EBADMSG;
		}
		if (rc < 0)
			return rc;
	}
}

static int finish(struct reading *r, pid_t pid, int rc)
{
	struct err end = ERR_INIT;
	int ended;

	if (rc < 0 && rc != -ENODATA) /* it talks nonsense, or we cannot listen: no need to wait */
		kill(pid, SIGKILL);
	close(r->socket);
	ended = sandbox_wait(pid, &end);
	if (rc == 0 && ended == 0) {
		err_done(&end);
		return 0;
	}
	if (rc > 0) {
		rc = r->err->rc;
	} else if (rc == -EBADMSG) {
		err_set(r->err, rc,
			"the reader of archives gave a wrong answer (a hostile archive?)");
	} else if (rc < 0 && rc != -ENODATA) {
		err_sys(r->err, rc, "listening to the reader of archives");
	} else {
		rc = ended < 0
			     ? err_set(r->err, ended, "%s", err_text(&end))
			     : err_set(r->err, -EBADMSG, "the reader of archives ended too early");
	}
	err_done(&end);
	return rc;
}

static int run_reader(struct imgread *how, int layout, struct source_image *image, struct err *err)
{
	struct reading *r = calloc(1, sizeof(*r));
	int pair[2], keep[3], rc;
	struct sandbox box = {.keep = keep,
			      .memory = BASE_MEMORY + how->max_entries * ENTRY_MEMORY,
			      .file_size = how->max_bytes,
			      .new_fds = layout >= 0 ? SOURCE_FILES_MAX : 0};
	pid_t pid;

	if (!r || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0) {
		rc = err_sys(err, r ? -errno : -ENOMEM, "starting the reader of archives");
		free(r);
		return rc;
	}
	how->socket = pair[1];
	keep[box.keep_count++] = how->spool;
	keep[box.keep_count++] = how->socket;
	if (layout < 0)
		keep[box.keep_count++] = how->input.fd;
	pid = sandbox_start(&box, imgread_run, how, err);
	close(pair[1]);
	if (pid < 0) {
		close(pair[0]);
		free(r);
		return (int)pid;
	}
	r->how = how;
	r->image = image;
	r->layout = layout;
	r->socket = r->in.fd = pair[0];
	r->err = err;
	rc = finish(r, pid, serve(r));
	free(r);
	return rc;
}

/* "linux/amd64", as images name this machine. */
static void host_platform(char *text, size_t size)
{
	static const char *const names[][2] = {
		{"x86_64", "amd64"},        {"aarch64", "arm64"}, {"armv7l", "arm/v7"},
		{"armv6l", "arm/v6"},       {"i686", "386"},      {"i586", "386"},
		{"loongarch64", "loong64"},
	};
	struct utsname uts;
	const char *arch;

	if (uname(&uts) < 0)
		uts.machine[0] = '\0';
	arch = uts.machine;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (strcmp(uts.machine, names[i][0]) == 0)
			arch = names[i][1];
	snprintf(text, size, "linux/%s", arch);
}

/* The spool is file 0, an archive that has offsets file 1. */
static int add_files(struct imgread *how, int input, struct source_image *image, struct err *err)
{
	struct stat st;
	int rc;

	how->spool = tmpfile_open();
	if (how->spool < 0)
		return err_sys(err, how->spool, "making a temporary file (in $TMPDIR or /var/tmp)");
	rc = source_files_add(&image->files, how->spool);
	if (rc < 0 || how->kind == IMAGE_OCI_LAYOUT)
		return rc < 0 ? err_sys(err, rc, "reading the image") : 0;
	if (fstat(input, &st) < 0)
		return err_sys(err, -errno, "reading the archive");
	how->input = (struct extent){.fd = input, .stream = !S_ISREG(st.st_mode)};
	if (how->input.stream)
		return 0;
	how->input.size = (uint64_t)st.st_size;
	input = fcntl(input, F_DUPFD_CLOEXEC, 3);
	rc = input < 0 ? -errno : source_files_add(&image->files, input);
	if (rc < 0)
		return err_sys(err, rc, "reading the archive");
	how->input.file = (uint32_t)rc;
	return 0;
}

int source_read(enum image_kind kind, int input, const struct tkit_rootfs_options *options,
		struct source_image *ret_image, struct err *err)
{
	struct source_image image = {0};
	char host[80];
	struct imgread how = {
		.kind = kind,
		.tag = options->tag,
		.platform = options->platform,
		.host = host,
		.max_entries = options->max_entries ? options->max_entries : ENTRIES_DEFAULT,
		.max_bytes = options->max_bytes ? options->max_bytes : BYTES_DEFAULT,
	};
	int rc;

	host_platform(host, sizeof(host));
	how.max_texts = how.max_entries > (UINT32_MAX - (1u << 20)) / ENTRY_TEXTS
				? UINT32_MAX
				: how.max_entries * ENTRY_TEXTS + (1u << 20);
	rc = digests_load(&how.digests);
	if (rc < 0)
		err_sys(err, rc, "loading SHA-256");
	if (rc == 0)
		rc = add_files(&how, input, &image, err);
	if (rc == 0)
		rc = run_reader(&how, kind == IMAGE_OCI_LAYOUT ? input : -1, &image, err);
	digests_free(&how.digests);
	if (rc < 0)
		source_image_done(&image);
	else
		*ret_image = image;
	return rc;
}
