// SPDX-License-Identifier: MIT
/*
 * The program. All of it is in libtkit, which needs two dozen libraries: to load them takes longer
 * than all that an OCI runtime's stand-in does, which an engine calls four times for a
 * container. So this command alone is linked in here, and for all others libtkit is loaded.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"
#include "util/log.h"

/* A closed standard descriptor would be reused by the next open and written to. */
static void guard_standard_fds(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 &&
		    open("/dev/null", (fd ? O_WRONLY : O_RDONLY) | O_CLOEXEC) != fd)
			_exit(CLI_FAILED);
}

/* Called as an OCI runtime: all words are the runtime's. */
static bool is_runtime(const char *name)
{
	const char *base = name ? strrchr(name, '/') : NULL;

	return name && strcmp(base ? base + 1 : name, "tkit-runc") == 0;
}

static char **runtime_argv(int argc, char **argv)
{
	static char separator[] = "--";
	char **words = calloc((size_t)argc + 2, sizeof(*words));

	if (!words) {
		log_error("out of memory");
		exit(CLI_FAILED);
	}
	words[0] = argv[0];
	words[1] = separator;
	for (int i = 1; i < argc; i++)
		words[i + 1] = argv[i];
	return words;
}

/* The subcommand that is linked in, and not just its help. */
static bool is_light(int argc, char **argv)
{
	if (argc < 2 || strcmp(argv[1], cmd_oci_runtime.name) != 0)
		return false;
	for (int i = 2; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--help") == 0 || (i == 2 && strcmp(argv[i], "-h") == 0))
			return false;
	return true;
}

int main(int argc, char **argv)
{
	int (*run)(int argc, char **argv);
	void *lib;

	guard_standard_fds();
	if (is_runtime(argv[0]))
		return cmd_oci_runtime.run(argc + 1, runtime_argv(argc, argv));
	if (is_light(argc, argv))
		return cmd_oci_runtime.run(argc - 1, argv + 1);
	lib = dlopen(TKIT_LIBRARY, RTLD_NOW | RTLD_GLOBAL);
	*(void **)&run = lib ? dlsym(lib, "tkit_cli_main") : NULL;
	if (!run) {
		log_error("%s", dlerror());
		return CLI_FAILED;
	}
	return run(argc, argv);
}
