// SPDX-License-Identifier: MIT
#include "slim/oci.h"

#include <string.h>

#include "util/bytes.h"

#define WORDS_MAX    4096
#define DEFAULT_PATH "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

static void item(struct buf *out, const char *text)
{
	if (out->size && !strchr("[{", out->data[out->size - 1]))
		buf_char(out, ',');
	buf_json(out, bytes_str(text));
}

size_t oci_command(const struct oci_spec *spec, const char **words, size_t room)
{
	const struct tkit_image_config *image = spec->image;
	size_t n = 0;

	for (size_t i = 0; image && i < image->entrypoint.count && n < room; i++)
		words[n++] = image->entrypoint.items[i];
	if (spec->arg_count) {
		for (size_t i = 0; i < spec->arg_count && n < room; i++)
			words[n++] = spec->args[i];
	} else {
		for (size_t i = 0; image && i < image->cmd.count && n < room; i++)
			words[n++] = image->cmd.items[i];
	}
	return n;
}

/* What docker leaves a container's root with. */
static void capabilities(struct buf *out, bool root)
{
	static const char list[] =
		"[\"CAP_CHOWN\",\"CAP_DAC_OVERRIDE\",\"CAP_FSETID\",\"CAP_FOWNER\",\"CAP_MKNOD\","
		"\"CAP_NET_RAW\",\"CAP_SETGID\",\"CAP_SETUID\",\"CAP_SETFCAP\",\"CAP_SETPCAP\","
		"\"CAP_NET_BIND_SERVICE\",\"CAP_SYS_CHROOT\",\"CAP_KILL\",\"CAP_AUDIT_WRITE\"]";

	buf_printf(out, ",\"capabilities\":{\"bounding\":%s", list);
	if (root)
		buf_printf(out, ",\"effective\":%s,\"permitted\":%s", list, list);
	buf_str(out, "}");
}

static bool has_env(const struct tkit_image_config *image, const char *name)
{
	for (size_t i = 0; image && i < image->env.count; i++)
		if (strncmp(image->env.items[i], name, strlen(name)) == 0)
			return true;
	return false;
}

static void process(const struct oci_spec *spec, const char *const *words, size_t count,
		    struct buf *out)
{
	const struct tkit_image_config *image = spec->image;
	const struct user *user = spec->user;

	buf_printf(out, "{\"terminal\":false,\"user\":{\"uid\":%u,\"gid\":%u,\"additionalGids\":[",
		   user->uid, user->gid);
	for (size_t i = 0; i < user->group_count; i++)
		buf_printf(out, "%s%u", i ? "," : "", user->groups[i]);
	buf_str(out, "]},\"args\":[");
	for (size_t i = 0; i < count; i++)
		item(out, words[i]);
	buf_str(out, "],\"env\":[");
	if (!has_env(image, "PATH="))
		item(out, DEFAULT_PATH);
	if (!has_env(image, "HOSTNAME=")) {
		buf_printf(out, "%s\"HOSTNAME=%s\"", has_env(image, "PATH=") ? "" : ",",
			   spec->hostname);
	}
	for (size_t i = 0; image && i < image->env.count; i++)
		item(out, image->env.items[i]);
	buf_str(out, "],\"cwd\":");
	buf_json(out, bytes_str(image && image->workdir && image->workdir[0] == '/' ? image->workdir
										    : "/"));
	capabilities(out, user->uid == 0);
	buf_str(out, ",\"noNewPrivileges\":false,\"oomScoreAdj\":0}");
}

static const char mounts[] =
	"{\"destination\":\"/proc\",\"type\":\"proc\",\"source\":\"proc\","
	"\"options\":[\"nosuid\",\"noexec\",\"nodev\"]},"
	"{\"destination\":\"/dev\",\"type\":\"tmpfs\",\"source\":\"tmpfs\","
	"\"options\":[\"nosuid\",\"strictatime\",\"mode=755\",\"size=65536k\"]},"
	"{\"destination\":\"/dev/pts\",\"type\":\"devpts\",\"source\":\"devpts\",\"options\":"
	"[\"nosuid\",\"noexec\",\"newinstance\",\"ptmxmode=0666\",\"mode=0620\",\"gid=5\"]},"
	"{\"destination\":\"/sys\",\"type\":\"sysfs\",\"source\":\"sysfs\","
	"\"options\":[\"nosuid\",\"noexec\",\"nodev\",\"ro\"]},"
	"{\"destination\":\"/sys/fs/cgroup\",\"type\":\"cgroup\",\"source\":\"cgroup\","
	"\"options\":[\"ro\",\"nosuid\",\"noexec\",\"nodev\"]},"
	"{\"destination\":\"/dev/mqueue\",\"type\":\"mqueue\",\"source\":\"mqueue\","
	"\"options\":[\"nosuid\",\"noexec\",\"nodev\"]},"
	"{\"destination\":\"/dev/shm\",\"type\":\"tmpfs\",\"source\":\"shm\","
	"\"options\":[\"nosuid\",\"noexec\",\"nodev\",\"mode=1777\",\"size=67108864\"]}";

