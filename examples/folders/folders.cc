// SPDX-License-Identifier: MIT
//
// A reporter in C++: how many files of each directory are used? The border is C: callbacks have
// C linkage, no exception crosses it, and C++ has no mixture of named and unnamed initialisers,
// so that the descriptor is written in the order of its fields.
//
//	tkit report --reporter folders,depth=2 trace.tkit
#include <tkit/backend.h>
#include <tkit/reporter.h>

#include <cerrno>
#include <cstddef>
#include <map>
#include <new>
#include <string>
#include <string_view>

namespace
{

struct Options {
	int64_t depth;
};

const tkit_option options[] = {
	{"depth", TKIT_OPTION_INT, offsetof(Options, depth), "2", "1..100",
	 "how many directories deep"},
};

class Folders
{
      public:
	explicit Folders(const Options &opts) : depth(opts.depth) {}

	void add(std::string_view path)
	{
		size_t end = 0;

		for (int64_t i = 0; i < depth; i++) {
			size_t next = path.find('/', end + 1);

			if (next == std::string_view::npos)
				break;
			end = next;
		}
		counts[end ? std::string(path.substr(0, end)) : "/"]++;
	}

	// A map is sorted by bytes: the same model gives the same report.
	void write(tkit_out *out) const
	{
		for (const auto &[folder, count] : counts) {
			tkit_out_printf(out, "%8llu  ", static_cast<unsigned long long>(count));
			tkit_out_path(out, {folder.data(), folder.size()});
			tkit_out_printf(out, "\n");
		}
	}

	void clear() { counts.clear(); }

      private:
	int64_t depth;
	std::map<std::string, uint64_t> counts;
};

// No exception leaves the plugin: each becomes an errno with a cause.
template <typename Function> int guarded(tkit_ctx *ctx, Function function)
{
	try {
		return function();
	} catch (const std::bad_alloc &) {
		return tkit_fail(ctx, -ENOMEM, "counting");
	} catch (const std::exception &e) {
		return tkit_fail(ctx, -EINVAL, "%s", e.what());
	}
}

extern "C" {

static int folders_open(tkit_ctx *ctx, const void *opts, void **ret_self)
{
	return guarded(ctx, [&] {
		*ret_self = new Folders(*static_cast<const Options *>(opts));
		return 0;
	});
}

static int folders_render(tkit_ctx *ctx, void *self, const tkit_model *model, tkit_out *out)
{
	return guarded(ctx, [&] {
		auto *folders = static_cast<Folders *>(self);

		folders->clear();
		if (!tkit_model_complete(model))
			tkit_out_printf(out, "The trace is incomplete.\n");
		for (size_t i = 0; const tkit_path *path = tkit_model_path(model, i); i++)
			if (path->state & TKIT_PATH_SUCCEEDED)
				folders->add({path->name.ptr, path->name.len});
		folders->write(out);
		return 0;
	});
}

static void folders_close(tkit_ctx *, void *self)
{
	delete static_cast<Folders *>(self);
}

} // extern "C"

const tkit_reporter_ops ops = {folders_open, nullptr /* event */, folders_render, folders_close};

} // namespace

extern "C" TKIT_API const tkit_plugin tkit_plugin = {
	TKIT_PLUGIN_HEAD(TKIT_KIND_REPORTER, tkit_reporter_ops, &ops),
	"folders",
	"1.0",
	"how many files of each directory are used",
	"MIT",
	TKIT_CAN_OPEN,
	sizeof(options) / sizeof(options[0]),
	sizeof(Options),
	options,
	{0, 0, 0, 0},
};
