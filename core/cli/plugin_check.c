// SPDX-License-Identifier: MIT
/* tkit plugin check */
#include "cli/cli.h"
#include "cli/plugin_cli.h"
#include "cli/print.h"
#include "plugin/check.h"

struct output {
	struct buf buf;
	const char *file;
	bool json;
};

static void print_finding(void *arg, const char *id, const char *text)
{
	struct output *out = (struct output *)arg;

	if (out->json) {
		json_item(&out->buf);
		buf_char(&out->buf, '{');
		json_str(&out->buf, "id", id);
		json_str(&out->buf, "text", text);
		buf_char(&out->buf, '}');
		return;
	}
	print_text(&out->buf, out->file);
	buf_printf(&out->buf, ": %s: ", id);
	print_text(&out->buf, text);
	buf_char(&out->buf, '\n');
}

static int check_one(struct plugin_registry *registry, struct output *out, struct err *err)
{
	int found;

	if (out->json) {
		json_item(&out->buf);
		buf_char(&out->buf, '{');
		json_str(&out->buf, "file", out->file);
		json_key(&out->buf, "findings");
		buf_char(&out->buf, '[');
	}
	found = check_file(out->file, registry, print_finding, out, err);
	if (out->json) {
		buf_str(&out->buf, "]}");
	} else if (!found) {
		print_text(&out->buf, out->file);
		buf_str(&out->buf, ": ok\n");
	}
	return found;
}

int plugin_cli_check(struct plugin_registry *registry, char **files, bool json)
{
	struct output out = {.buf = BUF_INIT, .json = json};
	struct err err = ERR_INIT;
	int rc = 0;

	if (json)
		buf_str(&out.buf, "{\"files\":[");
	for (; *files; files++) {
		int found;

		out.file = *files;
		found = check_one(registry, &out, &err);
		if (found < 0) {
			rc = cli_error(&err);
			err_done(&err);
			buf_done(&out.buf);
			return rc;
		}
		if (found)
			rc = 1;
	}
	if (json)
		buf_str(&out.buf, "]}\n");
	return print_out(&out.buf) ? CLI_FAILED : rc;
}
