#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Containers of a real docker, traced by ptrace: from their first instruction, with what `docker exec` brings in.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=../lib/containers.sh
. "$here/../lib/containers.sh"
need_root
need docker dockerd debootstrap jq
need_backend ptrace
start_docker "$(runtimes 'tkit=, "--backend", "ptrace"')" || skip "$docker_problem"
small_root "$work/small" || die "no base file system"
import_root "$work/small" test/base
image=test/base

traced() { docker run --runtime tkit --network none "$@"; }

traced --name one --rm $image cat /etc/os-release >"$work/out"
check "the container's output" diff "$work/out" "$work/small/usr/lib/os-release"
one=$(trace_of one) || die "no trace"
check "the program's exec" has "$one" '.op == "exec" and (.path | endswith("/cat"))'
check "what it read" has "$one" '.path == "/etc/os-release" and .resolved == "/usr/lib/os-release"'
check "its ELF interpreter" has "$one" '.op == "interp"'
check "the trace begins with the program" test "$("$tkit" dump "$one" | jq -r .op | head -1)" = exec
check "nothing of the runtime" test -z "$("$tkit" dump "$one" | jq -c 'select((.exe // "") | test("runc|tkit"))')"
check "complete" complete "$one"

traced -d --name service $image sh -c 'trap "exit 7" TERM; while :; do sleep 0.1; done' >/dev/null
at_exit remove_container service
docker run -d --name neighbour --network none $image sh -c 'while cat /etc/debian_version; do sleep 0.1; done' >/dev/null
at_exit remove_container neighbour
status=0
docker exec service sh -c 'cat /etc/issue >/dev/null; exit 5' || status=$?
check "exec's status" test $status = 5
for i in 1 2 3; do docker exec service cat /etc/shells >/dev/null; done
own=$(docker inspect -f '{{.State.Pid}}' service)
check "the runtime has left the container's control group" test -z "$(grep -l 'tkit\|^runc' /proc/[0-9]*/comm 2>/dev/null | while read -r f; do
	diff -q "/proc/$own/cgroup" "${f%comm}cgroup" >/dev/null 2>&1 && echo "$f"; done)"
docker stop -t 5 service >/dev/null
check "the exit status is the container's" test "$(docker inspect -f '{{.State.ExitCode}}' service)" = 7
service=$(trace_of service) || die "no trace"
check "exec's program is in the trace, from its exec on" has "$service" '.op == "exec" and (.path | endswith("/cat"))'
check "what it read" has "$service" '.path == "/etc/issue"'
check "each of several" test "$("$tkit" dump "$service" | jq -c 'select(.path == "/etc/shells" and .op == "open")' | wc -l)" = 3
check "nothing of the neighbour" test -z "$("$tkit" dump "$service" | jq -c 'select(.path == "/etc/debian_version")')"
check "nothing of the runtime" test -z "$("$tkit" dump "$service" | jq -c 'select((.exe // "") | test("runc|tkit"))')"
check "complete" complete "$service"

# A process that comes in by another way than the runtime's.
traced -d --name visited $image sh -c 'trap "exit 0" TERM; while :; do sleep 0.1; done' >/dev/null
at_exit remove_container visited
group=$({ "$tkit" dump --header "$traces"/visited-*.tkit 2>/dev/null || :; } | jq -r '.target // empty' | head -1)
sh -c 'echo $$ >"$0/cgroup.procs" && sleep 1; true' "$group"
docker stop -t 5 visited >/dev/null
visited=$(trace_of visited) || die "no trace"
check "one that enters by itself is a loss" has "$visited" '.type == "loss" and .reason == "untraced"'
incomplete() { ! complete "$visited"; }
check "and the trace is not called complete" incomplete

traced -d --name killed $image sh -c 'while :; do cat /etc/hostname >/dev/null; sleep 0.05; done' >/dev/null
at_exit remove_container killed
sleep 1.5
tracer=$(writers "$traces"/killed-*.tkit)
[ -n "$tracer" ] || die "no tracer"
kill -KILL "$tracer"
sleep 0.2
check "a container outlives its tracer" test "$(docker inspect -f '{{.State.Running}}' killed)" = true
check "and goes on working" docker exec killed test -e /etc/os-release
done_testing
