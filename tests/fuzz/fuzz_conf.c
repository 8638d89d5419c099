// SPDX-License-Identifier: MIT
/* Fuzzes the reader of conf files (plugins.d), with whatever bytes as a file. */
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "plugin/conf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
long fuzz_accepted(void);

static long accepted;

/* How many inputs were good: with none, something else than the parser refuses them. */
long fuzz_accepted(void)
{
	return accepted;
}

/* In a directory of its own: root reads no conf files that others could write. */
static char file[64] = "/tmp/tkit-fuzz.XXXXXX";

static void clean_up(void)
{
	unlink(file);
	*strrchr(file, '/') = '\0';
	rmdir(file);
}

static void write_file(const uint8_t *data, size_t size)
{
	static bool made;
	int fd;

	if (!made) {
		if (!mkdtemp(file))
			abort();
		strcat(file, "/conf.yaml");
		atexit(clean_up);
		made = true;
	}
	fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	/* The modules that the seeds name are there. */
	static const char *const libdirs[] = {TKIT_BUILD_DIR, NULL};
	struct plugin_conf *conf = NULL, *copy;
	struct err err = {0};
	enum tkit_kind kind;
	char *name = NULL;

	write_file(data, size);
	if (conf_read(file, libdirs, &conf, &kind, &name, &err) == 0) {
		accepted++;
		copy = conf_copy(conf);
		if (!copy || !conf_equal(conf, copy))
			abort();
		conf_free(copy);
		conf_free(conf);
	} else if (!err_text(&err)[0]) {
		abort(); /* a failure without a cause */
	}
	err_done(&err);
	free(name);
	return 0;
}
