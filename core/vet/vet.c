// SPDX-License-Identifier: MIT
/* The child that checks, and the parent that listens to it. */
#include "vet/vet.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/log.h"
#include "vet/pipe.h"
#include "vet/priv.h"

#define PATIENCE_S 7
#define TICK_MS    100

/* More than any plugin needs for the few events of a check. */
#define MEMORY_BYTES (256ull << 20)

/* AddressSanitizer exits with this where the program would have died. */
#define SANITIZER_STATUS 1

/* Provided by LeakSanitizer, if the program is built with it. */
extern int __lsan_do_recoverable_leak_check(void) __attribute__((weak));

void vet_send(int fd, const struct vet_message *message)
{
	while (write(fd, message, sizeof(*message)) < 0 && errno == EINTR)
		;
}

uint64_t vet_patience_ns(const struct vet *vet)
{
	return (vet->config->patience_s ? vet->config->patience_s : PATIENCE_S) * 1000000000ull;
}

/* ---- the child ---- */

static struct vet_shared *crash_shared; /* for the signal handler */

/* Says whether memory was touched that is not lent any more, then dies of the signal. */
static void on_fault(int sig, siginfo_t *info, void *context)
{
	uintptr_t at = (uintptr_t)info->si_addr;

	if (sig == SIGSEGV && at - crash_shared->arena < crash_shared->arena_size)
		crash_shared->lent_touched = true;
	for (size_t i = 0; i < LOANS_MAX; i++)
		if (at - crash_shared->lent[i].at < crash_shared->lent[i].size)
			crash_shared->lent_written = true;
	signal(sig, SIG_DFL);
	raise(sig);
}

static void catch_faults(struct vet *vet)
{
	static const int signals[] = {SIGSEGV, SIGBUS};
	struct sigaction action = {.sa_flags = SA_SIGINFO | SA_ONSTACK};
	stack_t stack = {.ss_size = 65536};

	crash_shared = vet->shared;
	stack.ss_sp = mmap(NULL, stack.ss_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			   -1, 0);
	if (stack.ss_sp != MAP_FAILED)
		sigaltstack(&stack, NULL);
	action.sa_sigaction = on_fault;
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		sigaction(signals[i], &action, NULL);
}

static void relay(void *arg, const char *id, const char *text)
{
	vet_found(arg, id, "%s", text);
}

/* Something that was written to descriptor 1 or 2. */
static void check_printed(struct vet *vet, int fd, const char *where)
{
	char text[64];
	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);

	if (n <= 0)
		return;
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	for (char *c = text; *c; c++)
		if ((unsigned char)*c < 0x20)
			*c = '?';
	vet_found(vet, VET_PRINTS, "prints to standard %s (\"%s\"): use tkit_log()", where, text);
}

/* What a constructor did to the process. */
static void check_loading(struct vet *vet, struct residue *before)
{
	if (before)
		residue_settings(vet, before);
	residue_check(vet, before, "loading");
}

/* The lives of its kind, and what all kinds are lent in them. */
static void lives(struct vet *vet)
{
	const struct tkit_plugin *desc = &vet->plugin->desc;
	const void *options = plugin_options_data(vet->options);
	_cleanup_free_ char *copy = options ? malloc(desc->options_bytes + 1) : NULL;
	uint64_t peak = residue_peak();

	if (copy)
		memcpy(copy, options, desc->options_bytes);
	if (desc->kind == TKIT_KIND_BACKEND)
		vet_backend(vet);
	else if (desc->kind == TKIT_KIND_SINK)
		vet_sink(vet);
	else
		vet_reporter(vet);
	if (copy && memcmp(copy, options, desc->options_bytes))
		vet_found(vet, VET_CHANGES, "writes to its options, which are core's");
	/* Sanitizers take memory of their own. */
	if (!TKIT_SANITIZED && residue_peak() > peak + MEMORY_BYTES)
		vet_found(vet, VET_MEMORY, "takes %llu MiB of memory for next to nothing to do",
			  (unsigned long long)((residue_peak() - peak) >> 20));
}

