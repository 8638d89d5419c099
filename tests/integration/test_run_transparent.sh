#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The command gets what it would get without tkit: descriptors, environment, signals, limits, terminal.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lib/lib.sh
. "$here/../lib/lib.sh"
need find env
cd "$work"

# same FILE: without what must differ: the own process id, the name that the shell started
same() {
	sed -e 's,/proc/[0-9]*/,/proc/PID/,' -e '/^_=/d' "$1"
}

# as_without CMD...: same output and status with and without tkit
as_without() {
	local bare=0 traced=0
	"$@" >out 2>err || bare=$?
	mv out out.bare
	"$tkit" run --backend null --sink null -- "$@" >out 2>err || traced=$?
	mv out out.traced
	[ "$bare" = "$traced" ] && diff <(same out.bare) <(same out.traced)
}

facts=(grep -E '^(Sig(Pnd|Blk|Ign|Cgt)|ShdPnd|Cap|NoNewPrivs|Seccomp|Groups|Uid|Gid|Umask|Cpus_allowed:)' /proc/self/status)
fds=(find /proc/self/fd -mindepth 1 -printf '%f %l\n')
check "environment" as_without env
check "environment, odd entries" as_without env -i A=1 B= "C=x y" env
check "signals, capabilities, ids" as_without "${facts[@]}"
check "descriptors" as_without "${fds[@]}"
check "limits" as_without cat /proc/self/limits
check "process group, session, terminal" as_without cut -d' ' -f5-8 /proc/self/stat
check "nice value, scheduling" as_without cut -d' ' -f18,19,40,41 /proc/self/stat
check "control group, namespaces" as_without sh -c 'cat /proc/self/cgroup; readlink /proc/self/ns/*'
check "working directory" as_without pwd
check "argv[0] as given" as_without sh -c 'tr "\0" " " </proc/$$/cmdline'
check "dumpable, oom score" as_without sh -c 'cat /proc/self/oom_score_adj; ls -ld /proc/self/mem | cut -c1-30'

in_shell() { # SETUP: the same in a shell with SETUP done first
	(
		eval "$1"
		as_without "${facts[@]}" && as_without "${fds[@]}"
	)
}
check "SIGPIPE ignored by the caller" in_shell "trap '' PIPE"
check "SIGINT, SIGQUIT, SIGHUP ignored by the caller" in_shell "trap '' INT QUIT HUP"
check "SIGCHLD ignored by the caller" in_shell "trap '' CHLD"
check "extra descriptors" in_shell "exec 7<$here/test_run_transparent.sh 9>>extra"
check "standard input closed" in_shell "exec <&-"
check "standard error closed" in_shell "exec 2>&-"

ignored_child() {
	(
		trap '' CHLD
		"$tkit" run --backend null --sink null -- sh -c 'exit 5'
	) || [ $? = 5 ]
}
check "exit status although SIGCHLD is ignored" ignored_child

blocked() {
	local bare traced
	bare=$(env --block-signal=USR1,TERM "${facts[@]}")
	traced=$(env --block-signal=USR1,TERM "$tkit" run --backend null --sink null -- "${facts[@]}")
	[ "$bare" = "$traced" ]
}
if env --block-signal=USR1 true 2>/dev/null; then
	check "signals blocked by the caller" blocked
fi

seq 1 100000 >numbers
# shellcheck disable=SC2094 # both only read
pass_through() {
	"$tkit" run --backend null --sink null -- cat <numbers | cmp - numbers
}
check "standard input to standard output" pass_through
shares_offset() { # what the command leaves unread is still there for the next one
	(
		"$tkit" run --backend null --sink null -- head -c 10 >first
		cat >rest
	) <numbers
	[ "$(wc -c <rest)" -lt "$(wc -c <numbers)" ]
}
check "standard input is shared, not copied" shares_offset
check "standard error" test "$("$tkit" run --backend null --sink null -- sh -c 'echo e >&2' 2>&1 >/dev/null)" = e

if [ "$(id -u)" = 0 ]; then
	mkdir root
	check "--root that is not there" test "$("$tkit" run --root nowhere --backend null --sink null -- true 2>&1 | grep -c 'nowhere')" = 1
	rooted() {
		local status=0
		"$tkit" run --root root --backend null --sink null -- ls 2>err || status=$?
		[ $status = 127 ] && grep -q 'in the new root' err
	}
	check "--root: the command is looked for inside" rooted
	rooted_run() {
		[ "$("$tkit" run --root / --backend null --sink null -- sh -c pwd)" = / ]
	}
	check "--root: starts in /" rooted_run
fi
done_testing
