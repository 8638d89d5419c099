#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Traces on their way: file, pipe, socket, replay, dump; a killed tkit, damaged files, a full disk.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lib/lib.sh
. "$here/../lib/lib.sh"
need zstd python3
cd "$work"

# says STATUS TEXT CMD...: exit status, and one line on standard error that has TEXT in it
says() {
	local want=$1 text=$2 got=0
	shift 2
	"$@" >out 2>err </dev/null || got=$?
	if [ "$got" != "$want" ] || [ "$(grep -c . err)" != 1 ] || ! grep -qF -- "$text" err; then
		echo "status $got, not $want, or not one line with '$text': $*"
		cat err
		return 1
	fi
}

# The events of a trace without what a replay changes.
facts() { # FILE
	"$tkit" dump "$1" | python3 -c '
import json, sys
for line in sys.stdin:
    event = json.loads(line)
    event.pop("backend", None)
    event.pop("ts", None)
    print(json.dumps(event))'
}

same_facts() { # FILE FILE
	facts "$1" >facts1 && facts "$2" >facts2 && [ -s facts1 ] && cmp facts1 facts2
}

"$tkit" run --backend null,count=5000,paths=300,lose=7 --sink file -o a.tkit 2>/dev/null
check "dump prints all" test "$("$tkit" dump a.tkit | grep -c '"type":"access"')" = 5000
check "dump reads standard input" cmp <("$tkit" dump a.tkit) <("$tkit" dump - <a.tkit)
check "dump --limit" test "$("$tkit" dump --limit 3 a.tkit | wc -l)" = 3
check "dump --header" test "$("$tkit" dump --header a.tkit | sed -n '1p;$p' | grep -cE '"type":"(run|end)"')" = 2
check "dump -f text" test "$("$tkit" dump -f text a.tkit | grep -c '^{' || true)" = 0
check "zstd reads the file" zstd -qt a.tkit
check "a packed copy is not needed: mode 0600" test "$(stat -c %a a.tkit)" = 600

replay() { "$tkit" run --backend "replay,$1" --sink file -o "$2" 2>/dev/null; }
check "replay a file" replay file=a.tkit b.tkit
check "... gives the same facts" same_facts a.tkit b.tkit
piped() { "$tkit" run --backend null,count=500 --sink file -o - | replay file=- p.tkit; }
check "replay a pipe" piped
check "... gives all" test "$("$tkit" dump p.tkit | grep -c '"type":"access"')" = 500

# over_socket ADDRESS SINK-OPTIONS: the run is stored at both ends
over_socket() {
	local pid tries
	"$tkit" run --backend "replay,listen=$1" --sink file -o there.tkit 2>/dev/null &
	pid=$!
	for tries in $(seq 100); do
		"$tkit" run --backend null,count=20000,paths=999,lose=3 --sink "socket,to=$1$2" \
			--sink file,file=here.tkit 2>err && break
		grep -qE 'Connection refused|No such file' err || return 1
		sleep 0.1
	done
	wait $pid && [ "$tries" -lt 100 ]
}
check "unix socket" over_socket "unix:$work/sock" ""
check "... gives the same facts" same_facts here.tkit there.tkit
check "... and the socket is gone" test ! -e sock
port=$((20000 + RANDOM % 10000))
check "TCP socket" over_socket "tcp:127.0.0.1:$port" ,on-slow=drop
check "... gives the same facts" same_facts here.tkit there.tkit

killed() {
	local pid n=0
	"$tkit" run --backend null,count=100000000,rate=2000 --sink file -o k.tkit &
	pid=$!
	for _ in $(seq 100); do
		sleep 0.1
		n=$("$tkit" dump k.tkit 2>/dev/null | wc -l) || true
		[ "$n" -lt 100 ] || break
	done
	kill -9 $pid
	wait $pid 2>/dev/null || true
	[ "$n" -ge 100 ] && says 0 "no footer" "$tkit" dump k.tkit && [ "$(wc -l <out)" -ge "$n" ]
}
check "kill -9 leaves a readable trace" killed
check "... and no other file" test -z "$(find . -name '.*.tmp')"

head -c $(($(stat -c %s a.tkit) - 30)) a.tkit >cut.tkit
check "a cut file is read up to the cut" says 0 "the file is cut off" "$tkit" dump cut.tkit
check "replay keeps that it is incomplete" says 124 "damaged" "$tkit" run --strict --backend replay,file=cut.tkit --sink null
: >empty.tkit
check "empty file" says 125 "it is empty" "$tkit" dump empty.tkit
check "foreign file" says 125 "not a tkit trace" "$tkit" dump /bin/sh
echo hello | zstd -q >foreign.tkit
check "foreign zstd file" says 125 "not a tkit trace" "$tkit" dump foreign.tkit
check "missing file" says 125 "nothing.tkit" "$tkit" dump nothing.tkit
check "a directory" says 125 "Is a directory" "$tkit" dump .
check "unknown option" says 125 "--heder" "$tkit" dump --heder a.tkit
check "bad limit" says 125 "--limit" "$tkit" dump --limit x a.tkit
check "bad format" says 125 "json or text" "$tkit" dump -f xml a.tkit
# shellcheck disable=SC2016
check "dump to a full disk" says 125 "standard output" sh -c '"$0" dump a.tkit >/dev/full' "$tkit"
check "trace to a full disk" says 125 "No space left" "$tkit" run --backend null --sink file -o /dev/full
ln -s a.tkit link.tkit
check "trace to a symbolic link" says 125 "symbolic link" "$tkit" run --backend null --sink file -o link.tkit
check "... which stays" test -L link.tkit
check "nobody listens" says 125 "No such file" "$tkit" run --backend null --sink socket,to=unix:/nowhere
check "another machine" says 125 "allow-remote" "$tkit" run --backend null --sink socket,to=tcp:192.0.2.1:1
check "replay of no trace" says 125 "not a tkit trace" "$tkit" run --backend replay,file=/bin/sh --sink null
check "replay without a source" says 125 "file=TRACE" "$tkit" run --backend replay --sink null
done_testing
