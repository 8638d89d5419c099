#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# bpftrace_log,live=true: bpftrace is started, followed to its end, and its death is no secret.
set -euo pipefail
tkit=${TKIT:-$(dirname "$0")/../../build/dev/tkit}
for tool in bpftrace jq python3; do
	command -v $tool >/dev/null || { echo "SKIP: no $tool"; exit 77; }
done
[ "$(id -u)" = 0 ] || { echo "SKIP: needs root"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
failures=0

check() { # NAME COMMAND...
	local name=$1
	shift
	if "$@"; then
		echo "ok: $name"
	else
		echo "FAIL: $name"
		failures=$((failures + 1))
	fi
}
is() { [ "$1" = "$2" ] || { printf '    got  %s\n    want %s\n' "$1" "$2"; return 1; }; }
live=bpftrace_log,live=true
count() { # FILTER
	"$tkit" dump "$work/t" | jq -c "select($1)" | wc -l
}
losses() { "$tkit" dump "$work/t" | jq -r 'select(.type == "loss") | "\(.reason) \(.detail)"'; }

# All of a program that ends at once, and of one that makes more than a pipe or a buffer holds.
cat >"$work/opens.py" <<'PY'
import os
for i in range(20000):
    try:
        os.open(f"/none/{i}", os.O_RDONLY)
    except FileNotFoundError:
        pass
os._exit(3)
PY
rc=0
"$tkit" -q run --strict --backend $live,ring-size=32M -o "$work/t" -- python3 "$work/opens.py" || rc=$?
check "the command's status is passed on" is $rc 3
check "every one of 20000 failed opens, to the last" is "$(count '.path // "" | startswith("/none/")')" 20000
check "in their order" is "$("$tkit" dump "$work/t" | jq -r 'select(.path // "" | startswith("/none/")) | .path[6:]' | sort -nc 2>&1)" ""
check "nothing lost" is "$(losses)" ""
check "exit, with its status" is "$("$tkit" dump "$work/t" | jq -r 'select(.type == "exit") | .ret' | tail -1)" 768

# An attached process, and its children.
sh -c 'while [ ! -e "$0/go" ]; do sleep 0.1; done; cd /usr && ls bin/env >/dev/null; exit' "$work" &
pid=$!
"$tkit" -q run --backend $live -o "$work/t" --pid $pid &
tkit_pid=$!
for _ in $(seq 300); do
	"$tkit" dump "$work/t" 2>/dev/null | grep -q sleep && break
	kill -0 $tkit_pid 2>/dev/null || break
	sleep 0.2
done
touch "$work/go"
wait $pid || :
wait $tkit_pid || :
check "an attached process's child, with the base of a relative name" is \
	"$("$tkit" dump "$work/t" | jq -r 'select(.path == "bin/env" and .op == "stat") | .abs' | sort -u)" /usr/bin/env

# What found no room is told by bpftrace only if something did after it: here nothing does.
"$tkit" -q run --backend $live,ring-size=64K -o "$work/t" -- sh -c "touch $work/started; while [ ! -e $work/stopped ]; do sleep 0.1; done
	python3 $work/opens.py; touch $work/done" 2>"$work/err" &
tkit_pid=$!
while [ ! -e "$work/started" ] && kill -0 $tkit_pid; do sleep 0.1; done
for child in $(cat /proc/$tkit_pid/task/*/children); do
	[ "$(cat "/proc/$child/comm")" != bpftrace ] || slow=$child
done
kill -STOP "$slow"
touch "$work/stopped"
while [ ! -e "$work/done" ] && kill -0 $tkit_pid; do sleep 0.1; done
kill -CONT "$slow"
wait $tkit_pid || :
rm -f "$work/started"
seen=$(count '.path // "" | startswith("/none/")')
lost=$("$tkit" dump "$work/t" | jq -r 'select(.type == "loss" and .reason == "upstream") | .count' | awk "{ n += \$1 } END { print n + 0 }")
# Each of these calls is two records.
check "a buffer that was full to the end: what is missing is lost" [ $((2 * seen + lost)) -ge 40000 ]
check "and much was" [ "$seen" -lt 15000 ]

# bpftrace dies: the command goes on, the trace says that it is not complete.
rc=0
"$tkit" -q run --backend $live -o "$work/t" -- sh -c "touch $work/started; while [ ! -e $work/killed ]; do sleep 0.1; done; exit 5" 2>"$work/err" &
tkit_pid=$!
while [ ! -e "$work/started" ] && kill -0 $tkit_pid; do sleep 0.1; done
for child in $(cat /proc/$tkit_pid/task/*/children); do
	[ "$(cat "/proc/$child/comm")" != bpftrace ] || kill -9 "$child"
done
sleep 0.3
touch "$work/killed"
wait $tkit_pid || rc=$?
check "the command is not disturbed when bpftrace is killed" is $rc 5
check "its death is a loss" is "$(losses)" "upstream bpftrace was killed by signal 9"
check "and is said" grep -q "bpftrace was killed by signal 9" "$work/err"

# Ctrl-C goes to the command; bpftrace tells its end.
rm -f "$work/started"
# (a script's background jobs ignore SIGINT)
env --default-signal=INT setsid timeout -k 5 100 "$tkit" -q run --strict --backend $live -o "$work/t" -- sh -c "trap 'cat /etc/hostname; exit 7' INT; touch $work/started; while :; do sleep 0.1; done" >/dev/null &
tkit_pid=$!
while [ ! -e "$work/started" ] && kill -0 $tkit_pid; do sleep 0.1; done
kill -INT $(pgrep -P $tkit_pid)
rc=0
wait $tkit_pid || rc=$?
check "Ctrl-C: the command ends as it wants" is $rc 7
check "Ctrl-C: what it did then is there" is "$(count '.path == "/etc/hostname" and .op == "open"')" 1

# What stands in the way is told in one line, and nothing is run.
refused() { # NAME TEXT OPTIONS
	local name=$1 text=$2 options=$3 rc=0
	"$tkit" run --backend $live"$options" -o "$work/none" -- touch "$work/ran" 2>"$work/err" || rc=$?
	check "$name: status" is $rc 125
	check "$name: one line" is "$(wc -l <"$work/err")" 1
	check "$name: it says why" grep -q "$text" "$work/err"
	check "$name: nothing was run" [ ! -e "$work/ran" ]
	check "$name: no file is left" [ ! -e "$work/none" ]
}
printf 'BEGIN { nonsense }\n' >"$work/bad.bt"
printf '#!/bin/sh\nkill -9 $$\n' >"$work/killed.sh"
printf '#!/bin/sh\nexit 0\n' >"$work/silent.sh"
printf '#!/bin/sh\nexec yes\n' >"$work/yes.sh"
chmod +x "$work"/*.sh
refused "not installed" "is not installed" ",bpftrace=/nowhere/bpftrace"
refused "no program" "bpftrace program $work/no.bt" ",program=$work/no.bt"
refused "refused by bpftrace" "bpftrace: .*bad.bt" ",program=$work/bad.bt"
refused "killed as it starts" "killed by signal 9" ",bpftrace=$work/killed.sh"
refused "ends as it starts" "ended with status 0" ",bpftrace=$work/silent.sh"
refused "with a file" "live=true reads no log" ",file=x"

[ $failures -eq 0 ]
