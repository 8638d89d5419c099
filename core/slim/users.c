// SPDX-License-Identifier: MIT
#include "slim/users.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "util/bytes.h"
#include "util/cleanup.h"
#include "util/num.h"

#define FILE_MAX (1u << 20)

static int number(const char *text, uint32_t *ret)
{
	uint64_t value;

	if (!text || !*text || strspn(text, "0123456789") != strlen(text) ||
	    num_u64(text, &value) < 0 || value > INT_MAX)
		return -EINVAL;
	*ret = (uint32_t)value;
	return 0;
}

/* Fields of a line, up to 4; the rest stays in the last. */
static size_t split(char *line, char *field[4])
{
	size_t n = 0;

	while (line && n < 4)
		field[n++] = strsep(&line, ":");
	return n;
}

/* The line of passwd with that name or uid; false if there is none. */
static bool find_user(char *passwd, const char *name, bool numeric, struct user *ret,
		      char **ret_name)
{
	uint32_t wanted = ret->uid, uid, gid;
	char *line, *field[4];

	while ((line = strsep(&passwd, "\n"))) {
		if (split(line, field) < 4)
			continue;
		field[3][strcspn(field[3], ":")] = '\0';
		if (number(field[2], &uid) < 0 || number(field[3], &gid) < 0)
			continue;
		if (strcmp(field[0], name) != 0 && !(numeric && uid == wanted))
			continue;
		ret->uid = uid;
		ret->gid = gid;
		*ret_name = field[0];
		return true;
	}
	return false;
}

static bool lists(const char *members, const char *name)
{
	size_t n = strlen(name);

	for (const char *p = members; *p; p += *p == ',') {
		size_t len = strcspn(p, ",");

		if (n && len == n && memcmp(p, name, n) == 0)
			return true;
		p += len;
	}
	return false;
}

/* Goes through the groups: `wanted` (a name or NULL) sets gid, `member` collects. */
static bool find_groups(char *group, const char *wanted, const char *member, struct user *ret)
{
	char *line, *field[4];
	bool found = false;
	uint32_t gid;

	while ((line = strsep(&group, "\n"))) {
		size_t n = split(line, field);

		if (n < 3 || number(field[2], &gid) < 0)
			continue;
		if (wanted && !found && strcmp(field[0], wanted) == 0) {
			ret->gid = gid;
			found = true;
		}
		if (n > 3)
			field[3][strcspn(field[3], ":")] = '\0';
		if (member && n > 3 && lists(field[3], member) &&
		    ret->group_count < USER_GROUPS_MAX)
			ret->groups[ret->group_count++] = gid;
	}
	return found;
}

int user_look_up(char *passwd, char *group, const char *text, struct user *ret, struct err *err)
{
	_cleanup_free_ char *copy = strdup(text ? text : "");
	char *name = copy, *group_name, *known = NULL;
	bool numeric, found;

	*ret = (struct user){0};
	if (!copy)
		return err_sys(err, -ENOMEM, "looking up a user");
	group_name = strchr(copy, ':');
	if (group_name)
		*group_name++ = '\0';
	if (!*name)
		name = (char *)"0";
	numeric = number(name, &ret->uid) == 0;
	found = find_user(passwd, name, numeric, ret, &known);
	if (!found && !numeric)
		return err_set(err, -ENOENT, "the image has no user '%s' in /etc/passwd", name);
	if (group_name && *group_name) {
		if (number(group_name, &ret->gid) == 0)
			return 0;
		if (!find_groups(group, group_name, NULL, ret))
			return err_set(err, -ENOENT, "the image has no group '%s' in /etc/group",
				       group_name);
		return 0;
	}
	find_groups(group, NULL, known, ret);
	return 0;
}

/* The file's text, "" if there is none; NULL when memory is short. */
static char *load(struct tkit_rootfs *rootfs, const char *name)
{
	_cleanup_close_ int fd = -1;
	char path[PATH_MAX];
	char *text = calloc(1, FILE_MAX + 1);
	size_t size = 0;
	long n = tkit_rootfs_resolve(rootfs, bytes_str(name), 0, path, sizeof(path), NULL, NULL);

	if (!text || n < 0)
		return text;
	fd = tkit_rootfs_openfile(rootfs, BYTES(path, (size_t)n));
	while (fd >= 0 && size < FILE_MAX) {
		ssize_t got = read(fd, text + size, FILE_MAX - size);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		size += (size_t)got;
	}
	text[size] = '\0';
	return text;
}

int user_find(struct tkit_rootfs *rootfs, const char *text, struct user *ret, struct err *err)
{
	_cleanup_free_ char *passwd = load(rootfs, "/etc/passwd");
	_cleanup_free_ char *group = load(rootfs, "/etc/group");

	if (!passwd || !group)
		return err_sys(err, -ENOMEM, "looking up a user");
	return user_look_up(passwd, group, text, ret, err);
}
