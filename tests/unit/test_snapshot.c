// SPDX-License-Identifier: MIT
/* What a process holds already: lines of maps, names that lie, threads, who is gone. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "session/held.h"
#include "session/held_name.h"
#include "session/maps.h"
#include "session/members.h"
#include "util/bytes.h"
#include "util/procfs.h"

/* ---- maps ---- */

static bool parse(const char *line, struct maps_entry *entry)
{
	return maps_parse(bytes_str(line), entry);
}

static void test_maps_line(void **state)
{
	struct maps_entry e;

	assert_true(parse("55d0c0a00000-55d0c0a28000 r--p 00001000 fe:01 332383        /usr/bin/x",
			  &e));
	assert_true(e.start == 0x55d0c0a00000 && e.end == 0x55d0c0a28000);
	assert_true(e.dev == makedev(0xfe, 1) && e.ino == 332383);
	assert_true(bytes_is(e.name, "/usr/bin/x"));
	assert_true(parse("7fff0000-7fff1000 rw-s 00000000 00:05 77 /a  b \\012 (deleted)", &e));
	assert_true(bytes_is(e.name, "/a  b \\012 (deleted)"));
	assert_true(parse("7f00-7f01 rw-p 00000000 00:00 0 ", &e));
	assert_int_equal(e.name.len, 0);
	assert_true(parse("7f00-7f01 rw-p 00000000 00:00 0", &e));
	assert_int_equal(e.ino, 0);
	assert_true(parse("7f00-7f01 rw-p 00000000 00:00 0            [heap]", &e));
	assert_true(bytes_is(e.name, "[heap]"));
}

static void test_maps_hostile(void **state)
{
	static const char *const lines[] = {
		"",
		"-",
		"7f00",
		"7f00-",
		"7f00-7f01",
		"7f00-7f01 rw-p",
		"7f00-7f01 rw-p ",
		"7f00-7f01 rw-p 0 00:00",
		"7f00-7f01 rw-p 0 00:00 ",
		"7f00-7f01 rw-p 0 00:00 x",
		"7f00-7f01 rw-p 0 00:00 1x /a",
		"7f00-7f01 rw-p 0 zz:00 1 /a",
		"7f00-7f01 rw-p 0 1ffffffff:00 1 /a",
		"g-1 rw-p 0 00:00 1 /a",
		"11111111111111111-2 rw-p 0 00:00 1 /a",
		"1-2 rw-p 0 00:00 99999999999999999999999 /a",
		"1-2 rwxrwxrwx 0 00:00 1 /a",
	};
	struct maps_entry e;

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++)
		if (parse(lines[i], &e))
			fail_msg("taken for a line of maps: \"%s\"", lines[i]);
}

static void test_maps_unescape(void **state)
{
	char buf[32];

	assert_int_equal(maps_unescape(BYTES_LIT("/a\\012b"), buf), 4);
	assert_memory_equal(buf, "/a\nb", 4);
	assert_int_equal(maps_unescape(BYTES_LIT("\\01\\012\\"), buf), 5);
	assert_memory_equal(buf, "\\01\n\\", 5);
}

/* ---- one process ---- */

struct found {
	struct {
		char path[512];
		uint32_t pflags, flags;
		bool has_inode;
	} files[512];
	size_t count;
	char exe[512];
};

static int collect(void *arg, const struct held_process *process, const struct held_file *file)
{
	struct found *found = arg;

	if (found->count == 512 || file->path.len >= sizeof(found->files[0].path))
		return 0;
	memcpy(found->files[found->count].path, file->path.ptr, file->path.len);
	found->files[found->count].path[file->path.len] = '\0';
	found->files[found->count].pflags = file->pflags;
	found->files[found->count].flags = file->has_flags ? file->flags : UINT32_MAX;
	found->files[found->count++].has_inode = file->has_inode;
	snprintf(found->exe, sizeof(found->exe), "%.*s", (int)process->exe.len, process->exe.ptr);
	return 0;
}

/* How often a path is there with these flags. */
static int times(const struct found *found, const char *dir, const char *name, uint32_t pflags)
{
	char path[512];
	int n = 0;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	for (size_t i = 0; i < found->count; i++)
		n += strcmp(found->files[i].path, path) == 0 && found->files[i].pflags == pflags;
	return n;
}

static uint32_t flags_of(const struct found *found, const char *dir, const char *name)
{
	char path[512];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	for (size_t i = 0; i < found->count; i++)
		if (strcmp(found->files[i].path, path) == 0)
			return found->files[i].flags;
	return 0;
}

static void must(int rc)
{
	if (rc < 0)
		_exit(5);
}

static int make(const char *name)
{
	int fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0644);

	if (fd < 0 || ftruncate(fd, 8192) < 0)
		_exit(9);
	return fd;
}

static void map(const char *name)
{
	int fd = make(name);

	if (mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0) == MAP_FAILED)
		_exit(8);
	close(fd);
}

