// SPDX-License-Identifier: MIT
#include "model/evidence.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>

#define EXCHANGE (1u << 1) /* RENAME_EXCHANGE: both names exist, before and after */

static bool is_xattr(int op)
{
	return op == TKIT_OP_GETXATTR || op == TKIT_OP_LISTXATTR || op == TKIT_OP_SETXATTR ||
	       op == TKIT_OP_REMOVEXATTR;
}

static bool has_flag(const struct tkit_event *event, uint64_t bits)
{
	return (event->valid & TKIT_V_FLAGS) && (event->flags & bits) == bits;
}

/* Many failures say that the name is there: EINVAL from readlink, EEXIST from mkdir. */
static enum evidence of_failure(const struct tkit_event *event)
{
	int op = event->op;

	switch (event->err) {
	case ENOENT:
		/* Either of two names may be meant. */
		if (op == TKIT_OP_RENAME_TO || op == TKIT_OP_LINK_TO)
			return EVIDENCE_NONE;
		return EVIDENCE_ABSENT;
	case ENOTDIR:
		/* A component is no directory; for these it may be the last one, which exists. */
		if (op == TKIT_OP_CHDIR || op == TKIT_OP_CHROOT || op == TKIT_OP_RMDIR ||
		    op == TKIT_OP_RENAME_FROM || op == TKIT_OP_RENAME_TO ||
		    op == TKIT_OP_LINK_FROM || op == TKIT_OP_LINK_TO || op == TKIT_OP_LIST ||
		    op == TKIT_OP_MOUNT || op == TKIT_OP_PIVOT_ROOT || op == TKIT_OP_PIVOT_OLD ||
		    has_flag(event, O_DIRECTORY) ||
		    (op == TKIT_OP_OPEN && !(event->valid & TKIT_V_FLAGS)))
			return EVIDENCE_NONE;
		return EVIDENCE_ABSENT;
	case EEXIST:
	case ENOTEMPTY:
	case EISDIR:
	case ETXTBSY:
	case ENOEXEC:
	case ENXIO:
	case ENODEV:
		return EVIDENCE_EXISTS;
	case EINVAL:
		return op == TKIT_OP_READLINK ? EVIDENCE_EXISTS : EVIDENCE_NONE;
	case ENODATA:
	case ERANGE:
	case EOPNOTSUPP:
		return is_xattr(op) ? EVIDENCE_EXISTS : EVIDENCE_NONE;
	case ELOOP:
		return event->pflags & TKIT_P_NOFOLLOW ? EVIDENCE_EXISTS : EVIDENCE_NONE;
	case ECONNREFUSED:
		return op == TKIT_OP_CONNECT || op == TKIT_OP_SENDTO ? EVIDENCE_EXISTS
								     : EVIDENCE_NONE;
	case EADDRINUSE:
		return op == TKIT_OP_BIND ? EVIDENCE_EXISTS : EVIDENCE_NONE;
	case EXDEV:
		return op == TKIT_OP_LINK_FROM || op == TKIT_OP_RENAME_FROM ? EVIDENCE_EXISTS
									    : EVIDENCE_NONE;
	case EROFS:
	case EPERM:
		return tkit_op_class(op) == TKIT_CLASS_MODIFY ? EVIDENCE_EXISTS : EVIDENCE_NONE;
	default:
		return EVIDENCE_NONE;
	}
}

static enum evidence of_open(const struct tkit_event *event)
{
	/* The unnamed file of O_TMPFILE is made in the directory that the path names. */
	if (has_flag(event, __O_TMPFILE))
		return EVIDENCE_EXISTS;
	if (event->valid & TKIT_V_CREATED)
		return event->pflags & TKIT_P_CREATED ? EVIDENCE_CREATES : EVIDENCE_EXISTS;
	if (!(event->valid & TKIT_V_FLAGS) || (event->flags & O_CREAT))
		return EVIDENCE_AFTER;
	return EVIDENCE_EXISTS;
}

enum evidence evidence_of(const struct tkit_event *event)
{
	if (!(event->valid & TKIT_V_ERR))
		return EVIDENCE_NONE;
	if (event->err)
		return of_failure(event);
	if ((event->pflags & (TKIT_P_FD | TKIT_P_DELETED)) == (TKIT_P_FD | TKIT_P_DELETED))
		return EVIDENCE_NONE;
	if (event->op == TKIT_OP_HELD && event->pflags & TKIT_P_DELETED)
		return EVIDENCE_NONE;
	switch (event->op) {
	case TKIT_OP_OPEN:
		return of_open(event);
	case TKIT_OP_RENAME_FROM:
		return has_flag(event, EXCHANGE) ? EVIDENCE_EXISTS : EVIDENCE_REMOVES;
	case TKIT_OP_RENAME_TO:
		return has_flag(event, EXCHANGE) ? EVIDENCE_EXISTS : EVIDENCE_CREATES;
	case TKIT_OP_UNLINK:
	case TKIT_OP_RMDIR:
		return EVIDENCE_REMOVES;
	case TKIT_OP_READ:
	case TKIT_OP_HELD:
		/* The open was not seen: it may have been one that made the file. */
		return event->via == TKIT_VIA_SNAPSHOT ? EVIDENCE_EXISTS : EVIDENCE_AFTER;
	default:
		return tkit_op_class(event->op) == TKIT_CLASS_CREATE ? EVIDENCE_CREATES
								     : EVIDENCE_EXISTS;
	}
}
