#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A container behaves as it does without tkit, with runc and with crun below: what it prints, how it ends, what
# an engine can do to it; and each has its trace.
# usage: test_container_behave.sh runc|crun
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
real=${1:-runc}
# crun refuses control groups v1 beside v2, so v2 is hidden from all that this test starts; and it gives /dev/null, if
# that is a container's input, to the container's user, so that is another one there.
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
need_backend ebpf
start_docker "$(runtimes "tkit=, \"--backend\", \"ebpf\", \"--real\", \"$real\"" | jq ".runtimes.bare.path = \"$(command -v "$real")\"")" ||
	skip "$docker_problem"
small_root "$work/small" || die "no base file system"
import_root "$work/small" test/base
image=test/base
bare() { docker run --runtime bare --network none "$@"; }
traced() { docker run --runtime tkit --network none "$@"; }
bare --rm $image true 2>"$work/err" || { cat "$work/err" >&2; skip "$real does not run here: $(tail -1 "$work/err")"; }

# ---- what a trace has ----
traced --name one --rm $image cat /etc/os-release >"$work/out"
check "the container's output" diff "$work/out" "$work/small/usr/lib/os-release"
one=$(trace_of one) || die "no trace"
check "the program's exec" has "$one" '.op == "exec" and (.path | endswith("/cat"))'
check "what it read" has "$one" '.path == "/etc/os-release" and .resolved == "/usr/lib/os-release"'
check "the trace begins with the program" test "$("$tkit" dump "$one" | jq -r .op | head -1)" = exec
check "nothing of the runtime" hasnt "$one" '(.exe // "") + (.comm // "") | test("runc|crun|tkit")'
check "complete" complete "$one"

# ---- run to its end ----
same() { # TEXT ARGS...
	local text=$1 a=0 b=0
	shift
	bare --rm "$@" >"$work/bare" 2>"$work/bare.err" <<<"from outside" || a=$?
	traced --rm "$@" >"$work/traced" 2>"$work/traced.err" <<<"from outside" || b=$?
	check "$text: same output" diff "$work/bare" "$work/traced"
	check "$text: same messages" diff "$work/bare.err" "$work/traced.err"
	check "$text: same status ($a)" test $a -eq $b
}
same "a user, read-only" --user 1000:1000 --read-only $image sh -c 'id; touch /x; echo $?'
same "an init" --init $image sh -c 'cat /proc/1/comm; exit 3'
same "a missing program" $image /no/such/program
same "death by a signal" $image sh -c 'kill -9 $$'
same "privileges" --security-opt no-new-privileges $image grep -E 'NoNewPrivs|Seccomp:|Cap|Sig(Blk|Ign|Cgt)|TracerPid|Groups' /proc/self/status
same "the host's processes" --pid host $image sh -c 'test $$ -gt 1 && echo yes'
same "limits, environment, descriptors" --ulimit nofile=512 -e A=b -w /usr -h box $image sh -c 'ulimit -a; echo $A; pwd; env | sort; ls -l /proc/self/fd | wc -l'
same "a terminal" -t $image sh -c 'test -t 0 && tty && stty size'
same "standard input" -i $image cat
same "a large environment" -e "A=$(head -c 120000 /dev/zero | tr '\0' x)" $image sh -c 'echo ${#A}'
same "no standard output" $image sh -c 'exec >&-; cat /etc/issue 2>/dev/null; exit $?'

# At a terminal: somebody types, asks for its size, presses Ctrl-C.
typed() { # HOW
	python3 "$here/../lib/typed.py" "PS1='READY>'" 'tty; until stty size | grep -q "^33"; do sleep 0.1; done; stty size' 'trap "got=1; echo caught" INT; echo "READY>"; until [ "$got" ]; do sleep 0.1; done; echo a$((1 + 1))' ^C 'exit 6' -- \
		docker run --rm -it --runtime "$1" --network none $image sh | sed 's,^READY>,,' | grep -E '^(/dev/|33 101|a2|caught|status)'
}
typed bare >"$work/typed.bare" || die "no terminal: $(cat "$work/typed.bare")"
check "at a terminal" diff "$work/typed.bare" <(typed tkit)
check "which says so" grep -qx 'status 6' "$work/typed.bare"
same "mounts" --tmpfs /scratch -v "$work/small/etc:/here:ro" $image sh -c 'grep -v " / " /proc/mounts | cut -d" " -f2-4 | grep -v containers/ | sort'

