// SPDX-License-Identifier: MIT
#include "slim/box.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "container/container.h"
#include "container/enter.h"
#include "slim/bundle.h"
#include "util/bytes.h"
#include "util/cleanup.h"
#include "util/num.h"

#define RUNTIME_TIME (60 * PROC_S) /* for one call of the runtime */
#define TRACER_TIME  (60 * PROC_S) /* for arming, and for the end of the trace */

/* ---- the runtime ---- */

/* The last line of what it said: its message, if it is a log line of runc's. */
static int runtime_failed(const struct buf *said, const char *what, struct err *err)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT;
	size_t end = said->size, start;
	const char *message;

	while (end && strchr("\r\n \"", said->data[end - 1]))
		end--;
	for (start = end; start && said->data[start - 1] != '\n'; start--)
		;
	message = end > start ? memmem(said->data + start, end - start, "msg=\"", 5) : NULL;
	if (message)
		start = (size_t)(message + 5 - said->data);
	for (size_t i = start; i < end; i++)
		if (said->data[i] != '\\')
			buf_escaped(&text, BYTES(said->data + i, 1));
	buf_char(&text, '\0');
	return err_set(err, -ENOEXEC, "%s: %s", what,
		       end == start || text.failed ? "the OCI runtime gave no reason" : text.data);
}

/* Calls it and waits. Its output goes to `out` if that is given. */
static int runtime(struct box *box, char *const *argv, const int *out, struct err *err)
{
	struct proc_spec spec = {.path = box->dir->runtime,
				 .argv = argv,
				 .flags = out ? 0 : PROC_OUTPUT,
				 .out = out};
	struct proc proc;
	int rc = proc_start(box->procs, &spec, &proc, err);

	if (rc < 0)
		return rc;
	rc = proc_wait(box->procs, &proc, -1, proc_now() + RUNTIME_TIME);
	if (rc == 0)
		rc = err_set(err, -ETIMEDOUT, "the OCI runtime does not end: %s", argv[3]);
	else if (rc < 0)
		err_set(err, rc, "interrupted");
	else
		rc = proc.status == 0 ? 0
		     : out            ? -ENOEXEC
			   : runtime_failed(&proc.out[1].data, "starting the image", err);
	proc_end(box->procs, &proc);
	return rc;
}

/* What the runtime wrote to the container's error output before it gave up. */
static int create_failed(int fd, struct err *err)
{
	_cleanup_(buf_done) struct buf said = BUF_INIT;
	char *to = buf_reserve(&said, 65536);
	ssize_t n = to ? read(fd, to, 65536) : 0;

	if (n > 0)
		said.size = (size_t)n;
	return runtime_failed(&said, "making a container", err);
}

static int create(struct box *box, struct container *container, struct err *err)
{
	char *argv[] = {(char *)"runc",     (char *)"--root", box->state, (char *)"create",
			(char *)"--bundle", box->path,        box->id,    NULL};
	int out[2] = {-1, -1}, errors[2] = {-1, -1}, rc;

	if (pipe2(out, O_CLOEXEC) < 0 || pipe2(errors, O_CLOEXEC) < 0) {
		cleanup_close(&out[0]);
		cleanup_close(&out[1]);
		return err_sys(err, -errno, "making a pipe");
	}
	box->created = true;
	rc = runtime(box, argv, (const int[]){out[1], errors[1]}, err);
	close(out[1]);
	close(errors[1]);
	fcntl(errors[0], F_SETFL, O_NONBLOCK);
	if (rc == -ENOEXEC && !err->rc)
		rc = create_failed(errors[0], err);
	if (rc == 0)
		rc = container_from_state(box->state, box->id, container, err);
	if (rc == 0)
		return proc_adopt(box->procs, container->init, (const int[]){out[0], errors[0]},
				  &box->init, err);
	close(out[0]);
	close(errors[0]);
	return rc;
}

/* ---- the tracer ---- */

static int wait_armed(struct box *box, int ready, struct err *err)
{
	int rc = proc_wait(box->procs, &box->tracer, ready, proc_now() + TRACER_TIME);
	char byte;

	if (rc == 1 && read(ready, &byte, 1) == 1)
		return 0;
	if (rc < 0)
		return err_set(err, rc, "interrupted");
	return err_set(err, rc ? -EIO : -ETIMEDOUT, "the image cannot be traced, see above");
}

static int start_tracer(struct box *box, const struct container *container, struct err *err)
{
	const char *backend = box->spec->backend ? box->spec->backend : "auto";
	char pid[16];
	char *argv[] = {(char *)"tkit",
			(char *)"run",
			(char *)"--backend",
			(char *)backend,
			(char *)"--cgroup",
			container->cgroup,
			(char *)"--init-pid",
			pid,
			(char *)"--container-id",
			box->id,
			(char *)"--ready-fd",
			(char *)"3",
			(char *)"-o",
			(char *)box->spec->trace,
			NULL};
	struct proc_spec spec = {.path = "/proc/self/exe", .argv = argv};
	int ready[2], rc;

	snprintf(pid, sizeof(pid), "%d", (int)container->init);
	if (pipe2(ready, O_CLOEXEC) < 0)
		return err_sys(err, -errno, "making a pipe");
	spec.extra = ready[1];
	rc = proc_start(box->procs, &spec, &box->tracer, err);
	close(ready[1]);
	if (rc == 0)
		rc = wait_armed(box, ready[0], err);
	close(ready[0]);
	return rc;
}

/* ---- life ---- */

