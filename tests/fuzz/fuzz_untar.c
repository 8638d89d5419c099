// SPDX-License-Identifier: MIT
/* libFuzzer target: any bytes as two layers of an image, then what is told of them. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "rootfs/untar.h"
#include "rootfs/wire.h"

#define BLOCK 512u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
long fuzz_accepted(void);

static long accepted;

/* Members that were taken, of all inputs. */
long fuzz_accepted(void)
{
	return accepted;
}

/* Gives what still looks like a header a checksum that is right: else no change to one is ever
 * seen. */
static void mend(uint8_t *data, size_t size)
{
	for (size_t at = 0; at + BLOCK <= size; at += BLOCK) {
		uint8_t *header = data + at;
		unsigned int sum = 0;
		char text[8];

		if (memcmp(header + 257, "ustar", 5) != 0)
			continue;
		memset(header + 148, ' ', 8);
		for (size_t i = 0; i < BLOCK; i++)
			sum += header[i];
		snprintf(text, sizeof(text), "%06o", sum);
		memcpy(header + 148, text, 7);
	}
}

static int make_archive(const uint8_t *data, size_t size)
{
	int fd = memfd_create("tar", MFD_CLOEXEC);
	uint8_t *copy = malloc(size + !size);

	if (fd < 0 || !copy)
		abort();
	memcpy(copy, data, size);
	mend(copy, size);
	if (write(fd, copy, size) != (ssize_t)size)
		abort();
	free(copy);
	return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct wire_in in;
	static struct wire_out out;
	int archive = make_archive(data, size), told = memfd_create("told", MFD_CLOEXEC);
	struct spool spool;
	struct extent from = {.fd = archive, .file = 1, .size = size};
	struct layering l = {.whiteouts = true};
	struct err err = ERR_INIT;
	uint64_t budget = 64 << 20, sizes[2] = {0, size};
	struct untar_from how = {.extent = &from, .spool = &spool, .budget = &budget};
	struct imgtree back;

	if (told < 0 || spool_init(&spool, memfd_create("spool", MFD_CLOEXEC)) < 0 ||
	    imgtree_init(&l.tree, 1000, 1 << 20) < 0 || imgtree_init(&back, 1000, 1 << 20) < 0)
		abort();
	for (int i = 0; i < 2; i++) {
		layering_next(&l);
		from.stream = i == 1 && lseek(archive, 0, SEEK_SET) == 0;
		untar(&l, &how, &err);
		err_done(&err);
	}
	sizes[0] = spool.end;
	accepted += l.tree.node_count - 1; /* all but the root */
	/* Whatever was read must be something that the parent takes. */
	out = (struct wire_out){.fd = told};
	if (wire_put_tree(&out, &l.tree) < 0)
		abort();
	wire_flush(&out);
	lseek(told, sizeof(uint32_t), SEEK_SET);
	in = (struct wire_in){.fd = told};
	if (wire_get_tree(&in, &back, sizes, 2) < 0)
		abort();
	imgtree_done(&back);
	layering_done(&l);
	close(spool.fd);
	spool_done(&spool);
	close(archive);
	close(told);
	return 0;
}
