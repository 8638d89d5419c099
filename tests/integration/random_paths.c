// SPDX-License-Identifier: MIT
/*
 * Random calls with names, by processes and threads that share a tree of directories and change it
 * while they use it. Calls that change what a name means have the tree for themselves, so that
 * each tracer, whenever it looks, must come to the same facts. usage: random_paths DIR SEED STEPS
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#define NAMES_MAX 512
#define SLOTS     8 /* descriptors that names start from */
#define THREADS   3
#define CHILDREN  4

struct shared {
	pthread_rwlock_t tree;
};

static struct shared *shared;
static const char *top, *self;
static int slots[SLOTS];
static char *low; /* where 32-bit calls find their names */
static bool has32, own_mounts;

struct actor {
	uint64_t state;
	int steps;
	int slot;
	char *low;
};

static unsigned int pick(struct actor *a, unsigned int n)
{
	a->state ^= a->state << 13;
	a->state ^= a->state >> 7;
	a->state ^= a->state << 17;
	return (unsigned int)((a->state >> 20) % n);
}

/* A name of up to four parts; sometimes empty, absolute, with a slash too many. */
static const char *name(struct actor *a, char *to)
{
	static const char *const parts[] = {"a", "b", "c", "d", "a",  "b", "x",   "f",
					    "g", "f", "l", "m", "..", ".", "none"};
	unsigned int count = pick(a, 5);
	size_t len = 0;

	to[0] = 0;
	if (!pick(a, 5)) {
		len = (size_t)snprintf(to, NAMES_MAX, "%s/", top);
		count++;
	}
	for (unsigned int i = 0, up = 0; i < count; i++) {
		const char *part = parts[pick(a, sizeof(parts) / sizeof(parts[0]))];

		up += !strcmp(part, "..");
		if (up > 3)
			part = "f";
		len += (size_t)snprintf(to + len, NAMES_MAX - len, "%s%s", part,
					i + 1 < count ? pick(a, 20) ? "/" : "//" : "");
	}
	if (len && !pick(a, 25))
		strcat(to, "/");
	return to;
}

static int dir(struct actor *a)
{
	unsigned int n = pick(a, SLOTS + 4);

	return n < SLOTS ? slots[n] : n == SLOTS + 3 && !pick(a, 4) ? 99 : AT_FDCWD;
}

static int empty_flag(const char *path)
{
	return *path ? 0 : AT_EMPTY_PATH;
}

static int open_flags(struct actor *a)
{
	static const int flags[] = {O_RDONLY,
				    O_RDONLY,
				    O_RDONLY | O_CLOEXEC,
				    O_RDWR,
				    O_PATH,
				    O_PATH | O_NOFOLLOW,
				    O_RDONLY | O_DIRECTORY,
				    O_RDONLY | O_NOFOLLOW,
				    O_RDWR | O_CREAT,
				    O_WRONLY | O_CREAT | O_EXCL,
				    O_WRONLY | O_CREAT | O_TRUNC,
				    O_PATH | O_DIRECTORY};

	return flags[pick(a, sizeof(flags) / sizeof(flags[0]))] | O_NONBLOCK;
}

static void give_back(long fd)
{
	if (fd >= 0)
		close((int)fd);
}

/* The call of the 32-bit table, by int 0x80. */
static long call32(long nr, long a, long b, long c, long d)
{
	long ret = nr;

#ifdef __x86_64__
	__asm__ volatile("int $0x80"
			 : "+a"(ret)
			 : "b"(a), "c"(b), "d"(c), "S"(d)
			 : "memory", "r8", "r9", "r10", "r11");
#else
	abort();
#endif
	return (int)ret;
}

/* Where the kernel has none of them, the instruction is a fault. */
static bool probe32(void)
{
	int status = 1;
	pid_t pid = fork();

	if (!pid)
		_exit(call32(20, 0, 0, 0, 0) != getpid());
	waitpid(pid, &status, 0);
	return !status;
}

static void look32(struct actor *a, int dfd, const char *path)
{
	if (!has32)
		return;
	strcpy(a->low, path);
	switch (pick(a, 3)) {
	case 0:
		give_back(call32(295, dfd, (long)a->low, open_flags(a), 0644)); /* openat */
		break;
	case 1:
		call32(307, dfd, (long)a->low, R_OK, 0); /* faccessat */
		break;
	case 2:
		call32(305, dfd, (long)a->low, (long)a->low + NAMES_MAX, 64); /* readlinkat */
		break;
	}
}