static void behaviour(struct vet *vet, struct residue *before)
{
	struct err err = ERR_INIT;

	vet_stage(vet, "loading");
	if (plugin_load_file(vet->config->file, &vet->plugin, &err)) {
		err_done(&err); /* a finding has said so */
		free(before);
		return;
	}
	vet_stage(vet, "");
	check_loading(vet, before);
	if (plugin_options_new(vet->plugin, vet->config->options, &vet->options, &err)) {
		vet_note(vet, "%s; its behaviour was not checked", err_text(&err));
		err_done(&err);
		return;
	}
	lives(vet);
	/* A sink may have been made to print, a backend or a reporter never. */
	if (vet->plugin->desc.kind != TKIT_KIND_SINK)
		check_printed(vet, STDOUT_FILENO, "output");
	check_printed(vet, STDERR_FILENO, "error");
	plugin_options_free(vet->options);
}

_Noreturn static void child(struct vet *vet)
{
	struct vet_message done = {.kind = VET_MESSAGE_DONE};
	struct residue *before;
	struct err err = ERR_INIT;
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int out = memfd_create("stdout", MFD_CLOEXEC), errors = memfd_create("stderr", MFD_CLOEXEC);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(null, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(errors, STDERR_FILENO);
	log_set_level((enum tkit_log_level)0); /* what the plugin logs is its business */
	catch_faults(vet);
	vet_inherited(vet);
	before = residue_new();
	vet_stage(vet, "loading");
	if (check_file(vet->config->file, vet->config->registry, relay, vet, &err) < 0)
		vet_note(vet, "%s", err_text(&err));
	err_done(&err);
	behaviour(vet, before);
	vet_stage(vet, "");
	if (__lsan_do_recoverable_leak_check && __lsan_do_recoverable_leak_check())
		vet_found(vet, VET_LEAK, "leaks memory (LeakSanitizer)");
	vet_send(vet->pipe, &done);
	_exit(0);
}

/* ---- the parent ---- */

/* A finding is told once, however many lives showed it. */
struct heard {
	check_fn fn;
	void *arg;
	struct vet_message known[VET_FOUND_MAX];
	int count;
	int found;
	bool done;
};

static void hear(struct heard *heard, const struct vet_message *message)
{
	if (message->kind == VET_MESSAGE_DONE) {
		heard->done = true;
		return;
	}
	for (int i = 0; i < heard->count; i++)
		if (!memcmp(&heard->known[i], message, sizeof(*message)))
			return;
	if (heard->count == VET_FOUND_MAX)
		return;
	heard->known[heard->count++] = *message;
	heard->found += message->kind == VET_MESSAGE_FOUND;
	heard->fn(heard->arg, message->kind == VET_MESSAGE_FOUND ? message->id : NULL,
		  message->text);
}

static void __attribute__((format(printf, 3, 4)))
conclude(struct heard *heard, const char *id, const char *fmt, ...)
{
	struct vet_message message = {.kind = VET_MESSAGE_FOUND};
	va_list ap;

	snprintf(message.id, sizeof(message.id), "%s", id);
	va_start(ap, fmt);
	vsnprintf(message.text, sizeof(message.text), fmt, ap);
	va_end(ap);
	hear(heard, &message);
}

/* Listens until the child has closed the pipe. False: it hung, and was killed. */
static bool listen_to(const struct vet *vet, pid_t pid, struct heard *heard)
{
	uint64_t beats = 0, since = tkit_now_ns();

	for (;;) {
		struct pollfd fd = {.fd = vet->pipe, .events = POLLIN};
		uint64_t now_beats = __atomic_load_n(&vet->shared->beats, __ATOMIC_ACQUIRE);
		struct vet_message message;
		siginfo_t info = {0};
		int ready = poll(&fd, 1, TICK_MS);

		if (ready > 0) {
			ssize_t n = read(vet->pipe, &message, sizeof(message));

			if (n != sizeof(message))
				return true;
			message.id[sizeof(message.id) - 1] = '\0';
			message.text[sizeof(message.text) - 1] = '\0';
			hear(heard, &message);
			if (heard->done)
				return true;
			continue;
		}
		if (now_beats != beats) {
			beats = now_beats;
			since = tkit_now_ns();
		}
		/* A process of the plugin's that holds the pipe open does not keep us. */
		if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOHANG | WNOWAIT) == 0 &&
		    info.si_pid)
			return true;
		if (tkit_now_ns() - since > vet_patience_ns(vet) * 3 / 2) {
			kill(pid, SIGKILL);
			return false;
		}
	}
}

