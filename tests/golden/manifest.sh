#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The manifest_diff reporter on a log like the first article's: reports, corrected manifests
# and baselines, held against the files in tests/golden/manifest. TKIT_UPDATE_GOLDEN=1 writes
# those anew.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=../lib/lib.sh
. "$here/../lib/lib.sh"
golden=$here/manifest
cd "$work"
mkdir -p staging/usr/sbin staging/lib staging/etc/unbound
for f in usr/sbin/unbound usr/sbin/unbound-host lib/libcrypto.so.3 lib/libc.so.6 lib/libz.so.1.3 etc/unbound/root.key; do
	echo "$f" >"staging/$f"
done
ln -s libz.so.1.3 staging/lib/libz.so
touch passwd group nsswitch.conf unbound.conf
cp "$golden"/unbound.yaml "$golden"/baseline.yaml .
export TKIT_TEST_STAGING=$work/staging
"$tkit" -q run --backend "bpftrace_log,file=$golden/unbound.log" -o unbound.tkit
# Another run, for a trace as manifest.
head -3 "$golden/unbound.log" >short.log
"$tkit" -q run --backend bpftrace_log,file=short.log -o short.tkit

# The run's time is that of the import.
steady() { sed -E "s|# Time: .*|# Time: T|; s|$work|WORK|g"; }
diff_() { # STATUS OPTIONS...: the report is in ./out
	local want=$1 status=0
	shift
	"$tkit" -q report --reporter manifest_diff "$@" unbound.tkit >out 2>err || status=$?
	[ $status = "$want" ] || { echo "status $status, want $want"; cat err; return 1; }
}
same() { # FILE GOLDEN
	[ -z "${TKIT_UPDATE_GOLDEN:-}" ] || steady <"$1" >"$golden/$2"
	diff "$golden/$2" <(steady <"$1")
}
golden_is() { # GOLDEN STATUS OPTIONS...
	local name=$1
	shift
	diff_ "$@" && same out "$name"
}

check "the article's manifest" golden_is unbound.txt 1 --manifest=unbound.yaml --fix=fixed.yaml
check "the same as JSON" golden_is unbound.json 1 --manifest=unbound.yaml --json
check "which is JSON" python3 -m json.tool out out.json
check "the corrected manifest" same fixed.yaml fixed.yaml
check "declares what was missing" golden_is fixed.txt 1 --manifest=fixed.yaml
check "without what no run used" diff_ 1 --manifest=unbound.yaml --fix=small.yaml --drop-unused
check "there is less in it" same small.yaml small.yaml
check "a baseline: only what is new" golden_is baseline.txt 1 --manifest=unbound.yaml --baseline=baseline.yaml
check "updated" diff_ 0 --manifest=unbound.yaml --baseline=baseline.yaml --update-baseline
check "with its comments" same baseline.yaml updated.yaml
check "then nothing is new" diff_ 0 --manifest=unbound.yaml --baseline=baseline.yaml
check "a baseline that is not there yet" diff_ 0 --manifest=unbound.yaml --baseline=new.yaml --update-baseline
check "is made" same new.yaml new-baseline.yaml

# What ld.so looks for is nobody's to declare; any place of a library in the baseline stands for all.
head -1 "$golden/unbound.log" >more.log
printf '9800000%s\n' "0 3 /lib64/libc.so.6" "1 -2 /etc/ld.so.preload" "2 -2 /lib64/glibc-hwcaps/x86-64-v3" \
	"3 -2 /opt/b/libx.so" "4 -2 /opt/a/libx.so" >>more.log
"$tkit" -q run --backend bpftrace_log,file=more.log -o more.tkit
echo /lib64/libc.so.6 >libc.txt
printf 'acceptable_missing:\n  - /opt/a/libx.so\n' >places.yaml
more() { # STATUS OPTIONS...
	local want=$1 status=0
	shift
	"$tkit" -q report --reporter manifest_diff --manifest=libc.txt "$@" more.tkit >out || status=$?
	[ $status = "$want" ] || { cat out; return 1; }
}
check "a library that is nowhere" more 1
probes() { grep -E 'preload|hwcaps' out; }
check "is all that is missing" eval '! probes'
check "it is told" grep -q /opt/b/libx.so out
check "a baseline with another place of it" more 0 --baseline=places.yaml

# One set of files in all the other forms.
mkdir -p tree/lib tree/etc/unbound tree/usr/sbin tree/var/empty
touch tree/lib/libc.so.6 tree/lib/libcrypto.so.3 tree/lib/libz.so tree/usr/sbin/unbound \
	tree/etc/unbound/unbound.conf tree/etc/unused
ln -s lib tree/lib64
ln -s /lib tree/usr/lib64
(cd tree && find . | sort | sed 's|^\.||; s|^$|/.|') >files.list
grep -v '^/\.$' files.list >files.txt
tar -C tree -czf tree.tar.gz .
tar -C tree -cf - . | zstd -q -o tree.tar.zst
cat >tree.mtree <<'M'
#mtree
/set type=file uid=0 gid=0 mode=644
. type=dir
    lib type=dir mode=755
        libc.so.6
        libcrypto.so.3
        libz.so
    ..
    lib64 type=link link=lib
    etc type=dir
        unused
        unbound type=dir
            unbound.conf
        ..
    ..
    usr type=dir
        lib64 type=link link=/lib
        sbin type=dir
            unbound
        ..
    ..
    var type=dir
        empty type=dir
        ..
    ..
