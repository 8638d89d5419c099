#!/bin/busybox sh
# SPDX-License-Identifier: MIT
# shellcheck shell=dash disable=SC2317,SC3045
# Run in a guest: events + lost = produced, with a ring that is too small. loss.sh TKIT
tkit=$1
# shellcheck disable=SC2016 # the traced shell expands
work='for p in 1 2 3 4; do
	(i=0; while [ $i -lt 1500 ]; do [ -e /no-such-dir/$p/$i ]; i=$((i+1)); done) &
done; wait'

facts() { # RING: sets $events and $lost
	"$tkit" run -q --backend "ebpf,ring-size=$1" -o /tmp/loss.tkit -- sh -c "$work" || return 1
	"$tkit" dump /tmp/loss.tkit >/tmp/loss.jsonl
	events=$(grep -vc '"type":"loss"' /tmp/loss.jsonl)
	lost=$(sed -n '/"type":"loss"/s/.*"count":\([0-9]*\).*/\1/p' /tmp/loss.jsonl | awk '{ n += $1 } END { print n + 0 }')
	echo "ring $1: $events events, $lost lost"
}

facts 16M || exit 1
produced=$events
[ "$lost" = 0 ] && [ "$produced" -ge 6000 ] || exit 1
facts 4K || exit 1
[ "$lost" -gt 0 ] && [ $((events + lost)) = "$produced" ]
