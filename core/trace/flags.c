// SPDX-License-Identifier: MIT
#include "trace/flags.h"

#include <tkit/syscalls.h>

struct flag_name {
	uint64_t bits;
	const char *name;
};

/*
 * Values of the traced machine, which need not be this one, so they are written out here.
 * A name of several bits stands before the names of its parts.
 */
static const struct flag_name open_common[] = {
	{0100, "O_CREAT"},
	{0200, "O_EXCL"},
	{0400, "O_NOCTTY"},
	{01000, "O_TRUNC"},
	{02000, "O_APPEND"},
	{04000, "O_NONBLOCK"},
	{04010000, "O_SYNC"},
	{010000, "O_DSYNC"},
	{020000, "O_ASYNC"},
	{01000000, "O_NOATIME"},
	{02000000, "O_CLOEXEC"},
	{010000000, "O_PATH"},
	{0, NULL},
};
static const struct flag_name open_x86[] = {
	{020200000, "O_TMPFILE"}, {040000, "O_DIRECT"},    {0100000, "O_LARGEFILE"},
	{0200000, "O_DIRECTORY"}, {0400000, "O_NOFOLLOW"}, {0, NULL},
};
static const struct flag_name open_arm64[] = {
	{020040000, "O_TMPFILE"}, {0200000, "O_DIRECT"},   {0400000, "O_LARGEFILE"},
	{040000, "O_DIRECTORY"},  {0100000, "O_NOFOLLOW"}, {0, NULL},
};
static const struct flag_name at[] = {
	{0x100, "AT_SYMLINK_NOFOLLOW"}, {0x200, "AT_EACCESS"},     {0x400, "AT_SYMLINK_FOLLOW"},
	{0x800, "AT_NO_AUTOMOUNT"},     {0x1000, "AT_EMPTY_PATH"}, {0x2000, "AT_STATX_FORCE_SYNC"},
	{0x4000, "AT_STATX_DONT_SYNC"}, {0x8000, "AT_RECURSIVE"},  {0, NULL},
};
static const struct flag_name unlink_flags[] = {{0x200, "AT_REMOVEDIR"}, {0, NULL}};
static const struct flag_name mode[] = {{4, "R_OK"}, {2, "W_OK"}, {1, "X_OK"}, {0, NULL}};
static const struct flag_name rename_flags[] = {
	{1, "RENAME_NOREPLACE"}, {2, "RENAME_EXCHANGE"}, {4, "RENAME_WHITEOUT"}, {0, NULL}};
static const struct flag_name ms[] = {
	{1, "MS_RDONLY"},
	{2, "MS_NOSUID"},
	{4, "MS_NODEV"},
	{8, "MS_NOEXEC"},
	{16, "MS_SYNCHRONOUS"},
	{32, "MS_REMOUNT"},
	{64, "MS_MANDLOCK"},
	{128, "MS_DIRSYNC"},
	{256, "MS_NOSYMFOLLOW"},
	{1024, "MS_NOATIME"},
	{2048, "MS_NODIRATIME"},
	{4096, "MS_BIND"},
	{8192, "MS_MOVE"},
	{16384, "MS_REC"},
	{32768, "MS_SILENT"},
	{1 << 17, "MS_UNBINDABLE"},
	{1 << 18, "MS_PRIVATE"},
	{1 << 19, "MS_SLAVE"},
	{1 << 20, "MS_SHARED"},
	{1 << 21, "MS_RELATIME"},
	{1 << 24, "MS_STRICTATIME"},
	{1 << 25, "MS_LAZYTIME"},
	{0, NULL},
};
static const struct flag_name umount[] = {
	{1, "MNT_FORCE"}, {2, "MNT_DETACH"}, {4, "MNT_EXPIRE"}, {8, "UMOUNT_NOFOLLOW"}, {0, NULL}};
static const struct flag_name fspick[] = {{1, "FSPICK_CLOEXEC"},
					  {2, "FSPICK_SYMLINK_NOFOLLOW"},
					  {4, "FSPICK_NO_AUTOMOUNT"},
					  {8, "FSPICK_EMPTY_PATH"},
					  {0, NULL}};
