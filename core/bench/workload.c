// SPDX-License-Identifier: MIT
#include "bench/workload.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/cleanup.h"
#include "util/num.h"
#include "util/suggest.h"

#define HELPER    "tkit-bench-work"
#define FIELDS    5
#define NAMES_MAX 64

void workload_list_done(struct workload_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		free(list->items[i].name);
		free(list->items[i].text);
		free(list->items[i].skipped);
	}
	free(list->items);
	*list = (struct workload_list){0};
}

bool workload_wanted(const char *wanted, const char *name)
{
	size_t len = strlen(name);

	if (!wanted)
		return true;
	while (*wanted) {
		size_t n = strcspn(wanted, ",");

		if (n == len && !memcmp(wanted, name, n))
			return true;
		wanted += n + (wanted[n] == ',');
	}
	return false;
}

static void by_construction(struct workload *workload)
{
	uint64_t n = workload->count;

	workload->reference = "construction";
	if (workload->kind == WORKLOAD_OPEN)
		workload->expected = (struct tally){.all = n, .opens = n, .opened = n};
	else if (workload->kind == WORKLOAD_FAILED)
		workload->expected = (struct tally){.all = n, .opens = n};
	else if (workload->kind == WORKLOAD_OTHER)
		workload->expected = (struct tally){.all = n};
	else if (workload->kind == WORKLOAD_COUNTED)
		workload->reference = NULL;
}

/* Fills in one from the fields of its line: name, count, kind, missing program, text. */
static int fill(struct workload *workload, char *const *fields, uint64_t most, struct err *err)
{
	*workload = (struct workload){.kind = *fields[2]};
	if (num_u64(fields[1], &workload->count) < 0 || !strchr("cofmpa", *fields[2]) ||
	    !*fields[2] || fields[2][1])
		return err_set(err, -EPROTO, "%s: workload %s makes no sense", HELPER, fields[0]);
	if (most && workload->count > most)
		workload->count = most;
	snprintf(workload->number, sizeof(workload->number), "%llu",
		 (unsigned long long)workload->count);
	snprintf(workload->token, sizeof(workload->token), "tkb%x_%.40s_", (unsigned int)getpid(),
		 fields[0]);
	workload->name = strdup(fields[0]);
	workload->text = strdup(fields[4]);
	if (strcmp(fields[3], "-") != 0 &&
	    asprintf(&workload->skipped, "%s is not installed", fields[3]) < 0)
		workload->skipped = NULL;
	by_construction(workload);
	return workload->name && workload->text ? 0 : err_sys(err, -ENOMEM, "listing workloads");
}

static int add_line(struct workload_list *list, char *line, const char *wanted, uint64_t most,
		    struct err *err)
{
	char *fields[FIELDS] = {line};
	struct workload *items;

	for (int i = 1; i < FIELDS; i++) {
		char *tab = strchr(fields[i - 1], '\t');

		if (!tab)
			return err_set(err, -EPROTO, "%s: its list makes no sense", HELPER);
		*tab = '\0';
		fields[i] = tab + 1;
	}
	if (!workload_wanted(wanted, fields[0]))
		return 0;
	items = realloc(list->items, (list->count + 1) * sizeof(*items));
	if (!items)
		return err_sys(err, -ENOMEM, "listing workloads");
	list->items = items;
	return fill(&items[list->count++], fields, most, err);
}

/* Every name in `wanted` is one of `names`. */
static int check_names(const char *wanted, const char *const *names, size_t count, struct err *err)
{
	for (size_t n; wanted && *wanted; wanted += n + (wanted[n] == ',')) {
		_cleanup_free_ char *name = NULL;
		const char *near;
		bool known = false;

		n = strcspn(wanted, ",");
		name = strndup(wanted, n);
		if (!name)
			return err_sys(err, -ENOMEM, "listing workloads");
		for (size_t i = 0; i < count; i++)
			known = known || !strcmp(names[i], name);
		if (known)
			continue;
		near = suggest(name, names, count);
		return err_set(err, -ENOENT, "unknown workload '%s'%s%s%s", name,
			       near ? "; did you mean '" : "", near ? near : "",
			       near ? "'?" : "; see `tkit bench --list`");
	}
	return 0;
}

int workload_parse(struct workload_list *ret, char *text, const char *wanted, const char *other,
		   uint64_t most, struct err *err)
{
	struct workload_list list = {0};
	const char *names[NAMES_MAX] = {other};
	size_t count = 1;
	int rc = 0;
	char *rest, *line;

	for (line = strtok_r(text, "\n", &rest); line && rc == 0;
	     line = strtok_r(NULL, "\n", &rest)) {
		if (count < NAMES_MAX)
			names[count++] = line; /* add_line() ends it behind the name */
		rc = add_line(&list, line, wanted, most, err);
	}
	if (rc == 0)
		rc = check_names(wanted, names, count, err);
	if (rc < 0)
		workload_list_done(&list);
	*ret = list;
	return rc;
}

int workload_prepare(struct workload *workload, struct runner *runner, struct err *err)
{
	const char *words[] = {"prepare",     workload->name,  workload->number,
			       workload->dir, workload->token, NULL};
	struct err why = ERR_INIT;
	int rc;

	if (workload->skipped)
		return 0;
	snprintf(workload->dir, sizeof(workload->dir), "%s/%s", runner->dir, workload->name);
	rc = mkdir(workload->dir, 0700) < 0 ? err_sys(&why, -errno, "making %s", workload->dir)
					    : runner_helper(runner, words, NULL, &why);
	if (rc == -EINTR)
		err_set(err, rc, "interrupted");
	else if (rc < 0)
		workload->skipped = strdup(err_text(&why));
	err_done(&why);
	return rc == -EINTR ? rc : 0;
}

void workload_command(const struct workload *workload, const struct runner *runner,
		      const char *command[7])
{
	const char *const words[] = {
		runner->helper,  "run", workload->name, workload->number, workload->dir,
		workload->token, NULL};

	memcpy(command, words, sizeof(words));
}

int workload_helper(char *buf, size_t size, struct err *err)
{
	static const char *const places[] = {"benchmarks", TKIT_BIN_TO_LIBEXEC "/tkit"};
	char exe[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);
	char *slash;

	if (n < 0)
		return err_sys(err, -errno, "/proc/self/exe");
	exe[n] = '\0';
	slash = strrchr(exe, '/');
	if (slash)
		*slash = '\0';
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		int len = snprintf(buf, size, "%s/%s/%s", exe, places[i], HELPER);

		if (len > 0 && (size_t)len < size && access(buf, X_OK) == 0)
			return 0;
	}
	return err_set(err, -ENOENT, "%s is not there (%s): it belongs to tkit's installation",
		       HELPER, buf);
}
