// SPDX-License-Identifier: MIT
/*
 * A main() for the fuzz targets where libFuzzer is not: each seed as it is, and RUNS mutations
 * of the seeds, the same ones every time. It finds what is easily broken, no more.
 *
 * usage: TARGET RUNS PREFIX SEED...   (PREFIX: digits that are tried as the first byte, or "")
 */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define INPUT_MAX (256u << 10)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
/* A target may have it: how much came of the inputs, to show that they arrive. */
long fuzz_accepted(void) __attribute__((weak));

struct input {
	size_t size;
	uint8_t data[INPUT_MAX];
};

static struct input seed, work;
static const char *volatile current_seed;
static volatile long current_run;

/* The input is made again with the same arguments, so its number is enough. */
static void died(int number)
{
	char text[256];
	int n = snprintf(text, sizeof(text), "signal %d with %s, run %ld\n", number, current_seed,
			 current_run);

	if (write(2, text, (size_t)n) != n)
		_exit(99);
	signal(number, SIG_DFL);
	raise(number);
}

static uint64_t next_random(void)
{
	static uint64_t x = 0x9e3779b97f4a7c15;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return x;
}

static size_t below(size_t limit)
{
	return limit ? (size_t)(next_random() % limit) : 0;
}

/* Removes `old` bytes at `where` and puts `size` there. */
static void splice_in(size_t where, size_t old, const uint8_t *data, size_t size)
{
	if (work.size - old + size > INPUT_MAX)
		return;
	memmove(work.data + where + size, work.data + where + old, work.size - where - old);
	if (size)
		memcpy(work.data + where, data, size);
	work.size += size - old;
}

static void mutate(void)
{
	static const char *const words[] = {
		"\n",  "\"", "\\", "\\x", "<",       ">",
		"(",   "{",  "}",  "]",   "-1",      "99999999999999999999",
		"\0",  "/",  "..", ": ",  "&a [*a]", "\xff\xff\xff\xff",
		" = ", "?",  "..."};
	size_t where = below(work.size + 1), rest = work.size - where;
	const char *word = words[below(sizeof(words) / sizeof(words[0]))];
	uint8_t piece[64];
	size_t n;

	switch (below(7)) {
	case 0:
		if (rest)
			work.data[where] ^= (uint8_t)(1u << below(8));
		break;
	case 1:
		if (rest)
			work.data[where] = (uint8_t)next_random();
		break;
	case 2: /* remove */
		splice_in(where, below(rest < 64 ? rest + 1 : 64), NULL, 0);
		break;
	case 3: /* cut off */
		work.size = where;
		break;
	case 4: /* a piece of the seed from somewhere else */
		n = below(sizeof(piece)) + 1;
		if (n <= seed.size) {
			memcpy(piece, seed.data + below(seed.size - n + 1), n);
			splice_in(where, 0, piece, n);
		}
		break;
	case 5:
		splice_in(where, 0, (const uint8_t *)word, strlen(word) ? strlen(word) : 1);
		break;
	default: /* instead of what is there */
		n = strlen(word) ? strlen(word) : 1;
		splice_in(where, n <= rest ? n : rest, (const uint8_t *)word, n);
	}
}

/* A copy without a byte of room, so that a sanitizer sees who reads behind it. */
static void give(const char *prefix)
{
	size_t first = *prefix ? 1 : 0;
	uint8_t *data = malloc(work.size + first + !work.size);

	if (!data)
		abort();
	if (first)
		data[0] = (uint8_t)*prefix;
	memcpy(data + first, work.data, work.size);
	LLVMFuzzerTestOneInput(data, work.size + first);
	free(data);
}

static void run_input(const char *prefix)
{
	give("");
	for (; *prefix; prefix++)
		give(prefix);
}

static void read_seed(const char *path)
{
	FILE *file = fopen(path, "re");

	if (!file) {
		perror(path);
		exit(1);
	}
	seed.size = fread(seed.data, 1, INPUT_MAX / 2, file);
	fclose(file);
	if (seed.size == 0) {
		fprintf(stderr, "%s: empty\n", path);
		exit(1);
	}
}

int main(int argc, char **argv)
{
	long runs = argc > 3 ? atol(argv[1]) : 0, done = 0;

	if (runs < 1) {
		fprintf(stderr, "usage: %s RUNS PREFIX SEED...\n", argv[0]);
		return 2;
	}
	signal(SIGABRT, died);
	signal(SIGSEGV, died);
	for (int i = 3; i < argc; i++) {
		current_seed = argv[i];
		read_seed(argv[i]);
		for (current_run = 0; current_run < runs; current_run++, done++) {
			memcpy(&work, &seed, sizeof(work));
			for (size_t k = current_run ? 1 + below(4) : 0; k > 0; k--)
				mutate();
			run_input(argv[2]);
		}
	}
	printf("%ld inputs of %d seeds\n", done, argc - 3);
	if (fuzz_accepted) {
		printf("%ld accepted\n", fuzz_accepted());
		return fuzz_accepted() ? 0 : 1;
	}
	return 0;
}