static void look(struct actor *a)
{
	char path[NAMES_MAX + 8], buf[512];
	struct stat st;
	struct statx stx;
	struct open_how how = {0};
	int dfd = dir(a), again = 1 + (int)pick(a, 3);
	uint64_t state;

	name(a, path);
	state = a->state;
	for (int i = 0; i < again; i++) {
		a->state = state; /* the same call once more */
		switch (pick(a, 18)) {
		case 0 ... 3:
			give_back(syscall(SYS_openat, dfd, path, open_flags(a), 0644));
			break;
		case 4:
			how.flags = (uint64_t)open_flags(a);
			how.mode = how.flags & O_CREAT ? 0644 : 0;
			how.resolve =
				(uint64_t[]){0, RESOLVE_NO_SYMLINKS, RESOLVE_BENEATH,
					     RESOLVE_IN_ROOT}[pick(a, path[0] == '/' ? 3 : 4)];
			give_back(syscall(SYS_openat2, dfd, path, &how, sizeof(how)));
			break;
		case 5:
			syscall(SYS_newfstatat, dfd, path, &st, empty_flag(path));
			break;
		case 6:
			syscall(SYS_newfstatat, dfd, path, &st,
				empty_flag(path) | AT_SYMLINK_NOFOLLOW);
			break;
		case 7:
			syscall(SYS_statx, dfd, path, empty_flag(path), STATX_BASIC_STATS, &stx);
			break;
		case 8:
			syscall(SYS_faccessat, dfd, path, F_OK);
			break;
		case 9:
			if (*path)
				syscall(SYS_readlinkat, dfd, path, buf, sizeof(buf));
			break;
		case 10:
			snprintf(path, sizeof(path), "%s/f", top);
			syscall(SYS_stat, path, &st);
			give_back(syscall(SYS_open, path, O_RDONLY | O_NONBLOCK));
			break;
		case 11:
			syscall(SYS_fchmodat, dfd, path, 0755);
			break;
		case 12:
			if (*path)
				look32(a, dfd, path);
			break;
		case 14:
			syscall(pick(a, 2) ? SYS_getxattr : SYS_lgetxattr, path, "user.x", buf,
				sizeof(buf));
			break;
		case 15:
			syscall(SYS_statfs, path, buf);
			break;
		case 16: {
			struct sockaddr_un addr = {.sun_family = AF_UNIX};
			int s = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

			if (*path && strlen(path) < sizeof(addr.sun_path)) {
				strcpy(addr.sun_path, path);
				syscall(SYS_connect, s, &addr, sizeof(addr));
			}
			close(s);
			break;
		}
		case 17:
			syscall(SYS_truncate, path, 0);
			break;
		case 13:
			if (dfd >= 0) {
				lseek(dfd, 0, SEEK_SET);
				syscall(SYS_getdents64, dfd, buf, sizeof(buf));
			}
			break;
		}
	}
}

static void make(struct actor *a)
{
	char path[NAMES_MAX + 8], other[NAMES_MAX + 8];
	int dfd = dir(a), to = dir(a);

	name(a, path);
	name(a, other);
	switch (pick(a, 11)) {
	case 8: {
		struct sockaddr_un addr = {.sun_family = AF_UNIX};
		int s = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

		if (*path && strlen(path) < sizeof(addr.sun_path)) {
			strcpy(addr.sun_path, path);
			syscall(SYS_bind, s, &addr, sizeof(addr));
		}
		close(s);
		break;
	}
	case 9:
		syscall(SYS_mknodat, dfd, path, S_IFIFO | 0644, 0);
		break;
	case 10:
		give_back(syscall(SYS_openat, dfd, path, O_TMPFILE | O_RDWR, 0600));
		break;
	case 0 ... 2:
		syscall(SYS_mkdirat, dfd, path, 0755);
		break;
	case 3:
		syscall(SYS_symlinkat, other, dfd, path);
		break;
	case 4:
		syscall(SYS_linkat, dfd, path, to, other, pick(a, 2) ? AT_SYMLINK_FOLLOW : 0);
		break;
	default:
		give_back(syscall(SYS_openat, dfd, path, O_CREAT | O_RDWR, 0644));
		break;
	}
}

