// SPDX-License-Identifier: MIT
/* tkit plugin check */
#include "cli/cli.h"
#include "cli/out.h"
#include "cli/plugin_cli.h"
#include "cli/print.h"
#include "util/bytes.h"
#include "vet/vet.h"

struct output {
	struct buf buf;
	struct buf notes; /* JSON: why something was not checked */
	const char *file;
	bool json;
};

/* Why something could not be checked here. */
static void print_note(struct output *out, const char *text)
{
	if (out->json) {
		if (out->notes.size)
			buf_char(&out->notes, ',');
		buf_json(&out->notes, bytes_str(text));
		return;
	}
	print_text(&out->buf, out->file);
	buf_str(&out->buf, ": note: ");
	print_text(&out->buf, text);
	buf_char(&out->buf, '\n');
}

static void print_finding(void *arg, const char *id, const char *text)
{
	struct output *out = (struct output *)arg;

	if (!id) {
		print_note(out, text);
		return;
	}
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

static int check_one(struct plugin_registry *registry, const char *options, struct output *out,
		     struct err *err)
{
	const struct vet_config config = {
		.file = out->file,
		.registry = registry,
		.options = options,
		.out_open_file = out_open_file,
		.out_open_folder = out_open_folder,
		.out_commit = out_commit,
		.out_abandon = out_abandon,
	};
	int found;

	if (out->json) {
		json_item(&out->buf);
		buf_char(&out->buf, '{');
		json_str(&out->buf, "file", out->file);
		json_key(&out->buf, "findings");
		buf_char(&out->buf, '[');
	}
	found = vet_module(&config, print_finding, out, err);
	if (out->json) {
		buf_str(&out->buf, "],\"notes\":[");
		buf_add(&out->buf, out->notes.data, out->notes.size);
		buf_str(&out->buf, "]}");
		buf_clear(&out->notes);
	} else if (!found) {
		print_text(&out->buf, out->file);
		buf_str(&out->buf, ": ok\n");
	}
	return found;
}

int plugin_cli_check(struct plugin_registry *registry, char **files, const char *options, bool json)
{
	struct output out = {.buf = BUF_INIT, .notes = BUF_INIT, .json = json};
	struct err err = ERR_INIT;
	int rc = 0;

	if (json)
		buf_str(&out.buf, "{\"files\":[");
	for (; *files; files++) {
		int found;

		out.file = *files;
		found = check_one(registry, options, &out, &err);
		if (found < 0) {
			rc = cli_error(&err);
			err_done(&err);
			buf_done(&out.buf);
			buf_done(&out.notes);
			return rc;
		}
		if (found)
			rc = 1;
	}
	buf_done(&out.notes);
	if (json)
		buf_str(&out.buf, "]}\n");
	return print_out(&out.buf) ? CLI_FAILED : rc;
}
