// SPDX-License-Identifier: MIT
/* libFuzzer target: what a sandboxed reader of archives could tell its parent. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "rootfs/imgconfig.h"
#include "rootfs/wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* First byte: 0 the tree, 1 the configuration's records, else a configuration's JSON. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint64_t sizes[] = {4096, 1 << 20};
	static struct wire_in in;
	struct imgconfig *config = NULL;
	struct buf records = BUF_INIT;
	struct imgtree tree;
	struct err err = ERR_INIT;
	json_t *json;

	if (!size)
		return 0;
	if (data[0] == 0) {
		in = (struct wire_in){.fd = -1, .data = (const char *)data + 1, .size = size - 1};
		if (imgtree_init(&tree, 1000, 100000) < 0)
			return 0;
		wire_get_tree(&in, &tree, sizes, 2);
		imgtree_done(&tree);
		return 0;
	}
	if (data[0] == 1) {
		buf_add(&records, data + 1, size - 1);
	} else {
		json = json_loadb((const char *)data + 1, size - 1, 0, NULL);
		if (json)
			imgconfig_from_json(json, &records, &err);
		json_decref(json);
	}
	if (imgconfig_new(&records, &config) == 0)
		imgconfig_free(config);
	buf_done(&records);
	err_done(&err);
	return 0;
}
