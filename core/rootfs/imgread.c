// SPDX-License-Identifier: MIT
/* The sandboxed reader: its files, what kind of archive it has, and what it tells. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rootfs/imgread_priv.h"
#include "util/bytes.h"
#include "util/cleanup.h"

int imgread_fail(struct reader *r, int rc, const char *name, const char *what)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT;

	buf_escaped(&text, BYTES(name, strnlen(name, 200)));
	buf_char(&text, '\0');
	return err_set(&r->err, rc, "%s: %s", text.failed ? "?" : text.data, what);
}

/* ---- files of an archive or a layout ---- */

static int ask_parent(struct reader *r, const char *name, struct extent *ret)
{
	char control[CMSG_SPACE(sizeof(int))];
	struct wire_reply reply;
	struct iovec iov = {&reply, sizeof(reply)};
	struct msghdr msg = {.msg_iov = &iov,
			     .msg_iovlen = 1,
			     .msg_control = control,
			     .msg_controllen = sizeof(control)};
	uint16_t len = (uint16_t)strlen(name);
	struct cmsghdr *c;

	if (len > WIRE_NAME_MAX)
		return -ENAMETOOLONG;
	wire_put_u32(&r->out, WIRE_REQUEST);
	wire_put(&r->out, &len, sizeof(len));
	wire_put(&r->out, name, len);
	wire_flush(&r->out);
	if (recvmsg(r->how->socket, &msg, MSG_WAITALL | MSG_CMSG_CLOEXEC) != sizeof(reply))
		return -EIO;
	if (reply.file < 0)
		return reply.file;
	c = CMSG_FIRSTHDR(&msg);
	if (!c || c->cmsg_type != SCM_RIGHTS || c->cmsg_len != CMSG_LEN(sizeof(int)))
		return -EIO;
	*ret = (struct extent){.file = (uint32_t)reply.file, .size = reply.size};
	memcpy(&ret->fd, CMSG_DATA(c), sizeof(ret->fd));
	return 0;
}

int imgread_find(struct reader *r, const char *name, struct extent *ret)
{
	const struct imgtree_inode *inode;
	uint32_t node;
	int rc;

	if (r->how->kind == IMAGE_OCI_LAYOUT)
		return ask_parent(r, name, ret);
	rc = layering_find(&r->outer, bytes_str(name), &node);
	if (rc < 0)
		return rc;
	inode = imgtree_inode(&r->outer.tree, node);
	if (!S_ISREG(inode->mode))
		return -EINVAL;
	*ret = (struct extent){.fd = inode->file == UNTAR_SPOOL ? r->how->spool : r->how->input.fd,
			       .file = inode->file,
			       .offset = inode->offset,
			       .size = inode->size};
	return 0;
}

int imgread_open(struct reader *r, const char *name, struct extent *ret)
{
	int rc = imgread_find(r, name, ret);

	if (rc == -ENOENT || rc == -ENOTDIR)
		return imgread_fail(r, -ENOENT, name,
				    "the image needs this file, and it is not there");
	return rc < 0 ? imgread_fail(r, rc, name, "it cannot be read; is it a file?") : 0;
}

int imgread_json(struct reader *r, const char *name, const struct blob *blob, json_t **ret)
{
	_cleanup_free_ char *text = NULL;
	struct extent from;
	json_error_t error;
	size_t done = 0;
	int rc = imgread_open(r, name, &from);

	if (rc == 0 && blob)
		rc = imgread_verify(r, name, &from, blob);
	if (rc < 0)
		return rc;
	if (from.size > IMAGE_JSON_MAX)
		return imgread_fail(r, -EFBIG, name, "more JSON than any image has (8 MiB)");
	text = malloc((size_t)from.size + 1);
	if (!text)
		return err_sys(&r->err, -ENOMEM, "reading the image");
	while (done < from.size) {
		ssize_t n = pread(from.fd, text + done, (size_t)from.size - done,
				  (off_t)(from.offset + done));

		if (n <= 0)
			return imgread_fail(r, -EIO, name, "reading it failed");
		done += (size_t)n;
	}
	*ret = json_loadb(text, done, 0, &error);
	return *ret ? 0 : imgread_fail(r, -EBADMSG, name, "no valid JSON");
}

