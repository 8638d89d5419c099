// SPDX-License-Identifier: MIT
/* Traces that are whole but made to hurt, and those that a later tkit may write. */
#include "trace_sample.h"

#include "tkit.pb-c.h"
#include "trace/format.h"

static void add_record(struct buf *to, const Tkit__Record *record)
{
	size_t size = tkit__record__get_packed_size(record);
	uint8_t *packed = malloc(size + FORMAT_VARINT_MAX);
	size_t n = format_put_varint(packed, size);
	char *p;

	n += tkit__record__pack(record, packed + n);
	p = buf_reserve(to, ZSTD_compressBound(n));
	assert_non_null(p);
	to->size += pack_frame(p, ZSTD_compressBound(n), packed, n);
	free(packed);
}

static void add_header(struct buf *to, uint32_t format)
{
	Tkit__Record record = TKIT__RECORD__INIT;
	Tkit__Header header = TKIT__HEADER__INIT;

	header.format = format;
	record.kind_case = TKIT__RECORD__KIND_HEADER;
	record.header = &header;
	add_record(to, &record);
}

static void test_later_format(void **state)
{
	struct buf all = BUF_INIT;
	struct seen seen = {0};

	add_header(&all, 2);
	read_buf(&all, &seen);
	assert_int_equal(seen.rc, -ENOTSUP);
	assert_non_null(strstr(seen.text, "format 2"));
	buf_done(&all);
}

/* A block that is well-formed but senseless, each in one way. */
struct block_parts {
	Tkit__Block pb;
	uint32_t string_size[3];
	uint32_t type[2], kind[2], task[2], name[2], file[2];
	int32_t pid[2];
	uint32_t path[2], resolved[2], valid[2];
};

static void good_block(struct block_parts *p)
{
	*p = (struct block_parts){.pb = TKIT__BLOCK__INIT};
	p->pb.count = 2;
	p->pb.string_data.data = (uint8_t *)(uintptr_t) "/a/b";
	p->pb.string_data.len = 4;
	p->string_size[1] = p->string_size[2] = 2;
	p->pb.string_size = p->string_size;
	p->pb.n_string_size = 3;
	p->type[0] = p->type[1] = TKIT_EVENT_ACCESS;
	p->pb.kind_type = p->type;
	p->pb.n_kind_type = 1;
	p->valid[0] = p->valid[1] = TKIT_V_PATH | TKIT_V_RESOLVED;
	p->pb.kind_valid = p->valid;
	p->pb.n_kind_valid = 1;
	p->pb.task_pid = p->pid;
	p->pb.n_task_pid = 1;
	p->path[0] = 1;
	p->path[1] = 2;
	p->pb.name_path = p->path;
	p->pb.n_name_path = 2;
	p->resolved[0] = 2;
	p->pb.file_resolved = p->resolved;
	p->pb.n_file_resolved = 1;
	p->pb.kind = p->kind;
	p->pb.n_kind = 2;
	p->pb.task = p->task;
	p->pb.n_task = 2;
	p->pb.name = p->name;
	p->pb.n_name = 2;
	p->file[1] = 1;
	p->pb.file = p->file;
	p->pb.n_file = 2;
}

/* Ways to break it. */
enum {
	BAD_COUNT,
	NO_EVENTS,
	HUGE_COUNT,
	NO_STRINGS,
	LONG_STRING,
	SHORT_STRINGS,
	FIRST_STRING,
	BAD_KIND,
	BAD_TASK,
	BAD_NAME,
	TOO_MANY_NEW_NAMES,
	BAD_FILE,
	NO_FILE,
	BAD_PATH,
	BAD_RESOLVED,
	NO_KINDS,
	NO_TASKS,
	NO_NAMES,
	UNEVEN_KINDS,
	HUGE_TYPE,
	BAD_BACKEND,
	TOO_MANY_ROWS,
	EARLY,
	WAYS
};

