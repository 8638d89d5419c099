#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Containers in bad circumstances: gone in a moment, names that begin alike, nowhere to write, tracers that died. They
# run as they would without tkit, and what went wrong is told.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=../lib/containers.sh
. "$here/../lib/containers.sh"
need_root
need docker dockerd debootstrap jq
need_backend ebpf
need_backend ptrace
odd="$work/%s%n-dir"
mkdir "$work/full" "$work/wide"
mount -t tmpfs -o size=64k,mode=700 none "$work/full"
at_exit umount -l "$work/full"
dd if=/dev/zero of="$work/full/ballast" bs=1k count=56 2>/dev/null
chmod 777 "$work/wide"
: >"$work/file"
start_docker "$(runtimes 'ebpf=, "--backend", "ebpf"' 'ptrace=, "--backend", "ptrace"' "odd=, \"--dir\", \"$odd\"" \
	"full=, \"--dir\", \"$work/full\"" "wide=, \"--dir\", \"$work/wide\"" "file=, \"--dir\", \"$work/file\"" \
	"deep=, \"--dir\", \"/proc/none/x\"" 'named=, "--name", "{nothing}.tkit"' 'slow=, "--timeout", "1ms"' \
	'gone=, "--real", "/no/such/runc"' 'same=, "--name", "{name}.tkit"' 'blocked=, "--on-failure", "block", "--backend", "ebpf,ring-size=17"')" || skip "$docker_problem"
small_root "$work/small" || die "no base file system"
import_root "$work/small" test/base
image=test/base
run() { # RUNTIME WORD...
	local runtime=$1
	shift
	docker run --runtime "$runtime" --network none "$@"
}

# ---- gone in a moment ----
for backend in ebpf ptrace; do
	bad=0
	for i in 1 2 3 4 5; do
		run "$backend" --rm --name "moment-$backend$i" $image true || bad=1
	done
	for i in 1 2 3 4 5; do
		file=$(trace_of "moment-$backend$i") && complete "$file" && has "$file" '.op == "exec"' || bad=1
	done
	check "$backend: containers that end at once have whole traces" test $bad = 0
done

# ---- names and ids that begin alike ----
for name in web web-2 web2; do
	run runc -d --name $name $image sh -c "while :; do cat /etc/issue >/dev/null; sleep 0.1; done" >/dev/null
	at_exit remove_container $name
done
for name in web web-2; do
	"$tkit" run --quiet --backend ebpf --container $name --duration 300ms -o "$work/$name.tkit"
	id=$("$tkit" dump --header "$work/$name.tkit" | jq -r '.container_id // empty' | head -1)
	check "--container $name is that one" test "$id" = "$(docker inspect -f '{{.Id}}' $name)"
done
check "the beginning of a name is no name" sh -c '! "$0" run --container we -o /dev/null 2>"$1"' "$tkit" "$work/err"
check "but there are others, which are told" grep -q 'web2' "$work/err"
id=$(docker inspect -f '{{.Id}}' web2)
check "twelve digits of an id" "$tkit" run --quiet --backend ebpf --container "${id:0:12}" --duration 100ms -o "$work/id.tkit"

# ---- nowhere to write ----
for where in full wide file deep named slow; do
	status=0
	run $where --rm --name "at-$where" $image sh -c 'cat /etc/os-release; exit 6' >"$work/out" 2>"$work/err" || status=$?
	check "$where: the container runs as ever" test $status = 6
	check "$where: its output" diff "$work/out" "$work/small/usr/lib/os-release"
	check "$where: nothing of tkit's in its messages" test ! -s "$work/err"
done
late=$(trace_of at-slow) || die "no trace"
check "slow: what began too late is not called complete" test "$("$tkit" report --reporter deps,format=json "$late" 2>/dev/null | jq -r .complete)" = false
run same --rm --name twin $image cat /etc/os-release >/dev/null
run same --rm --name twin $image cat /etc/issue >/dev/null
check "a second trace of that name is one of its own" has "$traces/twin-2.tkit" '.path == "/etc/issue"'
check "and the first one is still there" has "$traces/twin.tkit" '.path == "/etc/os-release"'
check "a directory with odd signs" run odd --rm --name odd $image true
(traces=$odd && trace_of odd >/dev/null) && found=0 || found=1
check "has the trace" test $found = 0
status=0
run gone --rm $image true 2>"$work/err" || status=$?
check "no runtime to call: docker's error" test $status != 0
check "which says what is missing" grep -q '/no/such/runc' "$work/err"

