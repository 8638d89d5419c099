// SPDX-License-Identifier: MIT
/* Cut, flipped, spliced and hostile traces: what is read is right, what is missing is told. */
#include "trace_util.h"

#include <zstd.h>

#include "tkit.pb-c.h"
#include "trace/format.h"

enum { EVENTS = 24, PER_BLOCK = 8 };

/* A small trace of one run: header, three blocks, footer. */
static void make_trace(struct mem *mem, uint8_t id)
{
	struct tkit_ctx ctx = CTX_INIT("test");
	struct tkit_trace_writer_options options = {.size = sizeof(options),
						    .block_count = PER_BLOCK};
	struct tkit_run_info run = test_run(id);
	uint64_t losses[TKIT_LOSS_COUNT_] = {0};
	struct tkit_run_end end = test_end(losses);
	struct tkit_trace_writer *writer = NULL;
	char path[32];

	*mem = (struct mem)MEM_INIT;
	assert_int_equal(tkit_trace_writer_new(&ctx, &options, mem_put, mem, &writer), 0);
	assert_int_equal(tkit_trace_writer_begin(writer, &run), 0);
	for (uint32_t i = 0; i < EVENTS; i++) {
		struct tkit_event event;
		struct tkit_batch batch = test_batch(&event, 1, 0);

		tkit_event_init(&event, TKIT_EVENT_ACCESS);
		event.op = TKIT_OP_OPEN;
		event.valid = TKIT_V_TS | TKIT_V_PID | TKIT_V_PATH | TKIT_V_ERR;
		event.ts_ns = id * 1000u + i;
		event.pid = 1;
		snprintf(path, sizeof(path), "/lib/%u", i);
		event.path = bytes_str(path);
		assert_int_equal(tkit_trace_writer_write(writer, &batch), 0);
	}
	assert_int_equal(tkit_trace_writer_end(writer, &end), 0);
	tkit_trace_writer_free(writer);
	assert_int_equal(mem->frames, 5);
	ctx_done(&ctx);
}

static void done(struct mem *mem)
{
	buf_done(&mem->data);
}

static void read_buf(const struct buf *buf, struct seen *seen)
{
	read_mem(buf->data, buf->size, seen);
}

/* The events are those of the original, in order, as far as they go. */
static void assert_prefix(const struct seen *seen, uint8_t id)
{
	for (uint32_t i = 0; i < seen->events; i++)
		assert_int_equal(seen->ts[i], id * 1000u + i);
}

/* Cut at every byte: the whole blocks before the cut come out, and the cut is told. */
static void test_cut_anywhere(void **state)
{
	struct mem mem;

	make_trace(&mem, 1);
	for (size_t size = 0; size < mem.data.size; size++) {
		struct seen seen = {0};
		uint32_t whole = 0;

		for (size_t frame = 1; frame <= 3; frame++)
			whole += size >= mem.frame[frame + 1] ? PER_BLOCK : 0;
		read_mem(mem.data.data, size, &seen);
		if (size < mem.frame[1]) {
			assert_int_equal(seen.rc, -EBADMSG);
			continue;
		}
		assert_int_equal(seen.rc, 0);
		assert_int_equal(seen.events, whole);
		assert_prefix(&seen, 1);
		assert_int_equal(seen.runs, 1);
		assert_int_equal(seen.feet, 0);
		assert_int_equal(seen.damages, 1);
		assert_true(seen.damage_offset <= size);
	}
	done(&mem);
}

