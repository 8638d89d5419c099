// SPDX-License-Identifier: MIT
/* What containers without root need, and which of it this user has not. */
#include "cli/doctor.h"

#include <linux/magic.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "cli/print.h"
#include "util/cleanup.h"
#include "util/num.h"
#include "util/procfs.h"

/* A number in a file of the kernel's; `otherwise` if there is no such file. */
static int number_in(const char *path, int otherwise)
{
	_cleanup_fclose_ FILE *f = fopen(path, "re");
	char line[32];
	int value;

	if (!f || !fgets(line, sizeof(line), f))
		return otherwise;
	line[strcspn(line, "\n")] = '\0';
	return num_int(line, 0, 0x7fffffff, &value) == 0 ? value : otherwise;
}

/* A line of subuid(5) for the user: "NAME:FIRST:COUNT", by name or number. */
static bool has_range(const char *file)
{
	const struct passwd *user = getpwuid(geteuid());
	_cleanup_fclose_ FILE *f = fopen(file, "re");
	_cleanup_free_ char *line = NULL;
	size_t room = 0;
	char number[16];
	bool found = false;

	snprintf(number, sizeof(number), "%u", (unsigned int)geteuid());
	while (f && !found && getline(&line, &room, f) > 0) {
		line[strcspn(line, ":")] = '\0';
		found = strcmp(line, number) == 0 || (user && strcmp(line, user->pw_name) == 0);
	}
	return found;
}

static bool user_namespaces(void)
{
	return number_in("/proc/sys/user/max_user_namespaces", 0) > 0 &&
	       number_in("/proc/sys/kernel/unprivileged_userns_clone", 1) > 0;
}

static bool notification(void)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/sys/kernel/seccomp/actions_avail", "re");
	char actions[256];

	return f && fgets(actions, sizeof(actions), f) && strstr(actions, "user_notif");
}

static bool has_program(const char *name)
{
	_cleanup_free_ char *file = doctor_program(name);

	return file != NULL;
}

static bool runtime_dir(void)
{
	const char *dir = getenv("XDG_RUNTIME_DIR");

	return dir && dir[0] == '/' && strlen(dir) < 64 && access(dir, W_OK) == 0;
}

/* Whether this user may make control groups, as podman has to: of v2 alone, beside or below its
 * own. */
static bool delegated_cgroup(void)
{
	_cleanup_free_ char *groups = NULL;
	char path[4200];
	struct statfs fs;
	const char *own;

	if (statfs("/sys/fs/cgroup", &fs) < 0 || fs.f_type != CGROUP2_SUPER_MAGIC)
		return false;
	snprintf(path, sizeof(path), "/sys/fs/cgroup/user.slice/user-%u.slice/user@%u.service",
		 (unsigned int)geteuid(), (unsigned int)geteuid());
	if (access(path, W_OK) == 0)
		return true;
	own = procfs_text(getpid(), "cgroup", &groups) == 0 ? strstr(groups, "0::/") : NULL;
	if (!own)
		return false;
	snprintf(path, sizeof(path), "/sys/fs/cgroup%.*s", (int)strcspn(own + 3, "\n"), own + 3);
	for (char *end = strrchr(path, '/'); end > path + strlen("/sys/fs");
	     end = strrchr(path, '/')) {
		if (access(path, W_OK) == 0)
			return true;
		*end = '\0';
	}
	return false;
}

void doctor_rootless(struct buf *out, bool json)
{
	const struct {
		const char *key;
		const char *missing;
		bool have;
	} needs[] = {
		{"user_namespaces",
		 "user namespaces for all (user.max_user_namespaces, kernel.unprivileged_userns_clone)",
		 user_namespaces()},
		{"user_notification", "seccomp user notification (Linux 5.9)", notification()},
		{"idmap_tools", "newuidmap and newgidmap (package uidmap)",
		 has_program("newuidmap") && has_program("newgidmap")},
		{"id_ranges", "ranges for this user in /etc/subuid and /etc/subgid",
		 has_range("/etc/subuid") && has_range("/etc/subgid")},
		{"runtime_dir", "XDG_RUNTIME_DIR, a writable directory with a short name",
		 runtime_dir()},
		{"delegated_cgroup", "control groups v2 delegated to this user (for ptrace only)",
		 delegated_cgroup()},
	};
	bool first = true;

	if (json) {
		json_key(out, "rootless");
		buf_char(out, '{');
		for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++)
			json_bool(out, needs[i].key, needs[i].have);
		buf_char(out, '}');
		return;
	}
	print_label(out, "rootless");
	if (geteuid() == 0) {
		buf_str(out,
			"tkit doctor tells a user what he needs for containers without root\n");
		return;
	}
	buf_str(out, "containers by --backend seccomp_notify or ptrace");
	for (size_t i = 0; i < sizeof(needs) / sizeof(needs[0]); i++) {
		if (needs[i].have)
			continue;
		buf_printf(out, "%s%s", first ? "; missing: " : ", ", needs[i].missing);
		first = false;
	}
	buf_char(out, '\n');
}
