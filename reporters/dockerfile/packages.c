// SPDX-License-Identifier: MIT
/*
 * A Dockerfile that installs the packages of what is kept, whole, on top of the distribution's
 * own small image; what is of no package is copied from the image that the files come from. For
 * those who want an image that their package manager can update.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "accounts.h"
#include "directives.h"
#include "multistage.h"

#define FILE_MOST (64u << 20)

#define NAME_CHARS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-._~:"

struct plan {
	struct job *job;
	struct tkit_rootfs *fs;
	char *status;            /* dpkg's, NUL-terminated; NULL: none */
	struct strings packages; /* NAME=VERSION */
	unsigned char *loose;    /* of each entry: it is of no package, or above such a one */
	size_t loose_count;
	int apk;
};

/* A file of the root as text; NULL if it cannot be read. */
static char *read_text(struct tkit_rootfs *fs, const char *path)
{
	char real[4096], *data = NULL;
	long n = tkit_rootfs_resolve(fs, (struct tkit_bytes){path, strlen(path)}, 0, real,
				     sizeof(real), NULL, NULL);
	int fd = n > 0 ? tkit_rootfs_openfile(fs, (struct tkit_bytes){real, (size_t)n}) : -1;
	size_t size = 0, room = 0;
	ssize_t got = 1;

	while (fd >= 0 && got > 0 && size < FILE_MOST) {
		if (size + 65536 > room) {
			char *more = realloc(data, room = room * 2 + 131072);

			if (!more)
				break;
			data = more;
		}
		got = read(fd, data + size, 65535);
		if (got > 0)
			size += (size_t)got;
	}
	if (fd >= 0)
		close(fd);
	if (data)
		data[size] = '\0';
	return data;
}

/* The value of a KEY=VALUE line of os-release, without quotes; "" if there is none. */
static void release_value(const char *text, const char *key, char *out, size_t size)
{
	size_t len = strlen(key);

	out[0] = '\0';
	for (; text && *text; text += strcspn(text, "\n"), text += *text == '\n') {
		if (strncmp(text, key, len) != 0 || text[len] != '=')
			continue;
		text += len + 1;
		text += *text == '"' || *text == '\'';
		snprintf(out, size, "%.*s", (int)strspn(text, NAME_CHARS), text);
		return;
	}
}

/* Debian's own images have what is essential or required. */
static int in_debian_base(const char *status, struct tkit_bytes name)
{
	char head[256];
	const char *at, *end;
	int n = snprintf(head, sizeof(head), "\nPackage: %.*s\n", (int)name.len, name.ptr);

	if (!status || n >= (int)sizeof(head))
		return 0;
	/* the first paragraph has no line before it */
	at = strncmp(status, head + 1, (size_t)n - 1) == 0 ? status : strstr(status, head);
	if (!at)
		return 0;
	end = strstr(at + 1, "\n\n");
	for (const char *line = at; line && (!end || line < end); line = strchr(line + 1, '\n'))
		if (strncmp(line, "\nEssential: yes", 15) == 0 ||
		    strncmp(line, "\nPriority: required", 19) == 0)
			return 1;
	return 0;
}

