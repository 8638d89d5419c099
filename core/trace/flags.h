/* SPDX-License-Identifier: MIT */
/* The flags argument of a call in words. */
#ifndef TRACE_FLAGS_H
#define TRACE_FLAGS_H

#include "trace/out.h"

/* unlinkat(2): AT_* with a meaning of its own for one bit. Beyond enum tkit_sys_flags. */
#define FLAGS_UNLINK 100

/* How the flags of `event` are to be read: enum tkit_sys_flags, by its call or its op. */
int flags_kind(const struct tkit_event *event);

/* "O_RDONLY|O_CLOEXEC"; bits without a name as one number at the end. */
void flags_put(struct out *out, int kind, int arch, uint64_t flags);

#endif