# ---- what an engine does to one that runs ----
life() { # HOW: the story of a container, told in lines
	local how=$1 name=life-$1 i
	"$how" -d --name "$name" --restart on-failure:1 $image sh -c 'trap "echo term; exit 7" TERM
		trap "echo usr1" USR1; n=0; while :; do sleep 0.05; done' >/dev/null
	docker kill -s USR1 "$name" >/dev/null
	said() { [ -n "$(docker logs "$name" 2>/dev/null)" ]; }
	eventually said
	docker pause "$name" >/dev/null
	docker inspect -f '{{.State.Status}}' "$name"
	docker unpause "$name" >/dev/null
	docker inspect -f '{{.State.Status}}' "$name"
	i=0
	docker exec -u 1000 -w /usr -e B=c "$name" sh -c 'id -u; pwd; echo $B; exit 5' || i=$?
	echo "exec $i"
	docker exec -t "$name" tty | tr -d '\r'
	docker exec -d "$name" sh -c 'echo detached >/tmp/detached'
	eventually docker exec "$name" cat /tmp/detached && echo detached
	docker top "$name" -o pid,comm | awk '{ print $2 }' | sort -u | grep -v sleep
	echo from outside >"$work/copied"
	docker cp "$work/copied" "$name:/tmp/copied" && docker cp "$name:/tmp/copied" - | tar -xO
	docker diff "$name" | sort
	docker commit "$name" "test/$name" >/dev/null && docker run --rm --runtime runc --network none "test/$name" cat /tmp/copied
	docker checkpoint create "$name" point 2>&1 | sed "s/$name/NAME/g"
	docker rename "$name" "$name-2" && docker rename "$name-2" "$name"
	docker update --cpu-shares 512 "$name" >/dev/null 2>&1 && echo updated || echo "not updated"
	docker stop -t 10 "$name" >/dev/null
	docker inspect -f '{{.State.Status}} {{.State.ExitCode}} {{.State.OOMKilled}}' "$name"
	docker start "$name" >/dev/null
	docker kill "$name" >/dev/null
	docker inspect -f '{{.State.Status}} {{.State.ExitCode}}' "$name"
	docker logs "$name"
	docker rm "$name" >/dev/null
	# one that fails is started again, once
	"$how" -d --name "$name" --restart on-failure:1 $image sh -c 'echo try; exit 4' >/dev/null
	tried() { [ "$(docker inspect -f '{{.RestartCount}} {{.State.Status}}' "$name")" = "1 exited" ]; }
	eventually tried
	docker inspect -f '{{.RestartCount}} {{.State.Status}} {{.State.ExitCode}}' "$name"
	docker logs "$name"
	docker rm -f "$name" >/dev/null
}
life bare >"$work/life.bare" 2>&1 || die "$(tail -5 "$work/life.bare")"
life traced >"$work/life.traced" 2>&1 || die "$(tail -5 "$work/life.traced")"
check "kill, pause, exec, update, stop, start, restart: the same story" diff "$work/life.bare" "$work/life.traced"
check "which is one" grep -qx 'exited 7 false' "$work/life.traced"
starts() { [ "$(find "$traces" -name 'life-traced-*.tkit' | wc -l)" = 4 ]; }
check "each start has a trace of its own" eventually starts
check "and an end" eventually ended life-traced
bad=0
for file in "$traces"/life-traced-*.tkit; do complete "$file" || bad=1; done
check "all of them complete" test $bad = 0
check "nothing went wrong" test ! -s "$traces/tkit.log"
done_testing
