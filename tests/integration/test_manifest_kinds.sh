#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# One root, written down as each kind of manifest: the same files are used, undeclared and never used. Then a baseline over
# several runs, and manifests that are none.
# shellcheck disable=SC2016,SC2034 # `check ... eval` takes quoted text
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/lib/lib.sh
. "$here/../lib/lib.sh"
need busybox
need_backend ptrace
need_root # chroot
cd "$work"
mkdir -p root/bin root/etc
cp "$(command -v busybox)" root/bin/busybox
ln -s busybox root/bin/cat
ln -s busybox root/bin/ls
echo a >root/etc/a
echo b >root/etc/b
run() { # NAME CMD...
	"$tkit" -q run --backend ptrace -o "$1.tkit" --root root -- "${@:2}" >/dev/null 2>&1 || true
}
run one /bin/cat /etc/a /etc/none
run two /bin/cat /etc/a /etc/other

diff_with() { # MANIFEST[,OPTION...] [TRACE]: its status is the last line
	local status=0
	"$tkit" ${quiet--q} report --reporter "manifest_diff,format=json,manifest=$1" --root root "${2:-one}.tkit" 2>err || status=$?
	echo "status $status"
}
sections() { # the names in each section of interest
	python3 -c 'import json, sys
text = sys.stdin.read().rsplit("status ", 1)
doc = json.loads(text[0])
for key in sys.argv[1:]:
    print(key, sorted(e["path"] if isinstance(e, dict) else e for e in doc[key]))
print("status", text[1].strip())' "$@"
}

# ---- all declared, but /etc/b and ls were not used ----
(cd root && find . -mindepth 1 | sed 's/^\.//' | sort) >paths
sed '1i /.' paths >package.list
tar -C root -cf all.tar .
gzip -k all.tar
"$tkit" -q report --reporter dockerfile,format=mtree,include=/** --root root -o tree one.tkit
kinds=(paths package.list all.tar all.tar.gz tree/rootfs.mtree root)
if command -v bsdtar >/dev/null; then
	bsdtar -C root --format=mtree -cf by-bsdtar.mtree .
	kinds+=(by-bsdtar.mtree)
else
	echo "bsdtar is not installed: no manifest of its making"
fi
for kind in "${kinds[@]}"; do
	check "$kind: what a link leads to is used, the rest is not" diff \
		<(printf "undeclared []\nunused ['/bin/ls', '/etc/b']\nstatus 0\n") <(diff_with "$kind" | sections undeclared unused)
done
grep -v '^/etc/a$' paths >less
check "one is missing in the list" diff <(printf "undeclared ['/etc/a']\nstatus 1\n") <(diff_with less | sections undeclared)
check "another trace as manifest" diff <(printf "undeclared []\nstatus 0\n") <(diff_with two.tkit | sections undeclared)

# ---- a baseline, over some runs ----
check "no baseline yet" eval 'diff_with paths,baseline=b.yaml | grep -qx "status 2" && grep -q b.yaml err'
check "is made" eval 'diff_with paths,baseline=b.yaml,update-baseline=yes >/dev/null && grep -qx "  - /etc/none" b.yaml'
check "then the run is fine" eval 'diff_with paths,baseline=b.yaml | grep -qx "status 0"'
cp b.yaml before
check "another run misses something else" eval 'diff_with paths,baseline=b.yaml two | grep -qx "status 1"'
check "which changes no baseline" cmp b.yaml before
check "it is taken in" eval 'diff_with paths,baseline=b.yaml,update-baseline=yes two >/dev/null && grep -qx "  - /etc/other" b.yaml'
check "and that run is fine" eval 'diff_with paths,baseline=b.yaml two | grep -qx "status 0"'
cp b.yaml before
check "taken in twice, it is the same" eval 'diff_with paths,baseline=b.yaml,update-baseline=yes two >/dev/null && cmp b.yaml before'

# ---- names that YAML cannot hold ----
odd=$'/etc/odd\xff'
echo odd >"root$odd"
run three /bin/cat /etc/a "$odd" /etc/b $'/etc/not-there\xfe' /etc/other
check "are reported" eval '[[ $(diff_with less three | sections undeclared) == *etc/odd* ]]'
quiet=
check "fix: and left out, by name, of a manifest that holds the rest" eval '
	diff_with less,fix=fixed.yaml three >/dev/null
	grep -q "etc/odd.*left out: YAML cannot hold" err && [ "$(grep -c "left out" err)" = 1 ] &&
		grep -q "/etc/a$" fixed.yaml && ! grep -q odd fixed.yaml'
check "which is read again" eval 'diff_with fixed.yaml | grep -qx "status 0"'
sed "$ a $odd" paths >all-paths
check "a list that has it becomes a manifest without it" eval '
	diff_with all-paths,fix=fixed.yaml three >/dev/null
	[ "$(grep -c "etc/odd.*left out: YAML" err)" = 1 ] && grep -q "/etc/b$" fixed.yaml && ! grep -q odd fixed.yaml'
check "baseline: likewise" eval '
	diff_with paths,baseline=b.yaml,update-baseline=yes three >/dev/null
	grep -q "not-there.*left out: YAML" err && grep -qx "  - /etc/other" b.yaml && ! grep -q not-there b.yaml'
rm "root$odd"
unset quiet

# ---- none ----
none() { # MANIFEST PATTERN: status 2, one line
	diff_with "$1" | grep -qx 'status 2' && [ "$(wc -l <err)" = 1 ] && grep -qE -- "$2" err || { cat err; return 1; }
}
head -c 100 all.tar.gz >cut.gz
: >empty
printf 'version: 2\n' >future
printf '/a\n/../b\n' >dots
printf '#mtree\n../../evil type=file\n' >evil
printf '/a\nb\n' >relative
printf 'acceptable_missing: [a, {b: c}]\n' >bad.yaml
check "nothing" none nowhere 'nowhere: No such file'
check "empty" none empty 'empty'
check "cut off" none cut.gz 'cut.gz: .*truncated'
check "a program" none /bin/true '/bin/true: '
check "of the future" none future 'future:1: .*schema version 1'
check "dots" none dots 'dots:2: '
check "dots in mtree" none evil 'would leave the root'
check "a relative path" none relative 'relative:2: '
check "no baseline" none paths,baseline=bad.yaml 'bad.yaml:1: an absolute path'
done_testing
