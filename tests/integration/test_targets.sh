#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Targets that run already, by every backend: the snapshot of what they hold, letting go of them,
# and what is no process to attach to.
# shellcheck disable=SC2016 # the inner shells expand
set -euo pipefail
# shellcheck source=tests/lib/lib.sh
. "$(dirname "$0")/../lib/lib.sh"
need jq python3 unshare setsid
need_root

held() { # TRACE: "path flags" lines
	"$tkit" dump "$1" | jq -r 'select(.op == "held") |
		"\(.resolved)\(if .deleted then " D" else "" end)\(if .outside_root then " O" else "" end)"'
}
holds() { # TRACE LINE
	held "$1" | grep -cxF -- "$2" >/dev/null || {
		echo "not held: $2"
		return 1
	}
}
holds_not() { # TRACE LINE
	! held "$1" | grep -xF -- "$2"
}
saw() { # TRACE OP PATH
	"$tkit" dump "$1" | jq -r 'select(.type == "access") | "\(.op) \(.abs // .resolved)"' |
		grep -cxF -- "$2 $3" >/dev/null || {
		echo "not in the trace: $2 $3"
		return 1
	}
}
# TRACE: "reason" lines. A file system that somebody mounts meanwhile is rightly one of fanotify's; here other
# tests do so, with their containers.
losses() {
	"$tkit" dump "$1" | jq -r 'select(.type == "loss") | "\(.reason) \(.path // .detail)"' |
		grep -v "^untraced what was opened on /.*/docker/.* before it was marked$" || :
}
untouched() { # PID: neither stopped nor traced nor filtered
	local status
	status=$(grep -E '^(State|TracerPid|Seccomp):' "/proc/$1/status" | tr -d '[:space:]')
	[[ $status =~ ^State:[SR].*TracerPid:0Seccomp:0$ ]] || {
		echo "$status"
		return 1
	}
}

# Holds an open, a mapped, a deleted and an oddly named file, and has a child that holds one.
# Opens "later" when "go" appears.
cat >"$work/holder.py" <<'EOF'
import mmap, os, sys, time
os.chdir(sys.argv[1])
keep = [open(n, "w+b") for n in ("open", "gone", "odd (deleted)")]
os.unlink("gone")
m = open("mapped", "w+b")
m.truncate(4096)
view = mmap.mmap(m.fileno(), 4096)
m.close()
if os.fork() == 0:
    child = open("of-a-child", "w")
    while True:
        time.sleep(0.05)
open("ready", "w").close()
while True:
    time.sleep(0.02)
    if os.path.exists("go"):
        open("later", "a").close()
        if os.fork() == 0:
            open("of-a-new-child", "a").close()
            os._exit(0)
        os.wait()
EOF
start_holder() { # DIR [COMMAND...]: sets $holder
	local dir=$1
	shift
	mkdir -p "$dir"
	"${@:-env}" python3 "$work/holder.py" "$dir" </dev/null >/dev/null 2>&1 &
	holder=$!
	at_exit stop_holder "$holder"
	for ((i = 0; i < 200; i++)); do
		[ ! -e "$dir/ready" ] || return 0
		sleep 0.05
	done
	die "the process to attach to does not start"
}
stop_holder() {
	local pids
	pids=$(ps -o pid= --ppid "$1" || :)
	# shellcheck disable=SC2086 # numbers
	kill -9 "$1" $pids 2>/dev/null || :
}
await_armed() {
	for ((i = 0; i < 600; i++)); do
		[ ! -s "$work/armed" ] || return 0
		sleep 0.05
	done
	die "tkit is not armed in 30 s"
}
exe=$(readlink -f "$(python3 -c 'import sys; print(sys.executable)')")

