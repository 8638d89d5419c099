// SPDX-License-Identifier: MIT
/* Names and classes of the event model's numbers. */
#include <string.h>

#include <tkit/event.h>

#include "util/bytes.h"

void tkit_event_init(struct tkit_event *event, enum tkit_event_type type)
{
	size_t size = sizeof(*event);

	/* Of a constant size compilers make a "rep stos", which is slower than the C library. */
	__asm__("" : "+r"(size));
	memset(event, 0, size);
	event->size = sizeof(*event);
	event->type = (uint16_t)type;
}

const char *tkit_event_type_name(int type)
{
	static const char *const names[] = {"none", "access", "exec", "fork", "exit", "loss"};

	return type >= 0 && type <= TKIT_EVENT_LOSS ? names[type] : NULL;
}

static const struct {
	const char *name;
	enum tkit_class cls;
} ops[TKIT_OP_COUNT_] = {
#define OP_ROW(sym, value, op_name, op_class) [value] = {op_name, TKIT_CLASS_##op_class},
	TKIT_OPS(OP_ROW)
#undef OP_ROW
};

const char *tkit_op_name(int op)
{
	return op >= 0 && op < TKIT_OP_COUNT_ ? ops[op].name : NULL;
}

int tkit_op_by_name(const char *name)
{
	for (int op = 0; op < TKIT_OP_COUNT_; op++)
		if (strcmp(ops[op].name, name) == 0)
			return op;
	return -1;
}

enum tkit_class tkit_op_class(int op)
{
	return op >= 0 && op < TKIT_OP_COUNT_ ? ops[op].cls : TKIT_CLASS_NONE;
}

const char *tkit_class_name(int cls)
{
	static const char *const names[TKIT_CLASS_COUNT_] = {
		"none",   "content", "exec",   "metadata", "list",  "directory",
		"create", "remove",  "modify", "mount",    "socket"};

	return cls >= 0 && cls < TKIT_CLASS_COUNT_ ? names[cls] : NULL;
}

const char *tkit_via_name(int via)
{
	static const char *const names[] = {"syscall", "syscall",  "io_uring", "compat32",
					    "kernel",  "snapshot", "notify"};

	return via >= 0 && via <= TKIT_VIA_NOTIFY ? names[via] : NULL;
}

static const struct {
	const char *name;
	const char *help;
} losses[TKIT_LOSS_COUNT_] = {
#define LOSS_ROW(sym, value, loss_name, loss_help) [value] = {loss_name, loss_help},
	TKIT_LOSSES(LOSS_ROW)
#undef LOSS_ROW
};

const char *tkit_loss_name(int reason)
{
	return reason >= 0 && reason < TKIT_LOSS_COUNT_ ? losses[reason].name : NULL;
}

const char *tkit_loss_help(int reason)
{
	return reason >= 0 && reason < TKIT_LOSS_COUNT_ ? losses[reason].help : NULL;
}

const char *tkit_errno_name(int err)
{
	return err == 0 ? NULL : strerrorname_np(err);
}
