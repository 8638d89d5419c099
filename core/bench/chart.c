// SPDX-License-Identifier: MIT
/*
 * The result as a picture: one SVG file, no script, nothing loaded, readable on light and dark.
 * A bar for each tracer, as long as the logarithm of its ratio, with the range of its runs.
 */
#include "bench/bench.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define WIDTH   960
#define LEFT    210 /* where bars begin */
#define RIGHT   650 /* where the longest ends */
#define ROW     17
#define GAP     26 /* above a group: its heading */
#define TOP     62
#define COLOURS 8

/* Text for XML. */
static void put_text(struct buf *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '<')
			buf_str(out, "&lt;");
		else if (*text == '>')
			buf_str(out, "&gt;");
		else if (*text == '&')
			buf_str(out, "&amp;");
		else if (*text == '"')
			buf_str(out, "&quot;");
		else if ((unsigned char)*text >= ' ')
			buf_char(out, *text);
	}
}

static bool shown(const struct bench_result *result, size_t w, size_t t)
{
	return bench_cell(result, w, t)->ratio.count != 0;
}

static int shown_count(const struct bench_result *result, size_t w)
{
	int n = 0;

	for (size_t t = 0; t < result->tracers.count; t++)
		n += shown(result, w, t);
	return n;
}

static double largest(const struct bench_result *result)
{
	double most = 2;

	for (size_t w = 0; w < result->workloads.count; w++)
		for (size_t t = 0; t < result->tracers.count; t++)
			most = fmax(most, series_max(&bench_cell(result, w, t)->ratio));
	return most;
}

static double x_of(double ratio, double most)
{
	return LEFT + (RIGHT - LEFT) * log(fmax(ratio, 1)) / log(most);
}

/* What of what it watches a tracer has seen, as text; true: all of it. */
static bool completeness(const struct bench_result *result, size_t w, size_t t, char *text,
			 size_t size)
{
	const struct cell *cell = bench_cell(result, w, t);
	uint64_t expected = result->workloads.items[w].expected.all;

	if (!expected)
		snprintf(text, size, "no accesses to see");
	else
		snprintf(text, size, "%llu of %llu seen", (unsigned long long)cell->seen,
			 (unsigned long long)expected);
	if (result->tracers.items[t].tells_loss && cell->lost)
		snprintf(text + strlen(text), size - strlen(text), ", %llu lost",
			 (unsigned long long)cell->lost);
	return cell->seen >= expected && !cell->lost;
}

static void bar(const struct bench_result *result, size_t w, size_t t, double most, int y,
		struct buf *out)
{
	const struct cell *cell = bench_cell(result, w, t);
	double median = series_median(&cell->ratio), low = series_min(&cell->ratio);
	double high = series_max(&cell->ratio), end = x_of(median, most);
	char seen[96];
	bool all = completeness(result, w, t, seen, sizeof(seen));

	buf_printf(out, "<text class=\"t r\" x=\"%d\" y=\"%d\">", LEFT - 8, y + 12);
	put_text(out, result->tracers.items[t].label);
	buf_printf(out,
		   "</text><rect class=\"c%d%s\" x=\"%d\" y=\"%d\" width=\"%.1f\" "
		   "height=\"%d\" rx=\"2\"/>",
		   (int)(t % COLOURS), all ? "" : " part", LEFT, y + 2, fmax(end - LEFT, 1.5),
		   ROW - 5);
	buf_printf(out, "<path class=\"w\" d=\"M%.1f %dH%.1f\"/>", x_of(low, most), y + ROW / 2,
		   x_of(high, most));
	buf_printf(out,
		   "<text class=\"t\" x=\"%.1f\" y=\"%d\"><tspan class=\"b\">%.2f</tspan> "
		   "<tspan class=\"m\">(%.2f–%.2f) ",
		   x_of(fmax(high, median), most) + 6, y + 12, median, low, high);
	put_text(out, seen);
	buf_str(out, "</tspan></text>\n");
}

