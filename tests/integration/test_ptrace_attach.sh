#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Attaching to running processes: every thread and child is followed, nothing is counted as lost
# that cannot be seen, and all go on untraced afterwards.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lib/lib.sh
. "$here/../lib/lib.sh"
need cc python3
need_backend ptrace

cc -D_GNU_SOURCE -O1 -w "$here/ptrace_attach.c" -o "$work/target" -lpthread

attach() { # THREADS CHILDREN SECONDS-TRACED
	local pid status
	: >"$work/ready"
	"$work/target" "$1" "$2" 120 >"$work/ready" </dev/null &
	pid=$!
	for ((i = 0; i < 300; i++)); do
		grep -q ready "$work/ready" && break
		sleep 0.1
	done
	status=0
	timeout 90 "$tkit" run -q --strict --backend ptrace --duration "$3" -o "$work/a.tkit" --pid "$pid" || status=$?
	local tracer
	tracer=$(cat "/proc/$pid"/task/*/status 2>/dev/null | grep TracerPid: | sort -u)
	kill -9 "$pid"
	wait "$pid" 2>/dev/null || true
	[ "$status" = 0 ] || {
		"$tkit" dump "$work/a.tkit" | grep '"loss"'
		echo "status $status"
		return 1
	}
	[ "$tracer" = "$(printf 'TracerPid:\t0')" ] || {
		echo "not let go: $tracer"
		return 1
	}
	"$tkit" dump "$work/a.tkit" | python3 -c '
import json, sys
events = list(map(json.loads, sys.stdin))
names = {e.get("abs") for e in events}
runs = {e.get("resolved") for e in events if e["type"] == "exec"}
threads, children = map(int, sys.argv[1:3])
want = {f"/nosuch/thread{i}" for i in range(threads)} | {f"/nosuch/grandchild{i}" if i % 2 else f"/nosuch/child{i}" for i in range(children)}
want |= {f"/nosuch/thread{100000 + i}" for i in range(children)} | {"/nosuch/brief", "/nosuch/run"}
missing = sorted(want - names) + sorted({sys.argv[3]} - runs)
print("missing:", missing[:5], len(missing)) if missing else None
sys.exit(bool(missing))' "$1" "$2" "$work/target"
}

check "some threads, a dead first thread, a dead child" attach 5 3 1.5
check "... again" attach 5 3 1.5
check "... and again" attach 5 3 1.5
check "1000 threads, 20 children" attach 1000 20 6
done_testing
