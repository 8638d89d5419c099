#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# `tkit plugin conformance`, from an installed tkit without a build tree.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=../lib/lib.sh
. "$here/../lib/lib.sh"
# shellcheck source=installed.sh
. "$here/installed.sh"
need python3
need_backend ptrace
cd "$work"
some=(open_abs open_dirfd failed stat exec_script rename)

says() { # STATUS TEXT ARG...
	local status=0 want=$1 text=$2 out
	shift 2
	out=$(tkit plugin conformance "$@" 2>&1) || status=$?
	[ "$status" = "$want" ] && grep -qE -- "$text" <<<"$out" && return
	printf 'conformance %s: exit %s (want %s), no "%s" in:\n%s\n' "$*" "$status" "$want" "$text" "$out"
	return 1
}

cp "$(find "$prefix" -name backend-ptrace.so)" backend-ptrace.so
bad=$build/tests/plugins/none/backend-bad.so
check "a good backend: workloads" says 0 "^open_dirfd +ok +6 of 6 declared" ./backend-ptrace.so "${some[@]}"
check "a good backend: capabilities" says 0 "^failed +yes +[1-9][0-9]* +[1-9][0-9]* +ok$" ./backend-ptrace.so "${some[@]}"
check "with options" says 0 "ptrace: 1 workloads ok" ./backend-ptrace.so open_abs --options seccomp=no
check "bad options" says 125 "did you mean 'seccomp'" ./backend-ptrace.so open_abs --options seccom=no
check "one that declares what it does not see" says 1 "DECLARED, BUT [0-9]+ MISSED" "$bad" "${some[@]}"
check "what it misses is named" says 1 "missing: open .*/file = 0" "$bad" open_abs
check "blindness is no fault" says 0 "^metadata +no .*blind, as declared" "$bad" stat
check "JSON" bash -c "tkit plugin conformance ./backend-ptrace.so open_abs --json | python3 -c 'import json, sys; d = json.load(sys.stdin); assert d[\"workloads\"][0][\"status\"] == \"ok\" and d[\"capabilities\"][0][\"declared\"]'"
check "no backend" says 125 "only backends watch" "$(find "$prefix" -name sink-file.so)"
check "watches no commands" says 125 "watches no commands" "$(find "$prefix" -name backend-replay.so)"
check "no such workload" says 125 "there is no workload opne" ./backend-ptrace.so opne
check "nothing is left in the installed tree" bash -c "! find '$prefix' -name '*.pyc' | grep ."
done_testing
