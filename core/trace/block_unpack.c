// SPDX-License-Identifier: MIT
/* A packed Block into its message. */
#include <endian.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "trace/decode.h"
#include "trace/format.h"
#include "trace/wire.h"

enum type { NONE, FIXED, SCALAR32, SCALAR64, BLOB, ARRAY32, ARRAY64 };

/* By field number: what it is and where it goes. */
static const struct field {
	uint8_t type;
	bool zigzag;
	uint16_t at, count_at;
} fields[] = {
#define ONE(number, kind, name) [number] = {kind, false, offsetof(Tkit__Block, name), 0}
#define MANY(number, kind, zigzag, name) \
	[number] = {kind, zigzag, offsetof(Tkit__Block, name), offsetof(Tkit__Block, n_##name)}
	ONE(1, FIXED, run),
	ONE(2, SCALAR32, backend),
	ONE(3, SCALAR32, count),
	ONE(6, SCALAR64, first),
	ONE(4, BLOB, string_data),
	MANY(5, ARRAY32, false, string_size),
	MANY(10, ARRAY32, false, kind_type),
	MANY(11, ARRAY32, false, kind_op),
	MANY(12, ARRAY32, false, kind_valid),
	MANY(13, ARRAY32, false, kind_pflags),
	MANY(14, ARRAY32, false, kind_err),
	MANY(15, ARRAY64, false, kind_flags),
	MANY(16, ARRAY32, true, kind_sysno),
	MANY(17, ARRAY32, false, kind_arch),
	MANY(18, ARRAY32, false, kind_via),
	MANY(19, ARRAY32, false, kind_reason),
	MANY(20, ARRAY32, true, task_pid),
	MANY(21, ARRAY32, true, task_tid),
	MANY(22, ARRAY32, true, task_ppid),
	MANY(23, ARRAY32, false, task_comm),
	MANY(24, ARRAY32, false, task_exe),
	MANY(25, ARRAY64, false, task_cgroup),
	MANY(30, ARRAY32, false, name_path),
	MANY(31, ARRAY32, false, name_base),
	MANY(32, ARRAY32, false, name_root),
	MANY(40, ARRAY32, false, file_resolved),
	MANY(41, ARRAY64, false, file_dev),
	MANY(42, ARRAY64, false, file_ino),
	MANY(43, ARRAY32, false, file_mode),
	ONE(50, SCALAR64, ts_base),
	ONE(51, BLOB, ts_low),
	ONE(58, BLOB, ts_mid),
	MANY(59, ARRAY64, false, ts_high),
	MANY(52, ARRAY32, false, kind),
	MANY(53, ARRAY32, false, task),
	MANY(54, ARRAY32, false, name),
	MANY(55, ARRAY32, false, file),
	MANY(56, ARRAY64, true, ret),
	MANY(57, ARRAY64, false, repeat),
#undef ONE
#undef MANY
};

struct in {
	const uint8_t *at, *end;
};

static bool get_varint(struct in *in, uint64_t *ret)
{
	int n;

	if (in->at < in->end && *in->at < 0x80) {
		*ret = *in->at++;
		return true;
	}
	n = format_get_varint(in->at, (size_t)(in->end - in->at), ret);
	in->at += n > 0 ? n : 0;
	return n > 0;
}

/* The bit of each byte that says: the number goes on. */
#define GOES_ON 0x8080808080808080u

static uint64_t load64(const uint8_t *from)
{
	uint64_t word;

	memcpy(&word, from, sizeof(word));
	return le64toh(word);
}

static size_t count_varints(const struct in *in)
{
	const uint8_t *p = in->at;
	size_t count = 0;

	for (; in->end - p >= 8; p += 8)
		count += ((~load64(p) & GOES_ON) >> 7) * 0x0101010101010101u >> 56;
	for (; p < in->end; p++)
		count += *p < 0x80;
	return count;
}

/*
 * Next number of at least 8 bytes. Those of up to 4 bytes, nearly all, without a branch for each
 * byte: how long they are follows no pattern that a processor could learn.
 */
static inline bool get_quickly(struct in *in, uint64_t *ret)
{
	uint64_t word = load64(in->at), ends = ~word & GOES_ON;
	unsigned int bits;

	if (!(ends & 0x80808080u))
		return get_varint(in, ret);
	bits = (unsigned int)__builtin_ctzll(ends) + 1; /* 8, 16, 24 or 32 */
	*ret = ((word & 0x7f) | (word >> 1 & 0x3f80) | (word >> 2 & 0x1fc000) |
		(word >> 3 & 0xfe00000)) &
	       ((1u << (bits - bits / 8)) - 1);
	in->at += bits / 8;
	return true;
}

/* Values into `to`, which has room for all that end in `in`. */
static bool get_array32(struct in in, uint32_t *to)
{
	uint64_t value;

	while (in.end - in.at >= 8) {
		uint64_t word = load64(in.at);

		if (!(word & GOES_ON)) {
			for (int i = 0; i < 8; i++)
				to[i] = (uint8_t)(word >> 8 * i);
			to += 8;
			in.at += 8;
			continue;
		}
		if (!get_quickly(&in, &value))
			return false;
		*to++ = (uint32_t)value;
	}
	while (in.at < in.end) {
		if (!get_varint(&in, &value))
			return false;
		*to++ = (uint32_t)value;
	}
	return true;
}

static bool get_array64(struct in in, uint64_t *to)
{
	while (in.end - in.at >= 8) {
		uint64_t word = load64(in.at);

		if (!(word & GOES_ON)) {
			for (int i = 0; i < 8; i++)
				to[i] = (uint8_t)(word >> 8 * i);
			to += 8;
			in.at += 8;
		} else if (!get_quickly(&in, to++)) {
			return false;
		}
	}
	while (in.at < in.end)
		if (!get_varint(&in, to++))
			return false;
	return true;
}

static void undo_zigzag(const struct field *field, void *values, size_t count)
{
	uint32_t *half = values;
	uint64_t *whole = values;

	if (!field->zigzag)
		return;
	for (size_t i = 0; i < count && field->type == ARRAY32; i++)
		half[i] = half[i] >> 1 ^ (0 - (half[i] & 1));
	for (size_t i = 0; i < count && field->type == ARRAY64; i++)
		whole[i] = whole[i] >> 1 ^ (0 - (whole[i] & 1));
}

/* More values for a repeated field: mostly the only ones, but the format allows pieces. */
static int add_array(const struct field *field, struct in in, struct arena *arena, Tkit__Block *pb)
{
	size_t *count = (size_t *)(void *)((char *)pb + field->count_at);
	void **array = (void **)(void *)((char *)pb + field->at);
	size_t size = field->type == ARRAY32 ? sizeof(uint32_t) : sizeof(uint64_t);
	size_t more = count_varints(&in);
	char *values = arena_alloc(arena, (*count + more) * size), *added;
	bool good;

	if (!values)
		return -ENOMEM;
	if (*count)
		memcpy(values, *array, *count * size);
	added = values + *count * size;
	good = field->type == ARRAY32 ? get_array32(in, (uint32_t *)(void *)added)
				      : get_array64(in, (uint64_t *)(void *)added);
	if (good)
		undo_zigzag(field, added, more);
	*array = values;
	*count += more;
	return good ? 0 : -EBADMSG;
}

static bool get_fixed(struct in *in, size_t size, uint64_t *ret)
{
	*ret = 0;
	if ((size_t)(in->end - in->at) < size)
		return false;
	for (size_t i = 0; i < size; i++)
		*ret |= (uint64_t)in->at[i] << 8 * i;
	in->at += size;
	return true;
}

/* Moves *in behind the field's value, which comes as a number or as a piece. */
static bool get_value(struct in *in, unsigned int wire, uint64_t *ret_number, struct in *ret_piece)
{
	*ret_piece = (struct in){in->at, in->at};
	switch (wire) {
	case WIRE_VARINT:
		if (!get_varint(in, ret_number))
			return false;
		ret_piece->end = in->at; /* an array's single value looks like a piece of one */
		return true;
	case WIRE_FIXED64:
		return get_fixed(in, 8, ret_number);
	case WIRE_FIXED32:
		return get_fixed(in, 4, ret_number);
	case WIRE_LENGTH:
		if (!get_varint(in, ret_number) || *ret_number > (size_t)(in->end - in->at))
			return false;
		*ret_piece = (struct in){in->at, in->at + *ret_number};
		in->at += *ret_number;
		return true;
	default:
		return false;
	}
}

static int put_field(const struct field *field, unsigned int wire, uint64_t number, struct in piece,
		     struct arena *arena, Tkit__Block *pb)
{
	char *at = (char *)pb + field->at;
	uint32_t half = (uint32_t)number;
	ProtobufCBinaryData blob = {.len = (size_t)(piece.end - piece.at),
				    .data = (uint8_t *)(uintptr_t)piece.at};

	if (field->type == ARRAY32 || field->type == ARRAY64) {
		if (wire != WIRE_LENGTH && wire != WIRE_VARINT)
			return -EBADMSG;
		return add_array(field, piece, arena, pb);
	}
	if (wire != (field->type == FIXED  ? WIRE_FIXED64
		     : field->type == BLOB ? WIRE_LENGTH
					   : WIRE_VARINT))
		return -EBADMSG;
	if (field->type == BLOB)
		memcpy(at, &blob, sizeof(blob));
	else if (field->type == SCALAR32)
		memcpy(at, &half, sizeof(half));
	else
		memcpy(at, &number, sizeof(number));
	return 0;
}

int block_unpack(const uint8_t *data, size_t size, struct arena *arena, Tkit__Block *pb)
{
	struct in in = {data, data + size}, piece;
	uint64_t tag, number;

	tkit__block__init(pb);
	while (in.at < in.end) {
		const struct field *field;
		int rc;

		if (!get_varint(&in, &tag) || !(tag >> 3) ||
		    !get_value(&in, (unsigned int)(tag & 7), &number, &piece))
			return -EBADMSG;
		if (tag >> 3 >= sizeof(fields) / sizeof(fields[0]))
			continue; /* of a later tkit */
		field = &fields[tag >> 3];
		if (field->type == NONE)
			continue;
		rc = put_field(field, (unsigned int)(tag & 7), number, piece, arena, pb);
		if (rc < 0)
			return rc;
	}
	return 0;
}
