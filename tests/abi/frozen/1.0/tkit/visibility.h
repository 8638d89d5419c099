/* SPDX-License-Identifier: MIT */
/* tkit/visibility.h - marks what libtkit exports and what a plugin exports. */
#ifndef TKIT_VISIBILITY_H
#define TKIT_VISIBILITY_H

#if defined(__GNUC__)
#define TKIT_API               __attribute__((visibility("default")))
#define TKIT_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define TKIT_API
#define TKIT_PRINTF(fmt, args)
#endif

#endif
