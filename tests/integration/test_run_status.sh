#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# tkit run: exit statuses, failures, sinks, --strict, --duration.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lib/lib.sh
. "$here/../lib/lib.sh"
cd "$work"

# gives STATUS CMD...: exit status; output goes to out and err
gives() {
	local want=$1 got=0
	shift
	"$@" >out 2>err </dev/null || got=$?
	[ "$got" = "$want" ] || {
		echo "status $got, not $want: $*"
		cat err
		return 1
	}
}

# says TEXT: the last error output is one line with TEXT in it
says() {
	if [ "$(grep -c . err)" != 1 ] || ! grep -qF -- "$1" err; then
		echo "not one line with '$1':"
		cat err
		return 1
	fi
}

null() {
	"$tkit" run --backend null --sink null "$@"
}

both() { # STATUS TEXT CMD...
	local status=$1 text=$2
	shift 2
	gives "$status" "$@" && says "$text"
}

for n in 0 1 7 124 125 255; do
	check "exit $n" gives $n null -- sh -c "exit $n"
done
check "not found" both 127 "no-such-command: command not found" null -- no-such-command
check "not found, with a slash" both 127 "./nope: no such file" null -- ./nope
check "not executable" both 126 "/etc/passwd: not an executable file" null -- /etc/passwd
printf '#!/no/such/interpreter\n' >lost && chmod +x lost
check "missing interpreter" both 127 "interpreter or ELF loader is missing" null -- ./lost
printf 'exit 9\n' >plain && chmod +x plain
check "a script without #! runs in the shell" gives 9 null -- ./plain
printf '\177ELFgarbage-garbage-garbage-garbage-garbage-garbage-garbage-garbage' >broken
chmod +x broken
check "a broken executable is not run by the shell" both 126 "Exec format error" null -- ./broken
: >empty && chmod +x empty
check "an empty file is a script" gives 0 null -- ./empty

# Death by a signal comes out as the same wait status.
cat >wait.py <<'END'
import subprocess, sys
print(subprocess.run(sys.argv[1:], stderr=subprocess.DEVNULL).returncode)
END
dies() { # SIGNAL NUMBER
	[ "$(python3 wait.py "$tkit" run --backend null --sink null -- sh -c "kill -$1 \$\$")" = "-$2" ]
}
check "death by SIGTERM" dies TERM 15
check "death by SIGKILL" dies KILL 9
check "death by SIGSEGV, no core of tkit" dies SEGV 11

check "unknown option" both 125 "did you mean '--backend'?" "$tkit" run --bakend null -- true
check "unknown backend" both 125 "did you mean 'null'?" "$tkit" run --backend nul -- true
check "unknown sink" both 125 "unknown sink" "$tkit" run --backend null --sink flie -- true
check "unknown plugin option" both 125 "did you mean 'count'?" "$tkit" run --backend null,cuont=1 -- true
check "two targets" both 125 "more than one target" null --all -- true
check "no command" both 125 "no command behind --" null --
check "bad duration" both 125 "--duration soon" null --duration soon -- true
check "bad pid" both 125 "--pid x" null --pid x
check "missing value" both 125 "needs a value" "$tkit" run --backend
check "backend that cannot" both 125 "cannot watch a target of kind pid" null --pid 1
check "auto with options" both 125 "takes no options" "$tkit" run --backend auto,x=1 -- true
check "help" gives 0 "$tkit" run --help
check "help names the exit statuses" grep -q '^Exit status' out

ran() {
	[ "$(cat out)" = "$1" ]
}
check "backend fails in open" both 125 "backend null: failing in open()" \
	"$tkit" run --backend null,fail-open --sink null -- echo ran
check "... the command did not run" ran ""
check "backend fails in start" both 125 "backend null: failing in start()" \
	"$tkit" run --backend null,fail-start -o never.tkit -- echo ran
