#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# tkit why and tkit why-not on a log like the first article's and a small root.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lib/lib.sh
. "$here/../lib/lib.sh"
cd "$work"
"$tkit" -q run --backend "bpftrace_log,file=$top/tests/golden/manifest/unbound.log" -o t.tkit
mkdir -p root/usr/lib root/usr/sbin root/etc/unbound root/var/lib/dpkg/info root/usr/share/doc
ln -s usr/lib root/lib
ln -s lib root/usr/lib64
ln -s usr/lib root/lib64
for f in usr/lib/libc.so.6 usr/lib/libcrypto.so.3.0 usr/sbin/unbound usr/sbin/unbound-host etc/unbound/unbound.conf \
	etc/unbound/root.key etc/passwd etc/nsswitch.conf usr/share/doc/x; do
	echo "$f" >"root/$f"
done
ln -s libcrypto.so.3.0 root/usr/lib/libcrypto.so.3
printf 'Package: unbound\nVersion: 1.17\n\nPackage: docs\nVersion: 2\n' >root/var/lib/dpkg/status
printf '/usr/sbin/unbound\n/usr/sbin/unbound-host\n' >root/var/lib/dpkg/info/unbound.list
printf '/usr/share/doc/x\n' >root/var/lib/dpkg/info/docs.list

says() { # STATUS LINE COMMAND OPTIONS...: LINE is a regular expression
	local want=$1 line=$2 status=0
	shift 2
	"$tkit" "$@" t.tkit >out 2>err || status=$?
	[ $status = "$want" ] && grep -qE -- "$line" out err && return 0
	echo "status $status, want $want and: $line"
	cat out err
	return 1
}

check "an access: when, how" says 0 '^  0\.[0-9]{6} s  open /lib64/libcrypto.so.3  by ' why /lib64/libcrypto.so.3
check "any name of the file" says 0 '^  as /lib64/libcrypto.so.3:$' why --root root /usr/lib/libcrypto.so.3.0
check "what it is" says 0 '^  is /usr/lib/libcrypto.so.3.0, 25 bytes$' why --root root /lib64/libcrypto.so.3
check "by way of which symlinks" says 0 '^  by way of /lib64, /usr/lib/libcrypto.so.3$' why --root root /lib64/libcrypto.so.3
check "the reason" says 0 '^  /usr/lib/libcrypto.so.3.0  access' why --root root /lib64/libcrypto.so.3
check "and that of the symlink" says 0 '^  /lib64  symlink, because of /lib64/' why --root root /lib64/libcrypto.so.3
check "a folder is in for what is in it" says 0 '^  /etc/unbound  parent, because of /etc/unbound/' why --root root /etc/unbound
check "the package" says 0 'of package unbound 1\.17$' why --root root /usr/sbin/unbound
check "never touched" says 1 '^no access to it$' why /nowhere
check "a symlink of the way: access or not" says 0 '^in the image:$' why --root root /lib64

check "why-not: sought in vain" says 0 'it was looked for, in vain:' why-not /lib64/libz.so
check "with the error" says 0 'open /lib64/libz.so  ENOENT' why-not /lib64/libz.so
check "and where else" says 0 'also sought, in vain: /usr/lib64/libz.so' why-not /lib64/libz.so
check "never touched" says 0 '^  no run touched it$' why-not --root root /usr/sbin/unbound-host
check "what was used near it" says 0 '^    /usr/sbin/unbound$' why-not --root root /usr/sbin/unbound-host
check "what was used of its package" says 0 'of its package, unbound, 1 other path was used' why-not --root root /usr/sbin/unbound-host
check "nothing of its package" says 0 'nothing of its package, docs, was used' why-not --root root /usr/share/doc/x
check "a rule" says 0 'left out by the rule --exclude /etc/\*\*' why-not --root root '--exclude=/etc/**' /etc/passwd
check "the runtime's" says 0 'the container runtime provides what is below /proc' why-not /proc/meminfo
check "it is in" says 1 'it is in the image' why-not --root root /etc/passwd
check "without a root, used is in" says 1 'so it would be in' why-not /etc/passwd
check "not in the root" says 0 'is not in the root' why-not --root root /etc/localtime

