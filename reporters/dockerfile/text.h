/* SPDX-License-Identifier: MIT */
/* Text that grows, and the three ways to quote in it. */
#ifndef DOCKERFILE_TEXT_H
#define DOCKERFILE_TEXT_H

#include <stddef.h>

#include <tkit/event.h>

struct text {
	char *data;
	size_t size;
	size_t room;
	int failed; /* memory was short: content is incomplete */
};

void text_done(struct text *text);
void text_add(struct text *text, const void *data, size_t size);
void text_str(struct text *text, const char *str);

/* For people and line-based tools: C escapes for control bytes, backslash, invalid UTF-8. */
void text_escaped(struct text *text, struct tkit_bytes bytes);

/* A JSON string. 0, or -EILSEQ if it is no UTF-8 (nothing is added then). */
int text_json(struct text *text, const char *str);

/*
 * A value as ENV, LABEL and WORKDIR read it: in double quotes where it needs them. 0, or
 * -EILSEQ for what a Dockerfile has no way to write: control bytes, invalid UTF-8.
 */
int text_docker(struct text *text, const char *str);

#endif
