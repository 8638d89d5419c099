// SPDX-License-Identifier: MIT
/*
 * A Dockerfile that needs nothing but the image that the files come from: a stage in which they
 * are collected by tar, so that owners, modes, times and hard links stay, and the image made
 * of what was collected. format=packages has such a stage, too, for what is of no package.
 *
 * Names stand in the Dockerfile as words of RUN's JSON form, and with the special bytes as
 * octal escapes, which GNU tar undoes in lists (and printf(1), for busybox): JSON could not
 * hold all bytes, and a builder would find here-documents in some names.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "directives.h"
#include "multistage.h"

#define CHUNK 600000 /* bytes of names in one RUN: arguments of a program are limited */

enum tool { TOOL_NONE, TOOL_GNU, TOOL_BUSYBOX };

struct stage {
	struct job *job;
	struct text *text;
	enum tool tool;             /* in the image itself; NONE: a stage of its own has GNU tar */
	const char *image;          /* that is copied from */
	const char *top;            /* where the image's root is, in the stage: "" or a directory */
	char into[MULTISTAGE_INTO]; /* where the files are collected, in the stage */
	const unsigned char *only;  /* entries to collect; NULL: all, and the root's own folders */
};

static int ends_with(const char *path, long len, const char *end)
{
	size_t n = strlen(end);

	return len >= (long)n && memcmp(path + len - n, end, n) == 0;
}

/* Where a program of the image really is. */
static long find_program(struct tkit_rootfs *fs, const char *name, char *real, size_t size)
{
	static const char *const dirs[] = {"/usr/local/bin/", "/usr/bin/", "/bin/"};

	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		struct stat st;
		char path[64];
		long n;

		snprintf(path, sizeof(path), "%s%s", dirs[i], name);
		n = tkit_rootfs_resolve(fs, (struct tkit_bytes){path, strlen(path)}, 0, real, size,
					NULL, NULL);
		if (n > 0 &&
		    tkit_rootfs_lstat(fs, (struct tkit_bytes){real, (size_t)n}, &st) == 0 &&
		    S_ISREG(st.st_mode) && st.st_mode & 0111)
			return n;
	}
	return 0;
}

static enum tool find_tool(struct tkit_rootfs *fs)
{
	static const char *const more[] = {"mkdir", "chmod", "chown", "touch", "xargs"};
	char real[4096];
	struct stat st;
	long n = tkit_rootfs_resolve(fs, (struct tkit_bytes){"/bin/sh", 7}, 0, real, sizeof(real),
				     NULL, NULL);

	if (n <= 0 || tkit_rootfs_lstat(fs, (struct tkit_bytes){real, (size_t)n}, &st) < 0)
		return TOOL_NONE;
	for (size_t i = 0; i < sizeof(more) / sizeof(more[0]); i++)
		if (!find_program(fs, more[i], real, sizeof(real)))
			return TOOL_NONE;
	n = find_program(fs, "tar", real, sizeof(real));
	if (ends_with(real, n, "/busybox"))
		return TOOL_BUSYBOX;
	return ends_with(real, n, "/tar") ? TOOL_GNU : TOOL_NONE;
}

