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

[ $failures -eq 0 ]
