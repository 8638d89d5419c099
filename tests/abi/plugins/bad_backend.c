// SPDX-License-Identifier: MIT
/* A backend that breaks the contract in one way, VARIANT_...; without one it is sound. */
#include <tkit/backend.h>

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct bad {
	int stopped;
	int told;
	uint64_t emitted;
	pid_t command;
};

#ifdef VARIANT_SECOND
static int in_use;
#endif
#ifdef VARIANT_SHARED
static struct bad *only;
#endif

#if defined(VARIANT_CTOR_CRASH) || defined(VARIANT_CTOR_HANG) || defined(VARIANT_CTOR_SIGNAL)
__attribute__((constructor)) static void at_loading(void)
{
#ifdef VARIANT_CTOR_CRASH
	abort();
#elif defined(VARIANT_CTOR_SIGNAL)
	signal(SIGINT, SIG_IGN);
#else
	for (;;)
		pause();
#endif
}
#endif

static void fill(struct tkit_event *e)
{
	tkit_event_init(e, TKIT_EVENT_ACCESS);
	e->op = TKIT_OP_OPEN;
	e->valid = TKIT_V_TS | TKIT_V_PID | TKIT_V_PATH | TKIT_V_ERR;
	e->ts_ns = tkit_now_ns();
	e->pid = getpid();
	e->path.ptr = "/etc/passwd";
	e->path.len = strlen(e->path.ptr);
#ifdef VARIANT_ERR
	e->err = -ENOENT;
#elif defined(VARIANT_NUL)
	e->path.len++;
#elif defined(VARIANT_SIZE)
	e->size = 8;
#elif defined(VARIANT_OP)
	e->op = TKIT_OP_NONE;
#elif defined(VARIANT_BASE)
	e->valid |= TKIT_V_BASE;
	e->base = e->path;
	e->base.ptr++;
	e->base.len--;
#elif defined(VARIANT_UNSAID)
	e->err = ENOENT;
#elif defined(VARIANT_CLOCK)
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	e->ts_ns = (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
#endif
}

#ifdef VARIANT_OPTIONS
struct options {
	int64_t level;
};

static const struct tkit_option options[] = {
	{"level", TKIT_OPTION_INT, 0, "3", NULL, "how much"},
};
#endif

/* What belongs to the process and not to a plugin. */
static void meddle(const void *opts, const struct tkit_target *target)
{
#ifdef VARIANT_UMASK
	umask(0);
#elif defined(VARIANT_SIGNAL)
	signal(SIGUSR1, SIG_IGN);
#elif defined(VARIANT_MASK)
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &set, NULL);
#elif defined(VARIANT_CHDIR)
	if (chdir("/tmp"))
		abort();
#elif defined(VARIANT_ENV)
	setenv("TZ", "UTC", 1);
#elif defined(VARIANT_UNSET)
	unsetenv("PATH");
#elif defined(VARIANT_LOCALE)
	setlocale(LC_ALL, "C.UTF-8");
#elif defined(VARIANT_LIMIT)
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur--;
	setrlimit(RLIMIT_NOFILE, &limit);
#elif defined(VARIANT_PRCTL)
	prctl(PR_SET_DUMPABLE, !prctl(PR_GET_DUMPABLE));
#elif defined(VARIANT_ALARM)
	alarm(1000);
#elif defined(VARIANT_OPTIONS)
	((struct options *)opts)->level++;
#elif defined(VARIANT_TARGET)
	((struct tkit_target *)target)->pid = 0;
#endif
}

static int bad_probe(struct tkit_ctx *ctx, const void *options, const struct tkit_target *target)
{
#ifdef VARIANT_RANK
	return 1000;
#elif defined(VARIANT_SILENT_PROBE)
	return -EPERM;
#elif defined(VARIANT_SLOW_PROBE)
	usleep(3100000);
	return 5;
#else
	return 5;
#endif
}

