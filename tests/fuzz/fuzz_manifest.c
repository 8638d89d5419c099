// SPDX-License-Identifier: MIT
/*
 * Fuzzes what people hand to manifest_diff: the real plugin, with a trace of a few paths. The first
 * byte: 0 a manifest of the schema, corrected at once, 1 mtree, 2 a list of paths, 3 dpkg's list, 4
 * a baseline, 5 one that is brought up to date, 6 a tar.
 */
#include <stddef.h>
#include <string.h>

#include <tkit/reporter.h>

#include "cli/out.h"
#include "model/model.h"
#include "plugin/ctx.h"
#include "plugin/loader.h"
#include "scratch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
long fuzz_accepted(void);

static long accepted;

long fuzz_accepted(void)
{
	return accepted;
}

static const struct plugin *the_plugin(void)
{
	static const struct plugin *plugin;
	struct err err = {0};

	if (!plugin && plugin_load_file(TKIT_BUILD_DIR "/plugins/reporter-manifest_diff.so",
					&plugin, &err) < 0) {
		fprintf(stderr, "%s\n", err_text(&err));
		abort();
	}
	return plugin;
}

static struct tkit_model *the_model;

static void free_model(void)
{
	model_free(the_model);
}

static const struct tkit_model *model(void)
{
	struct model_builder *builder = NULL;
	struct err err = {0};

	if (the_model)
		return the_model;
	if (model_builder_new(&builder, &err) < 0 ||
	    model_builder_add_file(builder, TKIT_SOURCE_DIR "/tests/golden/v1.tkit", NULL, NULL,
				   &err) < 0 ||
	    model_builder_finish(builder, &the_model, &err) < 0) {
		fprintf(stderr, "%s\n", err_text(&err));
		abort();
	}
	model_builder_free(builder);
	atexit(free_model);
	return the_model;
}

static void run(const struct plugin *plugin, const void *options)
{
	const struct tkit_reporter_ops *ops = plugin->ops;
	struct tkit_ctx ctx = {.name = "fuzz"};
	struct err err = {0};
	struct tkit_out *out = NULL;
	void *self = NULL;
	int rc;

	if (out_open_file("/dev/null", 0600, &out, &err) < 0)
		abort();
	if (ops->open(&ctx, options, &self) == 0) {
		rc = ops->render(&ctx, self, model(), out);
		if (rc < 0 && !err_text(&ctx.err)[0])
			abort(); /* a failure without a cause */
		accepted += rc >= 0;
		ops->close(&ctx, self);
	}
	out_abandon(out);
	ctx_done(&ctx);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const specs[] = {
		"manifest=%s/input,type=schema,check-sources=no,fix=/dev/null",
		"manifest=%s/input,type=mtree",
		"manifest=%s/input,type=list,fix=/dev/null,source=/",
		"manifest=%s/input,type=dpkg",
		"manifest=/dev/null,type=list,baseline=%s/input",
		"manifest=/dev/null,type=list,baseline=%s/input,update-baseline=yes",
		"manifest=%s/input,type=tar",
	};
	const struct plugin *plugin = the_plugin();
	struct plugin_options *options = NULL;
	struct err err = {0};
	char spec[256];

	if (!size)
		return 0;
	scratch_write("input", data + 1, size - 1);
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	snprintf(spec, sizeof(spec), specs[(unsigned int)(data[0] - '0') % 7], scratch());
	if (plugin_options_new(plugin, spec, &options, &err) < 0)
		abort();
	run(plugin, plugin_options_data(options));
	plugin_options_free(options);
	err_done(&err);
	return 0;
}
