#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Containers of a real podman, with runc: by the runtime wrapper as `tkit container install podman` sets it up, by the hook,
# and a running one.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck disable=SC2086 # $image is two words
# shellcheck source=../lib/containers.sh
. "$here/../lib/containers.sh"
need_root
need podman runc debootstrap jq
need_backend ebpf
mkdir -p "$work/etc"
"$tkit" container install podman --prefix "$work/etc" >"$work/install.out"
check "the installation is seen" sh -c '"$0" container status --prefix "$1" | grep -q "engine=podman runtime=tkit installed=yes"' "$tkit" "$work/etc"
# podman hands its runtimes neither words nor environment: a script stands where tkit-runc would.
sed -i "s,$build/tkit-runc,$work/tkit-runc," "$work/etc/etc/containers/containers.conf.d/50-tkit.conf"
printf '#!/bin/sh\nTKIT_TRACE_DIR=%s TKIT_BACKEND=ebpf exec %s "$@"\n' "$traces" "$build/tkit-runc" >"$work/tkit-runc"
chmod +x "$work/tkit-runc"
export CONTAINERS_CONF=$work/etc/etc/containers/containers.conf.d/50-tkit.conf
pod() { # RUNTIME WORD...
	local runtime=$1
	shift
	podman --root "$work/root" --runroot "$work/run" --tmpdir "$work/tmp" --cgroup-manager cgroupfs \
		--hooks-dir "$work/etc/etc/containers/oci/hooks.d" --runtime "$runtime" "$@"
}
run() { # RUNTIME WORD...
	local runtime=$1
	shift
	pod "$runtime" run --network none --ulimit nofile=1024:1024 --ulimit nproc=1024:1024 "$@"
}
clean_up() {
	pod runc rm -fa -t 0 >/dev/null 2>&1 || true
	unmount_below "$work"
}
at_exit clean_up
base=$(base_root) || die "no base file system"
image="--rootfs $base:O"
run runc --rm $image true >/dev/null 2>"$work/err" || skip "podman does not run here: $(tail -1 "$work/err")"

whole() { # NAME: what a trace of `cat /etc/os-release` has
	local file
	file=$(trace_of "$1") || die "no trace of $1: $(cat "$traces/tkit.log" 2>/dev/null)"
	check "$1: the program's exec" has "$file" '.op == "exec" and (.path | endswith("/cat"))'
	check "$1: what it read" has "$file" '.path == "/etc/os-release" and .resolved == "/usr/lib/os-release"'
	check "$1: its ELF interpreter" has "$file" '.op == "interp"'
	check "$1: nothing of the runtime" test -z "$("$tkit" dump "$file" | jq -c 'select((.exe // "") | test("runc|tkit"))')"
	check "$1: complete" complete "$file"
}

# ---- the runtime ----
run tkit --rm --name one $image cat /etc/os-release >"$work/out"
check "the container's output" diff "$work/out" "$base/usr/lib/os-release"
whole one
status=0
run tkit --rm --name seven $image sh -c 'exit 7' || status=$?
check "the exit status" test $status = 7

# ---- exec, attach ----
run tkit -d --name service $image sh -c 'while :; do sleep 0.1; done' >/dev/null
status=0
pod tkit exec service sh -c 'cat /etc/issue >/dev/null; exit 5' || status=$?
check "exec's status" test $status = 5
check "attaching by name" "$tkit" run --quiet --backend ebpf --container service --duration 1s -o "$work/attached.tkit"
check "the attached trace" has "$work/attached.tkit" '.op == "exec" and .path == "/usr/bin/sleep"'
pod tkit rm -f -t 0 service >/dev/null
service=$(trace_of service) || die "no trace"
check "exec's program is in the trace" has "$service" '.path == "/etc/issue"'

# ---- the hook ----
mkdir -m 700 "$work/hooked"
run runc --rm --name plain $image true
check "without the annotation the hook is not called" test -z "$(ls -A "$work/hooked")"
run runc --rm --name hooked --annotation "io.tkit.trace=$work/hooked" $image cat /etc/os-release >/dev/null
runtime_traces=$traces
traces=$work/hooked
whole hooked
# A service: the hook leaves nothing open that podman would wait for.
begin=$SECONDS
run runc -d --name held --annotation "io.tkit.trace=$work/hooked" $image sh -c 'trap "exit 8" TERM; cat /etc/issue; while :; do sleep 0.1; done' >"$work/out"
check "podman does not wait for the tracer" test $((SECONDS - begin)) -lt 20
check "but has it" test -n "$(writers "$traces"/held-*.tkit)"
pod runc exec held cat /etc/shells >/dev/null
pod runc stop -t 10 held >/dev/null
check "it ends as it would" test "$(pod runc inspect -f '{{.State.ExitCode}}' held)" = 8
held=$(trace_of held) || die "no trace"
check "exec is in its trace" has "$held" '.path == "/etc/shells"'
check "complete" complete "$held"

# What is installed gives the hook more time than that takes for itself; and one that fails in time fails nothing.
hook_file=$work/etc/etc/containers/oci/hooks.d/tkit.json
own=$("$tkit" oci-hook --help | sed -n 's/.*may take to arm.*default \([0-9]*\)s.*/\1/p')
check "the hook's time is longer than tkit's own" test "$(jq .hook.timeout "$hook_file")" -gt "${own:-1000}"
hooks() { # WORD...: the hook with these
	jq --argjson more "$(printf '%s\n' "$@" | jq -R . | jq -s .)" '.hook.args += $more' "$hook_file" >"$work/hooks/tkit.json"
}
mkdir "$work/hooks"
hooked() { # WORD...
	podman --root "$work/root" --runroot "$work/run" --tmpdir "$work/tmp" --cgroup-manager cgroupfs --hooks-dir "$work/hooks" \
		--runtime runc run --rm --network none --ulimit nofile=1024:1024 --ulimit nproc=1024:1024 \
		--annotation "io.tkit.trace=$work/hooked" $image "$@"
}
hooks --timeout 1ms
status=0
hooked sh -c 'cat /etc/os-release; exit 4' >"$work/out" 2>"$work/err" || status=$?
check "a tracer that is late: the container runs" test $status = 4
check "with its output" diff "$work/out" "$base/usr/lib/os-release"
check "and the log says so" grep -q 'not ready in time' "$work/hooked/tkit.log"
hooks --on-failure block --backend ebpf,ring-size=17
status=0
hooked cat /etc/os-release >"$work/out" 2>"$work/err" || status=$?
check "where it must not run untraced, it does not" test $status != 0 -a ! -s "$work/out"
check "podman says why" grep -q 'tkit' "$work/err"
traces=$runtime_traces

# ---- undone ----
"$tkit" container uninstall podman --prefix "$work/etc" >/dev/null && status=0 || status=$?
check "undone" test $status = 0 -a -z "$(find "$work/etc" -type f)"
done_testing
