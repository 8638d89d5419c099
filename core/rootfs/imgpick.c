// SPDX-License-Identifier: MIT
#include "rootfs/imgpick.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "util/bytes.h"
#include "util/cleanup.h"

#define LISTED_MAX 20 /* images named in a message */

void imgpick_platform(struct imgpick *pick, const char *os, const char *arch, const char *variant)
{
	if (os && arch && *os && *arch)
		snprintf(pick->platform, sizeof(pick->platform), "%s/%s%s%s", os, arch,
			 variant && *variant ? "/" : "", variant ? variant : "");
}

static const char *name_at(const struct imgpick *pick, size_t i)
{
	if (json_is_array(pick->tags))
		return json_string_value(json_array_get(pick->tags, i));
	return i == 0 ? json_string_value(pick->tags) : NULL;
}

const char *imgpick_name(const struct imgpick *pick)
{
	return name_at(pick, 0);
}

/* "docker.io/library/debian" is "debian", as engines say it. */
static const char *short_name(const char *name)
{
	static const char *const heads[] = {"docker.io/", "localhost/", "library/"};

	for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
		if (strncmp(name, heads[i], strlen(heads[i])) == 0)
			name += strlen(heads[i]);
	return name;
}

static bool same_name(const char *have, const char *want)
{
	size_t len;

	if (strcmp(have, want) == 0)
		return true;
	have = short_name(have);
	want = short_name(want);
	len = strlen(want);
	if (strncmp(have, want, len) != 0)
		return false;
	return !have[len] || (strcmp(have + len, ":latest") == 0 && !strchr(want, ':'));
}

static bool has_name(const struct imgpick *pick, const char *want)
{
	const char *name;

	for (size_t i = 0; (name = name_at(pick, i)); i++)
		if (same_name(name, want))
			return true;
	return pick->digest && strcmp(pick->digest, want) == 0;
}

/* "linux/arm" is also "linux/arm/v7". */
static bool same_platform(const char *have, const char *want)
{
	size_t len = strlen(want);

	return strncmp(have, want, len) == 0 && (!have[len] || have[len] == '/');
}

static size_t count_in(const struct imgpick *picks, size_t count)
{
	size_t in = 0;

	for (size_t i = 0; i < count; i++)
		in += !picks[i].out;
	return in;
}

static void list_one(struct buf *text, const struct imgpick *pick)
{
	const char *name, *between = "";

	for (size_t i = 0; i < 4 && (name = name_at(pick, i)); i++) {
		buf_str(text, between);
		buf_escaped(text, bytes_str(name));
		between = " = ";
	}
	if (!*between)
		buf_escaped(text, bytes_str(pick->digest ? pick->digest : "(no name)"));
	if (*pick->platform) {
		buf_str(text, " (");
		buf_escaped(text, bytes_str(pick->platform));
		buf_char(text, ')');
	}
}

static int fail_list(const struct imgpick *picks, size_t count, bool all, const char *what,
		     struct err *err)
{
	_cleanup_(buf_done) struct buf text = BUF_INIT;
	size_t listed = 0;

	for (size_t i = 0; i < count; i++) {
		if (!all && picks[i].out)
			continue;
		if (++listed > LISTED_MAX)
			continue;
		buf_str(&text, listed > 1 ? ", " : "");
		list_one(&text, &picks[i]);
	}
	if (listed > LISTED_MAX)
		buf_printf(&text, " and %zu more", listed - LISTED_MAX);
	buf_char(&text, '\0');
	return err_set(err, -ENOENT, "%s: %s", what, text.failed ? "?" : text.data);
}

static bool all_the_same(const struct imgpick *picks, size_t count, size_t first)
{
	for (size_t i = first + 1; i < count; i++)
		if (!picks[i].out && (!picks[i].digest || !picks[first].digest ||
				      strcmp(picks[i].digest, picks[first].digest) != 0))
			return false;
	return true;
}

int imgpick_choose(struct imgpick *picks, size_t count, const char *tag, const char *platform,
		   const char *host, size_t *ret_index, struct err *err)
{
	size_t first = 0, hosts = 0;

	if (!count)
		return err_set(err, -ENOENT, "the archive holds no image");
	for (size_t i = 0; i < count; i++)
		picks[i].out = (tag && !has_name(&picks[i], tag)) ||
			       (platform && !same_platform(picks[i].platform, platform));
	if (!count_in(picks, count))
		return fail_list(picks, count, true,
				 "the archive holds no image of that tag and platform; it has",
				 err);
	for (size_t i = 0; i < count; i++)
		hosts += !picks[i].out && same_platform(picks[i].platform, host);
	for (size_t i = 0; !platform && hosts && i < count; i++)
		picks[i].out = picks[i].out || !same_platform(picks[i].platform, host);
	while (picks[first].out)
		first++;
	if (!all_the_same(picks, count, first))
		return fail_list(picks, count, false,
				 "the archive holds several images; choose one with --image-tag or "
				 "--image-platform",
				 err);
	*ret_index = first;
	return 0;
}
