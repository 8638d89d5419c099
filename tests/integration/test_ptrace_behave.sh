#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A program behaves the same whether the ptrace backend watches it or not; and what becomes of it
# when tkit ends first.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lib/lib.sh
. "$here/../lib/lib.sh"
need cc python3
need_backend ptrace

cc -D_GNU_SOURCE -O1 -w "$here"/ptrace_behave*.c -o "$work/behave" -lpthread
mkdir "$work/dir"
"$work/behave" "$work/dir" >"$work/plain" </dev/null

# traced OPTIONS: the same output and exit status, and nothing lost but what was killed in a call
behaves() {
	timeout 120 "$tkit" run -q --backend "ptrace$1" -o "$work/behave.tkit" -- \
		"$work/behave" "$work/dir" >"$work/traced" </dev/null || return 1
	diff "$work/plain" "$work/traced"
}

# trace OPTIONS CMD...: $work/t.jsonl
trace() {
	local options=$1
	shift
	timeout 60 "$tkit" run -q --strict --backend "ptrace$options" -o "$work/t.tkit" -- "$@" || return
	"$tkit" dump "$work/t.tkit" >"$work/t.jsonl"
}

has() { # OP ABS ERRNO
	python3 - "$work/t.jsonl" "$@" <<-'END'
		import json, sys
		for line in open(sys.argv[1]):
		    e = json.loads(line)
		    if e.get("op") == sys.argv[2] and e.get("abs") == sys.argv[3] and e.get("errno") == int(sys.argv[4]):
		        sys.exit(0)
		print("not in the trace:", *sys.argv[2:])
		sys.exit(1)
	END
}

status_is() { # WANTED CMD...
	local wanted=$1 got=0
	shift
	timeout 60 "$tkit" run -q --backend ptrace --sink null -- "$@" >/dev/null 2>&1 || got=$?
	[ "$got" = "$wanted" ] || {
		echo "status $got instead of $wanted"
		return 1
	}
}

untraced_is_seen() {
	trace "" "$work/behave" "$work/dir" untraced >/dev/null
	[ "$(grep -c '"type":"fork"' "$work/t.jsonl")" = 3 ] || return # the scenario, clone, clone3
	has access / 0
}

traceme() {
	trace "" "$work/behave" "$work/dir" traceme | grep -q 'traceme: Operation not permitted'
}

# waits until TEST succeeds
until_true() {
	local i
	for ((i = 0; i < 600; i++)); do
		"$@" >/dev/null 2>&1 && return 0
		sleep 0.1
	done
	echo "in vain: $*"
	return 1
}
gone() {
	! kill -0 "$1"
}
running() { # a process that is neither stopped nor traced nor dead
	[[ $(sed 's/.*) //' "/proc/$1/stat" | cut -c1) == [SR] ]] && grep -q '^TracerPid:.0$' "/proc/$1/status"
}

# tkit is killed: OPTIONS decide what becomes of the command
killed() { # OPTIONS gone|running
	local pid tracer
	rm -f "$work/pid"
	# shellcheck disable=SC2016 # the inner shell expands it
	"$tkit" run -q --backend "ptrace$1" -o "$work/k.tkit" -- \
		sh -c 'echo $$ >"$0"; while :; do test -e /; sleep 0.1; done' "$work/pid" </dev/null >/dev/null 2>&1 &
	tracer=$!
	until_true test -s "$work/pid"
	pid=$(cat "$work/pid")
	kill -9 "$tracer"
	wait "$tracer" 2>/dev/null || true
	until_true "$2" "$pid" || return 1
	[ "$2" = gone ] || kill -9 "$pid"
}

