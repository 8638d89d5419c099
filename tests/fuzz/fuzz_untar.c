// SPDX-License-Identifier: MIT
/* libFuzzer target: any bytes as two layers of an image, then what is told of them. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "rootfs/untar.h"
#include "rootfs/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct wire_in in;
	static struct wire_out out;
	int archive = memfd_create("tar", MFD_CLOEXEC), told = memfd_create("told", MFD_CLOEXEC);
	struct spool spool;
	struct extent from = {.fd = archive, .file = 1, .size = size};
	struct layering l = {.whiteouts = true};
	struct err err = ERR_INIT;
	uint64_t budget = 64 << 20, sizes[2] = {0, size};
	struct untar_from how = {.extent = &from, .spool = &spool, .budget = &budget};
	struct imgtree back;

	if (archive < 0 || told < 0 || write(archive, data, size) != (ssize_t)size ||
	    spool_init(&spool, memfd_create("spool", MFD_CLOEXEC)) < 0 ||
	    imgtree_init(&l.tree, 1000, 1 << 20) < 0 || imgtree_init(&back, 1000, 1 << 20) < 0)
		abort();
	for (int i = 0; i < 2; i++) {
		layering_next(&l);
		from.stream = i == 1 && lseek(archive, 0, SEEK_SET) == 0;
		untar(&l, &how, &err);
		err_done(&err);
	}
	sizes[0] = spool.end;
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
