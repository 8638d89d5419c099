// SPDX-License-Identifier: MIT
#include "cli/print.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "util/bytes.h"

#define LABEL_COLUMN 20

int print_out(struct buf *buf)
{
	struct err err = ERR_INIT;
	int rc = 0;

	if (buf->failed)
		rc = err_sys(&err, -ENOMEM, "listing");
	else if (fwrite(buf->data, 1, buf->size, stdout) != buf->size || fflush(stdout))
		rc = err_sys(&err, -errno, "writing to standard output");
	buf_done(buf);
	if (rc)
		cli_error(&err);
	err_done(&err);
	return rc ? CLI_FAILED : 0;
}

void json_item(struct buf *buf)
{
	if (buf->size && !strchr("[{:", buf->data[buf->size - 1]))
		buf_char(buf, ',');
}

void json_key(struct buf *buf, const char *key)
{
	json_item(buf);
	buf_json(buf, bytes_str(key));
	buf_char(buf, ':');
}

void json_str(struct buf *buf, const char *key, const char *value)
{
	json_key(buf, key);
	if (value)
		buf_json(buf, bytes_str(value));
	else
		buf_str(buf, "null");
}

void json_bool(struct buf *buf, const char *key, bool value)
{
	json_key(buf, key);
	buf_str(buf, value ? "true" : "false");
}

void json_int(struct buf *buf, const char *key, int64_t value)
{
	json_key(buf, key);
	buf_i64(buf, value);
}

void print_pad(struct buf *buf, size_t start, size_t column)
{
	do
		buf_char(buf, ' ');
	while (!buf->failed && buf->size - start < column);
}

void print_text(struct buf *buf, const char *text)
{
	buf_escaped(buf, bytes_str(text));
}

void print_label(struct buf *buf, const char *label)
{
	size_t start = buf->size;

	buf_printf(buf, "  %s", label);
	print_pad(buf, start, LABEL_COLUMN);
}
