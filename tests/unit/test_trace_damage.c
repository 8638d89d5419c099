// SPDX-License-Identifier: MIT
/* Cut, flipped and spliced traces: what is read is right, what is missing is told. */
#include "trace_sample.h"

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
		cmocka_unit_test(test_unreadable),
	};

	return cmocka_run_group_tests_name("trace damage", tests, NULL, NULL);
}
