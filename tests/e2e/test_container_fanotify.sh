#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Containers of a real docker, seen by fanotify: by the file systems that they have, exec included.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=../lib/containers.sh
. "$here/../lib/containers.sh"
need_root
need docker dockerd debootstrap jq
need_backend fanotify
start_docker "$(runtimes 'tkit=, "--backend", "fanotify"')" || skip "$docker_problem"
small_root "$work/small" || die "no base file system"
import_root "$work/small" test/base
image=test/base
traced() { docker run --runtime tkit --network none "$@"; }

traced --name one --rm $image cat /etc/os-release >"$work/out"
check "the container's output" diff "$work/out" "$work/small/usr/lib/os-release"
one=$(trace_of one) || die "no trace"
check "the program's exec" has "$one" '.op == "exec" and .resolved == "/usr/bin/cat"'
check "its ELF interpreter" has "$one" '.resolved == "/usr/lib/x86_64-linux-gnu/ld-linux-x86-64.so.2"'
check "and libc" has "$one" '.resolved == "/usr/lib/x86_64-linux-gnu/libc.so.6"'
check "what it read" has "$one" '.resolved == "/usr/lib/os-release"'
check "the trace begins with the program" test "$("$tkit" dump "$one" | jq -r 'select(.resolved) | .resolved' | head -1)" = /usr/bin/cat
check "nothing of the runtime" hasnt "$one" '(.resolved // "") | test("runc|passwd|exec.fifo")'
check "complete" complete "$one"

mkdir "$work/shared"
echo shared >"$work/shared/file"
echo other >"$work/shared/other"
traced -d --name service --cap-add SYS_ADMIN --security-opt seccomp=unconfined --security-opt apparmor=unconfined \
	-v "$work/shared:/srv:ro" --tmpfs /scratch $image \
	sh -c 'trap "exit 7" TERM; cat /srv/file >/dev/null; echo x >/scratch/x; unshare -m cat /etc/shells >/dev/null; while :; do sleep 0.1; done' >/dev/null
at_exit remove_container service
docker run -d --name neighbour --runtime runc --network none -v "$work/shared:/srv:ro" $image \
	sh -c 'while cat /srv/other /etc/debian_version; do sleep 0.1; done' >/dev/null
at_exit remove_container neighbour
cat "$work/shared/other" >/dev/null # the host itself
status=0
docker exec service sh -c 'cat /etc/issue >/dev/null; exit 5' || status=$?
check "exec's status" test $status = 5
check "exec in a mount namespace, with a mount" docker exec service unshare -m sh -c \
	'mount -t tmpfs none /tmp && sleep 0.3 && echo y >/tmp/y && cat /tmp/y /etc/host.conf'
check "attaching" "$tkit" run --quiet --backend fanotify --container service --duration 1s -o "$work/attached.tkit"
docker stop -t 5 service >/dev/null
check "the exit status is the container's" test "$(docker inspect -f '{{.State.ExitCode}}' service)" = 7
service=$(trace_of service) || die "no trace"
check "what is on a mount of the host's" has "$service" '.resolved == "/srv/file"'
check "what is in memory" has "$service" '.resolved == "/scratch/x"'
check "a process in a mount namespace of its own" has "$service" '.resolved == "/etc/shells"'
check "exec's program" has "$service" '.resolved == "/etc/issue"'
check "one in a mount namespace of exec's" has "$service" '.resolved == "/etc/host.conf"'
check "what that has mounted itself" has "$service" '.resolved == "/tmp/y"'
check "the moment before it was seen is a loss" has "$service" '.type == "loss" and .reason == "untraced"'
check "nothing of the neighbour or the host" hasnt "$service" '(.resolved // "") | test("other|debian_version")'
check "an attached trace has what goes on" has "$work/attached.tkit" '.op == "exec" and .resolved == "/usr/bin/sleep"'
check "and nothing of the neighbour" hasnt "$work/attached.tkit" '(.resolved // "") | test("other|debian_version")'

# By the hook, when the container's root is a directory of the host's still.
mkdir -p "$work/bundle/rootfs" "$work/state"
cp -a "$work/small/." "$work/bundle/rootfs"
(cd "$work/bundle" && runc spec)
jq --arg tkit "$tkit" --arg dir "$work/hooked" '.process.terminal = false | .process.args = ["cat", "/etc/os-release"]
	| .hooks = {createRuntime: [{path: $tkit, args: ["tkit", "oci-hook", "--dir", $dir, "--backend", "fanotify"]}]}
	| .linux.namespaces = [.linux.namespaces[] | select(.type != "network" and .type != "cgroup")] | del(.linux.resources)' \
	"$work/bundle/config.json" >"$work/config" && mv "$work/config" "$work/bundle/config.json"
traces=$work/hooked
runc --root "$work/state" run -b "$work/bundle" "hooked-$$" >"$work/out" || die "runc does not run here"
check "the hooked container's output" diff "$work/out" "$work/small/usr/lib/os-release"
hooked=$(trace_of container) || die "no trace of the hooked one"
check "what it read" has "$hooked" '.resolved == "/usr/lib/os-release"'
check "under its own names" hasnt "$hooked" '(.resolved // "") | test("rootfs")'
done_testing