/* Files that an engine mounts over in each step: tar in the image itself would see the engine's. */
static int is_mounted_file(const struct tkit_closure_entry *entry)
{
	static const char *const names[] = {"/etc/hosts", "/etc/hostname", "/etc/resolv.conf"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (entry->path.len == strlen(names[i]) &&
		    memcmp(entry->path.ptr, names[i], entry->path.len) == 0)
			return S_ISREG(entry->st.st_mode);
	return 0;
}

/* The root, /proc, /sys, /dev: made anew, since in a container others are mounted there. */
static int is_made(const struct tkit_closure_entry *entry)
{
	static const char *const names[] = {"/", "/proc", "/sys", "/dev"};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (entry->path.len == strlen(names[i]) &&
		    memcmp(entry->path.ptr, names[i], entry->path.len) == 0)
			return S_ISDIR(entry->st.st_mode);
	return 0;
}

/* One word of a RUN: the name without its first slash, special bytes as octal numbers. */
static void add_name(struct stage *s, struct tkit_bytes path)
{
	text_str(s->text, ", \\\n\"./");
	for (size_t i = 1; i < path.len; i++) {
		unsigned char c = (unsigned char)path.ptr[i];
		char octal[12];

		if (c > 0x20 && c < 0x7f && !strchr("\"\\<$`", c)) {
			text_add(s->text, path.ptr + i, 1);
			continue;
		}
		snprintf(octal, sizeof(octal), s->tool == TOOL_BUSYBOX ? "\\\\0%03o" : "\\\\%03o",
			 c);
		text_str(s->text, octal);
	}
	text_str(s->text, "\"");
}

/*
 * Names into the stage's file .list; or, with `times`, times and names of what busybox's tar
 * does not give its time: directories, symlinks.
 */
static void add_list(struct stage *s, int times)
{
	const char *format = s->tool == TOOL_BUSYBOX ? "%b\\\\000" : "%s\\\\n";
	const struct tkit_closure_entry *entry;
	size_t begin = 0;
	int open = 0;

	for (size_t i = 0; (entry = tkit_closure_entry(s->job->closure, i)); i++) {
		if (is_made(entry) || entry->made ||
		    (s->tool != TOOL_NONE && is_mounted_file(entry)) || (s->only && !s->only[i]) ||
		    (times && !S_ISDIR(entry->st.st_mode) && !S_ISLNK(entry->st.st_mode)))
			continue;
		if (!open || s->text->size - begin > CHUNK) {
			if (open)
				text_str(s->text, "]\n");
			text_str(s->text, "RUN [\"/bin/sh\", \"-c\", \"printf '");
			text_str(s->text, format);
			text_str(s->text, "' \\\"$@\\\" >>");
			text_str(s->text, s->into);
			text_str(s->text, times ? ".times\", \"sh\"" : ".list\", \"sh\"");
			begin = s->text->size;
			open = 1;
		}
		if (times) {
			char text[48];

			snprintf(text, sizeof(text), ", \\\n\"@%lld\"",
				 (long long)entry->st.st_mtim.tv_sec);
			text_str(s->text, text);
		}
		add_name(s, entry->path);
	}
	if (open)
		text_str(s->text, "]\n");
}

/* Owner, mode and time of what is made. */
static void set_metadata(struct stage *s, const struct tkit_closure_entry *entry)
{
	char line[13000];

	snprintf(line, sizeof(line),
		 "chown %u:%u %s%.*s && chmod %o %s%.*s && touch -d @%lld %s%.*s", entry->st.st_uid,
		 entry->st.st_gid, s->into, (int)entry->path.len, entry->path.ptr,
		 entry->st.st_mode & 07777, s->into, (int)entry->path.len, entry->path.ptr,
		 (long long)entry->st.st_mtim.tv_sec, s->into, (int)entry->path.len,
		 entry->path.ptr);
	text_str(s->text, line);
}

/* Packs the files and unpacks them where they are collected, as the tool at hand can. */
static void add_copy(struct stage *s)
{
	static const char how[] =
		"--format=posix --xattrs --acls --xattrs-include='*' --numeric-owner";
	char line[1024];

	if (s->tool != TOOL_BUSYBOX)
		snprintf(line, sizeof(line),
			 " && cd %s/ && tar %s --no-recursion -cf %s.tar -T %s.list"
			 " && tar %s -xpf %s.tar -C %s",
			 s->top, how, s->into, s->into, how, s->into, s->into);
	else
		/* It has no lists, and neither directories nor symlinks keep their time. */
		snprintf(
			line, sizeof(line),
			" && cd / && xargs -0 -s 1000000 sh -c 'tar --numeric-owner --no-recursion "
			"-cf %s.tar \\\"$@\\\" && tar --numeric-owner -xpf %s.tar -C %s' sh <%s.list"
			" && xargs -0 -n 500 sh -c 'while [ $# -gt 1 ]; do touch -h -d \\\"$1\\\" "
			"\\\"%s/$2\\\" || exit 1; shift 2; done' sh <%s.times",
			s->into, s->into, s->into, s->into, s->into, s->into);
	text_str(s->text, line);
}

static void add_collect(struct stage *s)
{
	const struct tkit_closure_entry *entry;
	struct text *t = s->text;

	text_str(t, "RUN [\"/bin/sh\", \"-c\", \"mkdir -p ");
	text_str(t, s->into);
	add_copy(s);
	for (size_t i = 1; !s->only && (entry = tkit_closure_entry(s->job->closure, i)); i++)
		if (is_made(entry)) {
			text_str(t, " && mkdir ");
			text_str(t, s->into);
			text_add(t, entry->path.ptr, entry->path.len);
			text_str(t, " && ");
			set_metadata(s, entry);
		}
	for (size_t i = 1; !s->only && (entry = tkit_closure_entry(s->job->closure, i)); i++)
		if (entry->made && S_ISDIR(entry->st.st_mode)) {
			text_str(t, " && ");
			set_metadata(s, entry);
		}
	text_str(t, " && ");
	set_metadata(s, tkit_closure_entry(s->job->closure, 0));
	text_str(t, "\"]\n");
}

/* Text as printf(1)'s %b reads it, in words of a length that a program's arguments may have. */
static void add_content(struct stage *s, struct tkit_bytes data)
{
	for (size_t i = 0; i < data.len; i++) {
		unsigned char c = (unsigned char)data.ptr[i];
		char octal[12];

		if (i % 10000 == 0)
			text_str(s->text, i ? "\", \\\n\"" : ", \\\n\"");
		if (c >= 0x20 && c < 0x7f && !strchr("\"\\<$`", c)) {
			text_add(s->text, data.ptr + i, 1);
			continue;
		}
		snprintf(octal, sizeof(octal), "\\\\0%03o", c);
		text_str(s->text, c == '\n' ? "\\\\n" : octal);
	}
	if (data.len)
		text_str(s->text, "\"");
}

/* Files that the image does not have. Before the others, so that directories keep their times. */
static int add_made(struct stage *s)
{
	static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "0123456789+-._~:/";
	const struct tkit_closure_entry *entry;

	for (size_t i = 0; (entry = tkit_closure_entry(s->job->closure, i)); i++) {
		char path[4096];
		int n = snprintf(path, sizeof(path), "%s%.*s", s->into, (int)entry->path.len,
				 entry->path.ptr);

		if (!entry->made || !S_ISREG(entry->st.st_mode))
			continue;
		if (n >= (int)sizeof(path) || strspn(path, safe) != (size_t)n)
			return tkit_fail(s->job->ctx, -EINVAL,
					 "the package database has a name that a Dockerfile cannot "
					 "hold (option pkgdb)");
		text_str(s->text, "RUN [\"/bin/sh\", \"-c\", \"mkdir -p ");
		text_add(s->text, path, (size_t)(strrchr(path, '/') - path));
		text_str(s->text, " && printf %b \\\"$@\\\" >");
		text_str(s->text, path);
		text_str(s->text, " && ");
		set_metadata(s, entry);
		text_str(s->text, "\", \"sh\"");
		add_content(s, tkit_closure_content(s->job->closure, entry));
		text_str(s->text, "]\n");
	}
	return 0;
}

static int is_reference(const char *name)
{
	return *name && strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "0123456789._/:@-") == strlen(name);
}

