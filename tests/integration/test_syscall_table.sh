#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Holds core/event/syscalls.def against the running kernel's own list of system calls: each
# call with a `char *` argument is in the table or a named exception.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
table=$here/../../core/event/syscalls.def
exceptions=$here/syscall_exceptions.txt

events=/sys/kernel/tracing/events/syscalls
work=$(mktemp -d)
trap 'umount "$work/t" 2>/dev/null || :; rm -r "$work"' EXIT
if [ ! -d "$events" ]; then
	mkdir "$work/t"
	if ! mount -t tracefs none "$work/t" 2>/dev/null; then
		echo "SKIP: no tracefs to read the kernel's system calls from (needs root)"
		exit 77
	fi
	events=$work/t/events/syscalls
fi

sed -n 's/^S(\([a-z0-9_]*\),.*/\1/p' "$table" | sort -u >"$work/table"
sed -n 's/^\([a-z0-9_]\+\) .*/\1/p' "$exceptions" | sort -u >"$work/exceptions"
# The kernel's function names differ from the calls' names in three places.
grep -l 'field:.*char *\*' "$events"/sys_enter_*/format |
	sed 's,.*/sys_enter_\(.*\)/format,\1,; s/^newstat$/stat/; s/^newlstat$/lstat/; s/^umount$/umount2/' |
	sort -u >"$work/kernel"

[ "$(wc -l <"$work/kernel")" -gt 60 ] || { echo "FAIL: only $(wc -l <"$work/kernel") calls found"; exit 1; }
missing=$(sort -u "$work/table" "$work/exceptions" | comm -23 "$work/kernel" -)
[ -z "$missing" ] || { echo "FAIL: neither in the table nor an exception: $missing"; exit 1; }
both=$(comm -12 "$work/table" "$work/exceptions")
[ -z "$both" ] || { echo "FAIL: in the table and an exception: $both"; exit 1; }
echo "ok: $(wc -l <"$work/kernel") system calls with a string argument, all accounted for"
