#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Images from traces of fanotify, which sees neither stat nor what is made: what it cannot see comes from
# rules, each of which shows in the list and can be turned off.
# shellcheck disable=SC2016,SC2034,SC2119 # `check ... eval` takes quoted text
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=../lib/images.sh
. "$here/../lib/images.sh"
need_root
need debootstrap
need_backend fanotify
cached=$(services_root) || die "no root file system"
root=$work/root
mount_root "$root" "$cached"
path=/usr/sbin:/usr/bin:/bin

image() { # NAME OPTIONS: $work/NAME.root from the trace NAME
	rm -rf "$work/$1.image" "$work/$1.root"
	"$tkit" report --reporter "dockerfile,format=tar${2:+,$2}" --root "$root" -o "$work/$1.image" "$work/$1.tkit" 2>"$work/$1.err" || {
		cat "$work/$1.err"
		return 1
	}
	mkdir "$work/$1.root"
	tar -C "$work/$1.root" --warning=none --numeric-owner -xpf "$work/$1.image/rootfs.tar"
	mknod -m 666 "$work/$1.root/dev/null" c 1 3 # as a runtime has it
}
same() { # NAME CMD...: in the image as it was traced, messages too
	local name=$1
	shift
	env -i PATH=$path chroot "$work/$name.root" "$@" >"$work/$name.now" 2>&1 || {
		cat "$work/$name.now"
		return 1
	}
	diff -a "$work/$name.want" "$work/$name.now"
}
# fanotify tells of everybody on the file system: some are gone before they can be told from ours.
traced() { # NAME CMD...
	local name=$1
	shift
	for _ in 1 2 3 4 5; do
		env -i PATH=$path "$tkit" run --backend fanotify --strict -o "$work/$name.tkit" --root "$root" -- "$@" \
			>"$work/$name.want" 2>"$work/$name.err" && return 0
	done
	cat "$work/$name.err"
	return 1
}
program() { # NAME CMD...
	local name=$1
	shift
	traced "$name" "$@" || skip "fanotify lost events five times"
	check "$name: an image" image "$name" ""
	check "$name: runs with the same output" same "$name" "$@"
	printf '%s: %s\n' "$name" "$(megabytes "$(size_of "$work/$name.root")")"
}

py='import json, sqlite3, email.message, decimal, ctypes, xml.dom.minidom, locale
print(json.dumps({"sum": str(decimal.Decimal("1.1") + 1)}), sqlite3.connect(":memory:").execute("select 1").fetchall())'
program python /usr/bin/python3 -c "$py"
check "python: a list" "$tkit" report --reporter dockerfile,format=list --root "$root" -o "$work/python.list" "$work/python.tkit"
check "python: names the rule" grep -qE '/json/__init__.py	rule	rule=python-source' "$work/python.list/files.txt"
check "python: the rules can be turned off" image python rules=no-python-source,rules=no-python-prefix
check "python: and are needed" eval '! same python /usr/bin/python3 -c "$py" >/dev/null'
program perl /usr/bin/perl -MPOSIX=strftime -MFile::Find -MStorable -MEncode -MData::Dumper -e \
	'$Data::Dumper::Sortkeys = 1; print strftime("%Y", gmtime(0)), Dumper({a => Storable::dclone([1, 2]), b => Encode::encode("UTF-16", "x")})'
program shell /bin/sh -c 'printf "%s\n" b a | sort | tr a-z A-Z; date -u -d @0 +%Y; echo "$0"'
done_testing
