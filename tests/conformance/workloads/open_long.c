// SPDX-License-Identifier: MIT
/* Long paths: more than 512 bytes, exactly PATH_MAX - 1, one byte too many. */
#include "workload.h"

#define LENGTH 250 /* of a component */

static void component(char *name, char c)
{
	memset(name, c, LENGTH);
	name[LENGTH] = '\0';
}

static void setup(void)
{
	char name[LENGTH + 1];

	make_file("file", "");
	for (char c = 'a'; c < 'a' + 14; c++) {
		component(name, c);
		must(mkdir(name, 0755));
		must(chdir(name));
	}
	make_file("leaf", "");
}

static void run(void)
{
	char deep[PATH_MAX], name[LENGTH + 1], padded[PATH_MAX + 1];
	size_t len = strlen(wl_dir);

	memcpy(deep, wl_dir, len + 1);
	for (char c = 'a'; c < 'a' + 14; c++) {
		component(name, c);
		len += (size_t)snprintf(deep + len, sizeof(deep) - len, "/%s", name);
	}
	snprintf(deep + len, sizeof(deep) - len, "/leaf");
	expect(open(deep, O_RDONLY), .op = "open", .abs = deep, .requested = deep,
	       .resolved = deep);

	/* 4095 bytes: the longest that the kernel takes. */
	memset(padded, '/', sizeof(padded));
	memcpy(padded, wl_dir, strlen(wl_dir));
	memcpy(padded + PATH_MAX - 1 - 4, "file", 5);
	expect(open(padded, O_RDONLY), .op = "open", .abs = at("file"), .requested = padded,
	       .resolved = at("file"));

	memset(padded, '/', sizeof(padded));
	memcpy(padded, wl_dir, strlen(wl_dir));
	memcpy(padded + PATH_MAX - 4, "file", 5);
	expect(open(padded, O_RDONLY), .op = "open", .abs = wl_dir, .prefix = true,
	       .err = ENAMETOOLONG);
}