/* The same when the bytes drip in through a pipe that has nothing yet. */
static void test_drip(void **state)
{
	struct tkit_ctx ctx = CTX_INIT("test");
	struct tkit_trace_reader *reader = NULL;
	struct tkit_trace_item item;
	struct seen seen = {0};
	struct mem mem;
	int fds[2], rc;

	make_trace(&mem, 1);
	assert_int_equal(pipe2(fds, O_NONBLOCK | O_CLOEXEC), 0);
	assert_int_equal(tkit_trace_reader_new(&ctx, fds[0], "T", &reader), 0);
	for (size_t i = 0; i < mem.data.size; i++) {
		while ((rc = tkit_trace_reader_next(reader, &item)) == 1)
			seen_item(&seen, &item);
		assert_int_equal(rc, -EAGAIN);
		assert_int_equal(write(fds[1], mem.data.data + i, 1), 1);
		/* what is whole comes at once */
		if (i + 1 == mem.frame[2]) {
			while ((rc = tkit_trace_reader_next(reader, &item)) == 1)
				seen_item(&seen, &item);
			assert_int_equal(seen.events, PER_BLOCK);
		}
	}
	close(fds[1]);
	while ((rc = tkit_trace_reader_next(reader, &item)) == 1)
		seen_item(&seen, &item);
	assert_int_equal(rc, 0);
	assert_int_equal(tkit_trace_reader_next(reader, &item), 0);
	assert_int_equal(seen.events, EVENTS);
	assert_int_equal(seen.damages, 0);
	assert_int_equal(seen.feet, 1);
	tkit_trace_reader_free(reader);
	close(fds[0]);
	done(&mem);
	ctx_done(&ctx);
}

static void remember(void *arg, const struct tkit_event *event)
{
	uint32_t *bits = arg;

	assert_true(event->ts_ns >= 1000 && event->ts_ns < 1000 + EVENTS);
	assert_int_equal(event->type, TKIT_EVENT_ACCESS);
	assert_int_equal(event->op, TKIT_OP_OPEN);
	assert_int_equal(event->pid, 1);
	assert_int_equal(*bits & 1u << (event->ts_ns - 1000), 0);
	*bits |= 1u << (event->ts_ns - 1000);
}

/*
 * Every bit flipped, one at a time: nothing that comes out is wrong or twice, and if
 * anything is missing, that is told with the number of events.
 */
static void test_flip_anywhere(void **state)
{
	struct mem mem;

	make_trace(&mem, 1);
	for (size_t i = 0; i < mem.data.size * 8; i++) {
		uint32_t bits = 0;
		struct seen seen = {.on_event = remember, .arg = &bits};
		bool in_header = i / 8 < mem.frame[1];

		mem.data.data[i / 8] ^= (char)(1 << i % 8);
		read_buf(&mem.data, &seen);
		mem.data.data[i / 8] ^= (char)(1 << i % 8);
		if (i / 8 < 4) {
			assert_int_equal(seen.rc, -EBADMSG);
			continue;
		}
		assert_int_equal(seen.rc, 0);
		/* Bits that no decoder looks at do not matter; any other costs one frame. */
		if (seen.damages == 0) {
			assert_int_equal(seen.events, EVENTS);
			continue;
		}
		assert_true(seen.events >= EVENTS - PER_BLOCK);
		if (i / 8 < mem.frame[4] && !in_header)
			assert_int_equal(seen.events + seen.lost_events, EVENTS);
		assert_false(seen.feet && seen.complete);
		assert_true(seen.damages <= 2);
	}
	done(&mem);
}

static void test_noise_between(void **state)
{
	static const char noise[] = "\x28\xb5\x2f\xfd\x24garbage\x28\xb5\x2f\xfd\x00\x28\xb5\x2f";
	struct mem mem;

	make_trace(&mem, 1);
	for (size_t frame = 1; frame <= 5; frame++) {
		struct buf all = BUF_INIT;
		struct seen seen = {0};

		buf_add(&all, mem.data.data, mem.frame[frame]);
		buf_add(&all, noise, sizeof(noise) - 1);
		buf_add(&all, mem.data.data + mem.frame[frame], mem.data.size - mem.frame[frame]);
		read_buf(&all, &seen);
		assert_int_equal(seen.rc, 0);
		assert_int_equal(seen.events, EVENTS);
		assert_int_equal(seen.damages, 1);
		assert_int_equal(seen.damage_offset, mem.frame[frame]);
		assert_int_equal(seen.lost_bytes, sizeof(noise) - 1);
		assert_int_equal(seen.feet, 1);
		buf_done(&all);
	}
	done(&mem);
}

