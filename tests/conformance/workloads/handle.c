// SPDX-License-Identifier: MIT
/* name_to_handle_at(2), and opening by handle, where only the result tells the file. */
#include "workload.h"

static void setup(void)
{
	make_file("file", "");
}

static void run(void)
{
	union {
		struct file_handle handle;
		char space[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	} handle = {.handle = {.handle_bytes = MAX_HANDLE_SZ}};
	int mount_id, fd, dir;

	if (name_to_handle_at(AT_FDCWD, "file", &handle.handle, &mount_id, 0) < 0 &&
	    errno == EOPNOTSUPP)
		wl_skip("the file system has no handles");
	expect(name_to_handle_at(AT_FDCWD, "file", &handle.handle, &mount_id, 0), .op = "handle",
	       .abs = at("file"), .requested = "file");
	dir = (int)expect(open(".", O_RDONLY), .op = "open", .abs = at(""));
	fd = open_by_handle_at(dir, &handle.handle, O_RDONLY);
	if (fd >= 0)
		also(.op = "open", .any_abs = true, .resolved = at("file"));
}
