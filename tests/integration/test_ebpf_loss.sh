#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Losses are counted exactly: emitted + lost = produced, for a generator that knows how many.
set -euo pipefail
# shellcheck source=tests/lib/lib.sh
. "$(dirname "$0")/../lib/lib.sh"
need gcc jq taskset
need_backend ebpf

cat >"$work/gen.c" <<'EOC'
/* gen PROCESSES OPENS: each process fails to open so many different files */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
int main(int argc, char **argv)
{
	int processes = atoi(argv[1]);
	long opens = atol(argv[2]);

	for (int p = 0; p < processes; p++) {
		if (fork() == 0) {
			char name[64];

			for (long i = 0; i < opens; i++) {
				snprintf(name, sizeof(name), "/no-such-dir/%d/%ld", p, i);
				open(name, O_RDONLY);
			}
			_exit(0);
		}
	}
	while (wait(NULL) > 0)
		;
	return 0;
}
EOC
gcc -O1 -static -o "$work/gen" "$work/gen.c"

# facts RING PROCESSES OPENS [WRAPPER...]: sets $events (without losses), $lost, $opens_seen
facts() {
	local ring=$1 processes=$2 opens=$3
	shift 3
	"$@" "$tkit" run -q --backend "ebpf,ring-size=$ring" -o "$work/t.tkit" -- "$work/gen" "$processes" "$opens"
	"$tkit" dump "$work/t.tkit" >"$work/t.jsonl"
	events=$(jq -n '[inputs | select(.type != "loss")] | length' "$work/t.jsonl")
	lost=$(jq -n '[inputs | select(.type == "loss") | .count] | add // 0' "$work/t.jsonl")
	opens_seen=$(grep -c '"path":"/no-such-dir/' "$work/t.jsonl" || :)
}

facts 16M 8 5000
check "no loss with the default ring" [ "$lost" = 0 ]
check "all 40000 opens are there" [ "$opens_seen" = 40000 ]
other=$((events - opens_seen))

strict_status=0
"$tkit" run -q --strict --backend ebpf,ring-size=4K -o "$work/s.tkit" -- "$work/gen" 8 5000 || strict_status=$?
check "--strict: status 124 after a loss" [ "$strict_status" = 124 ]

for ring in 4K 64K 1M; do
	facts "$ring" 8 5000
	echo "ring $ring: $events events, $lost lost"
	check "ring $ring: events + lost = produced" [ $((events + lost)) = $((40000 + other)) ]
done

facts 4K 8 5000 taskset -c 0
echo "ring 4K on one CPU: $events events, $lost lost"
check "one CPU: events + lost = produced" [ $((events + lost)) = $((40000 + other)) ]
check "one CPU: a loss is told" [ "$lost" -gt 0 ]

# More processes at one time than there is room for: each is counted.
# shellcheck disable=SC2016 # the inner shell expands
"$tkit" run -q --backend ebpf,processes=64 -o "$work/p.tkit" -- \
	/bin/sh -c 'i=0; while [ $i -lt 100 ]; do sleep 1 & i=$((i+1)); done; wait'
full=$("$tkit" dump "$work/p.tkit" | jq -n '[inputs | select(.type == "loss" and .reason == "map-full") | .count] | add // 0')
echo "processes=64: $full could not be followed"
check "processes beyond the limit are counted" [ "$full" -ge 36 ]
done_testing