/* Whole frames taken out: only the numbers tell. */
static void test_missing_frames(void **state)
{
	struct mem mem;

	make_trace(&mem, 1);
	for (size_t frame = 0; frame < 5; frame++) {
		struct buf rest = BUF_INIT;
		struct seen seen = {0};

		buf_add(&rest, mem.data.data, mem.frame[frame]);
		buf_add(&rest, mem.data.data + mem.frame[frame + 1],
			mem.data.size - mem.frame[frame + 1]);
		read_buf(&rest, &seen);
		buf_done(&rest);
		if (frame == 0) { /* no header at the start: could be anything */
			assert_int_equal(seen.rc, -EBADMSG);
			continue;
		}
		assert_int_equal(seen.rc, 0);
		assert_int_equal(seen.damages, 1);
		assert_int_equal(seen.events, frame == 4 ? EVENTS : EVENTS - PER_BLOCK);
		assert_int_equal(seen.lost_events, frame == 4 ? 0 : PER_BLOCK);
		assert_false(seen.feet && seen.complete);
	}
	done(&mem);
}

/* A block that comes twice does not count twice. */
static void test_repeated_frame(void **state)
{
	struct buf all = BUF_INIT;
	struct seen seen = {0};
	struct mem mem;

	make_trace(&mem, 1);
	buf_add(&all, mem.data.data, mem.frame[3]);
	buf_add(&all, mem.data.data + mem.frame[2], mem.data.size - mem.frame[2]);
	read_buf(&all, &seen);
	assert_int_equal(seen.rc, 0);
	assert_int_equal(seen.events, EVENTS);
	assert_int_equal(seen.damages, 1);
	assert_prefix(&seen, 1);
	buf_done(&all);
	done(&mem);
}

static void test_concatenated(void **state)
{
	struct buf all = BUF_INIT;
	struct seen seen = {0};
	struct mem one, two;

	make_trace(&one, 1);
	make_trace(&two, 2);
	buf_add(&all, one.data.data, one.data.size);
	buf_add(&all, two.data.data, two.data.size);
	read_buf(&all, &seen);
	assert_int_equal(seen.rc, 0);
	assert_int_equal(seen.damages, 0);
	assert_int_equal(seen.runs, 2);
	assert_int_equal(seen.feet, 2);
	assert_int_equal(seen.events, 2 * EVENTS);
	for (uint32_t i = 0; i < seen.events; i++) {
		assert_int_equal(seen.run_of[i], i / EVENTS);
		assert_int_equal(seen.ts[i], (1 + i / EVENTS) * 1000u + i % EVENTS);
	}

	/* the same one twice: two runs of the same id, for the reader's user to tell apart */
	buf_clear(&all);
	buf_add(&all, one.data.data, one.data.size);
	buf_add(&all, one.data.data, one.data.size);
	seen = (struct seen){0};
	read_buf(&all, &seen);
	assert_int_equal(seen.runs, 2);
	assert_int_equal(seen.events, 2 * EVENTS);
	assert_int_equal(seen.damages, 0);
	buf_done(&all);
	done(&one);
	done(&two);
}

/* A cut trace with another one behind it: nothing of the second is given to the first. */
static void test_concatenated_cut(void **state)
{
	struct mem one, two;

	make_trace(&one, 1);
	make_trace(&two, 2);
	for (size_t cut = one.frame[1] + 1; cut < one.data.size; cut++) {
		for (size_t head = 0; head < 2; head++) { /* 1: its header is damaged too */
			struct buf all = BUF_INIT;
			struct seen seen = {0};

			buf_add(&all, one.data.data, cut);
			buf_add(&all, two.data.data, two.data.size);
			if (head)
				all.data[cut + two.frame[1] - 2] ^= 1;
			read_buf(&all, &seen);
			assert_int_equal(seen.rc, 0);
			assert_int_equal(seen.runs, 2 - head);
			assert_true(seen.events >= EVENTS);
			assert_true(seen.damages >= 1);
			for (uint32_t i = 0; i < seen.events; i++)
				assert_int_equal(seen.run_of[i], seen.ts[i] / 1000 - 1);
			buf_done(&all);
		}
	}
	done(&one);
	done(&two);
}

