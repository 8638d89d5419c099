/* SPDX-License-Identifier: MIT */
/* tkit/tkit.h - everything that a plugin may use. */
#ifndef TKIT_TKIT_H
#define TKIT_TKIT_H

#include <tkit/backend.h>
#include <tkit/event.h>
#include <tkit/image.h>
#include <tkit/model.h>
#include <tkit/plugin.h>
#include <tkit/reporter.h>
#include <tkit/sink.h>
#include <tkit/syscalls.h>
#include <tkit/trace.h>

#endif
