#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# What a container's start costs under tkit's runtime: `docker run` by turns with the bare and the
# traced runtime, and one line with the difference.
#   container_start.sh [ROUNDS]                   starts a docker of its own (root, dockerd, a Debian)
#   container_start.sh ROUNDS IMAGE BARE TRACED   in the running docker, with these two runtimes
# "first" is from the command to the first look at the clock by the container's program, "whole" to the end
# of the command. ROUNDS is 15 unless given.
set -euo pipefail
rounds=${1:-15}
if [ $# -lt 4 ]; then
	here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
	# shellcheck source=../tests/lib/containers.sh
	. "$here/../tests/lib/containers.sh"
	need_root
	need docker dockerd
	need_backend ebpf
	start_docker "$(runtimes tkit=)" || skip "$docker_problem"
	small_root "$work/root" || die "no base file system"
	import_root "$work/root" test/start
	set -- "$rounds" test/start runc tkit
fi
image=$2 bare=$3 traced=$4

once() { # RUNTIME: prints ms to the first instruction, ms in all
	local begin first end
	begin=$(date +%s%N)
	first=$(docker run --runtime "$1" --network none --rm "$image" date +%s%N)
	end=$(date +%s%N)
	echo $(((first - begin) / 100000)) $(((end - begin) / 100000))
}

once "$bare" >/dev/null
once "$traced" >/dev/null
for _ in $(seq "$rounds"); do
	echo "$(once "$bare") $(once "$traced")"
done | awk -v rounds="$rounds" '
	function sorted(column, out,    i, j, t) {
		for (i = 1; i <= NR; i++) out[i] = v[column, i]
		for (i = 2; i <= NR; i++)
			for (j = i; j > 1 && out[j] < out[j - 1]; j--) { t = out[j]; out[j] = out[j - 1]; out[j - 1] = t }
	}
	function text(column,    s) {
		sorted(column, s)
		middle = s[int((NR + 1) / 2)]
		return sprintf("%.1f ms (%.1f to %.1f)", middle / 10, s[1] / 10, s[NR] / 10)
	}
	{
		for (i = 1; i <= 4; i++) v[i, NR] = $i
		v[5, NR] = $3 - $1; v[6, NR] = $4 - $2
	}
	END {
		printf "start-up of a container, median (least to most) of %d rounds by turns:\n", rounds
		for (what = 1; what <= 2; what++) {
			a = text(what); ma = middle; b = text(what + 2); mb = middle; c = text(what + 4)
			printf "  %s: bare %s, traced %s, added %.1f ms; by pairs %s\n",
				what == 1 ? "first instruction" : "whole command", a, b, (mb - ma) / 10, c
		}
	}'
