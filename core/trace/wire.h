/* SPDX-License-Identifier: MIT */
/* Protobuf's wire format, as far as blocks need it. Input is untrusted. */
#ifndef TRACE_WIRE_H
#define TRACE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WIRE_VARINT  0u
#define WIRE_FIXED64 1u
#define WIRE_LENGTH  2u
#define WIRE_FIXED32 5u

#define WIRE_LENGTH_MAX 10

#endif