static const struct flag_name in[] = {
	{0xfff, "IN_ALL_EVENTS"},
	{0x1, "IN_ACCESS"},
	{0x2, "IN_MODIFY"},
	{0x4, "IN_ATTRIB"},
	{0x8, "IN_CLOSE_WRITE"},
	{0x10, "IN_CLOSE_NOWRITE"},
	{0x20, "IN_OPEN"},
	{0x40, "IN_MOVED_FROM"},
	{0x80, "IN_MOVED_TO"},
	{0x100, "IN_CREATE"},
	{0x200, "IN_DELETE"},
	{0x400, "IN_DELETE_SELF"},
	{0x800, "IN_MOVE_SELF"},
	{0x01000000, "IN_ONLYDIR"},
	{0x02000000, "IN_DONT_FOLLOW"},
	{0x04000000, "IN_EXCL_UNLINK"},
	{0x10000000, "IN_MASK_CREATE"},
	{0x20000000, "IN_MASK_ADD"},
	{0x80000000, "IN_ONESHOT"},
	{0, NULL},
};
static const struct flag_name fan[] = {
	{0x1, "FAN_MARK_ADD"},
	{0x2, "FAN_MARK_REMOVE"},
	{0x4, "FAN_MARK_DONT_FOLLOW"},
	{0x8, "FAN_MARK_ONLYDIR"},
	{0x10, "FAN_MARK_MOUNT"},
	{0x20, "FAN_MARK_IGNORED_MASK"},
	{0x40, "FAN_MARK_IGNORED_SURV_MODIFY"},
	{0x80, "FAN_MARK_FLUSH"},
	{0x100, "FAN_MARK_FILESYSTEM"},
	{0x200, "FAN_MARK_EVICTABLE"},
	{0x400, "FAN_MARK_IGNORE"},
	{0, NULL},
};

struct joiner {
	struct out *out;
	bool any;
};

static void word(struct joiner *j, const char *name)
{
	if (j->any)
		out_char(j->out, '|');
	out_str(j->out, name);
	j->any = true;
}

/* Names what it can and returns the bits that are left. */
static uint64_t words(struct joiner *j, const struct flag_name *names, uint64_t flags)
{
	for (; names && names->name; names++) {
		if ((flags & names->bits) != names->bits)
			continue;
		word(j, names->name);
		flags &= ~names->bits;
	}
	return flags;
}

static const struct flag_name *names_of(int kind)
{
	switch (kind) {
	case TKIT_SYS_FLAGS_AT:
		return at;
	case FLAGS_UNLINK:
		return unlink_flags;
	case TKIT_SYS_FLAGS_MODE:
		return mode;
	case TKIT_SYS_FLAGS_RENAME:
		return rename_flags;
	case TKIT_SYS_FLAGS_MS:
		return ms;
	case TKIT_SYS_FLAGS_UMOUNT:
		return umount;
	case TKIT_SYS_FLAGS_FSPICK:
		return fspick;
	case TKIT_SYS_FLAGS_IN:
		return in;
	case TKIT_SYS_FLAGS_FAN:
		return fan;
	default:
		return NULL;
	}
}

int flags_kind(const struct tkit_event *event)
{
	if ((event->valid & TKIT_V_SYSNO) && event->via != TKIT_VIA_IO_URING) {
		const struct tkit_syscall *sys = tkit_syscall_by_nr(event->arch, event->sysno);

		if (sys && sys->op == TKIT_OP_UNLINK && sys->flags_as == TKIT_SYS_FLAGS_AT)
			return FLAGS_UNLINK;
		if (sys)
			return sys->flags_as;
	}
	switch (event->op) {
	case TKIT_OP_OPEN:
	case TKIT_OP_HELD:
		return TKIT_SYS_FLAGS_OPEN;
	case TKIT_OP_UNLINK:
		return FLAGS_UNLINK;
	case TKIT_OP_STAT:
	case TKIT_OP_LINK_FROM:
	case TKIT_OP_LINK_TO:
		return TKIT_SYS_FLAGS_AT;
	case TKIT_OP_MKDIR:
	case TKIT_OP_CHMOD:
		return TKIT_SYS_FLAGS_CMODE;
	case TKIT_OP_RENAME_FROM:
	case TKIT_OP_RENAME_TO:
		return TKIT_SYS_FLAGS_RENAME;
	default:
		return TKIT_SYS_FLAGS_NONE;
	}
}

static uint64_t open_words(struct joiner *j, int arch, uint64_t flags)
{
	static const char *const modes[] = {"O_RDONLY", "O_WRONLY", "O_RDWR", "O_ACCMODE"};

	word(j, modes[flags & 3]);
	flags = words(j, arch == TKIT_ARCH_AARCH64 ? open_arm64 : open_x86, flags & ~3ull);
	return words(j, open_common, flags);
}

void flags_put(struct out *out, int kind, int arch, uint64_t flags)
{
	struct joiner j = {.out = out};

	if (kind == TKIT_SYS_FLAGS_CMODE) {
		out_octal(out, flags);
		return;
	}
	if (kind == TKIT_SYS_FLAGS_OPEN || kind == TKIT_SYS_FLAGS_HOW) {
		flags = open_words(&j, arch, flags);
	} else if (kind == TKIT_SYS_FLAGS_MODE && flags == 0) {
		word(&j, "F_OK");
	} else {
		flags = words(&j, names_of(kind), flags);
	}
	if (flags || !j.any) {
		if (j.any)
			out_char(out, '|');
		if (flags)
			out_hex(out, flags);
		else
			out_char(out, '0');
	}
}
