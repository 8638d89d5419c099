/* SPDX-License-Identifier: MIT */
/* What the modules here share with the tests that load them. */
#ifndef ABI_PLUGINS_H
#define ABI_PLUGINS_H

#include <tkit/plugin.h>

struct good_options {
	int follow;
	int64_t level;
	uint64_t ring_size;
	uint64_t wait_ns;
	const char *label;
	int mode;
	struct tkit_option_list skip;
};

#endif
