// SPDX-License-Identifier: MIT
/* The table of core/event/syscalls.def, by architecture and number. */
#include <tkit/syscalls.h>

#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* <linux/mount.h> clashes with <sys/mount.h> in glibc 2.36; values of the kernel's UAPI. */
#define SYS_FSPICK_SYMLINK_NOFOLLOW 0x2
#define SYS_UMOUNT_NOFOLLOW         0x8
#define SYS_IN_DONT_FOLLOW          0x02000000
#define SYS_FAN_MARK_DONT_FOLLOW    0x4

#define NR_LIMIT 512

struct table {
	struct tkit_syscall rows[128];
	size_t count;
	int16_t by_nr[NR_LIMIT]; /* row + 1, 0 = none */
};

static struct table tables[4];
static pthread_once_t once = PTHREAD_ONCE_INIT;

struct row {
	const char *name;
	int nr[3];
	struct tkit_syscall sys;
};

static const struct row rows[] = {
#define B(bit) TKIT_SYS_##bit
#define S(sysname, x64, x86, arm64, opname, p, d, f, fk, b, o2, p2, d2) \
	{                                                               \
		.name = #sysname,                                       \
		.nr = {x64, x86, arm64},                                \
		.sys = {.name = #sysname,                               \
			.op = TKIT_OP_##opname,                         \
			.path = p,                                      \
			.dirfd = d,                                     \
			.flags = f,                                     \
			.flags_as = TKIT_SYS_FLAGS_##fk,                \
			.bits = b,                                      \
			.op2 = TKIT_OP_##o2,                            \
			.path2 = p2,                                    \
			.dirfd2 = d2},                                  \
	},
#include "event/syscalls.def"
#undef S
#undef B
};

static int by_nr(const void *a, const void *b)
{
	return ((const struct tkit_syscall *)a)->nr - ((const struct tkit_syscall *)b)->nr;
}

static void fill(void)
{
	for (int arch = TKIT_ARCH_X86_64; arch <= TKIT_ARCH_AARCH64; arch++) {
		struct table *t = &tables[arch];

		for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
			int nr = rows[i].nr[arch - 1];

			if (nr < 0)
				continue;
			t->rows[t->count] = rows[i].sys;
			t->rows[t->count++].nr = (int16_t)nr;
		}
		qsort(t->rows, t->count, sizeof(t->rows[0]), by_nr);
		for (size_t i = 0; i < t->count; i++)
			t->by_nr[t->rows[i].nr] = (int16_t)(i + 1);
	}
}

static const struct table *table_of(int arch)
{
	if (arch < TKIT_ARCH_X86_64 || arch > TKIT_ARCH_AARCH64)
		return NULL;
	pthread_once(&once, fill);
	return &tables[arch];
}

const struct tkit_syscall *tkit_syscalls(int arch, size_t *ret_count)
{
	const struct table *t = table_of(arch);

	*ret_count = t ? t->count : 0;
	return t ? t->rows : NULL;
}

const struct tkit_syscall *tkit_syscall_by_nr(int arch, int nr)
{
	const struct table *t = table_of(arch);

	if (!t || nr < 0 || nr >= NR_LIMIT || !t->by_nr[nr])
		return NULL;
	return &t->rows[t->by_nr[nr] - 1];
}

const struct tkit_syscall *tkit_syscall_by_name(int arch, const char *name)
{
	const struct table *t = table_of(arch);

	for (size_t i = 0; t && i < t->count; i++)
		if (strcmp(t->rows[i].name, name) == 0)
			return &t->rows[i];
	return NULL;
}

int tkit_native_arch(void)
{
#if defined(__x86_64__)
	return TKIT_ARCH_X86_64;
#elif defined(__aarch64__)
	return TKIT_ARCH_AARCH64;
#else
	return TKIT_ARCH_NONE;
#endif
}

int tkit_syscall_nofollow(const struct tkit_syscall *sys, uint64_t flags)
{
	if (sys->bits & TKIT_SYS_NOFOLLOW)
		return 1;
	if (sys->bits & TKIT_SYS_NOFOLLOW_DEFAULT)
		return !(flags & AT_SYMLINK_FOLLOW);
	switch (sys->flags_as) {
	case TKIT_SYS_FLAGS_OPEN:
	case TKIT_SYS_FLAGS_HOW:
		/* open(2): O_CREAT|O_EXCL does not follow either */
		return (flags & O_NOFOLLOW) != 0 ||
		       (flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL);
	case TKIT_SYS_FLAGS_AT:
		return (flags & AT_SYMLINK_NOFOLLOW) != 0;
	case TKIT_SYS_FLAGS_FSPICK:
		return (flags & SYS_FSPICK_SYMLINK_NOFOLLOW) != 0;
	case TKIT_SYS_FLAGS_UMOUNT:
		return (flags & SYS_UMOUNT_NOFOLLOW) != 0;
	case TKIT_SYS_FLAGS_IN:
		return (flags & SYS_IN_DONT_FOLLOW) != 0;
	case TKIT_SYS_FLAGS_FAN:
		return (flags & SYS_FAN_MARK_DONT_FOLLOW) != 0;
	default:
		return 0;
	}
}

int tkit_syscall_names_fd(const struct tkit_syscall *sys, uint64_t flags, int is_null)
{
	bool at_empty = sys->flags_as == TKIT_SYS_FLAGS_AT && (flags & AT_EMPTY_PATH);

	if (sys->bits & TKIT_SYS_FD)
		return 1;
	if (is_null)
		return (sys->bits & TKIT_SYS_NULL_FD) ||
		       ((sys->bits & TKIT_SYS_NULL_EMPTY) && at_empty);
	if (sys->bits & TKIT_SYS_EMPTY_ALWAYS)
		return 1;
	return (sys->bits & TKIT_SYS_EMPTY) && at_empty;
}