static void break_block(struct block_parts *p, int how)
{
	switch (how) {
	case BAD_COUNT:
		p->pb.count = 3;
		break;
	case NO_EVENTS:
		p->pb.count = 0;
		p->pb.n_kind = p->pb.n_task = p->pb.n_name = p->pb.n_file = 0;
		break;
	case HUGE_COUNT:
		p->pb.count = UINT32_MAX;
		p->pb.n_kind = p->pb.n_task = p->pb.n_name = p->pb.n_file = 0;
		break;
	case NO_STRINGS:
		p->pb.n_string_size = 0;
		p->pb.string_data.len = 0;
		break;
	case LONG_STRING:
		p->string_size[2] = UINT32_MAX;
		break;
	case SHORT_STRINGS:
		p->string_size[2] = 1;
		break;
	case FIRST_STRING:
		p->string_size[0] = 2;
		p->string_size[1] = 0;
		break;
	case BAD_KIND:
		p->kind[1] = 1;
		break;
	case BAD_TASK:
		p->task[1] = 7;
		break;
	case BAD_NAME:
		p->name[1] = 3;
		break;
	case TOO_MANY_NEW_NAMES:
		p->pb.n_name_path = 1;
		break;
	case BAD_FILE:
		p->file[1] = 2;
		break;
	case NO_FILE:
		p->pb.n_file_resolved = 0;
		break;
	case BAD_PATH:
		p->path[1] = 3;
		break;
	case BAD_RESOLVED:
		p->resolved[0] = 0x80000000u;
		break;
	case NO_KINDS:
		p->pb.n_kind_type = 0;
		p->pb.n_kind_valid = 0;
		break;
	case NO_TASKS:
		p->pb.n_task_pid = 0;
		break;
	case NO_NAMES:
		p->pb.n_name_path = 0;
		break;
	case UNEVEN_KINDS:
		p->pb.n_kind_valid = 2;
		break;
	case HUGE_TYPE:
		p->type[0] = 65536;
		break;
	case BAD_BACKEND:
		p->pb.backend = 64;
		break;
	case TOO_MANY_ROWS:
		p->pb.count = 1;
		p->pb.n_kind = p->pb.n_task = p->pb.n_name = p->pb.n_file = 1;
		break;
	case EARLY:
		p->pb.first = UINT64_MAX;
		break;
	default:
		break;
	}
}

static void test_senseless_blocks(void **state)
{
	Tkit__Record record = TKIT__RECORD__INIT;
	struct block_parts parts;

	record.kind_case = TKIT__RECORD__KIND_BLOCK;
	record.block = &parts.pb;
	for (int how = 0; how <= WAYS; how++) {
		bool good = how == WAYS;
		struct buf all = BUF_INIT;
		struct seen seen = {0};
		Tkit__Footer footer = TKIT__FOOTER__INIT;
		Tkit__Record foot = TKIT__RECORD__INIT;

		add_header(&all, 1);
		good_block(&parts);
		break_block(&parts, how);
		add_record(&all, &record);
		footer.stored = 2;
		footer.complete = 1;
		foot.kind_case = TKIT__RECORD__KIND_FOOTER;
		foot.footer = &footer;
		add_record(&all, &foot);
		read_buf(&all, &seen);
		assert_int_equal(seen.rc, 0);
		assert_int_equal(seen.runs, 1);
		assert_int_equal(seen.feet, 1);
		assert_int_equal(seen.complete, good);
		assert_int_equal(seen.damages, !good);
		assert_int_equal(seen.events, good ? 2 : 0);
		assert_int_equal(seen.lost_events, good ? 0 : 2);
		buf_done(&all);
	}
}