static void *hold_alone(void *arg)
{
	int *ready = arg;

	if (unshare(CLONE_FILES) == 0)
		make("of-a-thread");
	*ready = 1;
	for (;;)
		pause();
	return NULL;
}

/* Holds all kinds of files in `dir`, then says so. */
static _Noreturn void hold(const char *dir, int out, bool end_first_thread)
{
	volatile int ready = 0;
	pthread_t thread;

	if (chdir(dir) < 0)
		_exit(7);
	make("plain");
	must(dup(make("twice")));
	map("twice");
	must(open("plain", O_RDONLY | O_CLOEXEC));
	map("mapped");
	map("mapped\nnewline");
	map("mapped\\012text");
	map("mapped (deleted)");
	make("open (deleted)");
	make("open\nnewline");
	make("gone");
	unlink("gone");
	map("mapped-gone");
	unlink("mapped-gone");
	make("gone (deleted)");
	unlink("gone (deleted)");
	make("linked");
	must(link("linked", "other-name"));
	unlink("linked");
	must(symlink("plain", "symlink"));
	open("symlink", O_PATH | O_NOFOLLOW | O_CLOEXEC);
	memfd_create("secret", 0);
	mmap(NULL, 4096, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	must(pipe((int[2]){0}));
	pthread_create(&thread, NULL, hold_alone, (void *)&ready);
	while (!ready)
		usleep(1000);
	if (write(out, "x", 1) != 1)
		_exit(6);
	close(out);
	if (end_first_thread)
		pthread_exit(NULL);
	for (;;)
		pause();
}

struct holder {
	char dir[64];
	pid_t pid;
	struct held_scope scope;
	struct tkit_target target;
};

static void start_holder(struct holder *h, bool end_first_thread)
{
	int pipe_fds[2];
	char c;

	strcpy(h->dir, "/tmp/tkit-held-XXXXXX");
	assert_non_null(mkdtemp(h->dir));
	assert_int_equal(pipe(pipe_fds), 0);
	h->pid = fork();
	if (h->pid == 0) {
		close(pipe_fds[0]);
		hold(h->dir, pipe_fds[1], end_first_thread);
	}
	close(pipe_fds[1]);
	assert_int_equal(read(pipe_fds[0], &c, 1), 1);
	close(pipe_fds[0]);
	h->target = (struct tkit_target){.kind = TKIT_TARGET_PID, .pid = h->pid, .root = "/"};
	h->target.root_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	held_scope_init(&h->scope, &h->target);
}

static void end_holder(struct holder *h)
{
	char command[128];

	kill(h->pid, SIGKILL);
	waitpid(h->pid, NULL, 0);
	close(h->target.root_fd);
	snprintf(command, sizeof(command), "rm -r %s", h->dir);
	assert_int_equal(system(command), 0);
}

static int read_holder(const struct holder *h, struct found *found, struct held_result *result)
{
	struct procfs_stat stat;

	memset(found, 0, sizeof(*found));
	assert_true(procfs_stat(h->pid, &stat));
	return held_read(&h->scope, h->pid, stat.start, collect, found, result);
}

static void check_holder(const struct holder *h, const struct found *found)
{
	static const char *const once[] = {
		"plain",          "twice",        "mapped", "mapped\nnewline", "mapped (deleted)",
		"open (deleted)", "open\nnewline"};

	for (size_t i = 0; i < sizeof(once) / sizeof(once[0]); i++)
		if (times(found, h->dir, once[i], 0) != 1)
			fail_msg("%s: %d times", once[i], times(found, h->dir, once[i], 0));
	assert_int_equal(times(found, h->dir, "gone", TKIT_P_DELETED), 1);
	assert_int_equal(times(found, h->dir, "gone (deleted)", TKIT_P_DELETED), 1);
	assert_int_equal(times(found, h->dir, "mapped-gone", TKIT_P_DELETED), 1);
	assert_int_equal(times(found, h->dir, "linked", TKIT_P_DELETED), 1);
	assert_int_equal(times(found, h->dir, "symlink", TKIT_P_NOFOLLOW), 1);
	assert_int_equal(times(found, "", "memfd:secret", TKIT_P_DELETED), 0);
	assert_int_equal(times(found, "", "dev/zero", TKIT_P_DELETED), 0);
}

static void test_held(void **state)
{
	struct found *found = calloc(1, sizeof(*found));
	struct held_result result;
	struct holder h;
	char self[512] = "";

	start_holder(&h, false);
	assert_int_equal(read_holder(&h, found, &result), 0);
	assert_null(result.entry);
	check_holder(&h, found);
	assert_int_equal(times(found, h.dir, "of-a-thread", 0), 1);
	assert_int_equal(flags_of(found, h.dir, "plain") & O_ACCMODE, O_RDWR);
	assert_int_equal(flags_of(found, h.dir, "mapped"), UINT32_MAX);
	/* map_files has the name as it is; only maps' own text is ambiguous. */
	assert_int_equal(times(found, h.dir, "mapped\\012text", 0), 1);
	assert_true(readlink("/proc/self/exe", self, sizeof(self) - 1) > 0);
	assert_string_equal(found->exe, self);
	end_holder(&h);
	free(found);
}

/* /proc/PID of a process whose first thread has ended shows nothing; its other threads do. */
static void test_first_thread_ended(void **state)
{
	struct found *found = calloc(1, sizeof(*found));
	struct held_result result;
	struct holder h;

	start_holder(&h, true);
	for (int i = 0; i < 2000 && procfs_state(h.pid) != 'Z'; i++)
		usleep(1000);
	assert_int_equal(procfs_state(h.pid), 'Z');
	assert_int_equal(read_holder(&h, found, &result), 0);
	check_holder(&h, found);
	end_holder(&h);
	free(found);
}

static void test_gone(void **state)
{
	struct found *found = calloc(1, sizeof(*found));
	struct held_result result;
	struct holder h;
	struct procfs_stat stat;

	start_holder(&h, false);
	assert_true(procfs_stat(h.pid, &stat));
	assert_int_equal(held_read(&h.scope, h.pid, stat.start + 1, collect, found, &result),
			 -ESRCH);
	kill(h.pid, SIGKILL);
	waitid(P_PID, (id_t)h.pid, NULL, WEXITED | WNOWAIT);
	assert_int_equal(held_read(&h.scope, h.pid, stat.start, collect, found, &result), -ESRCH);
	end_holder(&h);
	assert_int_equal(held_read(&h.scope, h.pid, stat.start, collect, found, &result), -ESRCH);
	free(found);
}

static void test_root(void **state)
{
	struct found *found = calloc(1, sizeof(*found));
	struct held_result result;
	struct holder h;

	start_holder(&h, false);
	h.target.root = h.dir;
	assert_int_equal(read_holder(&h, found, &result), 0);
	assert_int_equal(times(found, "", "plain", 0), 1);
	assert_int_equal(times(found, "", "gone", TKIT_P_DELETED), 1);
	assert_string_equal(found->exe, "");
	for (size_t i = 0; i < found->count; i++)
		if (strstr(found->files[i].path, "libc"))
			assert_true(found->files[i].pflags & TKIT_P_OUTSIDE_ROOT);
	end_holder(&h);
	free(found);
}

/* ---- who belongs ---- */

struct pids {
	pid_t list[65536];
	size_t count;
};

static void add_pid(void *arg, pid_t pid)
{
	struct pids *pids = arg;

	if (pids->count < 65536)
		pids->list[pids->count++] = pid;
}

static bool has(const struct pids *pids, pid_t pid)
{
	for (size_t i = 0; i < pids->count; i++)
		if (pids->list[i] == pid)
			return true;
	return false;
}

static void test_members(void **state)
{
	struct pids *pids = calloc(1, sizeof(*pids));
	struct tkit_target target = {.kind = TKIT_TARGET_ALL, .self_pid = getpid()};
	struct members members = {.target = &target, .fn = add_pid, .arg = pids};
	struct tree tree;

	assert_int_equal(members_list(&members), 0);
	assert_true(has(pids, getppid()));
	assert_false(has(pids, getpid()));
	target = (struct tkit_target){.kind = TKIT_TARGET_PID, .pid = getppid(), .self_pid = 0};
	pids->count = 0;
	assert_int_equal(members_list(&members), 0);
	assert_true(has(pids, getppid()) && has(pids, getpid()));
	/* What the backends told of: an orphan is nobody's descendant any more. */
	assert_int_equal(tree_init(&tree, getpid()), 0);
	tree_add(&tree, 77);
	members.tree = &tree;
	target.pid = getpid();
	pids->count = 0;
	assert_int_equal(members_list(&members), 0);
	assert_true(has(pids, 77) && !has(pids, getppid()));
	tree_done(&tree);
	target = (struct tkit_target){.kind = TKIT_TARGET_CGROUP, .cgroup_path = "/nonexistent"};
	pids->count = 0;
	assert_int_equal(members_list(&members), 0);
	assert_int_equal(pids->count, 0);
	free(pids);
}

static void test_start_time(void **state)
{
	struct procfs_stat mine;
	uint64_t now = procfs_now();

	assert_true(procfs_stat(getpid(), &mine));
	assert_true(mine.start <= now && now - mine.start < 600 * (uint64_t)sysconf(_SC_CLK_TCK));
	assert_int_equal(mine.parent, getppid());
	assert_int_equal(mine.threads, 1);
	assert_false(mine.kernel);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_maps_line),
		cmocka_unit_test(test_maps_hostile),
		cmocka_unit_test(test_maps_unescape),
		cmocka_unit_test(test_held),
		cmocka_unit_test(test_first_thread_ended),
		cmocka_unit_test(test_gone),
		cmocka_unit_test(test_root),
		cmocka_unit_test(test_members),
		cmocka_unit_test(test_start_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