/* What gives names another meaning. */
static void change(struct actor *a)
{
	char path[NAMES_MAX + 8], other[NAMES_MAX + 8];
	int dfd = dir(a), to = dir(a), fd;
	int *slot = &slots[pick(a, SLOTS)];

	name(a, path);
	name(a, other);
	switch (pick(a, own_mounts ? 14 : 11)) {
	case 10:
		if (!pick(a, 5))
			unshare(CLONE_FS);
		break;
	case 11 ... 12:
		syscall(SYS_mount, path, other, "none", MS_BIND, NULL);
		break;
	case 13:
		syscall(SYS_umount2, path, pick(a, 2) ? MNT_DETACH : 0);
		break;
	case 0 ... 2:
		syscall(SYS_renameat2, dfd, path, to, other, pick(a, 4) ? pick(a, 2) : 2);
		break;
	case 3:
		syscall(SYS_unlinkat, dfd, path, 0);
		break;
	case 4:
		syscall(SYS_unlinkat, dfd, path, AT_REMOVEDIR);
		break;
	case 5 ... 6:
		fd = (int)syscall(SYS_openat, dfd, path,
				  (pick(a, 2) ? O_PATH : O_RDONLY) | O_DIRECTORY | O_CLOEXEC);
		if (fd >= 0) {
			dup3(fd, *slot, O_CLOEXEC);
			close(fd);
		}
		break;
	case 7:
		syscall(SYS_chdir, path);
		break;
	case 8:
		syscall(SYS_fchdir, *slot);
		break;
	case 9:
		syscall(SYS_chdir, top);
		break;
	}
}

/* A child that ends at once, or runs a program. */
static void child(struct actor *a)
{
	char path[NAMES_MAX + 8];
	bool runs = pick(a, 2);
	pid_t pid;

	name(a, path);
	pid = pick(a, 2) ? vfork() : fork();
	if (!pid) {
		if (runs)
			execl(self, self, "nothing", NULL);
		else
			syscall(SYS_execve, path, (char *[]){path, NULL}, (char *[]){NULL});
		_exit(0);
	}
	if (pid > 0)
		waitpid(pid, NULL, 0);
}

static void act(struct actor *a)
{
	unsigned int what = pick(a, 100);

	if (what < 65) {
		pthread_rwlock_rdlock(&shared->tree);
		look(a);
	} else {
		pthread_rwlock_wrlock(&shared->tree);
		if (what < 80)
			make(a);
		else if (what < 99)
			change(a);
		else
			child(a);
	}
	pthread_rwlock_unlock(&shared->tree);
}

static void *thread(void *arg)
{
	struct actor *a = arg;

	for (int i = 0; i < a->steps; i++)
		act(a);
	return NULL;
}

static void process(uint64_t seed, int steps)
{
	pthread_t threads[THREADS];
	struct actor actors[THREADS];

	for (int i = 0; i < THREADS; i++) {
		actors[i] = (struct actor){.state = (seed + 1) * 0x9e3779b97f4a7c15u +
						    (uint64_t)i * 0xd1342543de82ef95u + 1,
					   .steps = steps,
					   .low = low + i * 2 * NAMES_MAX};
		pthread_create(&threads[i], NULL, thread, &actors[i]);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}

static void prepare(void)
{
	static const char *const dirs[] = {"a",   "b",   "c",     "d",     "a/a",  "a/b",
					   "b/a", "b/x", "a/b/c", "a/b/d", "a/a/x"};
	static const char *const files[] = {"f",     "g",       "a/f",   "a/g",    "b/f",
					    "a/b/f", "a/b/c/f", "b/a/g", "a/a/x/f"};
	pthread_rwlockattr_t attr;

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++)
		mkdir(dirs[i], 0755);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		close(open(files[i], O_CREAT | O_RDWR, 0755));
	symlink("a/b", "l");
	symlink("../b", "a/m");
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	low = mmap(NULL, THREADS * 2 * NAMES_MAX, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	has32 = probe32();
	pthread_rwlockattr_init(&attr);
	pthread_rwlockattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_rwlock_init(&shared->tree, &attr);
	for (int i = 0; i < SLOTS; i++) {
		slots[i] = 20 + i;
		dup3(open(dirs[i], O_RDONLY | O_DIRECTORY | O_CLOEXEC), slots[i], O_CLOEXEC);
	}
}

int main(int argc, char **argv)
{
	uint64_t seed;
	int steps;

	if (argc != 4)
		return 0;
	self = argv[0];
	top = argv[1];
	seed = strtoull(argv[2], NULL, 10) * 100;
	steps = atoi(argv[3]);
	if (chdir(top))
		return 1;
	prepare();
	for (int i = 0; i < CHILDREN; i++) {
		if (fork())
			continue;
		if (i == 0) { /* another root */
			pthread_rwlock_wrlock(&shared->tree);
			if (!chroot("a"))
				top = "";
			pthread_rwlock_unlock(&shared->tree);
		}
		if (i == 1) /* threads with a working directory of their own */
			unshare(CLONE_FS);
		if (i == 2 && !unshare(CLONE_NEWNS)) /* mounts of its own */
			own_mounts = !mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL);
		process(seed + (uint64_t)i + 1, steps);
		_exit(0);
	}
	process(seed, steps);
	while (wait(NULL) > 0)
		;
	return 0;
}