int imgread_send(struct reader *r, const struct imgtree *tree)
{
	/* So that holes at the end are there, too. */
	if (ftruncate(r->how->spool, (off_t)r->spool.end) < 0)
		return err_sys(&r->err, -errno, "writing unpacked content");
	return wire_put_tree(&r->out, tree) < 0 ? err_sys(&r->err, -ENOMEM, "reading the image")
						: 0;
}

/* ---- which kind ---- */

static bool has(struct reader *r, const char *name)
{
	struct extent unused;

	return imgread_find(r, name, &unused) == 0;
}

static int read_archive(struct reader *r)
{
	_cleanup_(json_cleanup) json_t *manifest = NULL;
	enum image_kind kind = r->how->kind;
	const struct untar_from from = {
		.extent = &r->how->input, .spool = &r->spool, .budget = &r->budget};
	int rc = untar(&r->outer, &from, &r->err);

	if (rc < 0)
		return rc;
	if (kind == IMAGE_DOCKER || (kind == IMAGE_FIND_OUT && has(r, "manifest.json"))) {
		rc = imgread_json(r, "manifest.json", NULL, &manifest);
		if (rc == 0 && imgread_looks_docker(manifest))
			return imgread_docker(r, manifest);
		if (kind == IMAGE_DOCKER)
			return rc < 0 ? rc
				      : err_set(&r->err, -EBADMSG,
						"manifest.json is not that of a docker archive");
		err_done(&r->err);
	}
	if (kind == IMAGE_OCI ||
	    (kind == IMAGE_FIND_OUT && has(r, "oci-layout") && has(r, "index.json")))
		return imgread_oci(r);
	return imgread_send(r, &r->outer.tree);
}

static void put_error(struct reader *r)
{
	const char *text = err_text(&r->err);
	size_t len = strnlen(text, WIRE_ERROR_MAX);
	uint16_t size = (uint16_t)len;
	int32_t rc = r->err.rc ? r->err.rc : -EIO;

	wire_put_u32(&r->out, WIRE_ERROR);
	wire_put(&r->out, &rc, sizeof(rc));
	wire_put(&r->out, &size, sizeof(size));
	wire_put(&r->out, text, size);
}

static int read_image(struct reader *r)
{
	int rc = spool_init(&r->spool, r->how->spool);

	if (rc == 0)
		rc = imgtree_init(&r->outer.tree, r->how->max_entries, r->how->max_texts);
	r->picks = calloc(IMGPICK_MAX, sizeof(*r->picks));
	if (rc < 0 || !r->picks)
		return err_sys(&r->err, -ENOMEM, "reading the image");
	return r->how->kind == IMAGE_OCI_LAYOUT ? imgread_oci(r) : read_archive(r);
}

static void reader_free(struct reader *r)
{
	spool_done(&r->spool);
	layering_done(&r->outer);
	layering_done(&r->image);
	for (size_t i = 0; i < IMGPICK_MAX; i++)
		json_decref(r->kept[i]);
	free(r->picks);
	err_done(&r->err);
	free(r);
}

int imgread_run(void *arg)
{
	const struct imgread *how = arg;
	struct reader *r = calloc(1, sizeof(*r));
	int rc;

	if (!r)
		return 1;
	r->how = how;
	r->out.fd = how->socket;
	r->budget = how->max_bytes;
	if (read_image(r) < 0)
		put_error(r);
	else
		wire_put_u32(&r->out, WIRE_END);
	wire_flush(&r->out);
	rc = r->out.failed ? 1 : 0;
	reader_free(r);
	return rc;
}