static int in_alpine_base(struct tkit_bytes name)
{
	static const char *const names[] = {"alpine-baselayout",
					    "alpine-baselayout-data",
					    "alpine-keys",
					    "alpine-release",
					    "apk-tools",
					    "busybox",
					    "busybox-binsh",
					    "libc-utils",
					    "libcrypto3",
					    "libssl3",
					    "musl",
					    "musl-utils",
					    "scanelf",
					    "ssl_client",
					    "zlib",
					    "libapk2",
					    "ca-certificates-bundle"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (name.len == strlen(names[i]) && memcmp(name.ptr, names[i], name.len) == 0)
			return 1;
	return 0;
}

static int has(const struct strings *list, const char *item)
{
	for (size_t i = 0; i < list->count; i++)
		if (strcmp(list->items[i], item) == 0)
			return 1;
	return 0;
}

static int add_package(struct plan *p, const struct tkit_package *package)
{
	char item[512];
	int n = snprintf(item, sizeof(item), "%.*s=%.*s", (int)package->name.len, package->name.ptr,
			 (int)package->version.len, package->version.ptr);

	if (strcmp(package->manager, "apk") == 0)
		p->apk = 1;
	else if (strcmp(package->manager, "dpkg") != 0)
		return tkit_fail(
			p->job->ctx, -EINVAL,
			"format=packages knows the packages of Debian and Alpine, not those "
			"of %s",
			package->manager);
	if (n >= (int)sizeof(item) || !package->name.len || !package->version.len ||
	    strspn(item, NAME_CHARS "=") != (size_t)n)
		return tkit_fail(p->job->ctx, -EINVAL,
				 "the package database has a name or version that is none");
	if (!has(&p->packages, item) &&
	    !(p->apk ? in_alpine_base(package->name) : in_debian_base(p->status, package->name)))
		strings_add(&p->packages, item);
	return 0;
}

/* What maintainer scripts and the base image make by themselves. */
static int is_generated(struct tkit_bytes path)
{
	static const char *const names[] = {"/etc/passwd",      "/etc/group",      "/etc/shadow",
					    "/etc/gshadow",     "/etc/hosts",      "/etc/hostname",
					    "/etc/resolv.conf", "/etc/ld.so.cache"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (path.len == strlen(names[i]) && memcmp(path.ptr, names[i], path.len) == 0)
			return 1;
	return 0;
}

/* An entry that nothing but a copy brings into the image. */
static int is_loose(const struct tkit_closure_entry *entry, const struct tkit_package *package)
{
	if (package || entry->made || entry->reason == TKIT_REASON_DATABASE ||
	    entry->reason == TKIT_REASON_RUNTIME || is_generated(entry->path))
		return 0;
	return !S_ISDIR(entry->st.st_mode) || entry->reason != TKIT_REASON_PARENT;
}

static int is_above(struct tkit_bytes dir, struct tkit_bytes path)
{
	return path.len > dir.len && path.ptr[dir.len] == '/' &&
	       memcmp(path.ptr, dir.ptr, dir.len) == 0;
}

/*
 * Directories come with what is in them, so that they are what they were, in front of it in the
 * order of paths; other names may stand between ("/a", "/a-b", "/a/b"), of the same beginning.
 */
static void mark_parents(struct plan *p, size_t at)
{
	const struct tkit_closure_entry *child = tkit_closure_entry(p->job->closure, at), *entry;

	while (at-- > 0) {
		entry = tkit_closure_entry(p->job->closure, at);
		if (!is_above(entry->path, child->path))
			continue;
		if (p->loose[at])
			return; /* its own are marked, too */
		p->loose[at] = 1;
	}
}

static int collect(struct plan *p)
{
	const struct tkit_closure_entry *entry;
	int rc = 0, any = 0;

	p->loose = calloc(tkit_closure_count(p->job->closure) + 1, 1);
	if (!p->loose)
		return tkit_fail(p->job->ctx, -ENOMEM, "writing the Dockerfile");
	for (size_t i = 0; rc == 0 && (entry = tkit_closure_entry(p->job->closure, i)); i++) {
		const struct tkit_package *package = tkit_model_owner(p->job->model, entry->path);

		if (is_loose(entry, package)) {
			p->loose[i] = 1;
			p->loose_count++;
			mark_parents(p, i);
		} else if (package && !S_ISDIR(entry->st.st_mode) &&
			   entry->reason != TKIT_REASON_DATABASE) {
			any = 1;
			rc = add_package(p, package);
		}
	}
	if (rc == 0 && !any)
		rc = tkit_fail(p->job->ctx, -EINVAL,
			       "no kept file is of a package: format=packages needs a Debian or "
			       "Alpine root with its package database");
	return rc;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* "debian:bookworm-slim" */
static int write_base(struct plan *p, struct text *text)
{
	char *release = read_text(p->fs, "/etc/os-release");
	char id[64], code[64], version[64], *dot;

	release_value(release, "ID", id, sizeof(id));
	release_value(release, "VERSION_CODENAME", code, sizeof(code));
	release_value(release, "VERSION_ID", version, sizeof(version));
	free(release);
	text_str(text, "FROM ");
	if (strcmp(id, "alpine") == 0) {
		dot = strchr(version, '.');
		if (dot && (dot = strchr(dot + 1, '.')))
			*dot = '\0';
		text_str(text, "alpine:");
		text_str(text, *version ? version : "latest");
	} else if (strcmp(id, "debian") == 0 || strcmp(id, "ubuntu") == 0) {
		text_str(text, id);
		text_str(text, ":");
		text_str(text, *code ? code : "latest");
		text_str(text, strcmp(id, "debian") == 0 && *code ? "-slim" : "");
	} else {
		return tkit_fail(p->job->ctx, -EINVAL,
				 "format=packages needs a Debian, Ubuntu or Alpine root "
				 "(/etc/os-release says \"%s\")",
				 id);
	}
	text_str(text, "\n");
	return 0;
}

static void write_install(struct plan *p, struct text *text)
{
	if (!p->packages.count)
		return;
	text_str(text, p->apk ? "RUN apk add --no-cache"
			      : "RUN apt-get update && apt-get install -y --no-install-recommends");
	for (size_t i = 0; i < p->packages.count; i++) {
		text_str(text, " \\\n\t");
		text_str(text, p->packages.items[i]);
	}
	text_str(text, p->apk ? "\n" : " \\\n\t&& rm -rf /var/lib/apt/lists/*\n");
}

/* Without a name of the image they can only be told. */
static void tell_loose(struct plan *p, struct text *text)
{
	const struct tkit_closure_entry *entry;

	text_str(text, "# Of no package; to be copied from somewhere (option from):\n");
	for (size_t i = 0; (entry = tkit_closure_entry(p->job->closure, i)); i++) {
		if (!p->loose[i] || entry->reason == TKIT_REASON_PARENT)
			continue;
		text_str(text, "#   ");
		text_escaped(text, entry->path);
		text_str(text, "\n");
	}
	tkit_log(
		p->job->ctx, TKIT_LOG_WARN,
		"%zu paths are of no package: the Dockerfile only names them, for want of an image "
		"to copy from (option from)",
		p->loose_count);
}

static void write_user(struct plan *p, const char *user, struct text *text)
{
	char *passwd = read_text(p->fs, "/etc/passwd"), *group = read_text(p->fs, "/etc/group");

	accounts_write(passwd, group, user, text);
	free(passwd);
	free(group);
}

static int write_all(struct plan *p, const struct imageconf *conf, struct text *text)
{
	const struct tkit_image_config *config = tkit_rootfs_config(p->fs);
	int copies = p->loose_count && (p->job->options->from || (config && config->name));
	char into[MULTISTAGE_INTO];
	int rc = copies ? multistage_collect(p->job, p->loose, text, into) : 0;

	if (rc >= 0)
		rc = write_base(p, text);
	if (rc < 0)
		return rc;
	write_install(p, text);
	if (conf->config.user)
		write_user(p, conf->config.user, text);
	if (copies)
		multistage_copy(into, text);
	else if (p->loose_count)
		tell_loose(p, text);
	return 0;
}

int format_packages(struct job *job)
{
	struct plan plan = {.job = job, .fs = tkit_model_rootfs(job->model)};
	struct text text = {0};
	struct imageconf conf;
	int rc = imageconf_make(job->ctx, job->options, job->model, job->closure, &conf);

	plan.status = read_text(plan.fs, "/var/lib/dpkg/status");
	if (rc == 0)
		rc = collect(&plan);
	if (rc == 0 && plan.packages.failed)
		rc = tkit_fail(job->ctx, -ENOMEM, "writing the Dockerfile");
	if (rc == 0 && plan.packages.count)
		qsort(plan.packages.items, plan.packages.count, sizeof(char *), by_text);
	if (rc == 0)
		rc = write_all(&plan, &conf, &text);
	if (rc == 0)
		rc = directives_write(job->ctx, &conf, &text);
	if (rc == 0)
		rc = job_write_file(job, "Dockerfile", &text);
	free(plan.status);
	strings_done(&plan.packages);
	free(plan.loose);
	text_done(&text);
	imageconf_done(&conf);
	return rc;
}
