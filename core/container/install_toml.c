// SPDX-License-Identifier: MIT
/*
 * containerd's config.toml, and a file of our own for podman. TOML is edited as text, between two
 * marks: a table can stand anywhere at the end.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "container/install.h"
#include "util/buf.h"
#include "util/cleanup.h"

#define BEGIN "# >>> tkit: runtime %s (tkit container uninstall removes this)\n"
#define END   "# <<< tkit: runtime %s\n"

/* A string that stands over several lines can look like anything. */
enum string { STRING_NONE, STRING_BASIC, STRING_LITERAL };

struct scan {
	enum string open;
	bool in_table;      /* behind the first header */
	int version;        /* 0 = none was there */
	const char *header; /* to look for */
	const char *runc;   /* header of the usual runtime's table */
	bool in_runc;       /* in it, or in its options */
	bool systemd; /* its control groups are made by systemd: the kubelet's names for them are
			 such */
	bool found;
	bool elsewhere; /* runtimes are given in another form, which a table cannot be added to */
};

/* Follows the multi-line strings of a line. */
static enum string follow(enum string open, const char *line, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		bool basic = len - i >= 3 && strncmp(line + i, "\"\"\"", 3) == 0;
		bool literal = len - i >= 3 && strncmp(line + i, "'''", 3) == 0;

		if (open == STRING_BASIC && line[i] == '\\') {
			i++;
		} else if ((basic && open != STRING_LITERAL) || (literal && open != STRING_BASIC)) {
			open = open ? STRING_NONE : basic ? STRING_BASIC : STRING_LITERAL;
			i += 2;
		} else if (!open && line[i] == '#') {
			break;
		} else if (!open && (line[i] == '"' || line[i] == '\'')) {
			char quote = line[i];

			for (i++; i < len && line[i] != quote; i++)
				i += quote == '"' && line[i] == '\\';
		}
	}
	return open;
}

/* A header without blanks and with one kind of quotes: [a."b".c]. */
static void normalise(const char *line, size_t len, char *out, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; i < len && n + 1 < size && (line[i] != '#'); i++)
		if (line[i] != ' ' && line[i] != '\t' && line[i] != '\r')
			out[n++] = line[i] == '\'' ? '"' : line[i];
	out[n] = '\0';
}

/* "runtimes = {...}", "containerd.runtimes.x = ...", "plugins = {...}": no table can be added to
 * that. */
static bool is_inline(const char *text)
{
	const char *value = strchr(text, '='), *at = strstr(text, "runtimes");

	if (!value)
		return false;
	if (strncmp(text, "plugins=", 8) == 0 || strncmp(text, "containerd={", 12) == 0)
		return true;
	return at && at < value && (at == text || at[-1] == '.' || at[-1] == '"') &&
	       strchr("=.\"", at[8]);
}

/* Whether a header is that of a table ("[a.b]") or of one below. */
static bool is_table(const char *text, const char *header)
{
	size_t stem = strlen(header) - 1; /* without "]" */

	return strncmp(text, header, stem) == 0 && (text[stem] == ']' || text[stem] == '.');
}

static void scan_line(struct scan *s, const char *line, size_t len)
{
	char text[512];
	int version;

	while (len && (*line == ' ' || *line == '\t')) {
		line++;
		len--;
	}
	normalise(line, len, text, sizeof(text));
	if (text[0] == '[') {
		s->in_table = true;
		s->in_runc = s->runc && is_table(text, s->runc);
		s->found |= s->header && is_table(text, s->header);
	} else if (text[0] != '#' && is_inline(text)) {
		s->elsewhere = true;
	} else if (s->in_runc && strstr(text, "SystemdCgroup=true")) {
		s->systemd = true;
	} else if (!s->in_table && sscanf(text, "version=%d", &version) == 1) {
		s->version = version;
	}
}

static int scan(const char *text, struct scan *s, struct err *err)
{
	unsigned int line = 0, opened = 0;

	while (*text) {
		size_t len = strcspn(text, "\n");
		enum string before = s->open;

		line++;
		if (!before)
			scan_line(s, text, len);
		s->open = follow(before, text, len);
		if (!before && s->open)
			opened = line;
		text += len;
		text += *text == '\n';
	}
	return s->open ? err_set(err, -EBADMSG,
				 "the string that begins in line %u has no end; repair it first",
				 opened)
		       : 0;
}

