#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A container of a user's, without root anywhere: podman and runc as nobody, traced by seccomp_notify.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=../lib/lib.sh
. "$here/../lib/lib.sh"
# shellcheck source=../lib/images.sh
. "$here/../lib/images.sh"
# shellcheck source=../lib/containers.sh
. "$here/../lib/containers.sh"
need_root # to become nobody
need podman runc debootstrap jq setpriv
need_backend seccomp_notify
mkdir "$work/user"
home=$work/user
mkdir "$home/run"
small_root "$home/root" || die "no base file system"
chown -R nobody "$home"
chmod 700 "$home" "$home/run"
traces=$home/traces
cat >"$home/tkit-runc" <<EOF
#!/bin/sh
TKIT_TRACE_DIR=$traces TKIT_BACKEND=seccomp_notify TKIT_ON_FAILURE=block exec $build/tkit-runc "\$@"
EOF
chmod +x "$home/tkit-runc"
user() { # CMD...: as nobody
	(cd "$home" && HOME=$home XDG_RUNTIME_DIR=$home/run exec setpriv --reuid nobody --regid nogroup --clear-groups "$@")
}
pod() { # RUNTIME WORD...
	local runtime=$1
	shift
	user podman --cgroup-manager cgroupfs --log-level error --runtime "$runtime" "$@"
}
run() { # RUNTIME WORD...
	local runtime=$1
	shift
	pod "$runtime" run --network none --cgroups=no-conmon --ulimit nofile=1024:1024 --ulimit nproc=1024:1024 "$@"
}
clean_up() {
	pod runc rm -fa -t 0 >/dev/null 2>&1 || true
	awk -v d="$work/" 'index($5, d) == 1 { print $5 }' /proc/self/mountinfo | sort -r |
		while read -r m; do umount -l "$m" 2>/dev/null || true; done
}
at_exit clean_up
user test -x "$build/tkit-runc" || skip "nobody cannot execute $build/tkit-runc"
run runc --rm --rootfs "$home/root" true >/dev/null 2>"$work/err" || skip "rootless podman does not run here: $(tail -1 "$work/err")"

run "$home/tkit-runc" --rm --rootfs "$home/root" sh -c 'cat /etc/os-release; exit 4' >"$work/out" 2>"$work/err" && status=0 || status=$?
check "the exit status" test $status = 4
check "the container's output" diff "$work/out" "$home/root/usr/lib/os-release"
one=$(trace_of container) || die "no trace: $(cat "$work/err")"
check "the program's exec" has "$one" '.op == "exec" and (.path | endswith("/cat"))'
check "what it read" has "$one" '.op == "open" and .abs == "/etc/os-release"'
check "the trace begins with the program" test "$("$tkit" dump "$one" | jq -r .op | head -1)" = exec
check "complete" complete "$one"
check "it is the user's" test "$(stat -c %U "$one")" = nobody

run "$home/tkit-runc" -d --name service --rootfs "$home/root" sh -c 'trap "exit 0" TERM; while :; do sleep 0.1; done' >/dev/null 2>&1
pod "$home/tkit-runc" exec service cat /etc/issue >/dev/null 2>"$work/err" || die "$(cat "$work/err")"
check "it is removed" pod "$home/tkit-runc" rm -f -t 2 service
seen() { for file in "$traces"/*.tkit; do has "$file" '.abs == "/etc/issue"' && return; done; return 1; }
check "exec's program" eventually seen

user "$tkit" doctor >"$work/doctor"
check "tkit doctor says what is missing" grep -q 'rootless .*seccomp_notify' "$work/doctor"
check "of this user" sh -c 'grep -q "^nobody:" /etc/subuid || grep -q "missing: .*ranges for this user" "$0"' "$work/doctor"
done_testing
