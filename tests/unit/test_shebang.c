// SPDX-License-Identifier: MIT
/* The #! line. What is expected here was tried on a kernel with the same files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "util/bytes.h"
#include "util/shebang.h"

static void expect(const char *head, size_t size, const char *interp, const char *arg)
{
	struct shebang s;

	assert_int_equal(shebang_parse(head, size, &s), 0);
	assert_int_equal(s.interp.len, strlen(interp));
	assert_memory_equal(s.interp.ptr, interp, s.interp.len);
	assert_int_equal(s.arg.len, strlen(arg));
	if (s.arg.len)
		assert_memory_equal(s.arg.ptr, arg, s.arg.len);
}

#define EXPECT(head, interp, arg) expect(head, sizeof(head) - 1, interp, arg)

static void refuse(const char *head, size_t size)
{
	struct shebang s;

	assert_int_equal(shebang_parse(head, size, &s), -ENOEXEC);
}

#define REFUSE(head) refuse(head, sizeof(head) - 1)

static void test_forms(void **state)
{
	EXPECT("#!/bin/sh\n", "/bin/sh", "");
	EXPECT("#! /bin/sh\necho\n", "/bin/sh", "");
	EXPECT("#!\t /usr/bin/env  python3 -u \t\nx", "/usr/bin/env", "python3 -u");
	EXPECT("#!/bin/sh", "/bin/sh", "");
	EXPECT("#!sh -e\n", "sh", "-e");
	EXPECT("#!/bin/sh\0junk -x\n", "/bin/sh", "");
	EXPECT("#!/bin/sh  a  \0 b\n", "/bin/sh", "a  ");
	EXPECT("#!/bin/sh\r\n", "/bin/sh\r", "");
	REFUSE("");
	REFUSE("#");
	REFUSE("#!");
	REFUSE("#!\n/bin/sh\n");
	REFUSE("#!  \t\n");
	REFUSE(" #!/bin/sh\n");
	REFUSE("\177ELF");
}

static void test_long(void **state)
{
	char head[512];
	struct shebang s;

	memset(head, 'x', sizeof(head));
	memcpy(head, "#!/", 3);
	refuse(head, sizeof(head)); /* the name does not end within 256 bytes */
	head[255] = '\n';
	assert_int_equal(shebang_parse(head, sizeof(head), &s), 0);
	assert_int_equal(s.interp.len, 253);
	head[255] = 'x';
	head[256] = '\n';
	refuse(head, sizeof(head));
	head[100] = ' '; /* the name ends, the argument is cut */
	assert_int_equal(shebang_parse(head, sizeof(head), &s), 0);
	assert_int_equal(s.interp.len, 98);
	assert_int_equal(s.arg.len, 154);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_forms),
					   cmocka_unit_test(test_long)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
