/* SPDX-License-Identifier: MIT */
/* USER of an image, looked up as container engines do. */
#ifndef SLIM_USERS_H
#define SLIM_USERS_H

#include <stddef.h>
#include <stdint.h>

#include <tkit/image.h>

#include "util/err.h"

#define USER_GROUPS_MAX 64

struct user {
	uint32_t uid;
	uint32_t gid;
	uint32_t groups[USER_GROUPS_MAX];
	size_t group_count;
};

/* `text`: NAME|UID[:GROUP|GID]; NULL or "" is root. -ENOENT for a name that the root's
 * passwd or group does not have. */
int user_find(struct tkit_rootfs *rootfs, const char *text, struct user *ret, struct err *err);

/* On the files' texts (NUL-terminated, changed), for tests. */
int user_look_up(char *passwd, char *group, const char *text, struct user *ret, struct err *err);

#endif
