#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Everything that strace sees of real programs is in the trace; nothing is missing.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lib/lib.sh
. "$here/../lib/lib.sh"
need strace python3 jq
need_backend ebpf

# compare NAME MASK CMD...: one run under strace, one under tkit, each in the same fresh directory
compare() {
	local name=$1 mask=$2 dir=$work/$1
	shift 2
	local i
	for i in strace tkit; do
		mkdir -p "$dir/cwd"
		[ ! -d "$dir.in" ] || cp -r "$dir.in/." "$dir/cwd"
		cd "$dir/cwd"
		case $i in
		strace) strace -f -y -xx -s 8192 -e trace=%file,%process -o "$work/$name.strace" "$@" ;;
		tkit) "$tkit" run -q --strict --backend ebpf -o "$work/$name.tkit" -- "$@" ;;
		esac </dev/null >"$work/$name.$i.out" 2>&1 || {
			cat "$work/$name.$i.out"
			return 1
		}
		cd "$work"
		rm -rf "$dir"
	done
	cmp "$work/$name.strace.out" "$work/$name.tkit.out" || return 1
	"$tkit" dump "$work/$name.tkit" >"$work/$name.jsonl"
	python3 "$here/strace_compare.py" "$work/$name.jsonl" "$work/$name.strace" "$dir/cwd" "$mask"
}

check "ls" compare ls '^$' /bin/ls /
check "shell pipeline" compare pipe '^$' /bin/sh -c \
	'cd /usr && find share/doc/base-files lib/os-release | sort | (cd ..; grep -c . | tr -d x)
	 cat ./lib/os-release | wc -l; test -e no/such; stat -L bin/../bin >/dev/null'
# The first run may write .pyc files, so make them before.
/usr/bin/python3 -c 'import ssl, sqlite3'
check "python3" compare python '^$' /usr/bin/python3 -c 'import ssl, sqlite3'
if command -v git >/dev/null; then
	mkdir "$work/git.in"
	(cd "$work/git.in" && git init -q && echo x >a && git add a && echo y >b)
	check "git status" compare git '(?<=\.git/)index\.lock|objects/.*tmp.*' git status --short
fi
if command -v gcc >/dev/null; then
	mkdir "$work/gcc.in"
	printf '#include <stdio.h>\nint main(void)\n{\n\tputs("hello");\n\treturn 0;\n}\n' >"$work/gcc.in/hello.c"
	check "gcc hello.c" compare gcc '/tmp/cc[A-Za-z0-9]{6}' gcc -O1 -o hello hello.c
fi
done_testing
