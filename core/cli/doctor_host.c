// SPDX-License-Identifier: MIT
/* Kernel, rights and tools of this host. Everything is read anew and nothing is fatal. */
#include "cli/doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "cli/print.h"
#include "util/cleanup.h"
#include "util/num.h"

#ifndef CAP_PERFMON
#define CAP_PERFMON 38
#endif
#ifndef CAP_BPF
#define CAP_BPF 39
#endif

/* The capabilities that some backend asks for. */
static const struct {
	const char *name;
	unsigned int number;
} capabilities[] = {
	{"SYS_ADMIN", CAP_SYS_ADMIN},       {"BPF", CAP_BPF},
	{"PERFMON", CAP_PERFMON},           {"SYS_PTRACE", CAP_SYS_PTRACE},
	{"SYS_RESOURCE", CAP_SYS_RESOURCE}, {"DAC_READ_SEARCH", CAP_DAC_READ_SEARCH},
};
#define CAPABILITY_COUNT (sizeof(capabilities) / sizeof(capabilities[0]))

static const char *const tools[] = {"docker", "podman", "runc", "crun"};
#define TOOL_COUNT (sizeof(tools) / sizeof(tools[0]))

/* First line of a small file of the kernel, without its line feed; false if there is none. */
static bool read_line(const char *path, char *line, size_t size)
{
	_cleanup_fclose_ FILE *f = fopen(path, "re");

	if (!f || !fgets(line, (int)size, f))
		return false;
	line[strcspn(line, "\n")] = '\0';
	return true;
}

/* Effective capabilities of this process, as a set of bits. */
static uint64_t effective_set(void)
{
	_cleanup_fclose_ FILE *f = fopen("/proc/self/status", "re");
	char line[256], hex[32];
	uint64_t set = 0;

	while (f && fgets(line, sizeof(line), f)) {
		size_t len;

		if (strncmp(line, "CapEff:\t", 8))
			continue;
		len = strcspn(line + 8, "\n");
		if (len + 3 > sizeof(hex))
			break;
		memcpy(hex, "0x", 2);
		memcpy(hex + 2, line + 8, len);
		hex[len + 2] = '\0';
		num_u64(hex, &set);
		break;
	}
	return set;
}

static void capabilities_out(struct buf *out, bool json)
{
	uint64_t set = effective_set();

	if (json) {
		json_key(out, "capabilities");
		buf_char(out, '{');
		for (size_t i = 0; i < CAPABILITY_COUNT; i++)
			json_bool(out, capabilities[i].name, set >> capabilities[i].number & 1);
		buf_char(out, '}');
		return;
	}
	for (int have = 1; have >= 0; have--) {
		size_t before;

		print_label(out, have ? "capabilities" : "  missing");
		before = out->size;
		for (size_t i = 0; i < CAPABILITY_COUNT; i++)
			if ((int)(set >> capabilities[i].number & 1) == have)
				buf_printf(out, "%s%s", out->size > before ? ", " : "",
					   capabilities[i].name);
		buf_str(out, out->size > before ? "\n" : "none\n");
	}
}

static const char *ptrace_scope_text(const char *value)
{
	static const char *const texts[] = {
		"0: a process may be traced by others of its user",
		"1: only descendants may be traced without SYS_PTRACE",
		"2: SYS_PTRACE is needed",
		"3: nobody may trace",
	};
	int scope;

	if (num_int(value, 0, 3, &scope))
		return value;
	return texts[scope];
}

static void ptrace_out(struct buf *out, bool json)
{
	char line[64];
	bool known = read_line("/proc/sys/kernel/yama/ptrace_scope", line, sizeof(line));
	int scope;

	if (!json) {
		print_label(out, "yama ptrace_scope");
		print_text(out, known ? ptrace_scope_text(line) : "none (no yama)");
		buf_char(out, '\n');
	} else if (known && num_int(line, 0, 3, &scope) == 0) {
		json_int(out, "ptrace_scope", scope);
	} else {
		json_str(out, "ptrace_scope", NULL);
	}
}

static void seccomp_out(struct buf *out, bool json)
{
	char actions[256];
	bool filters =
		read_line("/proc/sys/kernel/seccomp/actions_avail", actions, sizeof(actions));
	int mode = prctl(PR_GET_SECCOMP);

	if (json) {
		json_bool(out, "seccomp", filters);
		json_str(out, "seccomp_actions", filters ? actions : NULL);
		json_bool(out, "seccomp_confined", mode == 2);
		return;
	}
	print_label(out, "seccomp");
	if (filters)
		buf_printf(out, "filters, with ");
	print_text(out, filters ? actions : "no filters");
	buf_str(out, mode == 2 ? "; tkit itself runs under a filter (a container?)\n" : "\n");
}

char *doctor_program(const char *name)
{
	const char *path = getenv("PATH");
	_cleanup_free_ char *dirs = strdup(path ? path : "/usr/bin:/bin:/usr/sbin:/sbin");
	char *rest = dirs;

	for (char *dir; (dir = strsep(&rest, ":"));) {
		_cleanup_free_ char *file = NULL;
		struct stat st;

		if (asprintf(&file, "%s/%s", *dir ? dir : ".", name) < 0)
			return NULL;
		if (stat(file, &st) == 0 && S_ISREG(st.st_mode) && access(file, X_OK) == 0)
			return TAKE_PTR(file);
	}
	return NULL;
}

static void tools_out(struct buf *out, bool json)
{
	if (json) {
		json_key(out, "tools");
		buf_char(out, '{');
	}
	for (size_t i = 0; i < TOOL_COUNT; i++) {
		_cleanup_free_ char *file = doctor_program(tools[i]);

		if (json) {
			json_str(out, tools[i], file);
			continue;
		}
		print_label(out, tools[i]);
		print_text(out, file ? file : "not installed");
		buf_char(out, '\n');
	}
	if (json)
		buf_char(out, '}');
}

static void bool_out(struct buf *out, bool json, const char *key, const char *label, bool value,
		     const char *yes, const char *no)
{
	if (json) {
		json_bool(out, key, value);
		return;
	}
	print_label(out, label);
	buf_printf(out, "%s\n", value ? yes : no);
}

void doctor_host(struct buf *out, bool json)
{
	struct utsname name;
	char lockdown[64] = "";

	uname(&name);
	if (json) {
		json_str(out, "kernel", name.release);
		json_str(out, "machine", name.machine);
		json_int(out, "uid", (int64_t)geteuid());
	} else {
		print_label(out, "kernel");
		print_text(out, name.release);
		buf_char(out, ' ');
		print_text(out, name.machine);
		buf_char(out, '\n');
		print_label(out, "user id");
		buf_printf(out, "%u\n", (unsigned int)geteuid());
	}
	bool_out(out, json, "btf", "kernel BTF", access("/sys/kernel/btf/vmlinux", R_OK) == 0,
		 "/sys/kernel/btf/vmlinux", "none readable; eBPF needs CONFIG_DEBUG_INFO_BTF");
	capabilities_out(out, json);
	ptrace_out(out, json);
	seccomp_out(out, json);
	if (read_line("/sys/kernel/security/lockdown", lockdown, sizeof(lockdown)) && !json) {
		print_label(out, "kernel lockdown");
		print_text(out, lockdown);
		buf_char(out, '\n');
	} else if (json) {
		json_str(out, "lockdown", lockdown[0] ? lockdown : NULL);
	}
	bool_out(out, json, "cgroup_v2", "cgroups",
		 access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0, "version 2",
		 "no version 2 at /sys/fs/cgroup");
	tools_out(out, json);
	doctor_rootless(out, json);
}
