// SPDX-License-Identifier: MIT
/* The formats that core writes, and the list. */
#include <errno.h>
#include <unistd.h>

#include <tkit/reporter.h>

#include "directives.h"

int job_write_file(struct job *job, const char *name, const struct text *text)
{
	int fd = tkit_out_create(job->out, name, 0644);
	size_t done = 0;

	if (fd < 0)
		return tkit_fail(job->ctx, fd, "creating %s", name);
	while (done < text->size) {
		ssize_t n = write(fd, text->data + done, text->size - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			int saved = errno;

			close(fd);
			return tkit_fail(job->ctx, -saved, "writing %s", name);
		}
		done += (size_t)n;
	}
	if (close(fd) < 0)
		return tkit_fail(job->ctx, -errno, "writing %s", name);
	return 0;
}

/* A file that core writes. */
static int with_file(struct job *job, const char *name,
		     int (*fn)(struct job *job, int fd, const void *arg), const void *arg)
{
	int fd = tkit_out_create(job->out, name, 0644);
	int rc;

	if (fd < 0)
		return tkit_fail(job->ctx, fd, "creating %s", name);
	rc = fn(job, fd, arg);
	if (close(fd) < 0 && rc == 0)
		rc = tkit_fail(job->ctx, -errno, "writing %s", name);
	return rc;
}

static int put_tar(struct job *job, int fd, const void *arg)
{
	return tkit_closure_write_tar(job->ctx, job->closure, fd);
}

static int put_mtree(struct job *job, int fd, const void *arg)
{
	return tkit_closure_write_mtree(job->ctx, job->closure, fd);
}

static int put_archive(struct job *job, int fd, const void *arg)
{
	return tkit_image_write(job->ctx, job->closure, arg, fd);
}

int format_tar(struct job *job)
{
	return with_file(job, "rootfs.tar", put_tar, NULL);
}

int format_mtree(struct job *job)
{
	return with_file(job, "rootfs.mtree", put_mtree, NULL);
}

int format_archive(struct job *job)
{
	struct imageconf conf;
	int rc = imageconf_make(job->ctx, job->options, job->model, job->closure, &conf);

	if (rc == 0)
		rc = with_file(job, "image.tar", put_archive, &conf.config);
	imageconf_done(&conf);
	return rc;
}

int format_image(struct job *job)
{
	struct text text = {0};
	struct imageconf conf;
	int rc = imageconf_make(job->ctx, job->options, job->model, job->closure, &conf);

	text_str(&text, "FROM scratch\nADD rootfs.tar /\n");
	if (rc == 0)
		rc = directives_write(job->ctx, &conf, &text);
	if (rc == 0)
		rc = format_tar(job);
	if (rc == 0)
		rc = job_write_file(job, "Dockerfile", &text);
	text_done(&text);
	imageconf_done(&conf);
	return rc;
}

/* path, reason, what brought it in; tab-separated. */
int format_list(struct job *job)
{
	const struct tkit_closure_entry *entry;
	struct text text = {0};
	int rc;

	for (size_t i = 0; (entry = tkit_closure_entry(job->closure, i)); i++) {
		text_escaped(&text, entry->path);
		text_str(&text, "\t");
		text_str(&text, tkit_reason_name((int)entry->reason));
		text_str(&text, "\t");
		text_escaped(&text, entry->because);
		text_str(&text, "\n");
	}
	rc = text.failed ? tkit_fail(job->ctx, -ENOMEM, "writing files.txt")
			 : job_write_file(job, "files.txt", &text);
	text_done(&text);
	return rc;
}
