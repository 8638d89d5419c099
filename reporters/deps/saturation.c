// SPDX-License-Identifier: MIT
/* Several runs: what the last one added, and whether one more would add anything. */
#include <inttypes.h>

#include "deps.h"

/* In tenths of a percent, rounded up: "nothing new" is not said lightly. */
static uint64_t share_new(const struct tkit_saturation *s)
{
	return s->sightings ? (s->once * 1000 + s->sightings - 1) / s->sightings : 0;
}

static int count(const struct tkit_model *model, struct tkit_saturation *ret)
{
	return tkit_model_run_count(model) > 1 && tkit_model_saturation(model, ret) == 0;
}

static void put_files(struct tkit_out *out, uint64_t files, uint64_t bytes, int sized)
{
	tkit_out_printf(out, "%" PRIu64 " file%s", files, files == 1 ? "" : "s");
	if (sized && files) {
		tkit_out_printf(out, " (");
		put_size(out, bytes);
		tkit_out_printf(out, ")");
	}
}

void saturation_text(const struct tkit_model *model, struct tkit_out *out)
{
	int sized = tkit_model_rootfs(model) != NULL;
	struct tkit_saturation s;

	if (!count(model, &s))
		return;
	tkit_out_printf(out, "Last run: added ");
	put_files(out, s.last, s.last_bytes, sized);
	tkit_out_printf(out, " to ");
	put_files(out, s.files - s.last, s.bytes - s.last_bytes, sized);
	tkit_out_printf(out, "\nOne run : only there ");
	put_files(out, s.once, s.once_bytes, sized);
	tkit_out_printf(
		out, ": about %" PRIu64 ".%" PRIu64 " %% of what another run uses would be new\n",
		share_new(&s) / 10, share_new(&s) % 10);
}

void saturation_json(const struct tkit_model *model, struct tkit_out *out)
{
	struct tkit_saturation s;

	if (!count(model, &s))
		return;
	tkit_out_printf(out,
			",\"saturation\":{\"files\":%" PRIu64 ",\"bytes\":%" PRIu64
			",\"sightings\":%" PRIu64 ",\"in_one_run\":%" PRIu64
			",\"in_one_run_bytes\":%" PRIu64 ",\"last_run_added\":%" PRIu64
			",\"last_run_added_bytes\":%" PRIu64 ",\"new_per_mille\":%" PRIu64 "}",
			s.files, s.bytes, s.sightings, s.once, s.once_bytes, s.last, s.last_bytes,
			share_new(&s));
}
