#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The main job, from a running program to a minimal image that runs: /bin/ls under two
# backends, then redis-server while it serves. usage: demo.sh [DIR]   (DIR: keep results there)
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=../lib/lib.sh
. "$here/../lib/lib.sh"
# shellcheck source=../lib/images.sh
. "$here/../lib/images.sh"

[ "$(id -u)" = 0 ] || die "the demo makes root file systems and containers: run it as root"
out=${1:-$work/out}
mkdir -p "$out"
out=$(cd "$out" && pwd)

title() { printf '\n\033[1m%s\033[0m\n' "$*"; }
command_line() { printf '\033[36m$ %s\033[0m\n' "$*"; }
failed=0
problem() {
	printf '\033[31m!! %s\033[0m\n' "$*"
	failed=1
}

title "A Debian root file system"
base=$(base_root) || die "no base file system"
printf '%s, %s\n' "$base" "$(megabytes "$(size_of "$base")")"
engine=docker
if start_docker; then
	import_root "$base" demo/debian
	printf 'as an image: %s\n' "$(megabytes "$(image_size demo/debian)")"
else
	engine=chroot
	printf 'no container engine can run here (%s): using chroot instead\n' "$docker_problem"
fi

# Builds the folder that the dockerfile reporter wrote, prints its size, runs its command.
minimal_ls() { # DIR NAME
	if [ $engine = docker ]; then
		command_line "docker build -t $2 $(basename "$1") && docker run --rm $2"
		build_image "$1" "$2" && docker run --rm --network none "$2"
	else
		rm -rf "$1.root"
		mkdir "$1.root"
		tar -C "$1.root" -xf "$1/rootfs.tar" || return 1
		command_line "chroot $(basename "$1").root /bin/ls /"
		chroot "$1.root" /bin/ls /
	fi
}

size_now() { # IMAGE DIR: what the engine at hand has
	if [ $engine = docker ]; then image_size "$1"; else size_of "$2"; fi
}

before=$(size_now demo/debian "$base")
for backend in ebpf ptrace; do
	title "ls, watched by $backend"
	why=$(backend_problem $backend)
	if [ -n "$why" ]; then
		problem "$backend cannot run here: $why"
		continue
	fi
	trace=$out/ls-$backend.tkit image=$out/ls-$backend
	rm -rf "$image"
	command_line "tkit run --backend $backend --sink file -- /bin/ls /"
	"$tkit" run --strict --backend $backend --sink file -o "$trace" --root "$base" -- /bin/ls / >"$work/ls.out" ||
		{ problem "tkit run failed"; continue; }
	printf '%s\n' "$(paste -sd' ' "$work/ls.out")"
	command_line "tkit report"
	"$tkit" report --root "$base" "$trace" >"$work/report" || { problem "tkit report failed"; continue; }
	head -24 "$work/report"
	[ "$(wc -l <"$work/report")" -le 24 ] || printf '   ... %d more lines\n' $(($(wc -l <"$work/report") - 24))
	command_line "tkit report --reporter dockerfile"
	"$tkit" report --reporter dockerfile --root "$base" -o "$image" "$trace" ||
		{ problem "the dockerfile reporter failed"; continue; }
	minimal_ls "$image" "demo/ls-$backend" | paste -sd' ' || { problem "the minimal image does not run"; continue; }
	size=$(size_now "demo/ls-$backend" "$image.root")
	printf '\033[32m%s -> %s\033[0m\n' "$(megabytes "$before")" "$(megabytes "$size")"
done

title "redis-server, watched while it serves"
if ! root=$(root_with redis-server); then
	problem "redis-server cannot be installed"
elif [ $engine != docker ]; then
	printf 'left out: it needs a container engine\n'
else
	backend=ebpf
	[ -z "$(backend_problem ebpf)" ] || backend=ptrace
	# shellcheck source=redis.sh
	. "$here/redis.sh"
	if redis_demo "$backend" "$root" "$out"; then
		printf '\033[32m%s -> %s\033[0m\n' "$(megabytes "$redis_before")" "$(megabytes "$redis_after")"
	else
		problem "redis: see above"
	fi
fi
[ $# -eq 0 ] || printf '\ntraces and images are in %s\n' "$out"
exit $failed