..
M
check "a folder" golden_is tree.txt 1 --manifest=tree
for form in tree.tar.gz:tar tree.tar.zst:tar tree.mtree:mtree; do
	check "$form says the same" diff_ 1 --manifest="${form%:*}"
	sed "s/^Manifest  : ${form#*:}/Manifest  : directory/" out >out.same
	check "byte by byte" same out.same tree.txt
done
check "a list of paths" golden_is list.txt 1 --manifest=files.txt
check "a dpkg file list" diff_ 1 --manifest=files.list
check "is known as one" grep -q '^Manifest  : dpkg' out
check "another trace" golden_is trace.txt 1 --manifest=short.tkit
check "a trace against itself fits, but for what it sought" diff_ 0 --manifest=unbound.tkit --fail-on=undeclared --fail-on=missing
check "a new manifest from a folder" diff_ 1 --manifest=tree --source="$work/staging" --fix=made.yaml
check "is one" same made.yaml made.yaml
check "fail-on none" diff_ 0 --manifest=tree --fail-on=none
check "fail-on unused" diff_ 1 --manifest=tree --fail-on=unused
check "ignore" diff_ 1 --manifest=unbound.yaml "--ignore=/etc/*"
check "nothing of it is told" test "$(grep -c '^.. /etc/' out)" = 0
check "twice the same" bash -c '"$0" -q report -r manifest_diff,manifest=tree unbound.tkit | cmp - <("$0" -q report -r manifest_diff,manifest=tree unbound.tkit)' "$tkit"

# What is wrong is named, with its line; the status is 2 and no file is written.
refused() { # TEXT OPTIONS...
	local text=$1
	shift
	rm -f no.yaml
	diff_ 2 --fix=no.yaml "$@" || return 1
	[ "$(wc -l <err)" = 1 ] && grep -qF -- "$text" err && [ ! -e no.yaml ] && [ ! -s out ] || { cat err; return 1; }
}
bad() { # TEXT SED-SCRIPT
	sed "$2" unbound.yaml >bad.yaml
	check "refused: $1" refused "$1" --manifest=bad.yaml
}
bad "bad.yaml:2: version '2'" '2s/1/2/'
bad "no version" '2d'
bad "bad.yaml:3: unknown key 'inputs'" '3s/input/inputs/'
bad "bad.yaml:4: unknown backend 'buildrot'" '4s/root/rot/'
bad "bad.yaml:5: unknown mode 'stage'" '5s/staging/stage/'
bad "bad.yaml:6: input.path must be absolute" '6s|\$.*|staging|'
bad "bad.yaml:6: input.path: no folder /nowhere" '6s|\$.*|/nowhere|'
bad 'bad.yaml:6: input.path: $(NOT_SET_HERE) is not set' '6s|TKIT_TEST_STAGING|NOT_SET_HERE|'
bad "bad.yaml:8: prefix YOCTO does not fit backend buildroot" '8s|BUILDROOT|YOCTO|'
bad 'bad.yaml:8: $(SYSROOT) is the old form' '8s|BUILDROOT|$(SYSROOT)|'
bad "bad.yaml:8: the source of a binary begins with BUILDROOT/" '8s|BUILDROOT|.|'
bad "bad.yaml:8: destination 'usr/sbin/unbound' is not absolute" '8s|:/usr|:usr|'
bad "bad.yaml:9: no source BUILDROOT/usr/sbin/unbound-hose" '9s|unbound-host:|unbound-hose:|'
bad "bad.yaml:9: destination /usr/sbin/unbound stands at line 8 already" '9s|:.*|:/usr/sbin/unbound|'
bad "bad.yaml:13: no source ./passwort" '13s|/passwd|/passwort|'
bad "bad.yaml:18: a directory is a path of the image, without BUILDROOT" '18s|/etc|BUILDROOT/etc|'
bad "bad.yaml:18: directory 'etc/unbound' is not absolute" '18s|/etc|etc|'
bad "bad.yaml:21: a symlink has two paths of the image" '21s|/lib|BUILDROOT/lib|'
bad "nothing of the manifest is at its target /opt/a" '22s|/lib:/usr/lib|/opt/a:/opt/b|'
bad "bad.yaml:17: key 'data' stands here a second time" '17s|directories|data|'
bad "bad.yaml:" '22s|.*|  - "unfinished|'
printf '/a\nrelative\n' >half.txt
check "refused: a relative path in a list" refused "half.txt:2: an absolute path is expected" --manifest=half.txt
check "refused: nothing" refused "nothing to compare with"
check "refused: no file" refused "nowhere.yaml: No such file" --manifest=nowhere.yaml
: >empty
check "refused: an empty file" refused "empty is empty" --manifest=empty
printf 'acceptable_missing:\n- relative\n' >b.yaml
check "refused: a baseline with a relative path" refused "b.yaml:2: an absolute path" --manifest=tree --baseline=b.yaml
printf 'acceptable:\n- /a\n' >b.yaml
check "refused: a baseline with another key" refused "b.yaml:1: unknown key" --manifest=tree --baseline=b.yaml
check "refused: no baseline to update" refused "update-baseline needs baseline" --manifest=tree --update-baseline
check "refused: an unknown reason" refused "'everything' is none of" --manifest=tree --fail-on=everything
done_testing