status=0
run blocked --rm $image true 2>"$work/err" || status=$?
check "a container that is not to run untraced" test $status != 0
check "docker says why" grep -q 'cannot be traced' "$work/err"

# ---- the runtime in other hands than an engine's ----
mkdir -p "$work/bundle" "$work/state"
(cd "$work/bundle" && runc spec)
jq --arg root "$work/small" '.root.path = $root | .process.terminal = false | .process.args = ["sh", "-c", "echo up; while :; do sleep 0.1; done"] | del(.linux.resources)
	| .linux.namespaces = [.linux.namespaces[] | select(.type != "network" and .type != "cgroup")]' \
	"$work/bundle/config.json" >"$work/config" && mv "$work/config" "$work/bundle/config.json"
oci() { # BACKEND WORD...
	local backend=$1
	shift
	"$tkit" oci-runtime --dir "$traces" --backend "$backend" --on-failure block -- --root "$work/state" "$@"
}
state_of() { runc --root "$work/state" state "$1" | jq -r .status; }
for backend in ebpf ptrace; do
	id=twice-$backend-$$
	oci $backend create -b "$work/bundle" "$id" </dev/null >"$work/out" 2>&1 && oci $backend start "$id" || die "$(cat "$work/out")"
	at_exit runc --root "$work/state" delete -f "$id"
	status=0
	oci $backend start "$id" 2>"$work/err" || status=$?
	check "$backend: started twice: the runtime's refusal" test $status = 1
	check "$backend: in its own words" grep -q 'already running container' "$work/err"
	check "$backend: and the container lives on" test "$(state_of "$id")" = running
	check "$backend: with one trace" test "$(find "$traces" -name "container-$id-*.tkit" -o -name "container-${id:0:12}-*.tkit" | wc -l)" = 1
	status=0
	oci $backend create -b "$work/none" "$id" </dev/null >"$work/out" 2>&1 || status=$?
	check "$backend: created twice: the same" test $status != 0 -a "$(state_of "$id")" = running
	runc --root "$work/state" delete -f "$id"
done
jq '.process.args = ["cat", "/etc/os-release"]' "$work/bundle/config.json" >"$work/config" && mv "$work/config" "$work/bundle/config.json"
status=0
oci ebpf run -b "$work/bundle" "run-$$" >"$work/out" 2>"$work/err" || status=$?
check "run, which cannot be traced, is refused where that is asked for" test $status != 0 -a ! -s "$work/out"
check "with the reason" grep -q 'use create and start' "$work/err"
"$tkit" oci-runtime --dir "$traces" -- --root "$work/state" run -b "$work/bundle" "run-$$" >"$work/out" 2>"$work/err" || die "$(cat "$work/err")"
check "else it runs as ever" diff "$work/out" "$work/small/usr/lib/os-release"
check "with nothing of tkit's in its messages" test ! -s "$work/err"
check "but in the log" grep -q "run-$$: .*use create and start" "$traces/tkit.log"
oci seccomp_notify run -b "$work/bundle" "run-$$" >"$work/out" 2>"$work/err" || die "$(cat "$work/err")"
check "under seccomp_notify it is traced" diff "$work/out" "$work/small/usr/lib/os-release"
oci seccomp_notify run -b "$work/bundle" "run-$$" >"$work/out" 2>"$work/err" || die "$(cat "$work/err")"
check "and a second time, from the same bundle" diff "$work/out" "$work/small/usr/lib/os-release"
listened=$(trace_of container-run) || die "no trace"
check "from its first instruction on" has "$listened" '.op == "exec" and (.path | endswith("/cat"))'

# ---- exec when the tracer is dead ----
for backend in ebpf ptrace; do
	run "$backend" -d --name "orphan-$backend" $image sh -c 'trap "exit 9" TERM; while :; do sleep 0.1; done' >/dev/null
	at_exit remove_container "orphan-$backend"
	tracer=$(writers "$traces/orphan-$backend"-*.tkit)
	[ -n "$tracer" ] || die "no tracer"
	kill -KILL "$tracer"
	status=0
	timeout 30 docker exec "orphan-$backend" sh -c 'cat /etc/issue >/dev/null; exit 5' || status=$?
	check "$backend: exec goes on" test $status = 5
	docker stop -t 10 "orphan-$backend" >/dev/null
	check "$backend: the container ends by itself" test "$(docker inspect -f '{{.State.ExitCode}}' "orphan-$backend")" = 9
done
done_testing
