// SPDX-License-Identifier: MIT
/* Fuzzes what a service may answer to tkit slim; with the first byte 1 a URL. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "slim/http.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
long fuzz_accepted(void);

static long accepted;

long fuzz_accepted(void)
{
	return accepted;
}

static void parse_url(const uint8_t *data, size_t size)
{
	struct http_url url = {0};
	struct err err = {0};
	char *text = strndup((const char *)data, size);

	if (!text)
		abort();
	if (http_url_parse(text, &url, &err) == 0) {
		if (url.path[0] != '/' || !url.host[0] || !url.port)
			abort();
	} else if (!err_text(&err)[0]) {
		abort(); /* a failure without a cause */
	}
	err_done(&err);
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf body = BUF_INIT;
	int status = -1;

	if (size && data[0] == '1') {
		parse_url(data + 1, size - 1);
		return 0;
	}
	if (http_answer((const char *)data, size, &status, &body) == 0) {
		accepted++;
		if (status < 0 || status > 999 || body.size > size)
			abort();
	}
	buf_done(&body);
	return 0;
}