static void test_skippable_frames(void **state)
{
	struct buf all = BUF_INIT;
	struct seen seen = {0};
	struct mem mem;

	make_trace(&mem, 1);
	buf_add(&all, mem.data.data, mem.frame[2]);
	buf_add(&all, "\x5e\x2a\x4d\x18\x05\0\0\0hello", 13);
	buf_add(&all, mem.data.data + mem.frame[2], mem.data.size - mem.frame[2]);
	read_buf(&all, &seen);
	assert_int_equal(seen.damages, 0);
	assert_int_equal(seen.events, EVENTS);
	/* one that claims more than there is */
	buf_add(&all,
		"\x5e\x2a\x4d\x18\xff\xff\xff\xff"
		"hello",
		13);
	seen = (struct seen){0};
	read_buf(&all, &seen);
	assert_int_equal(seen.rc, 0);
	assert_int_equal(seen.events, EVENTS);
	assert_int_equal(seen.damages, 1);
	buf_done(&all);
	done(&mem);
}

static void assert_foreign(const void *data, size_t size, const char *why)
{
	struct seen seen = {0};

	read_mem(data, size, &seen);
	assert_int_equal(seen.rc, -EBADMSG);
	assert_non_null(strstr(seen.text, "T: not a tkit trace"));
	assert_non_null(strstr(seen.text, why));
	assert_null(strchr(seen.text, '\n'));
}

static size_t pack_frame(void *to, size_t room, const void *data, size_t size)
{
	ZSTD_CCtx *zstd = ZSTD_createCCtx();
	size_t n;

	ZSTD_CCtx_setParameter(zstd, ZSTD_c_checksumFlag, 1);
	n = ZSTD_compress2(zstd, to, room, data, size);
	ZSTD_freeCCtx(zstd);
	assert_false(ZSTD_isError(n));
	return n;
}

static void test_foreign(void **state)
{
	static const char elf[] = "\x7f"
				  "ELF\x02\x01\x01 and so on";
	char frame[4096];
	size_t n;

	assert_foreign("", 0, "it is empty");
	assert_foreign("\x28\xb5", 2, "does not start");
	assert_foreign("\x28\xb5\x2f\xfd", 4, "cut off");
	assert_foreign(elf, sizeof(elf), "does not start");
	n = pack_frame(frame, sizeof(frame), elf, sizeof(elf));
	assert_foreign(frame, n, "other zstd data");
	n = pack_frame(frame, sizeof(frame), "", 0);
	assert_foreign(frame, n, "");
	/* protobuf, but nothing of ours: field 200, a number */
	n = pack_frame(frame, sizeof(frame), "\x03\xc0\x0c\x01", 4);
	assert_foreign(frame, n, "other zstd data");
}

/* ---- records made by hand ---- */

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

