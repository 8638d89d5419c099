// SPDX-License-Identifier: MIT
/*
 * Which processes belong to the target. fanotify only tells a pid, often when its owner is
 * gone already; the process events connector (CONFIG_PROC_EVENTS, needs CAP_NET_ADMIN and
 * the initial pid namespace) tells of each fork in time. Without it /proc is asked.
 */
#include "fanotify.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/cn_proc.h>
#include <linux/connector.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum state { UNKNOWN = 0, MEMBER, ENDED, STRANGER };

/*
 * By pid: a pid that ended stays a member until it is used again, because its last file
 * events may still be queued.
 */
struct family {
	int sock;
	pid_t root;
	const char *group; /* of a container; NULL: none */
	uint8_t *states;
	int (*seen)(void *arg, pid_t pid); /* or NULL */
	void *seen_arg;
	size_t room;    /* pids */
	pid_t *members; /* that were alive when they were looked at last */
	size_t member_count;
	size_t member_room;
};

static enum state state_of(const struct family *family, pid_t pid)
{
	return pid > 0 && (size_t)pid < family->room ? (enum state)family->states[pid] : UNKNOWN;
}

/* For family_each() alone: what does not fit in is a member all the same. */
static void add_member(struct family *family, pid_t pid)
{
	if (family->member_count == family->member_room) {
		size_t room = family->member_room ? family->member_room * 2 : 64;
		pid_t *members = reallocarray(family->members, room, sizeof(*members));

		if (!members)
			return;
		family->members = members;
		family->member_room = room;
	}
	family->members[family->member_count++] = pid;
}

int family_each(struct family *family, int (*fn)(void *arg, pid_t pid), void *arg)
{
	size_t kept = 0;
	int rc = 0;

	for (size_t i = 0; i < family->member_count; i++) {
		pid_t pid = family->members[i];

		if (state_of(family, pid) != MEMBER)
			continue;
		family->members[kept++] = pid;
		if (rc >= 0)
			rc = fn(arg, pid);
	}
	family->member_count = kept;
	return rc < 0 ? rc : 0;
}

static void set_state(struct family *family, pid_t pid, enum state state)
{
	enum state old = state_of(family, pid);

	if (pid <= 0 || (size_t)pid >= family->room)
		return;
	family->states[pid] = (uint8_t)state;
	if (state == MEMBER && old != MEMBER)
		add_member(family, pid);
}

void family_watch(struct family *family, int (*fn)(void *arg, pid_t pid), void *arg)
{
	family->seen = fn;
	family->seen_arg = arg;
}

void family_add(struct family *family, pid_t pid)
{
	set_state(family, pid, MEMBER);
}

void family_drop(struct family *family, pid_t pid)
{
	set_state(family, pid, STRANGER);
}

/* Parent of a process, 0 if it is gone. Field 4 of stat comes after a name in parentheses
 * that may hold anything, so it is looked for from the right. */
static pid_t parent_of(pid_t pid)
{
	char path[32], text[512], *p;
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	if (n <= 0)
		return 0;
	text[n] = '\0';
	p = strrchr(text, ')');
	return p && strlen(p) > 4 ? (pid_t)strtol(p + 4, NULL, 10) : 0;
}

static bool is_gone(int pidfd)
{
	return pidfd >= 0 && syscall(SYS_pidfd_send_signal, pidfd, 0, NULL, 0) < 0 &&
	       errno == ESRCH;
}

/*
 * Walks up to a process whose state is known; all on the way share its answer. What was read of
 * /proc is believed only if the process is still there: the pid may be another's by now.
 */
static enum state state_by_proc(struct family *family, pid_t pid, int pidfd)
{
	pid_t chain[64];
	size_t depth = 0;
	enum state answer = UNKNOWN;

	while (pid > 0 && depth < sizeof(chain) / sizeof(chain[0])) {
		enum state known = state_of(family, pid);

		if (known == MEMBER || known == STRANGER) {
			answer = known;
			break;
		}
		chain[depth++] = pid;
		pid = parent_of(pid);
		if (pid == 0 && depth == 1)
			return UNKNOWN; /* gone before it could be asked */
		/* Without the connector an orphan of the family looks like any child of init. */
		if (pid == 1 && family->sock < 0)
			return UNKNOWN;
	}
	if (answer == UNKNOWN || is_gone(pidfd))
		return UNKNOWN;
	for (size_t i = 0; i < depth; i++)
		set_state(family, chain[i], answer);
	return answer;
}

