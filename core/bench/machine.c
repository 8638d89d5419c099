// SPDX-License-Identifier: MIT
#include "bench/machine.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "util/bytes.h"
#include "util/cleanup.h"
#include "util/smallfile.h"

static void cpu_model(char *buf, size_t size)
{
	_cleanup_free_ char *text = NULL;
	ssize_t len = smallfile_load("/proc/cpuinfo", &text);
	struct tkit_bytes rest = BYTES(text, len > 0 ? (size_t)len : 0), line, value;

	snprintf(buf, size, "unknown");
	while (bytes_line(&rest, &line))
		if (bytes_field(line, "model name", &value)) {
			while (value.len && strchr(": \t", *value.ptr))
				value = BYTES(value.ptr + 1, value.len - 1);
			snprintf(buf, size, "%.*s", (int)value.len, value.ptr);
			return;
		}
}

void machine_describe(struct machine *ret)
{
	struct utsname name;
	cpu_set_t set;

	*ret = (struct machine){.cpus = 1, .load = -1, .root = geteuid() == 0};
	if (uname(&name) == 0) {
		snprintf(ret->kernel, sizeof(ret->kernel), "%s", name.release);
		snprintf(ret->arch, sizeof(ret->arch), "%s", name.machine);
	}
	cpu_model(ret->cpu, sizeof(ret->cpu));
	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		ret->cpus = CPU_COUNT(&set);
	if (getloadavg(&ret->load, 1) != 1)
		ret->load = -1;
}

bool machine_busy(const struct machine *machine)
{
	return machine->load > 0.3 * machine->cpus;
}
