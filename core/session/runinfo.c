// SPDX-License-Identifier: MIT
#include "session/runinfo.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>

#include "plugin/probe.h"
#include "session/snapshot.h"
#include "util/bytes.h"
#include "util/cleanup.h"

/*
 * Names the machine without telling its machine-id, which is to be kept secret: a hash of
 * it, with a fixed seed so that it is the same in all runs.
 */
static void make_host_id(char out[17])
{
	_cleanup_close_ int fd = open("/etc/machine-id", O_RDONLY | O_CLOEXEC | O_NOCTTY);
	char text[64];
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof(text));
	uint64_t hash;

	out[0] = '\0';
	while (n > 0 && (text[n - 1] == '\n' || text[n - 1] == ' '))
		n--;
	if (n < 16)
		return; /* empty or "uninitialized": names nothing */
	hash = bytes_hash(BYTES(text, (size_t)n), 0x746b69742d686f73ull);
	hash = bytes_hash(BYTES(text, (size_t)n), hash);
	snprintf(out, 17, "%016llx", (unsigned long long)hash);
}

static char *working_directory(const struct session_config *config,
			       const struct tkit_target *target)
{
	char path[PATH_MAX];
	const char *inside;

	if (target->kind != TKIT_TARGET_COMMAND)
		return strdup("");
	if (config->root)
		return strdup("/");
	inside = getcwd(path, sizeof(path)) ? tkit_target_path(target, path) : NULL;
	return strdup(inside ? inside : "");
}

static void fill_owner(struct tkit_run_info *run, const struct tkit_target *target)
{
	char path[32];
	struct stat st;

	run->uid = geteuid();
	run->gid = getegid();
	if (target->kind != TKIT_TARGET_PID)
		return;
	snprintf(path, sizeof(path), "/proc/%d", (int)target->pid);
	if (stat(path, &st) == 0) {
		run->uid = st.st_uid;
		run->gid = st.st_gid;
	}
}

static int fill_backends(struct runinfo *info, const struct session_config *config)
{
	info->backends = calloc(config->backend_count + 2, sizeof(*info->backends));
	if (!info->backends)
		return -ENOMEM;
	for (size_t i = 0; i < config->backend_count; i++) {
		const struct session_plugin *spec = &config->backends[i];
		const char *options = spec->options ? plugin_options_text(spec->options) : NULL;

		info->backends[i] = (struct tkit_backend_info){
			.name = spec->plugin->desc.name,
			.version = spec->plugin->desc.version ? spec->plugin->desc.version : "",
			.options = options ? options : "",
			.caps = backend_caps(spec->plugin, spec->options),
			.facilities = "",
		};
	}
	info->run.backends = info->backends;
	info->run.backend_count = (uint32_t)config->backend_count;
	if (snapshot_wanted(config))
		info->backends[info->run.backend_count++] =
			(struct tkit_backend_info){.name = "snapshot",
						   .version = tkit_version(),
						   .options = "",
						   .facilities = ""};
	info->run.backend_stride = sizeof(*info->backends);
	return 0;
}

int runinfo_fill(struct runinfo *info, const struct session_config *config,
		 const struct tkit_target *target)
{
	struct tkit_run_info *run = &info->run;
	struct timespec now;

	run->size = sizeof(*run);
	if (getrandom(run->id, sizeof(run->id), 0) != sizeof(run->id))
		return errno ? -errno : -EIO;
	if (uname(&info->uts) < 0)
		return -errno;
	make_host_id(info->host_id);
	info->cwd = working_directory(config, target);
	if (!info->cwd)
		return -ENOMEM;
	run->tkit_version = tkit_version();
	run->host = info->uts.nodename;
	run->host_id = info->host_id;
	run->kernel = info->uts.release;
	run->machine = info->uts.machine;
	run->target_kind = target->kind;
	run->target_pid = target->pid;
	run->target = target->cgroup_path ? target->cgroup_path : "";
	run->root = target->root;
	run->cwd = info->cwd;
	run->argv = target->argv;
	run->image_digest = config->image_digest ? config->image_digest : "";
	run->container_id = config->container_id ? config->container_id : "";
	run->mounts = config->mounts;
	run->mount_count = config->mount_count;
	run->mount_stride = sizeof(*run->mounts);
	fill_owner(run, target);
	clock_gettime(CLOCK_REALTIME, &now);
	run->armed_realtime_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
	run->armed_monotonic_ns = tkit_now_ns();
	return fill_backends(info, config);
}

void runinfo_backend(struct runinfo *info, size_t i, const char *facilities, uint64_t without)
{
	info->backends[i].facilities = facilities ? facilities : "";
	info->backends[i].caps &= ~without;
}

void runinfo_done(struct runinfo *info)
{
	free(info->cwd);
	free(info->backends);
}