bool family_has(struct family *family, pid_t pid, int pidfd)
{
	enum state state = state_of(family, pid);

	if (state == UNKNOWN && family->group && pidfd != FAMILY_GONE &&
	    census_in_group(family->group, pid) > 0)
		state = MEMBER; /* not noted: without process events the number may be another's
				   soon */
	else if (state == UNKNOWN && !family->group && pidfd != FAMILY_GONE)
		state = state_by_proc(family, pid, pidfd);
	return family->group ? state == MEMBER || state == ENDED : state != STRANGER;
}

/* All processes of today are strangers or members; what comes later is told by forks. */
static int take_census(struct tkit_ctx *ctx, struct family *family, bool include_living)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;

	if (!proc)
		return tkit_fail(ctx, -errno, "opening /proc");
	if (!family->group)
		set_state(family, family->root, MEMBER);
	/* A child made with CLONE_PARENT has tkit as its parent; tkit itself starts none. */
	if (!include_living && !family->group)
		set_state(family, getpid(), MEMBER);
	while ((entry = readdir(proc))) {
		char *end;
		long pid = strtol(entry->d_name, &end, 10);
		pid_t up;

		if (*end || pid <= 0 || state_of(family, (pid_t)pid) == MEMBER)
			continue;
		up = include_living && !family->group ? (pid_t)pid : 0;
		for (int depth = 0; up > 0 && up != family->root && depth < 64; depth++)
			up = parent_of(up);
		set_state(family, (pid_t)pid, up && up == family->root ? MEMBER : STRANGER);
	}
	closedir(proc);
	if (family->group)
		census_group(family->group, family_add, family);
	return 0;
}

/* Asks for process events; -1 where they cannot be had. */
static int connect_events(struct tkit_ctx *ctx)
{
	struct sockaddr_nl addr = {.nl_family = AF_NETLINK, .nl_groups = CN_IDX_PROC};
	union {
		struct nlmsghdr head;
		char room[NLMSG_LENGTH(sizeof(struct cn_msg) + sizeof(enum proc_cn_mcast_op))];
	} ask;
	struct cn_msg *msg = NLMSG_DATA(&ask.head);
	const enum proc_cn_mcast_op op = PROC_CN_MCAST_LISTEN;
	int room = 8 << 20;
	int fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_CONNECTOR);

	if (fd < 0)
		return -1;
	memset(&ask, 0, sizeof(ask));
	ask.head.nlmsg_len = sizeof(ask);
	ask.head.nlmsg_type = NLMSG_DONE;
	msg->id.idx = CN_IDX_PROC;
	msg->id.val = CN_VAL_PROC;
	msg->len = sizeof(op);
	memcpy(msg->data, &op, sizeof(op));
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	if (bind(fd, (struct sockaddr *)&addr, sizeof(addr)) < 0 ||
	    send(fd, &ask, sizeof(ask), 0) < 0) {
		tkit_log(ctx, TKIT_LOG_INFO,
			 "no process events (%m); children are found through /proc");
		close(fd);
		return -1;
	}
	return fd;
}

int family_new(struct tkit_ctx *ctx, pid_t root, const char *group, bool include_living,
	       struct family **ret_family)
{
	struct family *family = calloc(1, sizeof(*family));
	unsigned int pid_max = 4194304;
	FILE *file;
	int rc;

	if (!family)
		return tkit_fail(ctx, -ENOMEM, "process table");
	file = fopen("/proc/sys/kernel/pid_max", "re");
	if (file) {
		if (fscanf(file, "%u", &pid_max) != 1 || // NOLINT(cert-err34-c): kernel's text
		    pid_max > 4194304)
			pid_max = 4194304;
		fclose(file);
	}
	family->room = (size_t)pid_max + 1;
	family->root = root;
	family->group = group;
	family->states = calloc(family->room, 1);
	family->sock = connect_events(ctx);
	rc = family->states ? take_census(ctx, family, include_living)
			    : tkit_fail(ctx, -ENOMEM, "process table");
	if (rc < 0) {
		family_free(family);
		return rc;
	}
	*ret_family = family;
	return 0;
}