/* The text without what stands between the marks. 1 if there was something, 0, -EBADMSG. */
static int cut(const struct install_spec *spec, const char *text, struct buf *out, struct err *err)
{
	char begin[160], end[160];
	const char *from, *to;

	snprintf(begin, sizeof(begin), BEGIN, spec->name);
	snprintf(end, sizeof(end), END, spec->name);
	from = strstr(text, begin);
	to = strstr(text, end);
	if (!from && !to) {
		buf_add(out, text, strlen(text));
		return 0;
	}
	if (!from || !to || to < from || strstr(from + 1, begin) || strstr(to + 1, end) ||
	    (from != text && from[-1] != '\n'))
		return err_set(
			err, -EBADMSG,
			"tkit's marks in it are damaged: remove the lines from '# >>> tkit' to "
			"'# <<< tkit' by hand");
	buf_add(out, text, (size_t)(from - text));
	to += strlen(end);
	buf_add(out, to, strlen(to));
	return 1;
}

/* Version 2 of the file names the plugin as containerd 1 does, version 3 as containerd 2. */
static const char *plugin_of(int version)
{
	return version == 3 ? "io.containerd.cri.v1.runtime" : "io.containerd.grpc.v1.cri";
}

static int add_block(const struct install_spec *spec, struct buf *out, struct err *err)
{
	struct scan s = {0};
	char header[256], runc[128];
	int rc, version;

	buf_char(out, '\0');
	if (out->failed)
		return err_sys(err, -ENOMEM, "editing");
	rc = scan(out->data, &s, err);
	out->size--;
	if (rc < 0)
		return rc;
	version = s.version;
	if (!version && out->size)
		return err_set(err, -EBADMSG,
			       "has no \"version = 2\" or 3: write it anew by `containerd config "
			       "migrate` or `containerd config default`");
	if (version && version != 2 && version != 3)
		return err_set(err, -EBADMSG,
			       "is of version %d, known are 2 and 3; `containerd config migrate` "
			       "writes a newer one",
			       version);
	snprintf(header, sizeof(header), "[plugins.\"%s\".containerd.runtimes.%s]",
		 plugin_of(version), spec->name);
	snprintf(runc, sizeof(runc), "[plugins.\"%s\".containerd.runtimes.runc]",
		 plugin_of(version));
	s = (struct scan){.header = header, .runc = runc};
	buf_char(out, '\0');
	rc = scan(out->data, &s, err);
	out->size--;
	if (rc < 0)
		return rc;
	if (s.elsewhere)
		return err_set(
			err, -EBADMSG,
			"gives its runtimes inline (\"runtimes = {...}\"), where none can be "
			"added: write them as tables, [plugins.\"%s\".containerd.runtimes.NAME]",
			plugin_of(version));
	if (s.found)
		return err_set(err, -EEXIST,
			       "has a runtime \"%s\" that is not tkit's; use another --name",
			       spec->name);
	if (!version)
		buf_printf(out, "version = 2\n");
	else if (out->data[out->size - 1] != '\n')
		buf_char(out, '\n');
	buf_printf(out, BEGIN, spec->name);
	buf_printf(out, "%s\n  runtime_type = \"io.containerd.runc.v2\"\n", header);
	buf_printf(out, "  [plugins.\"%s\".containerd.runtimes.%s.options]\n", plugin_of(version),
		   spec->name);
	buf_printf(out, "    BinaryName = \"%s\"\n%s", spec->runc,
		   s.systemd ? "    SystemdCgroup = true\n" : "");
	buf_printf(out, END, spec->name);
	return 0;
}

int install_edit_containerd(const struct install_spec *spec, const char *text, bool undo,
			    char **ret, struct err *err)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT;
	int rc;

	*ret = NULL;
	if (undo && !text)
		return 0;
	if (strpbrk(spec->runc, "\"\\\n\r\t"))
		return err_set(err, -EINVAL, "the path %s cannot stand in it", spec->runc);
	rc = cut(spec, text ? text : "", &out, err);
	if (rc < 0)
		return rc;
	if (undo && rc && out.size == strlen("version = 2\n") &&
	    memcmp(out.data, "version = 2\n", out.size) == 0)
		return 0; /* there was nothing but tkit in it */
	if (!undo)
		rc = add_block(spec, &out, err);
	return rc < 0 ? rc : install_finish(&out, ret, err);
}

int install_edit_podman_conf(const struct install_spec *spec, const char *text, bool undo,
			     char **ret, struct err *err)
{
	_cleanup_(buf_done) struct buf out = BUF_INIT;

	*ret = NULL;
	if (text && strncmp(text, "# >>> tkit: ", 12) != 0)
		return err_set(err, -EEXIST, "is not tkit's; move it away");
	if (undo)
		return 0;
	if (strpbrk(spec->runc, "\"\\\n\r\t"))
		return err_set(err, -EINVAL, "the path %s cannot stand in it", spec->runc);
	buf_printf(&out, BEGIN "[engine.runtimes]\n%s = [\"%s\"]\n" END, spec->name, spec->name,
		   spec->runc, spec->name);
	return install_finish(&out, ret, err);
}