static void make_id(char id[65])
{
	unsigned char raw[32];

	if (getrandom(raw, sizeof(raw), 0) != (ssize_t)sizeof(raw))
		memset(raw, 7, sizeof(raw)); /* cannot be: the pool is ready, and 32 is small */
	for (size_t i = 0; i < sizeof(raw); i++)
		snprintf(id + 2 * i, 3, "%02x", raw[i]);
}

static int start_all(struct box *box, struct err *err)
{
	char *start[] = {(char *)"runc", (char *)"--root", NULL, (char *)"start", box->id, NULL};
	struct container container = {0};
	int rc;

	box->state = workdir_path(box->dir, "state", 0, err);
	if (!box->state)
		return err->rc;
	start[2] = box->state;
	rc = bundle_make(box, err);
	if (rc == 0)
		rc = create(box, &container, err);
	if (rc == 0 && box->spec->trace)
		rc = start_tracer(box, &container, err);
	if (rc == 0)
		rc = runtime(box, start, NULL, err);
	box->cgroup = container.cgroup;
	container.cgroup = NULL;
	container_done(&container);
	return rc;
}

int box_start(const struct workdir *dir, struct proc_set *procs, const struct box_spec *spec,
	      struct box *ret, struct err *err)
{
	int rc;

	*ret = (struct box){.dir = dir, .procs = procs, .spec = spec};
	make_id(ret->id);
	rc = start_all(ret, err);
	if (rc < 0)
		box_done(ret);
	return rc;
}

/* In the child that becomes the runtime: what it brings in has to be watched from the start. */
static int be_traced(void *arg)
{
	const struct box *box = arg;
	const struct container container = {.init = box->init.pid, .cgroup = box->cgroup};
	struct err err = ERR_INIT;

	if (enter_be_traced(&container, TRACER_TIME, &err) == 0)
		return 0;
	dprintf(STDERR_FILENO, "tkit: %s\n", err_text(&err));
	return 125;
}

int box_exec(struct box *box, char *const *argv, struct proc *ret, struct err *err)
{
	char *words[] = {
		(char *)"runc", (char *)"--root", box->state, (char *)"exec", (char *)"--process",
		NULL,           box->id,          NULL};
	struct proc_spec spec = {.path = box->dir->runtime,
				 .argv = words,
				 .flags = PROC_OUTPUT,
				 .prepare = box->tracer.pid ? be_traced : NULL,
				 .arg = box};
	_cleanup_free_ char *file = NULL;
	int rc = bundle_process(box, argv, &file, err);

	words[5] = file;
	return rc < 0 ? rc : proc_start(box->procs, &spec, ret, err);
}

int box_netns(const struct box *box)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/ns/net", (int)box->init.pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int box_signal(const char *text)
{
	int number;

	if (!text)
		return SIGTERM;
	if (num_int(text, 1, SIGRTMAX, &number) == 0)
		return number;
	if (strncmp(text, "SIG", 3) == 0)
		text += 3;
	for (int sig = 1; sig < NSIG; sig++) {
		const char *name = sigabbrev_np(sig);

		if (name && strcmp(name, text) == 0)
			return sig;
	}
	if (strncmp(text, "RTMIN+", 6) == 0 && num_int(text + 6, 0, 30, &number) == 0)
		return SIGRTMIN + number;
	return SIGTERM;
}

static void send_signal(const struct box *box, int sig)
{
	if (!box->init.ended)
		syscall(SYS_pidfd_send_signal, box->init.pidfd, sig, NULL, 0);
}

int box_stop(struct box *box, uint64_t grace_ns, struct err *err)
{
	int rc;

	send_signal(box, box_signal(box->spec->config ? box->spec->config->stopsignal : NULL));
	rc = proc_wait(box->procs, &box->init, -1, proc_now() + grace_ns);
	if (rc == 0) {
		send_signal(box, SIGKILL);
		rc = proc_wait(box->procs, &box->init, -1, proc_now() + RUNTIME_TIME);
	}
	if (rc == 1 && box->tracer.pid)
		rc = proc_wait(box->procs, &box->tracer, -1, proc_now() + TRACER_TIME);
	if (rc < 0)
		return err_set(err, rc, "interrupted");
	if (rc == 0)
		return err_set(err, -ETIMEDOUT, "the container or its trace does not end");
	if (box->tracer.pid && box->tracer.status != 0)
		return err_set(err, -EIO, "tracing the image failed, see above");
	return 0;
}

void box_done(struct box *box)
{
	char *argv[] = {(char *)"runc",
			(char *)"--root",
			NULL,
			(char *)"delete",
			(char *)"--force",
			NULL,
			NULL};

	if (!box || !box->dir)
		return;
	if (box->created) {
		struct proc_spec spec = {
			.path = box->dir->runtime, .argv = argv, .flags = PROC_OUTPUT};
		struct proc proc;

		argv[2] = box->state;
		argv[5] = box->id;
		send_signal(box, SIGKILL);
		if (proc_start(box->procs, &spec, &proc, NULL) == 0) {
			int caught = box->procs->caught;

			box->procs->caught = 0; /* this much time must be */
			proc_wait(box->procs, &proc, -1, proc_now() + RUNTIME_TIME);
			box->procs->caught = caught ? caught : box->procs->caught;
			proc_end(box->procs, &proc);
		}
	}
	proc_end(box->procs, &box->init);
	proc_end(box->procs, &box->tracer);
	if (box->path) {
		_cleanup_free_ char *root = NULL;

		if (asprintf(&root, "%s/root", box->path) > 0)
			umount2(root, MNT_DETACH);
		else
			root = NULL;
		umount2(box->path, MNT_DETACH);
		rmdir(box->path);
	}
	free(box->path);
	free(box->state);
	free(box->cgroup);
	*box = (struct box){0};
}
