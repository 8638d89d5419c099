#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The kernel's queue of fanotify: nothing in it is lost for want of descriptors, and a target that
# fills it faster than it is read does not keep tkit from ending.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lib/lib.sh
. "$here/../lib/lib.sh"
need cc python3
need_root
need_backend fanotify

mkdir "$work/files"
python3 -c 'import sys
for i in range(3000): open(f"{sys.argv[1]}/{i}", "w").close()' "$work/files"

# opens DIR/0 to 2999; with a number, again and again in so many processes, for 30 seconds at most
cat >"$work/open.c" <<'EOF_C'
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	char path[4096];
	int left = argc > 2 ? atoi(argv[2]) : 1;

	alarm(30);
	while (--left > 0 && fork())
		continue;
	alarm(30);
	do
		for (int i = 0; i < 3000; i++) {
			snprintf(path, sizeof(path), "%s/%d", argv[1], i);
			close(open(path, O_RDONLY));
		}
	while (argc > 2);
	return 0;
}
EOF_C
cc -O1 "$work/open.c" -o "$work/open"

few_descriptors() { # LIMIT
	(
		ulimit -n "$1"
		timeout 60 "$tkit" run -q --strict --backend fanotify -o "$work/few.tkit" -- "$work/open" "$work/files"
	)
	[ "$("$tkit" dump "$work/few.tkit" | grep -o '"resolved":"[^"]*/files/[0-9]*"' | sort -u | wc -l)" = 3000 ]
}

none_left() {
	(
		ulimit -n 20
		! timeout 60 "$tkit" run -q --backend fanotify -o "$work/none.tkit" -- true 2>"$work/error"
	) && [ "$(wc -l <"$work/error")" = 1 ]
}

busy() {
	local pid began=$SECONDS
	"$work/open" "$work/files" 3 &
	pid=$!
	timeout 60 "$tkit" run -q --backend fanotify --duration 1 -o "$work/busy.tkit" --pid "$pid"
	local took=$((SECONDS - began))
	# shellcheck disable=SC2046 # numbers
	kill -9 $(cat "/proc/$pid/task/$pid/children") "$pid"
	wait "$pid" 2>/dev/null || true
	echo "took $took s"
	[ "$took" -lt 20 ]
}

for limit in 256 128 40; do
	check "every file with $limit descriptors" few_descriptors "$limit"
done
check "too few descriptors are told in one line" none_left
check "the end comes while the target is busy" busy
done_testing
