#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Containers of a real docker under seccomp_notify: the runtime hands the listeners over, exec's included.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=../lib/lib.sh
. "$here/../lib/lib.sh"
# shellcheck source=../lib/images.sh
. "$here/../lib/images.sh"
# shellcheck source=../lib/containers.sh
. "$here/../lib/containers.sh"
need_root
need docker dockerd debootstrap jq
need_backend seccomp_notify
start_docker "$(runtimes 'tkit=, "--name", "{id}-{time}.tkit", "--backend", "seccomp_notify", "--on-failure", "block"')" || skip "$docker_problem"
small_root "$work/small" || die "no base file system"
import_root "$work/small" test/base
image=test/base
traced() { docker run --runtime tkit --network none "$@"; }
trace_by_id() { # ID: of a container
	trace_of "${1:0:12}"
}

id=$(traced -d $image sh -c 'cat /etc/os-release; ls -d /proc/self/task/*/x 2>&1; grep -E "TracerPid|NoNewPrivs" /proc/self/status')
docker wait "$id" >/dev/null
docker logs "$id" >"$work/out"
id2=$(docker run -d --runtime runc --network none $image sh -c 'cat /etc/os-release; ls -d /proc/self/task/*/x 2>&1; grep -E "TracerPid|NoNewPrivs" /proc/self/status')
docker wait "$id2" >/dev/null
docker logs "$id2" >"$work/bare"
check "the container's output is as without" diff "$work/bare" "$work/out"
one=$(trace_by_id "$id") || die "no trace"
check "the program's exec" has "$one" '.op == "exec" and (.path | endswith("/sh"))'
check "and that of what it runs" has "$one" '.op == "exec" and (.path | endswith("/cat"))'
check "what it asked for" has "$one" '.op == "open" and .abs == "/etc/os-release"'
check "libc" has "$one" '.op == "open" and (.path | endswith("/libc.so.6"))'
check "the trace begins with the program" test "$("$tkit" dump "$one" | jq -r .op | head -1)" = exec
check "nothing of the runtime" hasnt "$one" '(.path // "") | test("exec.fifo|/proc/self/fd|runc")'
check "complete" complete "$one"
check "its socket is gone" test -z "$(find /run/tkit -name "${id:0:12}*" 2>/dev/null)"

id=$(traced -d --security-opt seccomp=unconfined --user 1000 --read-only $image sh -c 'trap "exit 7" TERM; while :; do sleep 0.1; done')
at_exit remove_container "$id"
status=0
docker exec "$id" sh -c 'cat /etc/issue >/dev/null; id -u; exit 5' >"$work/exec" || status=$?
check "exec: status" test $status = 5
check "exec: user" grep -qx 1000 "$work/exec"
docker exec -u 0 "$id" cat /etc/shells >/dev/null
docker pause "$id" >/dev/null
docker unpause "$id" >/dev/null
docker stop -t 5 "$id" >/dev/null
check "the exit status is the container's" test "$(docker inspect -f '{{.State.ExitCode}}' "$id")" = 7
service=$(trace_by_id "$id") || die "no trace"
check "exec's program is in the trace" has "$service" '.abs == "/etc/issue"'
check "and the second one" has "$service" '.abs == "/etc/shells"'
check "complete" complete "$service"
"$tkit" report --reporter dockerfile --root docker:$image -o "$work/slim" "$one" >"$work/log" 2>&1 || die "$(cat "$work/log")"
build_image "$work/slim" test/slim
check "the minimal image does the same" test "$(docker run --rm --network none test/slim cat /etc/os-release | head -1)" = "$(head -1 "$work/bare")"

# What README.md says of the end of tkit.
id=$(traced -d $image sh -c 'while :; do sleep 0.2; done')
at_exit remove_container "$id"
sleep 0.5
tracer=$(pgrep -f -- "-o $traces/${id:0:12}-") || die "no tracer"
kill -KILL "$tracer"
refused() { docker logs "$id" 2>&1 | grep 'not implemented' >/dev/null; }
check "a tracer that is killed leaves a container that cannot open or execute anything" eventually refused
check "but lives on" test "$(docker inspect -f '{{.State.Running}}' "$id")" = true
partial=$(find "$traces" -name "${id:0:12}-*.tkit")
incomplete() { ! complete "$partial" 2>/dev/null; }
check "and a trace that is not called complete" incomplete
rm -f "/run/tkit/${id:0:12}"*.sock
done_testing