static void grid(double most, int bottom, struct buf *out)
{
	for (int power = 0; ldexp(1, power) <= most; power++) {
		double ratio = ldexp(1, power), x = x_of(ratio, most);

		buf_printf(out,
			   "<path class=\"g\" d=\"M%.1f %dV%d\"/><text class=\"m s c\" x=\"%.1f\" "
			   "y=\"%d\">%.0fx</text>\n",
			   x, TOP - 8, bottom, x, TOP - 12, ratio);
	}
}

static void head(const struct bench_result *result, int height, struct buf *out)
{
	static const char *const light[COLOURS] = {"#2f6fb3", "#2e8b57", "#8a5fb0", "#c77f1a",
						   "#b84a3a", "#4b8f9e", "#8c7a4a", "#777777"};
	static const char *const dark[COLOURS] = {"#6fa8e0", "#62c08c", "#b794db", "#e5ab55",
						  "#e5857a", "#7cc2d0", "#c4b07c", "#aaaaaa"};

	buf_printf(out,
		   "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" "
		   "height=\"%d\" role=\"img\">\n<title>What watching costs</title>\n<style>\n"
		   "text{font:12px system-ui,sans-serif}.t,.h{fill:#1c1f23}.m{fill:#5b626b}"
		   ".h{font-weight:600;font-size:13px}.b{font-weight:600}.s{font-size:10px}"
		   ".r{text-anchor:end}.c{text-anchor:middle}.bg{fill:#fff}"
		   ".g{stroke:#dfe3e8;fill:none}.w{stroke:#1c1f23;stroke-width:1.5;fill:none}"
		   ".part{fill-opacity:.25;stroke-width:1;stroke-dasharray:3 2}\n",
		   WIDTH, height, WIDTH, height);
	for (int i = 0; i < COLOURS; i++)
		buf_printf(out, ".c%d{fill:%s;stroke:%s;stroke-width:0}", i, light[i], light[i]);
	buf_str(out, ".part{stroke-width:1}\n@media (prefers-color-scheme:dark){.t,.h{fill:#e6e9ed}"
		     ".m{fill:#9aa4af}.bg{fill:#14171a}.g{stroke:#2b3138}.w{stroke:#e6e9ed}");
	for (int i = 0; i < COLOURS; i++)
		buf_printf(out, ".c%d{fill:%s;stroke:%s}", i, dark[i], dark[i]);
	buf_printf(out,
		   "}\n</style>\n<rect class=\"bg\" width=\"%d\" height=\"%d\"/>\n"
		   "<text class=\"h\" x=\"16\" y=\"20\">Time of a traced program, as a multiple of "
		   "the untraced one (logarithmic); pale: not all accesses seen</text>\n"
		   "<text class=\"m s\" x=\"16\" y=\"36\">",
		   WIDTH, height);
	buf_printf(out, "Linux %s, %d x ", result->machine.kernel, result->machine.cpus);
	put_text(out, result->machine.cpu);
	buf_printf(out, "; medians, least and most of %u round%s</text>\n", result->rounds,
		   result->rounds == 1 ? "" : "s");
}

void bench_chart(const struct bench_result *result, struct buf *out)
{
	double most = largest(result) * 1.05;
	int y = TOP, height = TOP + 10;

	for (size_t w = 0; w < result->workloads.count; w++)
		if (shown_count(result, w))
			height += GAP + ROW * shown_count(result, w);
	head(result, height, out);
	grid(most, height - 8, out);
	for (size_t w = 0; w < result->workloads.count; w++) {
		if (!shown_count(result, w))
			continue;
		buf_printf(out, "<text class=\"h\" x=\"16\" y=\"%d\">", y + 17);
		put_text(out, result->workloads.items[w].name);
		buf_str(out, " <tspan class=\"m s\">");
		put_text(out, result->workloads.items[w].text);
		buf_str(out, "</tspan></text>\n");
		y += GAP;
		for (size_t t = 0; t < result->tracers.count; t++)
			if (shown(result, w, t)) {
				bar(result, w, t, most, y, out);
				y += ROW;
			}
	}
	buf_str(out, "</svg>\n");
}
