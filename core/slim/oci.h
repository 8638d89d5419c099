/* SPDX-License-Identifier: MIT */
/* An OCI bundle's config.json from an image's configuration, as docker would run it. */
#ifndef SLIM_OCI_H
#define SLIM_OCI_H

#include <stdbool.h>

#include <tkit/image.h>

#include "slim/users.h"
#include "util/buf.h"

struct oci_spec {
	const struct tkit_image_config *image; /* NULL: none */
	const struct user *user;
	const char *const *args; /* what stands in place of the image's CMD */
	size_t arg_count;
	const char *root;   /* absolute host path */
	const char *files;  /* directory with hosts, hostname, resolv.conf */
	const char *cgroup; /* "/NAME" */
	const char *hostname;
	bool cgroup_ns; /* cgroup v2: a namespace of its own for them */
	bool read_only;
};

/* The words that the container executes. `words` has room for `room`. Returns their number;
 * 0: the image names none. */
size_t oci_command(const struct oci_spec *spec, const char **words, size_t room);

/* Writes config.json. */
void oci_config(const struct oci_spec *spec, struct buf *out);

/* Writes a process for `runc exec --process`: the same user, environment and directory. */
void oci_process(const struct oci_spec *spec, char *const *argv, struct buf *out);

#endif
