// SPDX-License-Identifier: MIT
/* A script, its interpreter, the interpreter's interpreter, and the ELF interpreter at the end. */
#include "workload.h"

#include "programs.h"

static void setup(void)
{
	char *line;

	copy_program("exit0", "interp");
	if (asprintf(&line, "#!%s -x\n", at("interp")) < 0)
		wl_broken("out of memory");
	make_file("script", line);
	must(chmod("script", 0755));
	make_file("relative", "#!interp\n");
	must(chmod("relative", 0755));
	if (asprintf(&line, "#! %s\n", at("script")) < 0)
		wl_broken("out of memory");
	make_file("outer", line);
	must(chmod("outer", 0755));
	make_file("dangling", "#!/no/such/interpreter\n");
	must(chmod("dangling", 0755));
}

static void run(void)
{
	spawn(at("script"), NULL);
	also(.op = "exec", .abs = at("script"), .requested = at("script"));
	also(.op = "interp", .abs = at("interp"));
	spawn("outer", NULL);
	also(.op = "exec", .abs = at("outer"), .requested = "outer");
	also(.op = "interp", .abs = at("script"));
	spawn("relative", NULL);
	also(.op = "exec", .abs = at("relative"));
	also(.op = "interp", .abs = at("interp"), .requested = "interp");
	expect(execl("dangling", "dangling", NULL), .op = "exec", .abs = at("dangling"),
	       .err = ENOENT);
}
