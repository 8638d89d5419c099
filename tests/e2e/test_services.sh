#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Real services and programs of Debian: traced by each backend, minimized, and run from the image in a real docker
# with the same outcome; also as another user, and read-only. usage: test_services.sh NAME (services/NAME.sh)
#
# A file of services/ gives: command, what the image is to do. client PID, what is asked of a service, in its network;
# without one it is a program that ends by itself, and its output counts. prepare ROOT, changes to the Debian before all.
# floor, bytes of a smallest image made by hand. user, who else can run it (nobody). writable, mounts that it
# needs in memory when the root is read-only.
# shellcheck disable=SC2016,SC2034,SC2154 # `check ... eval` takes quoted text
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=../lib/images.sh
. "$here/../lib/images.sh"
need_root
need docker dockerd debootstrap curl dig redis-cli nsenter unshare ip
need_backend ebpf
need_backend ptrace
need_backend fanotify
prepare() { :; }
floor=0 user=nobody writable=()
name=$1
# shellcheck source=/dev/null
. "$here/services/$name.sh"
start_docker || skip "$docker_problem"
debian=$(services_root) || die "no root file system"
cd "$work"
is_service() { declare -F client >/dev/null; }

mount_root changed "$debian" "$work/changes"
prepare changed
unmount changed
mount_root source "$work/changes:$debian" # never written to: where the images' files come from

# Runs it in a root of its own, watched; the outcome goes to BACKEND.want.
watch_once() { # BACKEND
	local backend=$1 root=$work/$1.root pid
	mount_root "$root" "$work/changes:$debian"
	mount_runtime "$root"
	isolated env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8 "$tkit" run --strict --backend "$backend" -o "$backend.tkit" \
		--root "$root" -- "${command[@]}" >"$backend.out" 2>"$backend.err" </dev/null &
	pid=$!
	at_exit end_service $pid
	if is_service; then
		eventually client $pid || { cat "$backend.out" "$backend.err"; return 1; }
		client $pid >"$backend.want" || return 1
		kill -TERM $pid
	fi
	wait $pid || { echo "$backend: ended with $?"; cat "$backend.err"; return 1; }
	is_service || mv "$backend.out" "$backend.want"
}
# fanotify tells of everybody on a file system: some are gone before they can be told from ours.
watch() { # BACKEND
	local status=1
	for _ in 1 $([ "$1" != fanotify ] || echo 2 3); do
		[ $status -eq 0 ] || watch_once "$1" && status=0
		unmount "$1.root/proc" "$1.root/dev" "$1.root" "$1.root.box"
	done
	return $status
}
# $name-BACKEND.list and .tar, the image in docker.
minimize() { # BACKEND
	local image=test/$name-$1
	"$tkit" report --reporter dockerfile,format=list --root source -o "$1.list" "$1.tkit" || return 1
	"$tkit" report --reporter "dockerfile,format=archive,tag=$image,env=LC_ALL=C.UTF-8" --root source -o "$1.image" "$1.tkit" || return 1
	docker load -q -i "$1.image/image.tar" >/dev/null
}
# The image's own files, as the archive has them.
layer() { # BACKEND
	tar -xOf "$1.image/image.tar" "$(tar -xOf "$1.image/image.tar" manifest.json | jq -r '.[0].Layers[0]')"
}
same_as() { # BACKEND DOCKER-OPTIONS...
	local backend=$1 id pid status=0
	shift
	if is_service; then
		id=$(docker run -d --pull never --network none "$@" "test/$name-$backend") || return 1
		pid=$(docker inspect -f '{{.State.Pid}}' "$id")
		eventually client "$pid" && client "$pid" >now && diff -a "$backend.want" now || {
			status=1
			docker logs "$id" || true
		}
		remove_container "$id"
		return $status
	fi
	docker run --rm --pull never --network none "$@" "test/$name-$backend" >now 2>now.err && diff -a "$backend.want" now || {
		tail -5 now.err
		return 1
	}
}
# Mounts in memory, of the other user; by number, as names are the image's matter.
ids=$(awk -F: -v u="$user" '$1 == u { print $3, $4 }' source/etc/passwd)
[ -n "$ids" ] || die "there is no user $user"
tmpfs=() as_user=(--user "${ids/ /:}")
for mount in ${writable[@]+"${writable[@]}"}; do tmpfs+=(--tmpfs "$mount:uid=${ids% *},gid=${ids#* }"); done

for backend in ebpf ptrace fanotify; do
	watch $backend || die "$name is not as it should be under $backend"
	check "$backend: an image" minimize $backend
	layer $backend >$backend.tar
	check "$backend: each file as it was" "$here/../lib/compare_root.py" --skip /var/lib/dpkg/status.d --except /proc --except /sys --except /dev \
		$backend.tar source
	check "$backend: the same outcome" same_as $backend
done
check "all the same under each backend" eval 'cmp ebpf.want ptrace.want && cmp ebpf.want fanotify.want'
check "the same files by ebpf and ptrace" diff <(cut -f1 ebpf.list/files.txt) <(cut -f1 ptrace.list/files.txt)
# What caused an entry may be a temporary name, which is another each time.
check "for the same reasons" diff <(cut -f1,2 ebpf.list/files.txt) <(cut -f1,2 ptrace.list/files.txt)
check "the same bytes" cmp ebpf.tar ptrace.tar
check "as $user" same_as ebpf "${as_user[@]}" ${tmpfs[@]+"${tmpfs[@]}"}
check "read-only" same_as ebpf --read-only ${tmpfs[@]+"${tmpfs[@]}"}
check "both" same_as ebpf "${as_user[@]}" --read-only ${tmpfs[@]+"${tmpfs[@]}"}

size=$(image_size "test/$name-ebpf")
blind=$(image_size "test/$name-fanotify")
database=$(tar -tvf ebpf.tar --warning=none | awk '$6 ~ /^(\.\/)?var\/lib\/dpkg/ { n += $3 } END { print n + 0 }')
printf '%s: %s (package database %s), by fanotify %s\n' "$name" "$(megabytes "$size")" "$(megabytes "$database")" "$(megabytes "$blind")"
if [ "$floor" -gt 0 ]; then
	printf '%s: %s above the floor of %s\n' "$name" "$(awk -v a="$size" -v b="$floor" 'BEGIN { printf "%.1f %%", (a / b - 1) * 100 }')" "$(megabytes "$floor")"
	check "not 3 % above the smallest image made by hand" test $((size * 100)) -le $((floor * 103))
fi
done_testing
