#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Containers where there is nothing but control groups v2, whatever this machine has: what the QEMU guests run, under all
# backends.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=../lib/lib.sh
. "$here/../lib/lib.sh"
need_root
need runc busybox python3
backends=()
for backend in ebpf ptrace fanotify seccomp_notify; do
	[ -n "$(backend_problem $backend)" ] || backends+=("$backend")
done
need_backend ebpf
# With a /tmp of its own, as in a guest.
# shellcheck disable=SC2016
unshare -m --propagation private sh -c '
	umount -R -l /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup || { echo "SKIP: control groups v2 cannot be mounted"; exit 77; }
	mount -t tmpfs -o mode=1777 none /tmp && cd / && exec timeout 250 busybox sh "$@"' sh \
	"$top/tests/kernels/container.sh" "$tkit" "${backends[@]}"
