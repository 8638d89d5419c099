#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# For test scripts: source it after `set -euo pipefail`. Gives
#   $top $build $tkit   the tree, the build tree (TKIT_BUILD, default build/dev), the program
#   $work               a fresh directory, removed at the end (TKIT_KEEP=1 keeps it)
#   at_exit CMD...      runs CMD at the end, last one first
#   skip REASON, die REASON
#   need TOOL...        skips if a program is missing
#   need_backend NAME   skips if the backend cannot run here
#   writers FILE...     prints the processes that have one of the files open, under whatever name
#   unmount_below DIR   takes away what is still mounted there, and tells what cannot be
#   check TEXT CMD...   runs CMD; failure is counted and told; done_testing ends the test
# shellcheck disable=SC2034 # variables for those who source this
! declare -F at_exit >/dev/null || return 0 # it is there already
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=$(cd "${TKIT_BUILD:-$top/build/dev}" 2>/dev/null && pwd) || {
	echo "FAIL: no build tree ${TKIT_BUILD:-$top/build/dev}" >&2
	exit 1
}
tkit=$build/tkit
export LC_ALL=C
unset TKIT_PLUGINS_D

exit_commands=()
at_exit() {
	exit_commands+=("$(printf '%q ' "$@")")
}

run_exit_commands() {
	local status=$? i
	trap - EXIT
	set +e
	for ((i = ${#exit_commands[@]} - 1; i >= 0; i--)); do
		eval "${exit_commands[i]}"
	done
	exit $status
}
# A mount may go with the one above it, so what counts is that none is left.
mounts_below() {
	awk -v d="$1/" 'index($5, d) == 1 { print $5 }' /proc/self/mountinfo | sort -r
}
unmount_below() { # DIR
	local at left
	while read -r at; do umount -l "$at" 2>/dev/null; done < <(mounts_below "$1")
	left=$(mounts_below "$1")
	[ -z "$left" ] || echo "still mounted: $left" >&2
}
trap run_exit_commands EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

work=$(mktemp -d "${TMPDIR:-/tmp}/tkit-test.XXXXXX")
chmod 755 "$work"
[ -n "${TKIT_KEEP:-}" ] || at_exit rm -rf --one-file-system "$work"

die() {
	printf 'FAIL: %s\n' "$*"
	exit 1
}

skip() {
	printf 'SKIP: %s\n' "$*"
	exit 77
}

need() {
	local tool
	for tool in "$@"; do
		command -v "$tool" >/dev/null || skip "$tool is not installed"
	done
}

writers() { # FILE...
	local file
	for file in "$@"; do
		{ find -L /proc/[0-9]*/fd -maxdepth 1 -samefile "$file" 2>/dev/null || :; } | cut -d/ -f3
	done | sort -un
}

need_root() {
	[ "$(id -u)" = 0 ] || skip "needs root"
}

# Prints why a backend cannot run here, nothing if it can.
backend_problem() { # NAME
	"$tkit" doctor --json 2>/dev/null | python3 -c '
import json, sys
sys.path.insert(0, sys.argv[2])
from tkittest import parse_doctor
entry = parse_doctor(json.load(sys.stdin)).get(sys.argv[1])
if not entry:
    print("tkit doctor does not know it")
elif not entry["ok"]:
    print(entry["why"] or "no reason given")' "$1" "$top/tests/lib" || echo "tkit doctor failed"
}

need_backend() { # NAME
	local why
	why=$(backend_problem "$1")
	[ -z "$why" ] || skip "backend $1: $why"
}

# Colours for a terminal only.
if [ -t 1 ]; then
	bold=$'\033[1m' cyan=$'\033[36m' green=$'\033[32m' red=$'\033[31m' plain=$'\033[0m'
else
	bold='' cyan='' green='' red='' plain=''
fi
command_line() { printf '%s$ %s%s\n' "$cyan" "$*" "$plain"; }

failures=0
checks=0
check() { # TEXT CMD...
	local text=$1
	shift
	checks=$((checks + 1))
	if ("$@"); then
		printf 'ok    %s\n' "$text"
	else
		printf 'FAIL  %s\n' "$text"
		failures=$((failures + 1))
	fi
}

done_testing() {
	printf '%d checks, %d failed\n' "$checks" "$failures"
	[ "$checks" -gt 0 ] && [ "$failures" -eq 0 ]
}

# In a subshell: what the runner of the tests left open (ctest its log) is no concern of what runs here.
close_inherited() {
	local fd
	for fd in /proc/"$BASHPID"/fd/*; do
		fd=${fd##*/}
		[ "$fd" -le 2 ] || eval "exec $fd>&-" 2>/dev/null || :
	done
}
