#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Containers of a real docker under seccomp_notify: the runtime, runc or crun, hands the listeners over, exec's included.
# usage: test_container_notify.sh runc|crun
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
real=${1:-runc}
# See test_container_behave.sh.
if [ "$real" = crun ] && [ -z "${TKIT_APART:-}" ] && [ "$(id -u)" = 0 ]; then
	export TKIT_APART=1
	# shellcheck disable=SC2016
	exec unshare -m --propagation private sh -c '
		umount /sys/fs/cgroup/unified 2>/dev/null
		mount -t tmpfs -o mode=755 none /mnt && mknod -m 666 /mnt/null c 1 3 && mount --bind /mnt/null /dev/null &&
			exec "$0" "$@"' "$0" "$@"
fi
# shellcheck source=../lib/containers.sh
. "$here/../lib/containers.sh"
need_root
need docker dockerd debootstrap jq "$real"
need_backend seccomp_notify
start_docker "$(runtimes "tkit=, \"--backend\", \"seccomp_notify\", \"--on-failure\", \"block\", \"--real\", \"$real\"" |
	jq ".runtimes.bare.path = \"$(command -v "$real")\"")" || skip "$docker_problem"
small_root "$work/small" || die "no base file system"
import_root "$work/small" test/base
image=test/base
traced() { docker run --runtime tkit --network none "$@"; }
bare() { docker run --runtime bare --network none "$@"; }
bare --rm $image true 2>"$work/err" || { cat "$work/err" >&2; skip "$real does not run here: $(tail -1 "$work/err")"; }

id=$(traced -d --name one $image sh -c 'cat /etc/os-release; ls -d /proc/self/task/*/x 2>&1; grep -E "TracerPid|NoNewPrivs" /proc/self/status')
docker wait "$id" >/dev/null
docker logs "$id" >"$work/out"
id2=$(bare -d $image sh -c 'cat /etc/os-release; ls -d /proc/self/task/*/x 2>&1; grep -E "TracerPid|NoNewPrivs" /proc/self/status')
docker wait "$id2" >/dev/null
docker logs "$id2" >"$work/bare"
check "the container's output is as without" diff "$work/bare" "$work/out"
one=$(trace_of one) || die "no trace"
check "the program's exec" has "$one" '.op == "exec" and (.path | endswith("/sh"))'
check "and that of what it runs" has "$one" '.op == "exec" and (.path | endswith("/cat"))'
check "what it asked for" has "$one" '.op == "open" and .abs == "/etc/os-release"'
check "libc" has "$one" '.op == "open" and (.path | endswith("/libc.so.6"))'
check "the trace begins with the program" test "$("$tkit" dump "$one" | jq -r .op | head -1)" = exec
check "nothing of the runtime" hasnt "$one" '(.path // "") | test("exec.fifo|/proc/self/fd|runc")'
check "complete" complete "$one"
check "its socket is gone" test -z "$(find /run/tkit -name "${id:0:12}*" 2>/dev/null)"

mkdir -p "$work/host" && echo conf >"$work/host/conf"
docker volume create state >/dev/null
id=$(traced -d --name service -v state:/srv -v "$work/host:/var/run/conf:ro" -v "$work/host/conf:/etc/one.conf" --tmpfs /scratch --security-opt seccomp=unconfined --user 1000 --read-only $image sh -c 'trap "exit 7" TERM; while :; do sleep 0.1; done')
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
service=$(trace_of service) || die "no trace"
check "exec's program is in the trace" has "$service" '.abs == "/etc/issue"'
check "and the second one" has "$service" '.abs == "/etc/shells"'
header() { "$tkit" dump --header "$service" | grep '"type":"run"'; }
check "the trace says which container it was" test "$(header | jq -r .container_id)" = "$id"
check "and of which image" test "$(header | jq -r .image_digest)" = "$(docker inspect -f '{{.Image}}' "$id")"
# What it had mounted, as in a trace of another backend.
mounts() { # FILE
	"$tkit" dump --header "$1" | grep '"type":"run"' | jq -c '.mounts[] | select(.kind != "runtime")'
}
bare -d --name other -v state:/srv -v "$work/host:/var/run/conf:ro" -v "$work/host/conf:/etc/one.conf" --tmpfs /scratch \
	--read-only $image sh -c 'while :; do sleep 0.1; done' >/dev/null
at_exit remove_container other
"$tkit" run --quiet --backend ptrace --container other --duration 300ms -o "$work/other.tkit"
check "what is mounted in it" diff <(mounts "$work/other.tkit") <(mounts "$service")
check "which is four things" test "$(mounts "$service" | wc -l)" = 4
for file in /etc/hosts /etc/resolv.conf /proc /sys /dev; do
	check "the engine's own $file" test "$(header | jq -r ".mounts[] | select(.destination == \"$file\").kind")" = runtime
done
check "complete" complete "$service"
"$tkit" report --reporter dockerfile --root docker:$image -o "$work/slim" "$one" >"$work/log" 2>&1 || die "$(cat "$work/log")"
build_image "$work/slim" test/slim
check "the minimal image does the same" test "$(docker run --rm --network none test/slim cat /etc/os-release | head -1)" = "$(head -1 "$work/bare")"

# What README.md says of the end of tkit.
id=$(traced -d --name killed $image sh -c 'while :; do sleep 0.2; done')
at_exit remove_container "$id"
sleep 0.5
tracer=$(writers "$traces"/killed-*.tkit)
[ -n "$tracer" ] || die "no tracer"
kill -KILL "$tracer"
refused() { docker logs "$id" 2>&1 | grep 'not implemented' >/dev/null; }
check "a tracer that is killed leaves a container that cannot open or execute anything" eventually refused
check "but lives on" test "$(docker inspect -f '{{.State.Running}}' "$id")" = true
partial=$(find "$traces" -name "killed-*.tkit")
incomplete() { ! complete "$partial" 2>/dev/null; }
check "and a trace that is not called complete" incomplete
rm -f "/run/tkit/${id:0:12}"*.sock
done_testing