# a running process with threads and a child is attached to, seen, and let go
attach() {
	local pid tracer
	rm -f "$work/parent-up" "$work/child-up"
	python3 -c '
import os, sys, threading, time
def work(number):
    while True:
        os.access(f"/etc/passwd{number}", 0)
        time.sleep(0.02)
for i in range(3):
    threading.Thread(target=work, args=(i,), daemon=True).start()
if os.fork():
    open(sys.argv[1] + "/parent-up", "w").close()
    while True:
        time.sleep(0.02)
work_dir = os.chdir("/usr")
open(sys.argv[1] + "/child-up", "w").close()
while True:
    os.access("lib", 0)
    time.sleep(0.02)' "$work" </dev/null >/dev/null 2>&1 &
	pid=$!
	until_true test -e "$work/parent-up" -a -e "$work/child-up" || return 1
	"$tkit" run -q --backend ptrace --sink stdout,format=json --pid "$pid" >"$work/t.jsonl" </dev/null &
	tracer=$!
	# Each thread and the child is in a loop: who is never seen was not attached to.
	local i
	for i in 0 1 2; do
		until_true has access "/etc/passwd$i" 2 || break
	done
	until_true has access /usr/lib 0
	local seen=$?
	kill -TERM "$tracer"
	wait "$tracer" || true
	running "$pid" || seen=1
	kill -9 "$pid" "$(pgrep -P "$pid")"
	wait "$pid" 2>/dev/null || true
	[ $seen = 0 ] && has access /etc/passwd0 2 && has access /etc/passwd1 2 && has access /etc/passwd2 2
}

# --duration: without the filter the command goes on untraced, with it served until its end
duration() { # OPTIONS
	timeout 30 "$tkit" run -q --backend "ptrace$1" --duration 0.3 -o "$work/d.tkit" -- \
		sh -c 'sleep 1; test -e / || exit 9; ls / >/dev/null && exit 7'
	[ $? = 7 ]
}

# Two interrupts end tkit while the command lives: with the filter the command ends, too, and
# never sees a call fail; without, it goes on.
forced() { # OPTIONS gone|running
	rm -f "$work/up" "$work/broken"
	# shellcheck disable=SC2016 # the inner shell expands it
	"$tkit" run -q --backend "ptrace$1" -o "$work/f.tkit" -- sh -c 'trap "" INT; echo $$ >"$0/up"
		while :; do test -e / || { echo >&2 "broken"; : 2>"$0/broken"; }; done' "$work" 2>/dev/null &
	local tracer=$! command
	until_true test -s "$work/up" || return 1
	command=$(cat "$work/up")
	kill -INT "$tracer"
	sleep 0.5 # a repeat within 200 ms counts as the same interrupt
	kill -INT "$tracer"
	wait "$tracer"
	[ $? = 130 ] && [ ! -e "$work/broken" ] && "$tkit" dump "$work/f.tkit" >"$work/f.jsonl" || return 1
	if [ "$2" = gone ]; then
		until_true gone "$command"
	else
		running "$command" && kill -9 "$command"
	fi
}