void family_free(struct family *family)
{
	if (!family)
		return;
	if (family->sock >= 0)
		close(family->sock);
	free(family->states);
	free(family->members);
	free(family);
}

int family_fd(const struct family *family)
{
	return family->sock;
}

static int emit_process(struct tkit_ctx *ctx, enum tkit_event_type type, pid_t pid, pid_t ppid,
			int64_t status, uint64_t ts)
{
	struct tkit_event event;

	tkit_event_init(&event, type);
	event.valid = TKIT_V_TS | TKIT_V_PID | TKIT_V_TID;
	event.ts_ns = ts;
	event.pid = event.tid = pid;
	if (type == TKIT_EVENT_FORK) {
		event.valid |= TKIT_V_PPID;
		event.ppid = ppid;
	} else {
		event.valid |= TKIT_V_RET;
		event.ret = status;
	}
	return tkit_emit(ctx, &event);
}

static int take_event(struct tkit_ctx *ctx, struct family *family, const struct proc_event *event)
{
	pid_t pid, ppid;

	switch ((unsigned int)event->what) {
	case PROC_EVENT_FORK:
		pid = event->event_data.fork.child_tgid;
		ppid = event->event_data.fork.parent_tgid;
		if (event->event_data.fork.child_pid != pid)
			return 0; /* a thread */
		if (state_of(family, ppid) == MEMBER || state_of(family, ppid) == ENDED) {
			set_state(family, pid, MEMBER);
			return emit_process(ctx, TKIT_EVENT_FORK, pid, ppid, 0,
					    event->timestamp_ns) < 0
				       ? -ECANCELED
				       : 1;
		}
		set_state(family, pid, STRANGER);
		return 0;
	case PROC_EVENT_EXEC:
		pid = event->event_data.exec.process_tgid;
		if (state_of(family, pid) != MEMBER || !family->seen)
			return 0;
		return family->seen(family->seen_arg, pid);
	case PROC_EVENT_EXIT:
		pid = event->event_data.exit.process_tgid;
		if (event->event_data.exit.process_pid != pid || state_of(family, pid) != MEMBER)
			return 0;
		set_state(family, pid, ENDED);
		return emit_process(ctx, TKIT_EVENT_EXIT, pid, 0,
				    (int64_t)event->event_data.exit.exit_code,
				    event->timestamp_ns) < 0
			       ? -ECANCELED
			       : 1;
	default:
		return 0;
	}
}

int family_pump(struct tkit_ctx *ctx, struct family *family)
{
	_Alignas(struct nlmsghdr) char text[8192];
	int count = 0;

	while (family->sock >= 0) {
		struct sockaddr_nl from;
		socklen_t from_size = sizeof(from);
		ssize_t n = recvfrom(family->sock, text, sizeof(text), 0, (struct sockaddr *)&from,
				     &from_size);
		struct nlmsghdr *head = (struct nlmsghdr *)(void *)text;
		struct proc_event event;
		struct cn_msg *msg;
		int rc;

		if (n < 0 && errno == ENOBUFS) {
			rc = tkit_lose(ctx, TKIT_LOSS_QUEUE_OVERFLOW, 1, "process events");
			if (rc < 0)
				return rc;
			continue;
		}
		if (n < 0)
			return errno == EAGAIN || errno == EINTR
				       ? count
				       : tkit_fail(ctx, -errno, "reading process events");
		/* Only the kernel (port 0) is believed. */
		if (from.nl_pid != 0 || !NLMSG_OK(head, (size_t)n) ||
		    NLMSG_PAYLOAD(head, 0) < sizeof(*msg))
			continue;
		msg = NLMSG_DATA(head);
		if (msg->id.idx != CN_IDX_PROC ||
		    msg->len < offsetof(struct proc_event, event_data))
			continue;
		memset(&event, 0, sizeof(event));
		memcpy(&event, msg->data, msg->len < sizeof(event) ? msg->len : sizeof(event));
		rc = take_event(ctx, family, &event);
		if (rc < 0)
			return rc;
		count += rc;
	}
	return count;
}
