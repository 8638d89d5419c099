// SPDX-License-Identifier: MIT
/* An image's own health check is the last step of its drive: what it needs is needed in the image.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "slim/priv.h"
#include "slim/words.h"
#include "util/bytes.h"
#include "util/cleanup.h"

/* The command's words as the engine makes them; how many, 0 = there is no check. */
static size_t health_words(const struct tkit_image_config *config, const char **words, size_t room)
{
	static const char *const sh[] = {"/bin/sh", "-c"};
	const struct tkit_option_list *test = &config->health_test, *shell = &config->shell;
	size_t count = 0;

	if (test->count < 2 || shell->count + test->count + 2 > room)
		return 0;
	if (strcmp(test->items[0], "CMD-SHELL") == 0) {
		for (size_t i = 0; i < (shell->count ? shell->count : 2); i++)
			words[count++] = shell->count ? shell->items[i] : sh[i];
		words[count++] = test->items[1];
	} else if (strcmp(test->items[0], "CMD") == 0) {
		for (size_t i = 1; i < test->count; i++)
			words[count++] = test->items[i];
	}
	return count;
}

static char *join(const char *const *words, size_t count)
{
	struct buf text = BUF_INIT;

	buf_str(&text, "health check");
	for (size_t i = 0; i < count; i++)
		buf_printf(&text, " %s", words[i]);
	buf_char(&text, '\0');
	if (text.failed)
		buf_done(&text);
	return text.data;
}

int drive_add_health(struct drive *drive, const struct tkit_image_config *config, struct err *err)
{
	const char *words[256];
	size_t count = config ? health_words(config, words, 256) : 0;
	struct step *step = &drive->steps[drive->count];

	if (!count)
		return 0;
	*step = (struct step){.kind = STEP_HEALTH, .own = join(words, count)};
	step->text = step->own;
	step->argv = calloc(count + 1, sizeof(*step->argv));
	drive->count++; /* drive_done() frees what there is */
	for (size_t i = 0; step->argv && i < count; i++) {
		step->argv[i] = strdup(words[i]);
		if (!step->argv[i])
			return err_sys(err, -ENOMEM, "reading the health check");
	}
	return step->argv && step->own ? 1 : err_sys(err, -ENOMEM, "reading the health check");
}

int slim_add_health(struct slim_job *job, const struct tkit_image_config *config, struct err *err)
{
	const struct slim_options *options = job->options;
	const char *words[256];
	int rc;

	if (!config || !health_words(config, words, 256))
		return 0;
	job->report->health = SLIM_HEALTH_NOT_RUN;
	/* A program that stands in for the image's service is not what the check is for. */
	if (options->no_health || (options->arg_count && !options->drive->count))
		return 0;
	rc = drive_add_health(options->drive, config, err);
	if (rc > 0)
		job->report->health = SLIM_HEALTH_RUN;
	return rc < 0 ? rc : 0;
}
