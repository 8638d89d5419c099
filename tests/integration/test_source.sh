#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# One root file system as a directory, tar, docker archive, OCI layout and OCI archive, each also
# compressed: the same report and the same bytes of the minimal image; limits; messages.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lib/lib.sh
. "$here/../lib/lib.sh"
need python3 zstd gzip xz
need_backend ptrace
cd "$work"

"$tkit" run --backend ptrace -o t.tkit -- /bin/true

root=$work/root
mkdir -p "$root"/{a/b,usr/lib,proc,empty}
ln -s usr/lib "$root/lib"
ln -s /a/b/../../usr "$root/a/abs"
echo text >"$root/a/file"
ln "$root/a/file" "$root/usr/second-name"
printf 'x' >"$root/"$'bytes\xff\nline'
echo nfd >"$root/"$'cafe\xcc\x81'
echo nfc >"$root/"$'caf\xc3\xa9'
mkfifo "$root/fifo"
cp /bin/true "$root/usr/lib/program"
chmod 6755 "$root/usr/lib/program"
chmod 1777 "$root/empty"
{ echo start; truncate -s 3M /dev/stdout; } >"$root/sparse"
dd if=/dev/urandom of="$root/sparse" bs=4096 count=1 seek=100 conv=notrunc status=none
head -c 3000000 /dev/urandom >"$root/large"
python3 -c 'import os, sys; os.setxattr(sys.argv[1], "user.raw", b"\0\1\n\xff")' "$root/a/file" 2>/dev/null ||
	echo "(no extended attributes on this file system)"
find "$root" -exec touch -h -d '@1234567890' {} +

report() { # NAME SOURCE [OPTION...]
	local name=$1 source=$2
	shift 2
	"$tkit" report --reporter 'dockerfile,include=/**' --root "$source" -o "$name.image" "$@" t.tkit 2>"$name.err"
}
same() { # SOURCE: gives what the directory gave
	rm -rf now.image
	report now "$1" || { cat now.err; return 1; }
	cmp dir.image/rootfs.tar now.image/rootfs.tar
}
refused() { # TEXT SOURCE [OPTION...]: one line with TEXT, and no folder
	local text=$1
	shift
	rm -rf now.image
	! report now "$@" || return 1
	[ "$(wc -l <now.err)" = 1 ] && [ ! -e now.image ] && grep -qF -- "$text" now.err || { cat now.err; return 1; }
}

cp -a "$root" wh
report dir "$root" || die "$(cat dir.err)"
pack() { tar -C "$root" --xattrs "$@" -c .; }
pack_gnu() { tar -C "$root" "$@" -c .; }
pack --format=pax >pax.tar
pack_gnu --format=gnu >gnu.tar
pack --format=pax --sparse --sparse-version=0.0 >sparse00.tar
pack --format=pax --sparse --sparse-version=0.1 >sparse01.tar
pack --format=pax --sparse --sparse-version=1.0 >sparse10.tar
pack_gnu --format=gnu --sparse >sparse-gnu.tar
zstd -q pax.tar
gzip -k pax.tar
xz -k -1 pax.tar
for kind in pax.tar sparse00.tar sparse01.tar sparse10.tar pax.tar.zst pax.tar.gz pax.tar.xz; do
	check "$kind" same "$kind"
done
# No extended attributes in these formats.
cp dir.image/rootfs.tar with-xattrs
rm -rf dir.image
python3 -c 'import os, sys; os.removexattr(sys.argv[1], "user.raw")' "$root/a/file" 2>/dev/null || true
report dir "$root"
check "gnu.tar" same gnu.tar
check "sparse-gnu.tar" same sparse-gnu.tar
cp with-xattrs dir.image/rootfs.tar
check "own output as a source" same dir.image/rootfs.tar
check "a pipe" same <(cat pax.tar)

