#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# seccomp_notify: all of the command's processes, the end of the trace before theirs, the end of tkit, no privileges.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lib/lib.sh
. "$here/../lib/lib.sh"
need python3 jq
need_backend seccomp_notify
cd "$work"
trace() { "$tkit" run -q --backend seccomp_notify -o "$@"; }
has() { # FILE FILTER
	"$tkit" dump "$1" 2>dump.err >dump.json || grep -q 'cut off' dump.err || return 1
	[ "$(jq -c "select($2)" dump.json | wc -l)" -gt 0 ]
}
await() { # CMD...: until it succeeds, for ten seconds
	for _ in $(seq 200); do
		"$@" >/dev/null 2>&1 && return 0
		sleep 0.05
	done
	return 1
}

# ---- what is in a trace ----
status=0
trace a.tkit -- sh -c 'cat /etc/os-release /nonexistent; exit 7' >out 2>err || status=$?
check "the command's status" test $status = 7
check "its output" diff /etc/os-release out
check "its errors" grep -q 'nonexistent: No such file' err
check "opens" has a.tkit '.op == "open" and .path == "/etc/os-release"'
check "those that fail" has a.tkit '.op == "open" and .path == "/nonexistent"'
check "execs" has a.tkit '.op == "exec" and (.path | endswith("/cat"))'
check "the program" has a.tkit '.path == "/nonexistent" and (.exe | endswith("/cat")) and .comm == "cat"'
check "no results are told" test -z "$("$tkit" dump a.tkit | jq -c 'select(.errno != null or .ret != null)')"
check "it is complete" sh -c '"$0" report a.tkit | head -1 | grep -q Complete' "$tkit"
(mkdir d && cd d && : >f && trace ../b.tkit -- sh -c 'cd / && cat "$OLDPWD/f" && cd "$OLDPWD" && cat f' >/dev/null)
check "relative names" has b.tkit ".path == \"f\" and .base == \"$work/d\""

# A process that makes its first call after the command has ended.
cat >late.py <<'END'
import os, time
r, w = os.pipe()
if os.fork() == 0:
    os.read(r, 1)
    time.sleep(0.7)
    open("/etc/hostname").close()
    os._exit(0)
os.write(w, b"x")
os._exit(0)
END
trace late.tkit -- python3 late.py
check "what lives on is traced to its end" has late.tkit '.path == "/etc/hostname"'

# ---- the trace ends, the processes do not ----
cat >serve.py <<'END'
import os, time
for i in range(200):
    os.stat("/etc/passwd")
    open("stamp", "w").close()
    if os.path.exists("enough"):
        break
    time.sleep(0.05)
else:
    raise SystemExit(9)
open("served", "w").close()
raise SystemExit(5)
END
status=0
trace serve.tkit --duration 0.5 -- python3 serve.py &
pid=$!
sleep 1.5
: >enough
wait $pid || status=$?
check "after --duration the command is served to its end" test -e served -a $status = 5
check "and nothing is told of that" sh -c '! "$1" dump serve.tkit | grep -q \"served\"' - "$tkit"

# ---- tkit is killed ----
cat >orphan.py <<'END'
import ctypes, errno, os, sys, time
libc = ctypes.CDLL(None, use_errno=True)
report = os.open("report", os.O_WRONLY | os.O_CREAT)
mine = os.open("pid", os.O_WRONLY | os.O_CREAT)
os.write(mine, b"%d\n" % os.getpid())
parent = os.getppid()
while os.getppid() == parent:
    time.sleep(0.02)
time.sleep(0.1)
try:
    os.open("/etc/passwd", os.O_RDONLY)
    os.write(report, b"opened\n")
except OSError as e:
    os.write(report, errno.errorcode[e.errno].encode() + b"\n")
END
rm -f enough
"$tkit" run -q --backend seccomp_notify -o orphan.tkit -- python3 orphan.py &
pid=$!
await test -s pid
sleep 1.5 # until it is in the file
kill -9 $pid
wait $pid 2>/dev/null || true
check "tkit killed: the program lives on" await test -s report
check "and gets ENOSYS, as documented" grep -qx ENOSYS report
check "the trace can be read" has orphan.tkit '.path == "pid"'
check "and is marked as cut off" sh -c '! "$0" report orphan.tkit | head -1 | grep -q ^Complete' "$tkit"

# ---- signals, threads, tracers inside ----
# A call can be interrupted until tkit takes it up, which is after those of the other threads; handlers without
# SA_RESTART, as Python's, then see EINTR (README). It is rare, and the program goes on.
cat >signals.py <<'END'
import os, signal, sys, threading, time
n = interrupted = 0
def tick(*_):
    global n
    n += 1
signal.signal(signal.SIGALRM, tick)
if sys.argv[1] == "restart":
    signal.siginterrupt(signal.SIGALRM, False)
signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
done = []
def patient(call, *args):
    global interrupted
    while True:
        try:
            return call(*args)
        except InterruptedError:
            interrupted += 1
def work():
    for _ in range(2000):
        patient(os.stat, "/etc/passwd")
        os.close(patient(os.open, "/etc/group", os.O_RDONLY))
    done.append(1)
threads = [threading.Thread(target=work) for _ in range(4)]
[t.start() for t in threads]
while any(t.is_alive() for t in threads):
    time.sleep(0.01) # handlers run here, whatever they ask for
signal.setitimer(signal.ITIMER_REAL, 0)
print(n, "signals,", interrupted, "calls interrupted")
assert len(done) == 4 and n > 10, (done, n)
assert interrupted <= (0 if sys.argv[1] == "restart" else n / 10), (n, interrupted)
END
check "signals in the midst of calls of four threads" trace signals.tkit -- python3 signals.py restart
count() { # FILE PATH
	"$tkit" dump "$1" | jq -s "[.[] | select(.path == \"$2\") | .count] | add"
}
enough() { [ "$(count signals.tkit /etc/group)" -ge 8000 ]; }
check "no call is missing" enough
if "$tkit" dump --header signals.tkit | grep -q wait=killable; then
	check "handlers that do not ask for a restart: calls are rarely interrupted" \
		trace eintr.tkit -- python3 signals.py interrupt
fi
if command -v strace >/dev/null; then
	check "strace works inside" sh -c '"$0" run -q --backend seccomp_notify -o s.tkit -- strace -f -o s.log cat /etc/hostname >/dev/null && grep -q execve s.log' "$tkit"
fi

# ---- no privileges ----
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
	mkdir -m 777 nobody
	as_nobody() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }
	unprivileged() { as_nobody "$tkit" run --backend seccomp_notify -o nobody/n.tkit -- cat /etc/os-release >out 2>err; }
	check "as nobody" unprivileged
	check "a warning about no_new_privs" grep -q no_new_privs err
	check "its trace" has nobody/n.tkit '.path == "/etc/os-release"'
fi

# ---- what it is not for ----
refuses() {
	! "$tkit" run --backend seccomp_notify -o no.tkit --pid $$ 2>err || return 1
	grep -q 'cannot watch a target of kind pid' err && [ "$(grep -c . err)" = 1 ] && [ ! -e no.tkit ]
}
check "a running process is refused" refuses
done_testing
