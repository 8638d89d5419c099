#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Losses are counted exactly: emitted + lost = produced, for a generator that knows how many. For each
# backend that can lose, for the bus behind a slow sink; and every report says it in its first line.
set -euo pipefail
# shellcheck source=tests/lib/lib.sh
. "$(dirname "$0")/../lib/lib.sh"
need jq taskset
storm=$build/tests/conformance/bin/helper-storm
none=$work/none # no such directory: the opens fail

# facts TRACE DIR: sets $events (all but losses), $lost, $seen (opens below DIR),
# $latest (the trace)
facts() {
	"$tkit" dump "$1" >"$work/t.jsonl"
	# One line for all three: the events are many.
	read -r events lost seen < <(jq -rn --arg dir "$2/" 'reduce inputs as $e ([0, 0, 0];
		if $e.type == "loss" then .[1] += $e.count
		elif $e.type == "run" or $e.type == "end" then .
		else .[0] += ($e.count // 1) |
			if $e.op == "open" and ($e.abs // "" | startswith($dir)) then .[2] += ($e.count // 1) else . end
		end) | map(tostring) | join(" ")' "$work/t.jsonl")
	mv "$1" "$1.before" # the next run must make its own
	latest=$1.before
}

# trace BACKEND PROCESSES OPENS DIR [WRAPPER...]
trace() {
	local backend=$1 processes=$2 opens=$3 dir=$4
	shift 4
	"$@" "$tkit" run -q --backend "$backend" -o "$work/t.tkit" -- "$storm" "$processes" "$opens" "$dir"
	facts "$work/t.tkit" "$dir"
}

# The sum of the losses with this reason, of the last facts.
lost_for() { # REASON
	jq -n --arg reason "$1" '[inputs | select(.type == "loss" and .reason == $reason) | .count] | add // 0' \
		"$work/t.jsonl"
}

refused() { # CMD...: fails with one line and leaves nothing behind
	local status=0
	"$@" >"$work/refused.out" 2>"$work/refused.err" || status=$?
	[ $status -ne 0 ] && grep -q 'allow-incomplete' "$work/refused.err"
}

# A trace whose losses are known: is it told wherever one looks?
reports() { # NAME TRACE LOST
	local name=$1 trace=$2 lost=$3
	mkdir -p "$work/root"
	"$tkit" report "$trace" >"$work/report.txt" 2>/dev/null || :
	check "$name: the report's first line says INCOMPLETE and how much" \
		grep -q "^INCOMPLETE: .* $lost)" <(head -1 "$work/report.txt")
	check "$name: the report in JSON says so" [ "$("$tkit" report --reporter deps,format=json "$trace" 2>/dev/null |
		jq .complete)" = false ]
	check "$name: no image is made of it" refused "$tkit" report --reporter dockerfile --root "$work/root" \
		-o "$work/image" "$trace"
	check "$name: nothing is left of the image" [ ! -e "$work/image" ]
	"$tkit" report --reporter dockerfile --root "$work/root" --allow-incomplete -o "$work/image" "$trace" \
		>/dev/null 2>"$work/allowed.err" || :
	check "$name: --allow-incomplete says it all the same" grep -q 'incomplete' "$work/allowed.err"
	rm -rf "$work/image"
}

test_ebpf() {
	trace ebpf,ring-size=16M 8 5000 "$none"
	check "ebpf: no loss with the default ring" [ "$lost" = 0 ]
	check "ebpf: all 40000 opens are there" [ "$seen" = 40000 ]
	check "ebpf: a whole trace says so first" grep -q '^Complete' <(
		"$tkit" report "$latest" 2>/dev/null | head -1)
	local other=$((events - seen)) status=0 ring
	for ring in 4K 64K 1M; do
		trace "ebpf,ring-size=$ring" 8 5000 "$none"
		echo "ring $ring: $events events, $lost lost"
		check "ebpf, ring $ring: events + lost = produced" [ $((events + lost)) = $((40000 + other)) ]
	done
	trace ebpf,ring-size=4K 8 5000 "$none" taskset -c 0
	echo "ring 4K on one CPU: $events events, $lost lost"
	check "ebpf, one CPU: events + lost = produced" [ $((events + lost)) = $((40000 + other)) ]
	check "ebpf, one CPU: a loss is told" [ "$lost" -gt 0 ]
	reports ebpf "$latest" "$lost"
	"$tkit" run -q --strict --backend ebpf,ring-size=4K -o "$work/s.tkit" -- "$storm" 8 5000 "$none" || status=$?
	check "ebpf: --strict ends with 124 after a loss" [ "$status" = 124 ]

	# A sink that is slower than the ring is large: what waits is lost in the kernel, and counted.
	"$tkit" run -q --backend ebpf,ring-size=64K --sink "file,file=$work/t.tkit" --sink null,delay=20ms -- \
		"$storm" 8 5000 "$none"
	facts "$work/t.tkit" "$none"
	echo "ring 64K and a slow sink: $events events, $lost lost"
	check "ebpf, slow sink: events + lost = produced" [ $((events + lost)) = $((40000 + other)) ]

	# More processes at one time than there is room for: each is counted.
	# shellcheck disable=SC2016 # the inner shell expands
	"$tkit" run -q --backend ebpf,processes=64 -o "$work/t.tkit" -- \
		/bin/sh -c 'i=0; while [ $i -lt 100 ]; do sleep 1 & i=$((i+1)); done; wait'
	facts "$work/t.tkit" "$none"
	echo "processes=64: $(lost_for map-full) could not be followed"
	check "ebpf: processes beyond the limit are counted" [ "$(lost_for map-full)" -ge 36 ]
}

# ptrace stops who is traced, so that there is nothing to lose.
test_ptrace() {
	"$tkit" run -q --strict --backend ptrace --sink "file,file=$work/t.tkit" --sink null,delay=5ms -- \
		"$storm" 8 500 "$none"
	facts "$work/t.tkit" "$none"
	check "ptrace, slow sink: all 4000 opens, nothing lost" [ "$seen $lost" = "4000 0" ]
}

# The kernel does not count what fanotify's queue had no room for: only that something went.
test_fanotify() {
	mkdir "$work/files"
	(cd "$work/files" && seq 0 2499 | xargs touch)
	# tkit does not run while the events are made, so that all of them are in the queue.
	"$tkit" run -q --strict --backend fanotify -o "$work/t.tkit" -- "$storm" 8 2500 "$work/files" stop
	facts "$work/t.tkit" "$work/files"
	check "fanotify: all 20000 opens waited in the queue" [ "$seen $lost" = "20000 0" ]
	local limit status=0
	limit=$(cat /proc/sys/fs/fanotify/max_queued_events 2>/dev/null || echo 1000000)
	[ "$limit" -le 19000 ] || {
		echo "the kernel's limit of $limit is above what is made here"
		return 0
	}
	"$tkit" run -q --strict --backend fanotify,unlimited=no -o "$work/t.tkit" -- \
		"$storm" 8 2500 "$work/files" stop || status=$?
	facts "$work/t.tkit" "$work/files"
	echo "queue of $limit: $seen opens of 20000, $lost loss told"
	check "fanotify, limited queue: opens are missing, and that is told" \
		test "$((seen < 20000)) $(($(lost_for queue-overflow) >= 1))" = "1 1"
	# How many fit is not said: everybody's opens on these file systems are in the queue.
	check "fanotify, limited queue: those that fitted are there" [ "$seen" -gt 0 ]
	check "fanotify, limited queue: --strict ends with 124" [ "$status" = 124 ]
	reports fanotify "$latest" "$lost"
}

# The bus itself loses nothing, however slow a sink is; what a backend tells goes through unchanged.
test_bus() {
	"$tkit" run -q --strict --backend null,count=200000 --sink "file,file=$work/t.tkit" --sink null,delay=5ms
	check "bus, slow sink: all 200000 events, nothing lost" [ "$("$tkit" dump "$work/t.tkit" |
		grep -c '"path":"/null/')" = 200000 ]
	"$tkit" run -q --backend null,count=1000,lose=77 -o "$work/t.tkit"
	facts "$work/t.tkit" /null
	check "bus: 1000 events and 77 lost" [ "$seen $lost" = "1000 77" ]
	reports bus "$latest" 77
}

test_bus
for backend in ebpf ptrace fanotify; do
	why=$(backend_problem $backend)
	if [ -n "$why" ]; then
		echo "not run: $backend: $why"
	else
		"test_$backend"
	fi
done
done_testing