start_holder "$work/h"
for backend in ebpf ptrace fanotify; do
	if [ -n "$(backend_problem "$backend")" ]; then
		echo "note: no $backend here"
		continue
	fi
	rm -f "$work/h/go" "$work/h/later" "$work/h/of-a-new-child"
	rm -f "$work/armed"
	"$tkit" run -q --backend "$backend" -o "$work/$backend" --ready-fd 3 --pid "$holder" --duration 2s 3>"$work/armed" &
	run=$!
	await_armed
	touch "$work/h/go"
	wait "$run" && status=0 || status=$?
	t=$work/$backend
	check "$backend: status" test "$status" = 0
	check "$backend: an open file" holds "$t" "$work/h/open"
	check "$backend: a mapped file" holds "$t" "$work/h/mapped"
	check "$backend: a deleted file" holds "$t" "$work/h/gone D"
	check "$backend: a name that looks deleted" holds "$t" "$work/h/odd (deleted)"
	check "$backend: the program" holds "$t" "$exe"
	check "$backend: the working directory" holds "$t" "$work/h"
	check "$backend: what a child holds" holds "$t" "$work/h/of-a-child"
	check "$backend: what is opened later" saw "$t" open "$work/h/later"
	check "$backend: by a new child, too" saw "$t" open "$work/h/of-a-new-child"
	check "$backend: the snapshot is no backend's" test "$("$tkit" dump "$t" |
		jq -r 'select(.op == "held") | .backend' | sort -u)" = snapshot
	check "$backend: complete" test -z "$(losses "$t")"
	check "$backend: let go" untouched "$holder"
	rm -f "$work/armed"
	"$tkit" run -q --backend "$backend" -o "$t.none" --ready-fd 3 --pid "$holder" --no-snapshot 3>"$work/armed" &
	run=$!
	await_armed
	kill -INT "$run"
	wait "$run" && status=0 || status=$?
	check "$backend: SIGINT ends it" test "$status" = 0
	check "$backend: let go after SIGINT" untouched "$holder"
	check "$backend: --no-snapshot" test -z "$(held "$t.none")"
	check "$backend: merged, the same report" cmp <("$tkit" merge -o - "$t" | "$tkit" report --reporter deps -) \
		<("$tkit" report --reporter deps "$t")
done
stop_holder "$holder"

backend=ebpf
[ -z "$(backend_problem ebpf)" ] || backend=ptrace
run() { # OUT ARG...
	local out=$1
	shift
	"$tkit" run -q --backend "$backend" -o "$out" --duration 500ms "$@"
}

# --- other namespaces and roots
start_holder "$work/ns" unshare -pfm --mount-proc --kill-child
inner=$(ps -o pid= --ppid "$holder" | tr -d ' ')
run "$work/ns.t" --pid "$inner"
check "another pid and mount namespace" holds "$work/ns.t" "$work/ns/open"
run "$work/ns.p" --pid "$holder"
check "... of a child" holds "$work/ns.p" "$work/ns/open"
kill -9 "$inner"
mkdir -p "$work/jail/bin" "$work/jail/etc"
gcc -static -O1 -x c -o "$work/jail/bin/hold" - <<'EOF'
#include <fcntl.h>
#include <unistd.h>
int main(void)
{
	open("/etc/held", O_RDONLY);
	creat("/ready", 0644);
	for (;;)
		pause();
}
EOF
: >"$work/jail/etc/held"
jail() { # NAME COMMAND...: runs it, sets $jailed once /ready is there
	rm -f "$work/jail/ready"
	"$@" &
	jailed=$!
	at_exit kill -9 "$jailed"
	for ((i = 0; i < 100; i++)); do
		[ ! -e "$work/jail/ready" ] || return 0
		sleep 0.05
	done
}
jail chroot "$work/jail" /bin/hold
run "$work/jail.t" --pid "$jailed"
check "another root: names are relative to it" holds "$work/jail.t" /etc/held
check "another root: the program" holds "$work/jail.t" /bin/hold
kill -9 "$jailed"
jail unshare -m sh -c 'mount --bind "$1" "$1" && cd "$1" && mkdir -p old && pivot_root . old && exec /bin/hold' sh "$work/jail"
run "$work/pivot.t" --pid "$jailed"
check "pivot_root: names are relative to it" holds "$work/pivot.t" /etc/held
check "pivot_root: the program" holds "$work/pivot.t" /bin/hold
kill -9 "$jailed"