static int bad_open(struct tkit_ctx *ctx, const void *options, const struct tkit_target *target,
		    void **ret_self)
{
	struct bad *bad = calloc(1, sizeof(*bad));

	bad->command = target->pid;
	meddle(options, target);
#ifdef VARIANT_SELF
	*ret_self = bad;
	free(bad);
	return tkit_fail(ctx, -EIO, "no");
#elif defined(VARIANT_SILENT)
	free(bad);
	return -EIO;
#elif defined(VARIANT_LINES)
	free(bad);
	return tkit_fail(ctx, -EIO, "one\ntwo");
#elif defined(VARIANT_RETURN)
	*ret_self = bad;
	return 5;
#elif defined(VARIANT_EXIT)
	exit(3);
#elif defined(VARIANT_SECOND)
	if (in_use++) {
		in_use--;
		free(bad);
		return tkit_fail(ctx, -EBUSY, "there is one already");
	}
#elif defined(VARIANT_SHARED)
	if (!only)
		only = bad;
	else
		free(bad);
	bad = only;
#elif defined(VARIANT_LEAK)
	if (!strdup("sixteen bytes and a few more"))
		return -ENOMEM;
#elif defined(VARIANT_FD)
	open("/dev/null", O_RDONLY | O_CLOEXEC);
#elif defined(VARIANT_CLOEXEC)
	bad->told = open("/dev/null", O_RDONLY); /* closed again in close() */
#elif defined(VARIANT_PRINTS)
	printf("bad: hello\n");
	fflush(stdout);
#elif defined(VARIANT_WRITES)
	if (write(STDOUT_FILENO, "hello\n", 6) < 0)
		abort();
#elif defined(VARIANT_MEMORY)
	volatile char *much = malloc(300 << 20);

	for (size_t at = 0; at < 300 << 20; at += 4096)
		much[at] = 1;
	free((void *)much);
#elif defined(VARIANT_EARLY_READS)
	bad->told = (int)strlen(target->root);
#elif defined(VARIANT_EARLY_NEEDS)
	if (target->pid <= 0) {
		free(bad);
		return tkit_fail(ctx, -ESRCH, "no process %d", target->pid);
	}
#elif defined(VARIANT_EARLY_EMITS)
	struct tkit_event e;

	fill(&e);
	tkit_emit(ctx, &e);
	bad->emitted++;
#endif
	*ret_self = bad;
	return 0;
}

#if defined(VARIANT_THREAD) || defined(VARIANT_FOREIGN)
static void *other_thread(void *arg)
{
#ifdef VARIANT_FOREIGN
	struct tkit_event e;

	fill(&e);
	tkit_emit(arg, &e);
#else
	sleep(20);
#endif
	return NULL;
}
#endif

static int bad_start(struct tkit_ctx *ctx, void *self)
{
#ifdef VARIANT_HANG
	for (;;)
		pause();
#elif defined(VARIANT_ABORT)
	abort();
#elif defined(VARIANT_THREAD)
	pthread_t thread;

	pthread_create(&thread, NULL, other_thread, NULL);
	pthread_detach(thread);
#elif defined(VARIANT_FOREIGN)
	pthread_t thread;

	pthread_create(&thread, NULL, other_thread, ctx);
	pthread_join(thread, NULL);
#elif defined(VARIANT_CHILD)
	if (fork() == 0) {
		sleep(2);
		_exit(0);
	}
#elif defined(VARIANT_CONFUSED)
	return -100000;
#elif defined(VARIANT_NO_ERRNO)
	return tkit_fail(ctx, -1234, "no such number"), -1234;
#elif defined(VARIANT_KILLS)
	struct bad *bad = self;

	kill(bad->command, SIGTERM);
#endif
	return 0;
}