static void bad_count(struct block_parts *p)
{
	p->pb.count = 3;
}
static void no_events(struct block_parts *p)
{
	p->pb.count = 0;
	p->pb.n_kind = p->pb.n_task = p->pb.n_name = p->pb.n_file = 0;
}
static void huge_count(struct block_parts *p)
{
	p->pb.count = UINT32_MAX;
	p->pb.n_kind = p->pb.n_task = p->pb.n_name = p->pb.n_file = 0;
}
static void no_strings(struct block_parts *p)
{
	p->pb.n_string_size = 0;
	p->pb.string_data.len = 0;
}
static void long_string(struct block_parts *p)
{
	p->string_size[2] = UINT32_MAX;
}
static void short_strings(struct block_parts *p)
{
	p->string_size[2] = 1;
}
static void first_string(struct block_parts *p)
{
	p->string_size[0] = 2;
	p->string_size[1] = 0;
}
static void bad_kind(struct block_parts *p)
{
	p->kind[1] = 1;
}
static void bad_task(struct block_parts *p)
{
	p->task[1] = 7;
}
static void bad_name(struct block_parts *p)
{
	p->name[1] = 3;
}
static void too_many_new_names(struct block_parts *p)
{
	p->pb.n_name_path = 1;
}
static void bad_file(struct block_parts *p)
{
	p->file[1] = 2;
}
static void no_file(struct block_parts *p)
{
	p->pb.n_file_resolved = 0;
}
static void bad_path(struct block_parts *p)
{
	p->path[1] = 3;
}
static void bad_resolved(struct block_parts *p)
{
	p->resolved[0] = 0x80000000u;
}
static void no_kinds(struct block_parts *p)
{
	p->pb.n_kind_type = 0;
	p->pb.n_kind_valid = 0;
}
static void no_tasks(struct block_parts *p)
{
	p->pb.n_task_pid = 0;
}
static void no_names(struct block_parts *p)
{
	p->pb.n_name_path = 0;
}
static void uneven_kinds(struct block_parts *p)
{
	p->pb.n_kind_valid = 2;
}
static void huge_type(struct block_parts *p)
{
	p->type[0] = 65536;
}
static void bad_backend(struct block_parts *p)
{
	p->pb.backend = 64;
}
static void too_many_rows(struct block_parts *p)
{
	p->pb.count = 1;
	p->pb.n_kind = p->pb.n_task = p->pb.n_name = p->pb.n_file = 1;
}
static void early(struct block_parts *p)
{
	p->pb.first = UINT64_MAX;
}

static void test_senseless_blocks(void **state)
{
	static void (*const break_it[])(struct block_parts *) = {
		bad_count,          no_events,     huge_count, no_strings,   long_string,
		short_strings,      first_string,  bad_kind,   bad_task,     bad_name,
		too_many_new_names, bad_file,      no_file,    bad_path,     bad_resolved,
		no_kinds,           no_tasks,      no_names,   uneven_kinds, huge_type,
		bad_backend,        too_many_rows, early};
	Tkit__Record record = TKIT__RECORD__INIT;
	struct block_parts parts;

	record.kind_case = TKIT__RECORD__KIND_BLOCK;
	record.block = &parts.pb;
	for (size_t i = 0; i <= sizeof(break_it) / sizeof(break_it[0]); i++) {
		bool good = i == sizeof(break_it) / sizeof(break_it[0]);
		struct buf all = BUF_INIT;
		struct seen seen = {0};
		Tkit__Footer footer = TKIT__FOOTER__INIT;
		Tkit__Record foot = TKIT__RECORD__INIT;

		add_header(&all, 1);
		good_block(&parts);
		if (!good)
			break_it[i](&parts);
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

/* What cannot be read at all is an error that names the file. */
static void test_unreadable(void **state)
{
	struct tkit_ctx ctx = CTX_INIT("test");
	struct tkit_trace_reader *reader;
	int fd = open("/", O_RDONLY | O_CLOEXEC);

	assert_int_equal(tkit_trace_reader_new(&ctx, fd, "DIR", &reader), -EISDIR);
	assert_non_null(strstr(err_text(&ctx.err), "DIR"));
	close(fd);
	ctx_done(&ctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cut_anywhere),     cmocka_unit_test(test_drip),
		cmocka_unit_test(test_flip_anywhere),    cmocka_unit_test(test_noise_between),
		cmocka_unit_test(test_missing_frames),   cmocka_unit_test(test_repeated_frame),
		cmocka_unit_test(test_concatenated),     cmocka_unit_test(test_concatenated_cut),
		cmocka_unit_test(test_skippable_frames), cmocka_unit_test(test_foreign),
		cmocka_unit_test(test_later_format),     cmocka_unit_test(test_senseless_blocks),
		cmocka_unit_test(test_unknown_fields),   cmocka_unit_test(test_bombs),
		cmocka_unit_test(test_record_lengths),   cmocka_unit_test(test_unreadable),
	};

	return cmocka_run_group_tests_name("trace damage", tests, NULL, NULL);
}