json() { # EXPRESSION OPTIONS...: what is true of the answer `a`
	local expression=$1
	shift
	"$tkit" "$@" --json t.tkit >out || true
	python3 -c 'import json, sys; a = json.load(open("out")); assert eval(sys.argv[1]), a' "$expression"
}
check "JSON: the accesses" json 'a["accesses"][0]["op"] == "open" and a["accesses"][0]["path"] == "/lib64/libcrypto.so.3"' \
	why --root root /usr/lib/libcrypto.so.3.0
check "JSON: the place" json 'a["canonical"] == "/usr/lib/libcrypto.so.3.0" and a["size"] == 25 and a["links"] == ["/lib64", "/usr/lib/libcrypto.so.3"]' \
	why --root root /lib64/libcrypto.so.3
check "JSON: the reasons" json 'a["in_image"] and [r["reason"] for r in a["reasons"]] == ["access", "symlink", "symlink"]' \
	why --root root /lib64/libcrypto.so.3
check "JSON: the package" json 'a["package"] == {"name": "unbound", "version": "1.17", "manager": "dpkg"}' why --root root /usr/sbin/unbound
check "JSON: never touched" json 'a["accesses"] == [] and "exists" not in a' why /nowhere
check "JSON: why not, sought" json 'a["cause"] == "not-found" and a["accesses"][0]["error"] == "ENOENT" and {"path": "/usr/lib64/libz.so", "used": False} in a["namesakes"]' \
	why-not /lib64/libz.so
check "JSON: a rule" json 'a["cause"] == "excluded" and a["rule"] == "/etc/**"' why-not --root root '--exclude=/etc/**' /etc/passwd
check "JSON: untouched" json 'a["cause"] == "untouched" and a["near"][0]["path"] == "/usr/sbin/unbound" and a["package_used"] == 1' \
	why-not --root root /usr/sbin/unbound-host

# The same options as the dockerfile reporter, and so the same image.
mkdir -p root/bin root/usr/share/zoneinfo
echo sh >root/bin/sh
check "include" says 0 '^  /usr/share/doc/x  included' why --root root --include=/usr/share/doc/x /usr/share/doc/x
check "preserve beats exclude" says 0 '^  /etc/passwd  preserved' why --root root --exclude=/etc/passwd --preserve /etc/passwd /etc/passwd
check "preset" says 0 '^  /bin/sh  preset, because of preset=shell' why --root root --preset shell /bin/sh
check "pkgdb" says 1 '^not in the image' why --root root --pkgdb=no /var/lib/dpkg/status.d/unbound
check "is on by default" says 0 'package-database' why --root root /var/lib/dpkg/status.d/unbound
check "an unknown preset" says 125 'preset' why --root root --preset nothing /bin/sh
check "an unknown rule" says 125 'rule' why --root root --rules nothing /bin/sh
check "no truth value" says 125 "walked is yes or no, not 'maybe'" why --root root --walked=maybe /bin/sh
same_image() { # OPTIONS of the reporter: tkit why-not tells the same of every path of the root
	local own=() words path told is
	IFS=, read -ra words <<<"$1"
	for path in "${words[@]}"; do own+=("--$path"); done
	rm -rf image
	"$tkit" report --reporter "dockerfile,format=list${1:+,$1}" --root root -o image t.tkit 2>err || return 1
	find root -mindepth 1 ! -type l -printf '/%P\n' | while read -r path; do
		told=out
		"$tkit" why-not --root root "${own[@]}" "$path" t.tkit >out || told=in
		cut -f1 image/files.txt | grep -qxF "$path" && is=in || is=out
		[ $told = $is ] || echo "$path is $is, told $told"
	done | tee wrong
	[ ! -s wrong ]
}
for options in "" "include=/usr/share/doc/x" "exclude=/etc/**" "preset=shell" "pkgdb=no,walked=no"; do
	check "the same image with '$options'" same_image "$options"
done

check "no path" test "$("$tkit" why --root root 2>&1 | grep -c "which path")" = 1
check "a relative path" says 125 "'etc/passwd' is not absolute" why etc/passwd
check "no such root" says 125 'nowhere' why --root nowhere /etc/passwd
check "an unknown option" says 125 "unknown option '--rot'; did you mean '--root'" why --rot /etc/passwd
"$tkit" why /etc/passwd 2>err && exit 1
check "no trace: one line" test "$(wc -l <err)" = 1
done_testing
