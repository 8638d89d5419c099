// SPDX-License-Identifier: MIT
/* Strings and structs from the memory of another process, at the edges of what there is. */
#include <procmem.h>

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define PAGE 4096u

/* Three pages, the last of which is not there. */
struct fixture {
	char *pages;
	pid_t pid; /* has them, too, and waits */
};

static void put(char *at, const char *text)
{
	memcpy(at, text, strlen(text) + 1);
}

static int set_up(void **state)
{
	static struct fixture fixture;

	fixture.pages =
		mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(fixture.pages, MAP_FAILED);
	assert_int_equal(munmap(fixture.pages + 2 * PAGE, PAGE), 0);
	memset(fixture.pages, 'x', 2 * PAGE);
	put(fixture.pages, "/etc/passwd");
	put(fixture.pages + PAGE - 3, "edge/of/pages");
	put(fixture.pages + 2 * PAGE - 4, "end");
	fixture.pid = fork();
	if (fixture.pid == 0) {
		pause();
		_exit(0);
	}
	assert_true(fixture.pid > 0);
	memset(fixture.pages, 0, 2 * PAGE); /* it is the other one's that is to be read */
	*state = &fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	kill(f->pid, SIGKILL);
	waitpid(f->pid, NULL, 0);
	return munmap(f->pages, 2 * PAGE);
}

static void holds(const struct fixture *f, size_t offset, const char *text)
{
	char buf[PATH_MAX];
	bool forced = true;

	assert_int_equal(procmem_string(f->pid, (uintptr_t)f->pages + offset, buf, &forced),
			 strlen(text));
	assert_string_equal(buf, text);
	assert_false(forced);
}

static void test_string(void **state)
{
	const struct fixture *f = *state;

	holds(f, 0, "/etc/passwd");
	holds(f, 11, "");
	holds(f, PAGE - 3, "edge/of/pages");
	holds(f, 2 * PAGE - 4, "end");
}

static void test_string_without_end(void **state)
{
	const struct fixture *f = *state;
	char buf[PATH_MAX];

	/* As far as there is memory; and PATH_MAX bytes of it without a NUL. */
	assert_int_equal(procmem_string(f->pid, (uintptr_t)f->pages + 2 * PAGE, buf, NULL),
			 -EFAULT);
	assert_int_equal(procmem_string(f->pid, 0, buf, NULL), -EFAULT);
	assert_int_equal(procmem_string(f->pid, UINT64_MAX - 5, buf, NULL), -EFAULT);
	assert_int_equal(procmem_string(f->pid, (uintptr_t)f->pages + PAGE - 4, buf, NULL), 14);
	assert_int_equal(procmem_string(f->pid, (uintptr_t)f->pages + PAGE + 20, buf, NULL),
			 PAGE - 20 - 1);
}

static void test_long(void **state)
{
	char *many =
		mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	char buf[PATH_MAX];

	(void)state;
	memset(many, 'y', 2 * PAGE);
	assert_int_equal(procmem_string(getpid(), (uintptr_t)many + 7, buf, NULL), -ENAMETOOLONG);
	assert_int_equal(buf[PATH_MAX - 1], 'y');
	many[7 + PATH_MAX - 1] = '\0';
	assert_int_equal(procmem_string(getpid(), (uintptr_t)many + 7, buf, NULL), PATH_MAX - 1);
	munmap(many, 2 * PAGE);
}

static void test_read(void **state)
{
	const struct fixture *f = *state;
	char buf[PAGE];

	assert_int_equal(procmem_read(f->pid, (uintptr_t)f->pages + 5, buf, 6), 0);
	assert_memory_equal(buf, "passwd", 6);
	assert_int_equal(procmem_read(f->pid, (uintptr_t)f->pages + 2 * PAGE - 6, buf, 6), 0);
	/* Not a byte of it is missing. */
	assert_int_equal(procmem_read(f->pid, (uintptr_t)f->pages + 2 * PAGE - 6, buf, 7), -EFAULT);
	assert_int_equal(procmem_read(f->pid, 0, buf, 7), -EFAULT);
}

/* The kernel reads a name from there, and so does tkit, and says so. */
static void test_write_only(void **state)
{
	const struct fixture *f = *state;
	char buf[PATH_MAX];
	bool forced = false;

	put(f->pages, "hidden");
	assert_int_equal(mprotect(f->pages, PAGE, PROT_NONE), 0);
	assert_int_equal(procmem_string(getpid(), (uintptr_t)f->pages, buf, &forced), 6);
	assert_string_equal(buf, "hidden");
	assert_true(forced);
	assert_int_equal(mprotect(f->pages, PAGE, PROT_READ | PROT_WRITE), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_string),     cmocka_unit_test(test_string_without_end),
		cmocka_unit_test(test_long),       cmocka_unit_test(test_read),
		cmocka_unit_test(test_write_only),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