/* Fields and kinds of record that a later tkit may write are passed over. */
static void test_unknown_fields(void **state)
{
	static const uint8_t field[] = {0xc2, 0x3e, 3, 'n', 'e', 'w'}; /* 1000: bytes */
	uint8_t packed[4096], frame[8192];
	struct buf all = BUF_INIT;
	struct seen seen = {0};
	struct mem mem;
	size_t n;

	make_trace(&mem, 1);
	buf_add(&all, mem.data.data, mem.frame[1]);
	/* a record of an unknown kind */
	packed[0] = sizeof(field);
	memcpy(packed + 1, field, sizeof(field));
	n = pack_frame(frame, sizeof(frame), packed, sizeof(field) + 1);
	buf_add(&all, frame, n);
	/* each block again, with the field inside the block */
	for (size_t i = 1; i <= 3; i++) {
		uint8_t plain[4096];
		uint64_t record_size = 0, block_size = 0;
		size_t head, inner;

		n = ZSTD_decompress(plain, sizeof(plain), mem.data.data + mem.frame[i],
				    mem.frame[i + 1] - mem.frame[i]);
		assert_false(ZSTD_isError(n));
		head = (size_t)format_get_varint(plain, n, &record_size);
		inner = (size_t)format_get_varint(plain + head + 1, n, &block_size);
		n = format_put_varint(packed + 32, block_size + sizeof(field));
		packed[31] = plain[head];
		memcpy(packed + 32 + n, plain + head + 1 + inner, block_size);
		memcpy(packed + 32 + n + block_size, field, sizeof(field));
		record_size = 1 + n + block_size + sizeof(field);
		n = format_put_varint(packed, record_size);
		memmove(packed + n, packed + 31, record_size);
		n = pack_frame(frame, sizeof(frame), packed, n + record_size);
		buf_add(&all, frame, n);
	}
	buf_add(&all, mem.data.data + mem.frame[4], mem.data.size - mem.frame[4]);
	read_buf(&all, &seen);
	assert_int_equal(seen.rc, 0);
	assert_int_equal(seen.events, EVENTS);
	assert_int_equal(seen.damages, 0);
	buf_done(&all);
	done(&mem);
}

/* Frames that claim or hold too much cost no more memory than they are worth. */
static void test_bombs(void **state)
{
	/* single segment, checksum, 8-byte content size of 2^60 */
	static const uint8_t claim[] = {0x28, 0xb5, 0x2f, 0xfd, 0xe4, 0, 0, 0,
					0,    0,    0,    0,    0x10, 1, 0, 0};
	struct buf all = BUF_INIT;
	struct seen seen = {0};
	struct mem mem;
	size_t huge = (64u << 20) + 1;
	void *zeros = calloc(1, huge);

	make_trace(&mem, 1);
	buf_add(&all, mem.data.data, mem.frame[2]);
	buf_add(&all, claim, sizeof(claim));
	buf_reserve(&all, 1 << 20);
	all.size += pack_frame(all.data + all.size, 1 << 20, zeros, huge);
	buf_add(&all, mem.data.data + mem.frame[2], mem.data.size - mem.frame[2]);
	read_buf(&all, &seen);
	assert_int_equal(seen.rc, 0);
	assert_int_equal(seen.events, EVENTS);
	assert_int_equal(seen.damages, 1);

	/* the largest frame that is allowed, of nothing but empty records */
	buf_clear(&all);
	buf_add(&all, mem.data.data, mem.frame[2]);
	buf_reserve(&all, 1 << 20);
	all.size += pack_frame(all.data + all.size, 1 << 20, zeros, 1 << 20);
	buf_add(&all, mem.data.data + mem.frame[2], mem.data.size - mem.frame[2]);
	seen = (struct seen){0};
	read_buf(&all, &seen);
	assert_int_equal(seen.rc, 0);
	assert_int_equal(seen.events, EVENTS);
	free(zeros);
	buf_done(&all);
	done(&mem);
}

/* The length of a record lies about what follows. */
static void test_record_lengths(void **state)
{
	static const struct {
		const char *data;
		size_t size;
	} bad[] = {{"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 12},
		   {"\x7f\x00", 2},
		   {"\x80", 1},
		   {"\x02\x12\x7f", 3}, /* a block longer than its record */
		   {"\x01\x12", 2}};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct buf all = BUF_INIT;
		struct seen seen = {0};
		char frame[256];
		struct mem mem;

		make_trace(&mem, 1);
		buf_add(&all, mem.data.data, mem.frame[2]);
		buf_add(&all, frame, pack_frame(frame, sizeof(frame), bad[i].data, bad[i].size));
		buf_add(&all, mem.data.data + mem.frame[2], mem.data.size - mem.frame[2]);
		read_buf(&all, &seen);
		assert_int_equal(seen.rc, 0);
		assert_int_equal(seen.events, EVENTS);
		assert_int_equal(seen.damages, 1);
		assert_int_equal(seen.damage_offset, mem.frame[2]);
		buf_done(&all);
		done(&mem);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_later_format),   cmocka_unit_test(test_senseless_blocks),
		cmocka_unit_test(test_unknown_fields), cmocka_unit_test(test_bombs),
		cmocka_unit_test(test_record_lengths),
	};

	return cmocka_run_group_tests_name("hostile traces", tests, NULL, NULL);
}
