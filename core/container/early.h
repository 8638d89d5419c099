/* SPDX-License-Identifier: MIT */
/*
 * A tracer that is started while its container is still being created, so that both take their time
 * at once. It waits on a socket, whose name goes by the container, for the words that say whom to
 * trace. Nobody has to come: it ends by itself. All of this only saves time; where it fails, a
 * tracer is started later.
 *
 * The socket is an abstract one: nothing is left behind, however the tracer ends. Both sides
 * check that the other one is of the same user.
 */
#ifndef CONTAINER_EARLY_H
#define CONTAINER_EARLY_H

#include <stddef.h>
#include <stdint.h>

#include "util/err.h"

#define EARLY_WAIT_NS   15000000000ull /* how long a tracer waits to be told */
#define EARLY_WORDS_MAX 64

/*
 * A socket for the tracer of container `id`, whose runtime keeps its state in `root` (NULL: its
 * default). -EADDRINUSE: there is one already.
 */
int early_listen(const char *root, const char *id);

/* Words, NULL-terminated, in memory of their own. Freed with early_order_done(). */
struct early_order {
	char *text;
	char *words[EARLY_WORDS_MAX + 1];
	size_t count;
	int ready_fd; /* gets a byte when armed; -1 = none */
};

void early_order_done(struct early_order *order);

/*
 * The tracer's side: waits for its order, the words of another command line. The first ones have to
 * be the `count` words of `own`, else it is turned down. 0; -ECANCELED when called off, when nobody
 * came in time, or as soon as `stop_fd` is readable; or another -errno.
 */
int early_await(int listen_fd, int stop_fd, char *const *own, size_t count, struct early_order *ret,
		struct err *err);

/*
 * The other side: tells the tracer that waits for this container, if one does. Returns a
 * descriptor that a byte can be read from when it is armed (end of file: it failed), or -errno
 * when there is none that takes it.
 */
int early_tell(const char *root, const char *id, char *const *words, size_t count,
	       uint64_t timeout_ns);

/* Sends the tracer away that waits for this container, if one does. */
void early_call_off(const char *root, const char *id);

#endif