static void bind_file(const struct oci_spec *spec, const char *name, struct buf *out)
{
	struct buf path = BUF_INIT;

	buf_printf(&path, "%s/%s", spec->files, name);
	buf_printf(out, ",{\"destination\":\"/etc/%s\",\"type\":\"bind\",\"source\":", name);
	buf_json(out, BYTES(path.data, path.size));
	buf_str(out, ",\"options\":[\"rbind\",\"rprivate\"]}");
	out->failed |= path.failed;
	buf_done(&path);
}

static const char devices[] =
	"\"resources\":{\"devices\":[{\"allow\":false,\"access\":\"rwm\"}"
	",{\"allow\":true,\"type\":\"c\",\"major\":1,\"minor\":3,\"access\":\"rwm\"}"
	",{\"allow\":true,\"type\":\"c\",\"major\":1,\"minor\":5,\"access\":\"rwm\"}"
	",{\"allow\":true,\"type\":\"c\",\"major\":1,\"minor\":7,\"access\":\"rwm\"}"
	",{\"allow\":true,\"type\":\"c\",\"major\":1,\"minor\":8,\"access\":\"rwm\"}"
	",{\"allow\":true,\"type\":\"c\",\"major\":1,\"minor\":9,\"access\":\"rwm\"}"
	",{\"allow\":true,\"type\":\"c\",\"major\":5,\"minor\":0,\"access\":\"rwm\"}"
	",{\"allow\":true,\"type\":\"c\",\"major\":5,\"minor\":1,\"access\":\"rwm\"}]}";

static const char masks[] =
	"\"maskedPaths\":[\"/proc/asound\",\"/proc/acpi\",\"/proc/kcore\",\"/proc/keys\","
	"\"/proc/latency_stats\",\"/proc/timer_list\",\"/proc/timer_stats\",\"/proc/sched_debug\","
	"\"/proc/scsi\",\"/sys/firmware\",\"/sys/devices/virtual/powercap\"],"
	"\"readonlyPaths\":[\"/proc/bus\",\"/proc/fs\",\"/proc/irq\",\"/proc/sys\","
	"\"/proc/sysrq-trigger\"]";

void oci_config(const struct oci_spec *spec, struct buf *out)
{
	const char *words[WORDS_MAX];
	size_t count = oci_command(spec, words, WORDS_MAX);

	buf_str(out, "{\"ociVersion\":\"1.0.2\",\"process\":");
	process(spec, words, count, out);
	buf_str(out, ",\"root\":{\"path\":");
	buf_json(out, bytes_str(spec->root));
	buf_printf(out, ",\"readonly\":%s},\"hostname\":", spec->read_only ? "true" : "false");
	buf_json(out, bytes_str(spec->hostname));
	buf_printf(out, ",\"mounts\":[%s", mounts);
	bind_file(spec, "resolv.conf", out);
	bind_file(spec, "hostname", out);
	bind_file(spec, "hosts", out);
	buf_str(out, "],\"linux\":{\"cgroupsPath\":");
	buf_json(out, bytes_str(spec->cgroup));
	buf_printf(out,
		   ",%s,\"namespaces\":[{\"type\":\"pid\"},{\"type\":\"network\"},"
		   "{\"type\":\"ipc\"},{\"type\":\"uts\"},{\"type\":\"mount\"}%s],%s}}",
		   devices, spec->cgroup_ns ? ",{\"type\":\"cgroup\"}" : "", masks);
}

void oci_process(const struct oci_spec *spec, char *const *argv, struct buf *out)
{
	size_t count = 0;

	while (argv[count])
		count++;
	process(spec, (const char *const *)argv, count, out);
}