# Two layers: first a root of which all is changed.
mkdir -p old/a/b/c old/gone
echo old >old/a/file
echo old >old/lib
ln -s a old/usr
tar -C old -cf old.tar .
(
	touch wh/a/.wh.b wh/.wh.gone wh/.wh.old
	touch -h -d '@1234567890' wh wh/a
	tar -C wh --xattrs --format=pax -cf wh.tar .
)
echo '{"os":"linux","architecture":"amd64","config":{"Cmd":["/usr/lib/program"],"Env":["K=v"]}}' >config.json
python3 "$top/tests/lib/mkimage.py" docker two.tar config.json old.tar wh.tar
check "docker archive of two layers" same two.tar
gzip -kf wh.tar
zstd -qf old.tar
python3 "$top/tests/lib/mkimage.py" docker three.tar config.json old.tar.zst old.tar wh.tar.gz
check "compressed layers" same three.tar
zstd -qf two.tar
check "compressed archive" same two.tar.zst
check "docker archive from a pipe" same <(cat two.tar)
python3 "$top/tests/lib/mkimage.py" oci oci config.json old.tar wh.tar.gz
check "OCI layout" same oci
check "OCI layout, named" same oci:oci
tar -C oci -cf oci.tar .
check "OCI archive" same oci.tar
check "OCI archive from a pipe" same <(cat oci.tar)
check "the image's command is kept" grep -qxF 'CMD ["/usr/lib/program"]' now.image/Dockerfile
check "and its environment" grep -qxF 'ENV K=v' now.image/Dockerfile
# Its health check, as the engine would run it.
echo '{"os":"linux","architecture":"amd64","config":{"Shell":["/bin/bash","-ec"],"Healthcheck":{
	"Test":["CMD-SHELL","ping | pong"],"StartPeriod":5,"StartInterval":7}}}' >health.json
python3 "$top/tests/lib/mkimage.py" docker health.tar health.json old.tar wh.tar
check "an image with a health check" same health.tar
check "its check is kept, with the image's shell" grep -qxF \
	'HEALTHCHECK --start-period=5ns --start-interval=7ns CMD ["/bin/bash", "-ec", "ping | pong"]' now.image/Dockerfile
check "that it was not run is told by the shell that is missing" grep -q 'health check was not run' now.err

check "cut short" refused "cut short" <(head -c 200000 pax.tar)
check "cut short, compressed" refused "cut short" <(head -c 100000 pax.tar.gz)
check "no archive" refused "no tar archive" /bin/true
check "no file" refused "no file or directory" nothing
check "too many bytes" refused "more bytes than the limit" pax.tar.gz --image-max-bytes 1M
check "too many entries" refused "limit" pax.tar --image-max-entries 5
check "unknown tag" refused "it has: test:1" two.tar --image-tag none
no_engine() {
	! PATH=$work "$tkit" report --image docker:x t.tkit 2>now.err || return 1
	grep -qF 'docker is not in PATH' now.err
}
check "no engine" no_engine
printf '#!/bin/sh\necho "Error: no such image: $3" >&2\nexit 1\n' >docker
printf '#!/bin/sh\n[ "$1 $2 $3" = "save -- x:1" ] && exec cat %q\n' "$work/two.tar" >podman
chmod +x docker podman
PATH=$work:$PATH
check "unknown image" refused "no such image: x:1" docker:x:1
check "an image of an engine" same podman:x:1
check "no option passed on" refused "no name of an image" docker:--help
# A blob that leads out of the layout.
digest=$(cd oci/blobs/sha256 && sha256sum -- * | awk '{ print $2; exit }')
mv "oci/blobs/sha256/$digest" outside
ln -s "$work/outside" "oci/blobs/sha256/$digest"
check "a blob that leads out" refused "blobs/sha256/" oci
check "no temporary file is left" test -z "$(find "${TMPDIR:-/tmp}" -maxdepth 1 -name 'tkit-??????' -newer t.tkit)"
done_testing