/* A name that the image does not have itself. */
static int choose_place(struct stage *s)
{
	struct tkit_rootfs *fs = tkit_model_rootfs(s->job->model);

	for (unsigned int i = 0; i < 100; i++) {
		struct stat st;
		int n = snprintf(s->into, sizeof(s->into), i ? "/tkit-rootfs%u" : "/tkit-rootfs",
				 i);

		if (tkit_rootfs_lstat(fs, (struct tkit_bytes){s->into, (size_t)n}, &st) == -ENOENT)
			return 0;
	}
	return tkit_fail(s->job->ctx, -EEXIST, "looking for a free name in the image's root");
}

static int start(struct stage *s)
{
	const struct options *o = s->job->options;
	struct tkit_rootfs *fs = tkit_model_rootfs(s->job->model);
	const struct tkit_image_config *config = tkit_rootfs_config(fs);

	s->image = o->from ? o->from : config ? config->name : NULL;
	if (!s->image)
		return tkit_fail(
			s->job->ctx, -EINVAL,
			"format=multistage needs the name of the image that the files come "
			"from (option from)");
	if (!is_reference(s->image) || !is_reference(o->tools))
		return tkit_fail(s->job->ctx, -EINVAL, "from and tools must be names of images");
	s->tool = find_tool(fs);
	s->top = s->tool == TOOL_NONE ? "/tkit-source" : "";
	return choose_place(s);
}

static void add_stages(struct stage *s)
{
	struct text *t = s->text;

	text_str(t, "FROM ");
	text_str(t, s->image);
	if (s->tool != TOOL_NONE) {
		text_str(t, " AS source\nUSER 0:0\n");
		return;
	}
	text_str(t, " AS original\nFROM ");
	text_str(t, s->job->options->tools);
	text_str(t, " AS source\nUSER 0:0\nCOPY --from=original / /tkit-source/\n");
}

int multistage_collect(struct job *job, const unsigned char *only, struct text *text,
		       char into[MULTISTAGE_INTO])
{
	struct stage s = {.job = job, .text = text, .only = only};
	int rc = start(&s);

	if (rc == 0)
		add_stages(&s);
	if (rc == 0 && !only)
		rc = add_made(&s);
	if (rc < 0)
		return rc;
	add_list(&s, 0);
	if (s.tool == TOOL_BUSYBOX)
		add_list(&s, 1);
	add_collect(&s);
	memcpy(into, s.into, MULTISTAGE_INTO);
	return s.tool != TOOL_NONE;
}

static void copy_mounted(struct job *job, struct text *t)
{
	const struct tkit_closure_entry *entry;

	for (size_t i = 0; (entry = tkit_closure_entry(job->closure, i)); i++)
		if (is_mounted_file(entry)) {
			text_str(t, "COPY --from=source ");
			text_add(t, entry->path.ptr, entry->path.len);
			text_str(t, " ");
			text_add(t, entry->path.ptr, entry->path.len);
			text_str(t, "\n");
		}
}

int format_multistage(struct job *job)
{
	struct text text = {0};
	struct imageconf conf;
	char into[MULTISTAGE_INTO];
	int rc = imageconf_make(job->ctx, job->options, job->model, job->closure, &conf);

	if (rc == 0)
		rc = multistage_collect(job, NULL, &text, into);
	if (rc >= 0) {
		text_str(&text, "FROM scratch\n");
		/* First, so that the directory gets its own time and mode afterwards. */
		if (rc > 0)
			copy_mounted(job, &text);
		multistage_copy(into, &text);
		rc = directives_write(job->ctx, &conf, &text);
	}
	if (rc == 0)
		rc = job_write_file(job, "Dockerfile", &text);
	text_done(&text);
	imageconf_done(&conf);
	return rc;
}

void multistage_copy(const char *into, struct text *text)
{
	text_str(text, "COPY --from=source ");
	text_str(text, into);
	text_str(text, "/ /\n");
}
