// SPDX-License-Identifier: MIT
#include "slim/words.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "util/buf.h"
#include "util/cleanup.h"

/* Reads one word; the place behind it, or NULL with an open quote. */
static const char *one_word(const char *p, struct buf *word)
{
	char quote = '\0';

	for (; *p && (quote || !strchr(" \t\n", *p)); p++) {
		if (quote && *p == quote) {
			quote = '\0';
		} else if (!quote && (*p == '\'' || *p == '"')) {
			quote = *p;
		} else {
			if (*p == '\\' && quote != '\'' && *++p == '\0')
				return NULL;
			buf_char(word, *p);
		}
	}
	return quote ? NULL : p;
}

int words_split(const char *text, char ***ret_words, struct err *err)
{
	_cleanup_(buf_done) struct buf word = BUF_INIT;
	char **words = calloc(strlen(text) / 2 + 2, sizeof(*words));
	const char *p = text + strspn(text, " \t\n");
	size_t count = 0;
	int rc = 0;

	if (!words)
		return err_sys(err, -ENOMEM, "reading a command");
	while (rc == 0 && *p) {
		buf_clear(&word);
		p = one_word(p, &word);
		if (!p) {
			rc = err_set(err, -EINVAL, "command \"%s\": a quote is not closed", text);
			break;
		}
		buf_char(&word, '\0');
		words[count] = word.failed ? NULL : strdup(word.data);
		if (!words[count++])
			rc = err_sys(err, -ENOMEM, "reading a command");
		p += strspn(p, " \t\n");
	}
	if (rc == 0 && !count)
		rc = err_set(err, -EINVAL, "the command is empty");
	if (rc < 0)
		words_free(words);
	else
		*ret_words = words;
	return rc;
}

void words_free(char **words)
{
	for (size_t i = 0; words && words[i]; i++)
		free(words[i]);
	free(words);
}
