#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What goes on beside a traced container: its daemon is killed, stopped and started again; somebody moves its processes.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=../lib/containers.sh
. "$here/../lib/containers.sh"
need_root
need docker dockerd debootstrap jq
need_backend ebpf
need_backend ptrace
config=$(runtimes 'ebpf=, "--backend", "ebpf"' 'ptrace=, "--backend", "ptrace"' 'fanotify=, "--backend", "fanotify"' |
	jq '. + {"live-restore": true}')
start_docker "$config" || skip "$docker_problem"
small_root "$work/small" || die "no base file system"
import_root "$work/small" test/base
image=test/base
backends=(ebpf ptrace)
[ -n "$(backend_problem fanotify)" ] || backends+=(fanotify)
reads() { # FILE PATH: somebody has read it
	has "$1" "(.resolved == \"$2\" or .abs == \"$2\") and .op == \"open\""
}
group_of() { # PID: the directory of its control group, the one that tkit goes by
	local v2
	v2=$(sed -n 's,^0::\(/.\+\),\1,p' "/proc/$1/cgroup")
	if [ -n "$v2" ] && [ -d "/sys/fs/cgroup/unified$v2" ]; then
		echo "/sys/fs/cgroup/unified$v2"
	elif [ -n "$v2" ]; then
		echo "/sys/fs/cgroup$v2"
	else
		sed -n 's,.*:freezer:,/sys/fs/cgroup/freezer,p' "/proc/$1/cgroup"
	fi
}

# Without a daemon nobody else ends them.
declare -A inits
pids=()
end_containers() {
	local pid
	for pid in ${pids[@]+"${pids[@]}"}; do
		kill -KILL "$pid" 2>/dev/null
	done
}
at_exit end_containers

# Each of them waits for a file in its own /tmp before it reads the next one.
for backend in "${backends[@]}"; do
	docker run --runtime "$backend" --network none -d --name "$backend" $image sh -c 'trap "exit 7" TERM
		await() { while [ ! -e "/tmp/$1" ]; do sleep 0.1; done; }
		await dead; cat /etc/issue; await moved; cat /etc/shells; while :; do sleep 0.1; done' >/dev/null
	init=$(docker inspect -f '{{.State.Pid}}' "$backend")
	inits[$backend]=$init
	pids+=("$init" "$(awk '{ print $4 }' "/proc/$init/stat")") # and its shim
done
tracers=$(writers "$traces"/*.tkit)
check "each has a tracer" test "$(wc -w <<<"$tracers")" = ${#backends[@]}

# ---- the daemon is killed ----
kill -KILL "$docker_pid"
status=0
wait "$docker_pid" 2>/dev/null || status=$?
check "the daemon was killed" test $status = 137
docker_pid=
alive() { for pid in $tracers; do kill -0 "$pid" || return 1; done; }
for backend in "${backends[@]}"; do
	: >"/proc/${inits[$backend]}/root/tmp/dead"
done
# Theirs may be taken for alive while nobody has waited for them.
rm -f "$docker_dir/pid" "$docker_dir/exec/containerd/containerd.pid"
start_docker "$config" || die "dockerd does not start again: $docker_problem"
for backend in "${backends[@]}"; do
	file=$(find "$traces" -name "$backend-*.tkit")
	check "$backend: the container lives" test "$(docker inspect -f '{{.State.Running}}' "$backend")" = true
	check "$backend: what it did meanwhile is traced" eventually reads "$file" /etc/issue
	check "$backend: exec by the new daemon" docker exec "$backend" cat /etc/host.conf >/dev/null
done
check "the tracers outlive the daemon" alive

# ---- its processes are moved ----
for backend in "${backends[@]}"; do
	init=${inits[$backend]}
	group=$(group_of "$init")
	mkdir "$group/sub"
	echo "$init" >"$group/sub/cgroup.procs"
	: >"/proc/$init/root/tmp/moved"
	file=$(find "$traces" -name "$backend-*.tkit")
	check "$backend: what it does in a group below is traced" eventually reads "$file" /etc/shells
	check "$backend: it is in that group" grep -q '/sub$' "/proc/$init/cgroup"
done

# ---- the daemon is reloaded, then stopped for good ----
kill -HUP "$docker_pid"
for backend in "${backends[@]}"; do
	docker exec "$backend" cat /etc/debian_version >/dev/null || die "exec"
	docker stop -t 10 "$backend" >/dev/null
	check "$backend: the exit status is the container's" test "$(docker inspect -f '{{.State.ExitCode}}' "$backend")" = 7
	file=$(trace_of "$backend") || die "no trace"
	check "$backend: exec's programs are in the trace" reads "$file" /etc/debian_version
	check "$backend: of the first daemon's successor, too" reads "$file" /etc/host.conf
	check "$backend: nothing of the runtime or the host" hasnt "$file" '(.exe // "") + (.comm // "") | test("runc|tkit|docker|containerd")'
	check "$backend: one trace" test "$(find "$traces" -name "$backend-*.tkit" | wc -l)" = 1
	check "$backend: complete" complete "$file"
done

# Without live-restore a daemon takes its containers with it, and starts those again that ask for it.
pids=()
docker rm "${backends[@]}" >/dev/null
stop_docker
config=$(jq 'del(.["live-restore"])' <<<"$config")
start_docker "$config" || die "dockerd does not start again: $docker_problem"
docker run --runtime ebpf --network none -d --restart always --name always $image \
	sh -c 'trap "cat /etc/fstab; exit 0" TERM; cat /etc/issue; while :; do sleep 0.1; done' >/dev/null
first=$(find "$traces" -name 'always-*.tkit')
eventually reads "$first" /etc/issue
stop_docker
eventually ended always
check "a container that ends with its daemon has a whole trace" complete "$first"
check "to its last words" reads "$first" /etc/fstab
start_docker "$config" || die "dockerd does not start again: $docker_problem"
at_exit remove_container always
two() { [ "$(find "$traces" -name 'always-*.tkit' | wc -l)" = 2 ]; }
check "started again, it has a second one" eventually two
docker rm -f always >/dev/null
check "nothing went wrong" test ! -s "$traces/tkit.log"
done_testing