# --- the whole host
start_holder "$work/a"
if [ "$backend" = ebpf ]; then
	"$tkit" run -q --backend ebpf -o "$work/all" --all --duration 1s &
	own=$!
	wait "$own"
	check "--all: what somebody holds" holds "$work/all" "$work/a/open"
	check "--all: tkit is left out" test "$("$tkit" dump "$work/all" | jq -s "[.[] | select(.pid == $own)] | length")" = 0
	check "--all: only rights keep it from being complete" test -z "$(losses "$work/all" | grep -vE "Permission denied|ended before" || :)"
	while read -r base; do
		mkdir -p "$base/tkit-held.$$/below" 2>/dev/null || continue
		at_exit rmdir "$base/tkit-held.$$"
		at_exit rmdir "$base/tkit-held.$$/below"
		echo "$holder" >"$base/tkit-held.$$/below/cgroup.procs"
		run "$work/cg" --cgroup "$base/tkit-held.$$"
		check "--cgroup $base: what a process below holds" holds "$work/cg" "$work/a/open"
		check "--cgroup $base: nobody else" holds_not "$work/cg" "$work/h/of-a-child"
		echo "$holder" >"$base/cgroup.procs"
	done < <(awk '$3 == "cgroup" || $3 == "cgroup2" {print $2}' /proc/mounts | grep -E 'unified|pids|systemd|^/sys/fs/cgroup$')
fi

# --- no process to attach to: one line that says why
refused() { # PID TEXT
	local out status
	out=$("$tkit" run --backend "$backend" --sink null --duration 200ms --pid "$1" 2>&1) && status=0 || status=$?
	if [ "$status" != 125 ] || [ "$(wc -l <<<"$out")" != 1 ] || ! grep -qF -- "$2" <<<"$out"; then
		echo "$status: $out"
		return 1
	fi
}
python3 -c 'import os, sys, time
pid = os.fork()
if pid == 0: os._exit(0)
print(pid, flush=True)
time.sleep(60)' >"$work/zombie" &
at_exit kill $!
python3 -c 'import threading, time
t = threading.Thread(target=time.sleep, args=(60,), daemon=True)
t.start()
print(t.native_id, flush=True)
time.sleep(60)' >"$work/thread" &
threaded=$!
at_exit kill "$threaded"
sleep 0.1 &
dead=$!
wait "$dead"
for ((i = 0; i < 100; i++)); do
	[ ! -s "$work/zombie" ] || [ ! -s "$work/thread" ] || break
	sleep 0.05
done
check "a zombie" refused "$(cat "$work/zombie")" "zombie"
check "a thread" refused "$(cat "$work/thread")" "is a thread, not a process; its process is $threaded"
check "a process that is gone" refused "$dead" "there is no process $dead"
if grep -qxF kthreadd /proc/2/comm 2>/dev/null; then
	check "a kernel thread" refused 2 "a thread of the kernel's own"
fi
check "tkit itself" test "$(sh -c 'exec "$1" run --sink null --pid $$ 2>&1' sh "$tkit" | grep -c 'is tkit itself')" = 1

# --- descriptors, and a directory that is gone
for backend in ebpf ptrace; do
	[ -z "$(backend_problem "$backend")" ] || continue
	check "$backend: few descriptors, and the command keeps its limit" test "$(ulimit -Sn 30
		"$tkit" run -q --backend "$backend" --sink null -- sh -c 'ulimit -Sn')" = 30
done
mkdir "$work/gone"
gone=$(cd "$work/gone" && rmdir "$work/gone" && "$tkit" run --backend ptrace -- true 2>&1) || :
check "a deleted working directory is named as the cause" grep -q "working directory has been deleted" <<<"$gone"
mkdir "$work/gone"
check "and with an absolute path it works" sh -c 'cd "$1" && rmdir "$1" && "$2" run --strict --backend ptrace -o "$1.tkit" -- true' \
	sh "$work/gone" "$tkit"
done_testing
