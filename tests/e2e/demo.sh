#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The main job, from a running program to a minimal image that runs: /bin/ls under two
# backends, then redis-server while it serves. usage: demo.sh [DIR]   (DIR: keep results there)
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=../lib/images.sh
. "$here/../lib/images.sh"

[ "$(id -u)" = 0 ] || die "the demo makes root file systems and containers: run it as root"
out=${1:-$work/out}
mkdir -p "$out"
out=$(cd "$out" && pwd)

title() { printf '\n%s%s%s\n' "$bold" "$*" "$plain"; }
sizes() { printf '%s%s -> %s%s\n' "$green" "$(megabytes "$1")" "$(megabytes "$2")" "$plain"; }
failed=0
problem() {
	printf '%s!! %s%s\n' "$red" "$*" "$plain"
	failed=1
}

title "A Debian root file system"
base=$(base_root) || die "no base file system"
engine=docker
if start_docker; then
	import_root "$base" demo/debian
	before=$(image_size demo/debian)
	printf '%s, as an image %s\n' "$base" "$(megabytes "$before")"
else
	engine=chroot
	before=$(size_of "$base")
	printf '%s, %s\n' "$base" "$(megabytes "$before")"
	printf 'no container engine can run here (%s): using chroot instead\n' "$docker_problem"
fi

# Runs ls in the image that the folder DIR makes. Sets size.
minimal_ls() { # DIR NAME
	if [ $engine = docker ]; then
		command_line "docker build -t $2 $(basename "$1"); docker run --rm $2"
		build_image "$1" "$2" || return 1
		size=$(image_size "$2")
		docker run --rm --network none "$2" | paste -sd' '
	else
		unpack_image "$1" || return 1
		size=$(size_of "$1.root")
		command_line "chroot $(basename "$1").root /bin/ls /"
		chroot "$1.root" /bin/ls / | paste -sd' '
	fi
}

lines=24
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
	"$tkit" run --strict --backend $backend --sink file -o "$trace" --root "$base" -- /bin/ls / | paste -sd' ' ||
		{ problem "tkit run failed"; continue; }
	command_line "tkit report"
	"$tkit" report --root "$base" "$trace" >"$work/report" || { problem "tkit report failed"; continue; }
	total=$(wc -l <"$work/report")
	head -$lines "$work/report"
	[ "$total" -le $lines ] || printf '   ... %d more lines\n' $((total - lines))
	lines=10 # the second report is like the first
	command_line "tkit report --reporter dockerfile"
	"$tkit" report --reporter dockerfile --root "$base" -o "$image" "$trace" ||
		{ problem "the dockerfile reporter failed"; continue; }
	minimal_ls "$image" "demo/ls-$backend" || { problem "the minimal image does not run"; continue; }
	sizes "$before" "$size"
done

title "redis-server, watched while it serves"
# shellcheck source=redis.sh
. "$here/redis.sh"
backend=ebpf
[ -z "$(backend_problem ebpf)" ] || backend=ptrace
if ! root=$(root_with redis-server); then
	problem "redis-server cannot be installed"
elif redis_demo $engine $backend "$root" "$out"; then
	sizes "$redis_before" "$redis_after"
else
	problem "redis: see above"
fi
[ $# -eq 0 ] || printf '\ntraces and images are in %s\n' "$out"
exit $failed