static void judge_end(const struct vet *vet, int status, bool hung, struct heard *heard)
{
	const struct vet_shared *shared = vet->shared;
	const char *stage = shared->stage[0] ? shared->stage : "the check";

	if (hung) {
		conclude(heard, VET_HANG, "hangs in %s", stage);
	} else if (WIFSIGNALED(status) && shared->lent_written) {
		conclude(heard, VET_CHANGES,
			 "writes to an event or a run that it was only lent (SIGSEGV in %s)",
			 stage);
	} else if (WIFSIGNALED(status) && shared->lent_touched) {
		conclude(heard, VET_LENT,
			 "uses an event or a run after the call that lent it has returned "
			 "(SIGSEGV in %s): copy what you keep",
			 stage);
	} else if (WIFSIGNALED(status) && shared->crash_id) {
		conclude(heard, shared->crash_id, "%s (SIG%s in %s)", shared->crash_text,
			 sigabbrev_np(WTERMSIG(status)), stage);
	} else if (WIFSIGNALED(status)) {
		conclude(heard, VET_CRASH, "dies of SIG%s in %s", sigabbrev_np(WTERMSIG(status)),
			 stage);
	} else if (!heard->done && TKIT_SANITIZED && WEXITSTATUS(status) == SANITIZER_STATUS) {
		conclude(heard, shared->crash_id ? shared->crash_id : VET_CRASH,
			 "dies of what a sanitizer found in %s", stage);
	} else if (!heard->done) {
		conclude(heard, VET_EXIT, "ends the process with status %d in %s",
			 WEXITSTATUS(status), stage);
	}
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	remove(path);
	return 0;
}

static void make_dir_name(char *name, size_t size)
{
	const char *dir = secure_getenv("TMPDIR");

	if (!dir || dir[0] != '/' || strlen(dir) > size / 2)
		dir = "/tmp";
	snprintf(name, size, "%s/tkit-check.XXXXXX", dir);
}

static int supervise(struct vet *vet, struct heard *heard, struct err *err)
{
	int ends[2], status = 0;
	bool hung;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(err, -errno, "making a pipe");
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		close(ends[0]);
		vet->pipe = ends[1];
		child(vet);
	}
	close(ends[1]);
	vet->pipe = ends[0];
	if (pid < 0) {
		close(ends[0]);
		return err_sys(err, -errno, "forking");
	}
	hung = !listen_to(vet, pid, heard);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	close(ends[0]);
	judge_end(vet, status, hung, heard);
	return 0;
}

int vet_module(const struct vet_config *config, check_fn fn, void *arg, struct err *err)
{
	_cleanup_free_ struct heard *heard = calloc(1, sizeof(*heard));
	struct vet vet = {.config = config};
	int rc;

	if (!heard)
		return err_sys(err, -ENOMEM, "%s", config->file);
	vet.shared = mmap(NULL, sizeof(*vet.shared), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (vet.shared == MAP_FAILED)
		return err_sys(err, -errno, "%s", config->file);
	make_dir_name(vet.dir, sizeof(vet.dir));
	if (!mkdtemp(vet.dir)) {
		rc = err_sys(err, -errno, "%s", vet.dir);
		munmap(vet.shared, sizeof(*vet.shared));
		return rc;
	}
	heard->fn = fn;
	heard->arg = arg;
	rc = supervise(&vet, heard, err);
	nftw(vet.dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	munmap(vet.shared, sizeof(*vet.shared));
	return rc < 0 ? rc : heard->found;
}