check "behaves the same" behaves ""
check "behaves the same, without the filter" behaves ",seccomp=no"
check "exit status 0" status_is 0 true
check "exit status 3" status_is 3 sh -c 'exit 3'
check "exit status 255" status_is 255 sh -c 'exit 255'
check "death by SIGTERM" status_is 143 sh -c 'kill -TERM $$'
check "CLONE_UNTRACED does not escape" untraced_is_seen
check "a tracee cannot be traced by another" traceme
check "tkit killed: with the filter, so is the command" killed "" gone
check "tkit killed: without the filter, the command goes on" killed ",seccomp=no" running
check "tkit killed: exit-kill=yes" killed ",seccomp=no,exit-kill=yes" gone
check "attaching to threads and children" attach
check "--duration with the filter" duration ""
check "--duration without the filter" duration ",seccomp=no"
check "ended by force: with the filter, so is the command" forced "" gone
check "ended by force: without the filter, the command goes on" forced ",seccomp=no" running
# A sink that fails in mid-run: the trace ends, the command runs on at its speed, and tkit ends with it.
failed_sink() { # OPTIONS
	rm -f "$work/went-on"
	timeout -k 5 30 "$tkit" run --backend "ptrace$1" --sink stdout,format=json -- sh -c '
		i=0; while [ $i -lt 3000 ]; do [ -e /nosuch$i ]; i=$((i + 1)); done
		sleep 0.3; for i in 1 2 3; do /bin/true || exit; done; : >"$0"' "$work/went-on" \
		2>"$work/err" </dev/null | head -n 1 >/dev/null
	[ "${PIPESTATUS[0]}" = 125 ] && [ -e "$work/went-on" ] && grep -q 'Broken pipe' "$work/err"
}
# A signal to the whole process group reaches the command once, one to tkit once, too.
signals_once() { # group, tkit or self
	local pid status=0
	rm -f "$work/count" "$work/up"
	# shellcheck disable=SC2016 # the inner shell expands it
	setsid "$tkit" run -q --backend ptrace -o "$work/s.tkit" -- python3 -c '
import os, signal, sys, time
signal.signal(signal.SIGUSR1, lambda *a: os.write(fd, b"x"))
fd = os.open(sys.argv[1] + "/count", os.O_CREAT | os.O_WRONLY)
open(sys.argv[1] + "/up", "w").write(str(os.getpid()))
end = time.monotonic() + 2
while time.monotonic() < end:
    time.sleep(0.05)' "$work" </dev/null &
	pid=$!
	until_true test -s "$work/up" || return 1
	case $1 in
	group) kill -USR1 -- "-$(ps -o pgid= -p "$(cat "$work/up")" | tr -d ' ')" ;;
	tkit) kill -USR1 "$(ps -o ppid= -p "$(cat "$work/up")" | tr -d ' ')" ;;
	self) kill -USR1 "$(cat "$work/up")" ;;
	esac
	wait "$pid" || status=$?
	[ "$(cat "$work/count")" = x ] || {
		echo "delivered: '$(cat "$work/count")', status $status"
		return 1
	}
}
check "a signal to the group arrives once" signals_once group
check "a signal to tkit arrives once" signals_once tkit
check "a signal to the command arrives once" signals_once self

# The program's own use of ptrace is refused, and tkit says why.
refusal() {
	"$tkit" run --backend ptrace -o "$work/r.tkit" -- "$work/behave" "$work/dir" traceme 2>&1 >/dev/null |
		grep -q 'a process has one tracer'
}
check "a refused tracer is told of" refusal

# What a ring is asked to do is not seen: that counts as a loss, once; a ring nobody uses does not.
ring() { # unused|used|polled LOSSES [OPTIONS]
	local status=0 losses
	timeout 30 "$tkit" run -q --backend "ptrace${3:-}" -o "$work/u.tkit" -- "$work/ring" "$1" || status=$?
	[ "$status" != 77 ] || return 0 # the kernel has none
	losses=$("$tkit" dump "$work/u.tkit" | grep -c '"reason":"unseen"')
	[ "$status" = 0 ] && [ "$losses" = "$2" ] || {
		echo "status $status, $losses losses"
		return 1
	}
}
cc -D_GNU_SOURCE -O1 -w "$here/ptrace_ring.c" -o "$work/ring"
check "an io_uring that is not used" ring unused 0
check "an io_uring that is used twice" ring used 1
check "... without a filter" ring used 1 ,seccomp=no
check "an io_uring that the kernel polls" ring polled 1

# The tracing thread steps back behind its tracee (pin.c). Where others want the CPU it must not starve: without its
# guard each of the stops takes some hundred milliseconds, and the limit comes first.
crowded() {
	local others=() status=0
	for _ in $(seq $((2 * $(nproc)))); do
		(while :; do :; done) &
		others+=($!)
	done
	timeout 120 "$tkit" run -q --backend ptrace -o "$work/busy.tkit" -- python3 -c '
import os
for n in range(3000):
    os.close(os.open("/etc/passwd", os.O_RDONLY))' || status=$?
	kill "${others[@]}"
	wait "${others[@]}" 2>/dev/null
	[ "$status" = 0 ] && [ "$("$tkit" dump "$work/busy.tkit" | grep -c '"path":"/etc/passwd"')" -ge 3000 ] || {
		echo "status $status"
		return 1
	}
}
check "other programs want the CPU" crowded

check "a sink fails: tkit ends with the command" failed_sink ""
check "... without a filter" failed_sink ",seccomp=no"

done_testing
