#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Signals to tkit reach the command; the second one forces; a killed tkit leaves it running.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lib/lib.sh
. "$here/../lib/lib.sh"
cd "$work"
env --default-signal=INT true 2>/dev/null || skip "env(1) has no --default-signal"

# A command that tells which signals it gets, and its pid in the file pid.
cat >listener <<'END'
#!/bin/bash
for sig in INT TERM HUP QUIT USR1 USR2 WINCH ALRM CONT; do
	trap "echo $sig >>got" $sig
done
echo $$ >pid.new && mv pid.new pid
while [ ! -e finish ]; do sleep 0.02; done
exit 42
END
chmod +x listener

wait_for() { # CMD...: at most 10 s
	local i
	for ((i = 0; i < 500; i++)); do
		if "$@" 2>/dev/null; then return 0; fi
		sleep 0.02
	done
	echo "timeout: $*"
	return 1
}

# begin CMD...: starts tkit in the background; $! is its own pid, in $run
begin() {
	rm -f got pid finish
	# A script's background jobs ignore SIGINT and SIGQUIT; here nothing is ignored.
	env --default-signal=INT,QUIT "$tkit" run "$@" &
	run=$!
	wait_for test -s pid
}

ended() { # STATUS: tkit ends so
	local got=0
	wait "$run" || got=$?
	[ "$got" = "$1" ] || {
		echo "status $got, not $1"
		return 1
	}
}

forwards() { # SIGNAL
	begin --backend null --sink null -- ./listener
	kill "-$1" "$run"
	wait_for grep -qx "$1" got
	sleep 0.1
	touch finish
	ended 42 && [ "$(wc -l <got)" = 1 ]
}
for sig in INT TERM HUP QUIT USR1 USR2 WINCH ALRM; do
	check "SIG$sig is forwarded, once" forwards $sig
done

twice() { # SIGNAL NUMBER: the second one ends tkit, not the command
	local file=$work/forced.tkit
	begin --backend null,count=1000000000,rate=1000 -o "$file" -- ./listener
	kill "-$1" "$run"
	wait_for grep -qx "$1" got
	sleep 0.3
	kill "-$1" "$run"
	ended $((128 + $2)) || return 1
	kill -0 "$(cat pid)" || return 1
	touch finish
	[ -s "$file" ] && zstd -qdc "$file" >/dev/null
}
check "the second SIGINT forces" twice INT 2
check "the second SIGTERM forces" twice TERM 15

pair() { # as timeout(1): one to tkit, one to its group, at once; that is no second one
	begin --backend null --sink null -- ./listener
	kill -TERM "$run"
	kill -TERM "$run"
	wait_for grep -qx TERM got
	sleep 0.3
	touch finish
	ended 42
}
check "a doubled SIGTERM is one" pair
under_timeout() {
	local status=0
	rm -f got pid finish
	timeout 1 "$tkit" run --backend null --sink null -- ./listener &
	wait_for test -s pid
	wait_for grep -qx TERM got
	touch finish
	wait $! || status=$?
	[ $status = 124 ]
}
check "timeout(1)" under_timeout

no_command() {
	local status=0
	"$tkit" run --backend null,count=1000000000000,rate=1000 --sink null &
	run=$!
	sleep 0.5
	kill -INT "$run"
	wait "$run" || status=$?
	[ $status = 0 ]
}
check "without a command SIGINT ends the trace, status 0" no_command
no_command_forced() {
	"$tkit" run --backend null,count=1000000000000,rate=1000,stuck --sink null 2>err &
	run=$!
	sleep 0.5
	kill -TERM "$run"
	sleep 0.4
	kill -TERM "$run"
	ended 143
}
check "without a command the second SIGTERM forces" no_command_forced
stuck_sink() { # nobody reads the pipe
	local start=$SECONDS
	mkfifo fifo
	# shellcheck disable=SC2217 # it only keeps the pipe open
	sleep 60 <fifo &
	local reader=$!
	"$tkit" run --backend null,count=1000000000 --sink stdout >fifo 2>err &
	run=$!
	sleep 0.5
	kill -TERM "$run"
	sleep 0.4
	kill -TERM "$run"
	local status=0
	wait "$run" || status=$?
	kill "$reader"
	wait "$reader" || true
	[ $((SECONDS - start)) -lt 15 ] && { [ $status = 143 ] || [ $status = 125 ]; }
}
check "a sink that hangs does not hang a forced end" stuck_sink

killed() {
	local status=0 child
	begin --backend null,count=1000000000,rate=10000 -o killed.tkit -- ./listener
	child=$(cat pid)
	sleep 1.6
	kill -KILL "$run"
	wait "$run" || status=$?
	[ $status = 137 ] || return 1
	sleep 0.2
	kill -0 "$child" || return 1
	kill -USR1 "$child"
	wait_for grep -qx USR1 got
	touch finish
	# What was flushed is there.
	[ "$(zstd -dc killed.tkit 2>/dev/null | wc -c)" -gt 1000 ]
}
check "kill -9 of tkit leaves the command running and a readable trace" killed

stops() { # the command is stopped and continued behind tkit's back: nobody hangs
	begin --backend null --sink null -- ./listener
	kill -STOP "$(cat pid)"
	sleep 0.2
	kill -CONT "$(cat pid)"
	wait_for grep -qx CONT got
	touch finish
	ended 42
}
check "stop and continue of the command alone" stops
done_testing