static int bad_pump(struct tkit_ctx *ctx, void *self, int timeout_ms)
{
	struct bad *bad = self;
	struct pollfd fd = {.fd = tkit_stop_fd(ctx), .events = POLLIN};
	struct tkit_event e;

#ifdef VARIANT_CRASH
	*(volatile int *)NULL = 1;
#elif defined(VARIANT_BLOCKS)
	if (timeout_ms > 1000)
		sleep(4);
#elif defined(VARIANT_REAPS)
	if (bad->command && waitpid(bad->command, NULL, WNOHANG) > 0)
		bad->command = 0;
#endif
#ifdef VARIANT_EARLY_KEEPS
	if (!bad->emitted && bad->command > 0) {
#else
	if (!bad->emitted) {
#endif
		fill(&e);
		bad->emitted++;
		tkit_emit(ctx, &e);
#ifdef VARIANT_COUNT
		return 0;
#else
		return 1;
#endif
	}
#ifdef VARIANT_ORDER
	if (bad->emitted < 3) {
		fill(&e);
		e.valid |= TKIT_V_TID;
		e.tid = e.pid;
		e.ts_ns -= bad->emitted * 1000000u;
		bad->emitted++;
		tkit_emit(ctx, &e);
		return 1;
	}
#elif defined(VARIANT_BUSY)
	if (!bad->stopped)
		return 0;
#endif
#ifdef VARIANT_ENDLESS
	if (bad->stopped)
		return 0;
#endif
	if (bad->stopped)
		return TKIT_END;
	poll(&fd, 1, timeout_ms);
	return 0;
}

static int bad_stop(struct tkit_ctx *ctx, void *self)
{
	struct bad *bad = self;

	bad->stopped = 1;
	return 0;
}

static int bad_stats(struct tkit_ctx *ctx, void *self, struct tkit_stats *stats)
{
	struct bad *bad = self;

	stats->emitted = bad->emitted;
#ifdef VARIANT_STATS
	stats->lost = 10;
#elif defined(VARIANT_WHEN)
	struct tkit_event e;

	fill(&e);
	tkit_emit(ctx, &e);
#endif
	return 0;
}

static void bad_close(struct tkit_ctx *ctx, void *self)
{
#ifdef VARIANT_SECOND
	in_use--;
#elif defined(VARIANT_CLOEXEC)
	close(((struct bad *)self)->told);
#elif defined(VARIANT_TWICE)
	free(self);
#elif defined(VARIANT_SHARED)
	/* The first of two takes the other's memory away. */
	if (!only)
		abort();
	only = NULL;
#endif
	free(self);
}

#ifdef VARIANT_UTF8
#define SUMMARY "wrong in one way: \xe9t\xe9"
#else
#define SUMMARY "wrong in one way"
#endif

#if defined(VARIANT_EARLY) || defined(VARIANT_EARLY_READS) || defined(VARIANT_EARLY_NEEDS) || \
	defined(VARIANT_EARLY_KEEPS) || defined(VARIANT_EARLY_EMITS)
#define EARLY TKIT_BACKEND_EARLY
#else
#define EARLY 0
#endif

#ifdef VARIANT_CAPS
static uint64_t bad_caps(const void *options)
{
	return TKIT_CAN_OPEN | TKIT_CAN_LIST | TKIT_CAN_TARGET_COMMAND;
}
#endif

static const struct tkit_backend_ops ops = {
	.probe = bad_probe,
	.open = bad_open,
	.start = bad_start,
	.pump = bad_pump,
	.stop = bad_stop,
	.stats = bad_stats,
	.close = bad_close,
#ifdef VARIANT_CAPS
	.caps = bad_caps,
#endif
};

TKIT_API const struct tkit_plugin tkit_plugin = {
	TKIT_PLUGIN_HEAD(TKIT_KIND_BACKEND, struct tkit_backend_ops, &ops),
	.name = "bad",
	.version = "1",
	.summary = SUMMARY,
	.licence = "MIT",
	.caps = TKIT_CAN_OPEN | TKIT_CAN_TARGET_COMMAND | EARLY,
#ifdef VARIANT_OPTIONS
	.options = options,
	.option_count = 1,
	.options_bytes = sizeof(struct options),
#endif
};
