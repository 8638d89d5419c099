#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The logs of other tools, imported: each line's event, and each loss, by name.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
tkit=${TKIT:-$here/../../build/dev/tkit}
failures=0

import() { # LOG [OPTIONS]
	"$tkit" -q run --backend "bpftrace_log,file=$here/logs/$1${2:-}" --sink stdout,format=json
}

expect() { # NAME WANT < GOT
	local got
	got=$(cat)
	if [ "$got" != "$2" ]; then
		echo "FAIL: $1"
		diff <(printf '%s\n' "$2") <(printf '%s\n' "$got") | sed 's/^/    /' || :
		failures=$((failures + 1))
	else
		echo "ok: $1"
	fi
}

fields='[.type, .op // .reason, .abs // .detail // "-", .errno // (.count // "-")] | map(tostring) | join(" ")'

import article.log | jq -r "$fields" | expect "article: all blocks" \
'access open /lib64/libz.so 2
access open /etc/[odd] name 0
access open /fd/zero 0
access open /etc/shadow 13
loss upstream the imported tool 7
loss parse '"$here"'/logs/article.log:8: not understood 1
access open /other 0
loss truncated a name at the tool'\''s limit 1
access open /abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghij 0'

import article.log ,container=validate | jq -r 'select(.type == "access") | .abs' |
	expect "article: one container" \
		$'/other\n/abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghij'

import opensnoop.log | jq -r '[.pid, .comm, .abs, .errno] | map(tostring) | join("|")' |
	expect "opensnoop" \
'2440|snmp-pass|/proc/cpuinfo|0
2441|my prog|/etc/a b  c|2
25706|ls|/etc/ld.so.cache|0'

import bpftrace.json | jq -c '[.type, .abs // .reason, .errno // .count]' | expect "json" \
'["access","/lib/a\nb",2]
["loss","upstream",42]
["access","/etc/x",0]'

import strace.log | jq -c '[.type, (.op // .reason // "-"), .abs // (.detail // .path // "-"), .errno // (.count // "-"), .resolved // "-"]' |
	expect "strace" \
'["exec","exec","/bin/sh",0,"-"]
["access","open","/work dir/rel\né\"q",0,"/real/rel"]
["access","stat","/work dir/unknown",2,"-"]
["access","stat","/etc/passwd",0,"-"]
["access","open","/w/slow",0,"/w/slow"]
["access","rename_from","/a",0,"-"]
["access","rename_to","/b",0,"-"]
["access","connect","/run/nscd/socket",2,"-"]
["access","connect","abstract",0,"-"]
["access","open","/etc",0,"/etc"]
["loss","truncated","a name that strace cut",1,"-"]
["access","open","/long",2,"-"]
["access","access","-",14,"-"]
["fork","-","-","-","-"]
["access","open","/sub",13,"-"]
["loss","parse","'"$here"'/logs/strace.log:20: not understood",1,"-"]
["exit","-","-","-","-"]'

# What the tools of Debian 12 wrote.
for tool in bt-0.17 libbpf; do
	import opensnoop-$tool.log | jq -c 'select(.pid) | [.comm, .abs, .errno]' | head -2 |
		expect "opensnoop-$tool" $'["cat","/etc/hostname",0]\n["cat","/none",2]'
	import opensnoop-$tool.log | jq -c 'select(.type == "loss")' | expect "opensnoop-$tool: nothing lost" ""
done

# Of tkit's own bpftrace program, run by hand: bytes that are no UTF-8, a name in pieces, no base.
import tkit-bt-0.17.json | jq -r 'select(.op == "open") | [.path_raw // .path, .abs // "-", .errno, .comm] | map(tostring) | join(" ")' |
	grep -v locale | expect "records" "L25vbmUv/8OpIlwKeA== $(printf '/none/\xef\xbf\xbd\xc3\xa9"\\\nx') 2 cat
lib/os-release - 0 cat
/none/$(printf 'y%.0s' {1..200}) /none/$(printf 'y%.0s' {1..200}) 2 cat"

# A call goes with what its own thread began, once; what a thread began that has ended goes with nothing.
import strace-halves.log | jq -c '[.type, .abs // .detail // "-"]' | expect "strace: halves of calls" \
'["access","/w/a"]
["loss","'"$here"'/logs/strace-halves.log:3: not understood"]
["exit","-"]
["loss","'"$here"'/logs/strace-halves.log:7: not understood"]
["loss","'"$here"'/logs/strace-halves.log:8: not understood"]
["access","/w/b"]'

work=$(mktemp -d)
# Many threads in calls at once: a search through all of them at each line took minutes.
awk 'BEGIN {
	for (i = 1; i <= 300000; i++)
		printf "%d openat(AT_FDCWD</w>, \"f%d\", O_RDONLY <unfinished ...>\n", i, i
	for (i = 300000; i >= 1; i--)
		printf "%d <... openat resumed>) = 3</w/f%d>\n", i, i
}' > "$work/threads.log"
(
	ulimit -t 30
	"$tkit" -q run --backend "bpftrace_log,file=$work/threads.log" -o "$work/threads.tkit"
) || :
"$tkit" dump "$work/threads.tkit" | jq -c 'select(.abs == .resolved) | .abs' | sort -u | wc -l |
	expect "strace: many calls interrupted" 300000

cp "$here/logs/strace.log" "$work/log.42"
{ "$tkit" -q run --backend "bpftrace_log,file=$work/log" --sink null 2>&1 || :; } |
	grep -c "strace -ff has made a file for each process" | expect "the files of strace -ff are told" 1
rm -rf "$work"

[ $failures -eq 0 ]
