// SPDX-License-Identifier: MIT
/* sendfile, splice and copy_file_range read files without a read(2): the open tells of each. */
#include "workload.h"

#include <sys/sendfile.h>

static void setup(void)
{
	make_file("sent", "text");
	make_file("spliced", "text");
	make_file("copied", "text");
	make_file("mapped", "text");
}

static int open_source(const char *name)
{
	return (int)expect(open(name, O_RDONLY), .op = "open", .abs = at(name), .requested = name,
			   .resolved = at(name), .times = 1);
}

static void run(void)
{
	int out = (int)expect(open("out", O_WRONLY | O_CREAT, 0644), .op = "open", .abs = at("out"),
			      .created = 1);
	int pipes[2];

	must(pipe(pipes));
	must(sendfile(out, open_source("sent"), NULL, 4));
	must(splice(open_source("spliced"), NULL, pipes[1], NULL, 4, 0));
	must(splice(pipes[0], NULL, out, NULL, 4, 0));
	if (copy_file_range(open_source("copied"), NULL, out, NULL, 4, 0) < 0 && errno != EXDEV)
		wl_broken("copy_file_range: %s", strerror(errno));
}
