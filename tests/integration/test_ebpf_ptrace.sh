#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The same command under ebpf and under ptrace gives the same set of (op, absolute path, errno).
set -euo pipefail
# shellcheck source=tests/lib/lib.sh
. "$(dirname "$0")/../lib/lib.sh"
need jq
need_backend ebpf
need_backend ptrace

# facts FILE MASK: sorted set; names that differ from run to run are masked
facts() {
	"$tkit" dump "$1" | jq -r 'select(.type == "access" or .type == "exec") |
		"\(.op) \(.abs // "-" | @json) \(.errno)"' | sed -E "s#$2#*#g; s#/proc/[0-9]+#/proc/*#g" | sort -u
}

compare() { # NAME MASK CMD...
	local name=$1 mask=$2 dir=$work/$1 backend
	shift 2
	for backend in ebpf ptrace; do
		mkdir -p "$dir/cwd"
		[ ! -d "$dir.in" ] || cp -r "$dir.in/." "$dir/cwd"
		(cd "$dir/cwd" && "$tkit" run -q --strict --backend $backend -o "$work/$name.$backend" -- "$@") \
			</dev/null >/dev/null 2>&1 || return 1
		rm -rf "$dir"
		facts "$work/$name.$backend" "$mask" >"$work/$name.$backend.set"
	done
	wc -l <"$work/$name.ebpf.set"
	[ -s "$work/$name.ebpf.set" ] && diff "$work/$name.ebpf.set" "$work/$name.ptrace.set"
}

check "ls" compare ls '^$' /bin/ls -lR /usr/lib/os-release /etc/apt
check "shell pipeline" compare pipe '^$' /bin/sh -c \
	'cd /usr && find share/doc/base-files lib/os-release | sort | (cd ..; grep -c . | tr -d x)
	 cat ./lib/os-release | wc -l; test -e no/such; (cd /tmp; exec env -i /bin/true)'
/usr/bin/python3 -c 'import ssl, sqlite3'
check "python3" compare python '^$' /usr/bin/python3 -c \
	'import ssl, sqlite3, subprocess, threading, os; subprocess.run(["sh", "-c", "cat /etc/hostname"])
t = threading.Thread(target=lambda: os.stat("/etc/passwd")); t.start(); t.join()'
if command -v git >/dev/null; then
	mkdir "$work/git.in"
	(cd "$work/git.in" && git init -q && echo x >a && git add a && echo y >b)
	check "git status" compare git 'tmp_obj_[A-Za-z0-9]+' git status --short
fi
if command -v gcc >/dev/null; then
	mkdir "$work/gcc.in"
	printf '#include <stdio.h>\nint main(void)\n{\n\tputs("hello");\n\treturn 0;\n}\n' >"$work/gcc.in/hello.c"
	check "gcc hello.c" compare gcc '/tmp/cc[A-Za-z0-9]{6}' gcc -O1 -o hello hello.c
fi
done_testing
