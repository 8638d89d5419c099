// SPDX-License-Identifier: MIT
/* Presets: things that images often need although a run does not show it. */
#include <errno.h>
#include <string.h>

#include "image/closure.h"
#include "util/bytes.h"
#include "util/cleanup.h"

struct preset {
	const char *name;
	const char *globs[20];
};

/* docs/CLOSURE.md has the same lists. */
static const struct preset presets[] = {
	{"shell",
	 {"/bin/sh", "/bin/bash", "/bin/dash", "/bin/ash", "/bin/busybox", "/bin/ls", "/bin/cat",
	  "/usr/bin/env", "/usr/bin/id"}},
	{"ca-certificates",
	 {"/etc/ssl/certs", "/etc/ssl/cert.pem", "/etc/ssl/ca-bundle.pem", "/usr/lib/ssl/certs",
	  "/usr/lib/ssl/cert.pem", "/etc/pki/tls/certs", "/etc/pki/tls/cert.pem",
	  "/etc/pki/ca-trust/extracted"}},
	{"timezone",
	 {"/etc/localtime", "/etc/timezone", "/usr/share/zoneinfo/[A-Z]*",
	  "/usr/share/zoneinfo/*.tab", "/usr/share/zoneinfo/tzdata.zi",
	  "/usr/share/zoneinfo/leap*"}},
	{"name-service",
	 {"/etc/nsswitch.conf", "/etc/passwd", "/etc/group", "/etc/hosts", "/etc/host.conf",
	  "/etc/gai.conf", "/etc/resolv.conf", "/etc/services", "/etc/protocols", "/etc/networks",
	  "/lib/*/libnss_*.so*", "/lib64/libnss_*.so*", "/lib/libnss_*.so*",
	  "/usr/lib/*/libnss_*.so*", "/usr/lib64/libnss_*.so*", "/lib/*/libresolv.so*",
	  "/lib64/libresolv.so*"}},
	{"locale",
	 {"/usr/lib/locale", "/usr/share/locale/locale.alias", "/etc/locale.alias",
	  "/etc/default/locale", "/etc/locale.conf", "/usr/lib/*/gconv", "/usr/lib64/gconv"}},
};

static int apply(struct closure_job *job, const struct preset *preset)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT;
	bool found = false;
	int rc = 0;

	buf_str(&text, "preset=");
	buf_str(&text, preset->name);
	if (text.failed)
		return -ENOMEM;
	for (size_t i = 0; rc == 0 && preset->globs[i]; i++) {
		const struct closure_glob glob = {.rule = preset->globs[i],
						  .cause = {.reason = TKIT_REASON_PRESET,
							    .because = BYTES(text.data, text.size)},
						  .flags = CLOSURE_EXECUTED};
		bool any = false;

		rc = closure_glob(job, &glob, &any);
		found |= any;
	}
	if (rc == 0 && !found)
		tkit_log(job->ctx, TKIT_LOG_WARN, "preset %s: the root has nothing of it",
			 preset->name);
	return rc;
}

static int unknown(struct closure_job *job, const char *name)
{
	_cleanup_(buf_done) struct buf names = BUF_INIT;

	for (size_t i = 0; i < sizeof(presets) / sizeof(presets[0]); i++) {
		buf_str(&names, i ? ", " : "");
		buf_str(&names, presets[i].name);
	}
	buf_char(&names, '\0');
	return tkit_fail(job->ctx, -EINVAL, "there is no preset \"%s\"; there are: %s", name,
			 names.failed ? "" : names.data);
}

int closure_presets(struct closure_job *job)
{
	const struct tkit_option_list *list = &job->options->presets;

	for (size_t i = 0; i < list->count; i++) {
		const struct preset *found = NULL;
		int rc;

		for (size_t k = 0; k < sizeof(presets) / sizeof(presets[0]); k++)
			if (strcmp(presets[k].name, list->items[i]) == 0)
				found = &presets[k];
		rc = found ? apply(job, found) : unknown(job, list->items[i]);
		if (rc < 0)
			return rc;
	}
	return 0;
}
