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
	"$tkit" run -q --backend "$backend" --sink null -- "$@" >out 2>err || traced=$?
	mv out out.traced
	[ "$bare" = "$traced" ] && diff <(same out.bare) <(same out.traced)
}

backends=(null)
for backend in ebpf fanotify ptrace ptrace,seccomp=no; do
	why=$(backend_problem "${backend%,*}")
	if [ -z "$why" ]; then
		backends+=("$backend")
	else
		echo "not with $backend: $why"
	fi
done

fds=(find /proc/self/fd -mindepth 1 -printf '%f %l\n')
in_shell() { # SETUP: the same in a shell with SETUP done first
	(
		eval "$1"
		as_without "${facts[@]}" && as_without "${fds[@]}" && as_without cat /proc/self/limits &&
			as_without cut -d' ' -f18,19,40,41 /proc/self/stat
	)
}
for backend in "${backends[@]}"; do
	lines='Sig(Pnd|Blk|Ign|Cgt)|ShdPnd|Cap|NoNewPrivs|Groups|Uid|Gid|Umask|Cpus_allowed:'
	# Its filter shows.
	[ "$backend" = ptrace ] || lines="$lines|Seccomp"
	facts=(grep -E "^($lines)" /proc/self/status)
	check "$backend: environment" as_without env
	check "$backend: environment, odd entries" as_without env -i A=1 B= "C=x y" env
	check "$backend: signals, capabilities, ids" as_without "${facts[@]}"
	check "$backend: descriptors" as_without "${fds[@]}"
	check "$backend: limits" as_without cat /proc/self/limits
	check "$backend: process group, session, terminal" as_without cut -d' ' -f5-8 /proc/self/stat
	check "$backend: nice value, scheduling" as_without cut -d' ' -f18,19,40,41 /proc/self/stat
	check "$backend: ... not the usual ones" in_shell "renice -n 7 \$BASHPID >/dev/null; ulimit -n 200 -c 0 -s 4096; umask 027"
	check "$backend: control group, namespaces" as_without sh -c 'cat /proc/self/cgroup; readlink /proc/self/ns/*'
	check "$backend: working directory" as_without pwd
	check "$backend: argv[0] as given" as_without sh -c 'tr "\0" " " </proc/$$/cmdline'
	check "$backend: dumpable, oom score" as_without sh -c 'cat /proc/self/oom_score_adj; ls -ld /proc/self/mem | cut -c1-30'
	check "$backend: SIGPIPE ignored by the caller" in_shell "trap '' PIPE"
	check "$backend: SIGINT, SIGQUIT, SIGHUP ignored by the caller" in_shell "trap '' INT QUIT HUP"
	check "$backend: SIGCHLD ignored by the caller" in_shell "trap '' CHLD"
	check "$backend: extra descriptors" in_shell "exec 7<$here/test_run_transparent.sh 9>>extra"
	check "$backend: standard input closed" in_shell "exec <&-"
	check "$backend: standard error closed" in_shell "exec 2>&-"
done

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
