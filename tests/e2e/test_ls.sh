#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# ls in a Debian, traced by each backend, rebuilt and run from the minimal image.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=../lib/images.sh
. "$here/../lib/images.sh"
need_root
need docker dockerd debootstrap
need_backend "${backend:=${1:-ebpf}}"
start_docker || skip "$docker_problem"
base=$(base_root standard) || die "no base file system"

"$tkit" run --strict --backend "$backend" --sink file -o "$work/ls.tkit" --root "$base" -- /bin/ls / >"$work/traced" ||
	die "tkit run ended with $?"
check "ls prints the same under the tracer" diff "$work/traced" <(chroot "$base" /bin/ls /)

"$tkit" report --root "$base" "$work/ls.tkit" >"$work/report" || die "tkit report ended with $?"
for f in /bin/ls /lib/x86_64-linux-gnu/libc.so.6 /lib/x86_64-linux-gnu/libselinux.so.1; do
	[ "$(uname -m)" = x86_64 ] || continue
	check "the report names $f" grep -qF "$f" "$work/report"
done
check "the report names a file that was sought in vain" grep -qF /etc/ld.so.preload "$work/report"
"$tkit" report --root "$base" "$work/ls.tkit" >"$work/report2"
check "the report is the same every time" cmp "$work/report" "$work/report2"

for n in 1 2; do
	"$tkit" report --reporter dockerfile --root "$base" -o "$work/image$n" "$work/ls.tkit" ||
		die "the dockerfile reporter ended with $?"
done
check "rootfs.tar is the same every time" cmp "$work/image1/rootfs.tar" "$work/image2/rootfs.tar"
check "no path stands twice in rootfs.tar" test -z "$(tar -tf "$work/image1/rootfs.tar" | sort | uniq -d)"

build_image "$work/image1" "test/ls-$backend" || die "docker build failed"
check "ls runs in the minimal image" docker run --rm --network none "test/ls-$backend"
listed=$(docker run --rm --network none "test/ls-$backend" | paste -sd' ')
check "and lists /usr ($listed)" grep -qw usr <<<"$listed"
size=$(image_size "test/ls-$backend")

# Against a Debian as it is installed by default. Of a minimal one (167 MB) the six files that ls opens (3.1 MB)
# alone are 1.9 %.
import_root "$base" test/debian
unpack_image "$work/image1"
smaller() { # BEFORE AFTER
	awk -v a="$2" -v b="$1" 'BEGIN { printf "%.1f", (1 - a / b) * 100 }'
}
before=$(image_size test/debian)
used=$(du -sxk "$base" | cut -f1)
kept=$(du -sxk "$work/image1.root" | cut -f1)
printf 'ls: %s -> %s, %s %% smaller\n' "$(megabytes "$before")" "$(megabytes "$size")" "$(smaller "$before" "$size")"
printf 'ls, as du counts: %s -> %s KiB, %s %% smaller\n' "$used" "$kept" "$(smaller "$used" "$kept")"
check "at least 98.5 % are gone" test "$(smaller "$before" "$size" | tr -d .)" -ge 985
check "as du counts, too" test "$(smaller "$used" "$kept" | tr -d .)" -ge 985
done_testing
