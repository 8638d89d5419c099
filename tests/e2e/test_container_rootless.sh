#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A container of a user's, without root anywhere: podman with runc and crun as nobody, traced by seccomp_notify, and by ptrace
# where control groups v2 are delegated.
# usage: test_container_rootless.sh seccomp_notify|ptrace
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
backend=${1:-seccomp_notify}
# Whatever this machine has: control groups v2 alone for all that this test starts, or, for crun, not both.
if [ -z "${TKIT_APART:-}" ] && [ "$(id -u)" = 0 ]; then
	export TKIT_APART=1
	# shellcheck disable=SC2016
	exec unshare -m --propagation private sh -c 'if [ "$1" = ptrace ]; then
			umount -R -l /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup ||
				{ echo "SKIP: control groups v2 cannot be mounted"; exit 77; }
		else
			umount /sys/fs/cgroup/unified 2>/dev/null
		fi
		exec "$0" "$@"' "$0" "$backend"
fi
# shellcheck source=../lib/containers.sh
. "$here/../lib/containers.sh"
need_root # to become nobody
need podman runc crun debootstrap jq setpriv
need_backend "$backend"
mkdir "$work/user"
home=$work/user
mkdir "$home/run"
small_root "$home/root" || die "no base file system"
chown -R nobody "$home"
chmod 700 "$home" "$home/run"
traces=$home/traces
for real in runc crun; do
	cat >"$home/tkit-$real" <<EOF
#!/bin/sh
TKIT_TRACE_DIR=$traces TKIT_BACKEND=$backend TKIT_ON_FAILURE=block TKIT_REAL_RUNTIME=$(command -v $real) exec $build/tkit-runc "\$@"
EOF
	chmod +x "$home/tkit-$real"
done
group=
if [ "$backend" = ptrace ]; then # what systemd would have made for the user
	group=/sys/fs/cgroup/tkit-test-$$
	mkdir -p "$group/session"
	chown -R nobody "$group"
fi
user() { # CMD...: as nobody
	(
		[ -z "$group" ] || echo 0 >"$group/session/cgroup.procs"
		cd "$home" && HOME=$home XDG_RUNTIME_DIR=$home/run exec setpriv --reuid nobody --regid nogroup --clear-groups "$@"
	)
}
pod() { # RUNTIME WORD...
	local runtime=$1
	shift
	user podman --cgroup-manager cgroupfs --log-level error --runtime "$runtime" "$@"
}
groups=()
if [ -n "$group" ]; then
	# crun takes podman's own choice of a place, at the root, for what it cannot have, and does without.
	groups=(--cgroup-parent "${group#/sys/fs/cgroup}/pods")
else
	groups=(--cgroups=no-conmon)
fi
run() { # RUNTIME WORD...
	local runtime=$1
	shift
	pod "$runtime" run --network none ${groups[@]+"${groups[@]}"} --ulimit nofile=1024:1024 --ulimit nproc=1024:1024 "$@"
}
clean_up() {
	pod runc rm -fa -t 0 >/dev/null 2>&1 || true
	kill "$(cat "$home/run/libpod/tmp/pause.pid" 2>/dev/null)" 2>/dev/null && sleep 0.2 # keeps the user's namespaces
	[ -z "$group" ] || find "$group" -depth -type d -exec rmdir {} \; 2>/dev/null || true
	unmount_below "$work"
}
at_exit clean_up
user test -x "$build/tkit-runc" || skip "nobody cannot execute $build/tkit-runc"
run runc --rm --rootfs "$home/root" true >/dev/null 2>"$work/err" || skip "rootless podman does not run here: $(tail -1 "$work/err")"

life() { # RUNTIME
	local real=$1 status=0 one service=
	run "$home/tkit-$real" --rm --name "one-$real" --rootfs "$home/root" sh -c 'cat /etc/os-release; exit 4' >"$work/out" 2>"$work/err" || status=$?
	check "$real: the exit status" test $status = 4
	check "$real: the container's output" diff "$work/out" "$home/root/usr/lib/os-release"
	one=$(trace_of "one-$real") || die "no trace: $(cat "$work/err")"
	check "$real: the program's exec" has "$one" '.op == "exec" and (.path | endswith("/cat"))'
	check "$real: what it read" has "$one" '.op == "open" and .abs == "/etc/os-release"'
	check "$real: the trace begins with the program" test "$("$tkit" dump "$one" | jq -r .op | head -1)" = exec
	check "$real: nothing of the runtime" hasnt "$one" '(.exe // "") + (.path // "") | test("runc|crun|tkit|conmon|exec.fifo")'
	check "$real: complete" complete "$one"
	check "$real: it is the user's" test "$(stat -c %U "$one")" = nobody

	run "$home/tkit-$real" -d --name "service-$real" --rootfs "$home/root" sh -c 'trap "exit 0" TERM; while :; do sleep 0.1; done' >/dev/null 2>&1
	pod "$home/tkit-$real" exec "service-$real" cat /etc/issue >/dev/null 2>"$work/err" || die "$(cat "$work/err")"
	check "$real: it is removed" pod "$home/tkit-$real" rm -f -t 2 "service-$real"
	service=$(trace_of "service-$real") || die "no trace of the service"
	check "$real: exec's program" has "$service" '.abs == "/etc/issue"'
	check "$real: nothing of the runtime that exec came by" hasnt "$service" '(.exe // "") + (.path // "") | test("runc|crun|tkit|conmon|exec.fifo")'
	check "$real: the service's trace is complete" complete "$service"
}
life runc
if run crun --rm --cgroupns host --rootfs "$home/root" cat /proc/self/cgroup >"$work/out" 2>"$work/err"; then
	life crun
else
	echo "crun: does not run here: $(tail -1 "$work/err")"
fi
# Where crun is left to podman's choice, it makes no control group: the container lives beside others, and is not to be told from
# them, as with --cgroups=disabled.
groups=()
if [ "$backend" = ptrace ] && run crun --rm --cgroupns host --rootfs "$home/root" cat /proc/self/cgroup >"$work/out" 2>"$work/err" &&
	! grep -q '^0::.*[0-9a-f]\{64\}' "$work/out"; then
	status=0
	run "$home/tkit-crun" --rm --rootfs "$home/root" true >"$work/err" 2>&1 || status=$?
	check "without a control group of its own it is not traced" test $status != 0
	check "and the reason is told" grep -q 'no control group of its own' "$work/err"
fi

user "$tkit" doctor >"$work/doctor"
check "tkit doctor says what is missing" grep -q 'rootless .*seccomp_notify or ptrace' "$work/doctor"
groups_missing() { grep 'rootless' "$work/doctor" | grep -q 'delegated'; }
if [ "$backend" = ptrace ]; then
	check "not the control groups" eval '! groups_missing'
elif [ "$(stat -f -c %T /sys/fs/cgroup)" != cgroup2fs ]; then
	check "such as the control groups" groups_missing
fi
check "of this user" sh -c 'grep -q "^nobody:" /etc/subuid || grep -q "missing: .*ranges for this user" "$0"' "$work/doctor"
done_testing
