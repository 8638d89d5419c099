#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Volumes, bind mounts, tmpfs and the engine's own files: named in the trace and in reports, not
# baked into images.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=../lib/containers.sh
. "$here/../lib/containers.sh"
need_root
need docker dockerd debootstrap jq
need_backend ebpf
start_docker "$(runtimes 'tkit=, "--backend", "ebpf"')" || skip "$docker_problem"
small_root "$work/small" || die "no base file system"
mkdir -p "$work/small/srv/data" "$work/small/opt/conf" "$work/host"
echo image >"$work/small/srv/data/seed"
echo image >"$work/small/opt/conf/app.conf"
echo image >"$work/small/etc/hosts"
echo host >"$work/host/app.conf"
import_root "$work/small" test/base
docker volume create state >/dev/null

docker run --runtime tkit --network none --rm --init --name one -v state:/srv/data -v "$work/host:/opt/conf:ro" \
	--tmpfs /scratch test/base sh -c 'cat /srv/data/seed /opt/conf/app.conf /etc/hosts /etc/debian_version; echo x >/scratch/x; cat /scratch/x; echo new >/srv/data/new' \
	>"$work/out"
check "the container sees what is mounted" grep -qx host "$work/out"
one=$(trace_of one) || die "no trace"
mount() { # DESTINATION FILTER
	"$tkit" dump --header "$one" | grep '"type":"run"' | jq ".mounts[] | select(.destination == \"$1\") | $2" | grep -q true
}
check "the volume by name" mount /srv/data '.kind == "volume" and .name == "state"'
check "the bind mount with its source" mount /opt/conf ".kind == \"bind\" and .source == \"$work/host\" and .read_only"
check "the tmpfs" mount /scratch '.kind == "tmpfs" and .fstype == "tmpfs"'
for file in /etc/hosts /etc/resolv.conf /etc/hostname /proc /sys /dev/shm /proc/sys /sbin/docker-init; do
	check "the engine's own $file" mount $file '.kind == "runtime"'
done

"$tkit" report --reporter deps "$one" >"$work/deps"
check "the report names the volume" grep -q '^OK /srv/data/seed  (on volume state at /srv/data)$' "$work/deps"
check "and the host's directory" grep -q "^OK /opt/conf/app.conf  (on the host's $work/host at /opt/conf)\$" "$work/deps"
check "and the engine's file" grep -q "^OK /etc/hosts  (on the container runtime's /etc/hosts)\$" "$work/deps"
check "and lists them" grep -q '^Mounts  : ' "$work/deps"
status=0
"$tkit" why --root "$work/small" /opt/conf/app.conf "$one" >"$work/why" || status=$?
check "why finds it" test $status = 0
check "why tells, too" grep -q "lies on the host's $work/host" "$work/why"

"$tkit" report --reporter dockerfile --root docker:test/base -o "$work/slim" "$one" >"$work/report" 2>&1 || die "$(cat "$work/report")"
unpack_image "$work/slim"
slim=$work/slim.root
check "the image has what is its own" test -s "$slim/etc/debian_version"
check "and what a new volume is filled with" grep -qx image "$slim/srv/data/seed"
check "a place for the host's directory" test -d "$slim/opt/conf"
check "but nothing in it" test ! -e "$slim/opt/conf/app.conf"
check "an empty file for the engine's" test -f "$slim/etc/hosts" -a ! -s "$slim/etc/hosts"
check "nothing that the run made" test ! -e "$slim/srv/data/new"
check "no complaint of what the engine brings" test -z "$(grep -E 'docker-init|app.conf' "$work/report")"
build_image "$work/slim" test/slim
docker run --rm --init --network none -v fresh:/srv/data -v "$work/host:/opt/conf:ro" --tmpfs /scratch test/slim \
	sh -c 'cat /srv/data/seed /opt/conf/app.conf /etc/hosts /etc/debian_version; echo x >/scratch/x; cat /scratch/x; echo new >/srv/data/new' \
	>"$work/out.slim"
check "the minimal image does the same with a new volume" diff "$work/out" "$work/out.slim"

# By the name of a running container.
docker run --runtime runc --network none -d --name runs -v state:/srv/data test/base sh -c 'while :; do sleep 0.1; done' >/dev/null
at_exit remove_container runs
"$tkit" run --quiet --backend ebpf --container runs --duration 500ms -o "$work/attached.tkit"
one=$work/attached.tkit
check "an attached trace has them, too" mount /srv/data '.kind == "volume" and .name == "state"'
done_testing
