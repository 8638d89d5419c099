// SPDX-License-Identifier: MIT
/* Files that a reporter writes beside its report. */
#include <errno.h>

#include "cli/out.h"
#include "plugin/ctx.h"

int tkit_write_file(struct tkit_ctx *ctx, const char *path, const void *data, size_t size)
{
	struct err err = ERR_INIT;
	struct tkit_out *out;
	int rc = out_open_file(path, 0666, &out, &err);

	if (rc == 0) {
		tkit_out_write(out, data, size);
		rc = out_commit(out, &err);
	}
	if (rc < 0)
		tkit_fail(ctx, -EINVAL, "%s", err_text(&err));
	err_done(&err);
	return rc;
}