check "... the command did not run" ran ""
check "... and there is no file" test ! -e never.tkit
check "backend fails later" gives 125 "$tkit" run --backend null,fail-at=3 --sink null -- sh -c 'sleep 0.2; echo ran'
check "... the command ran on" ran ran
check "... and the cause is told" grep -q 'failing after 3 accesses' err
check "sink fails in begin" both 125 "sink null: failing in begin()" \
	"$tkit" run --backend null --sink null,fail-begin -- echo ran
check "... the command did not run" ran ""
check "sink fails later" gives 125 "$tkit" run --backend null --sink null,fail-at=3 -- sh -c 'sleep 0.2; echo ran'
check "... the command ran on" ran ran
check "sink fails at the end" gives 125 "$tkit" run --backend null --sink null,fail-end -- true
check "output that cannot be made" both 125 "nosuch/x.tkit" \
	"$tkit" run --backend null -o nosuch/x.tkit -- echo ran
check "... the command did not run" ran ""
check "bad event" gives 125 "$tkit" run --backend null,bad-event --sink null -- sleep 0.5
check "... is told" grep -q 'invalid event' err

check "a loss is told" both 0 "the trace is incomplete: 12 lost (injected: 12)" \
	"$tkit" run --backend null,lose=12 --sink null -- true
check "--strict and a loss" gives 124 "$tkit" run --strict --backend null,lose=12 --sink null -- true
check "--strict, a loss, a failing command" gives 3 \
	"$tkit" run --strict --backend null,lose=12 --sink null -- sh -c 'exit 3'
check "--strict without loss" gives 0 "$tkit" run --strict --backend null --sink null -- true
check "nothing on stderr of a good run" test ! -s err

# The command ends when all is there, so that a slow machine has its time.
cat >until-all.sh <<'END'
for i in $(seq 600); do
	[ "$(grep -c '"type":"access"' out)" -lt 500 ] || exit 0
	sleep 0.1
done
END
check "several sinks and backends" gives 0 "$tkit" run --backend null,count=300 --backend null,count=200 \
	--sink file --sink stdout,format=json --sink null -o many.tkit -- sh until-all.sh
check "... JSON has all" test "$(grep -c '"type":"access"' out)" = 500
check "... and is JSON" python3 -c 'import json; [json.loads(line) for line in open("out")]'
check "... the file is there" test -s many.tkit
check "... as zstd" test "$(zstd -dc many.tkit | wc -c)" -gt 100
check "text" gives 0 "$tkit" run --backend null,count=5 --sink stdout,format=text -- true
check "... is not JSON" test "$(grep -c '^{' out || true)" = 0

lines_of_closed_pipe() {
	# shellcheck disable=SC2016 # the inner shell expands
	"$tkit" run --backend null,count=1000000 --sink stdout -- sh -c '
		until [ -e reader-gone ]; do sleep 0.05; done; sleep 0.3; touch went-on' 2>err | {
		head -n 1 >out
		exec <&-
		touch reader-gone
	}
	[ "${PIPESTATUS[0]}" = 125 ] && grep -q 'Broken pipe' err && [ -e went-on ]
}
check "a reader that goes away is an error, the command goes on" lines_of_closed_pipe

took() { # MIN MAX CMD...: seconds
	local min=$1 max=$2 start end
	shift 2
	start=$(date +%s%N)
	"$@" || return 1
	end=$(date +%s%N)
	[ $((end - start)) -ge "${min}000000000" ] && [ $((end - start)) -lt "${max}000000000" ]
}
check "--duration ends the run" took 1 60 gives 0 "$tkit" run --backend null,count=1000000000000,rate=1000 --sink null --duration 1s
check "--duration leaves the command its time" took 1 60 gives 4 \
	"$tkit" run --backend null --sink null --duration 100ms -- sh -c 'sleep 1.2; exit 4'
check "stuck backend: a loss, not a hang" took 9 90 gives 0 "$tkit" run --backend null,stuck --sink null -- true
check "... is told" says "forced: 1"
done_testing
