/* SPDX-License-Identifier: MIT */
/* From the child that checks to its parent. A message is smaller than PIPE_BUF: never mixed. */
#ifndef VET_PIPE_H
#define VET_PIPE_H

enum { VET_MESSAGE_FOUND = 1, VET_MESSAGE_NOTE, VET_MESSAGE_DONE };

struct vet_message {
	char kind;
	char id[7];
	char text[600];
};

/* Async-signal-safe. */
void vet_send(int fd, const struct vet_message *message);

#endif
