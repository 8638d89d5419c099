#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The same minimal image in each format, with a real engine: image.tar is loaded (docker, podman,
# skopeo) and runs; a multistage Dockerfile, built from the image by itself, gives the files of rootfs.tar.
# shellcheck disable=SC2016,SC2034,SC2119 # `check ... eval` takes quoted text
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=../lib/images.sh
. "$here/../lib/images.sh"
need_root
need docker dockerd debootstrap python3 busybox
need_backend ptrace
start_docker || skip "$docker_problem"
base=$(base_root) || die "no base file system"
compare=$here/../lib/compare_root.py
cd "$work"

# ---- a root with what is easily lost ----
copy_root "$base" root
printf '#!/bin/sh\nls -l /odd /etc/hosts /srv >/dev/null && cat /odd/plain && tar --version | head -1\n' >root/start
chmod 755 root/start
python3 - root <<'EOF'
import os, struct, sys
os.chdir(os.fsencode(sys.argv[1]))
os.makedirs(b"odd/sub"), os.mkdir(b"srv/data")
names = [b"plain", b"two words", b"new\nline", b"back\\slash", b"quo\"te'", b"$x `y`", b"<<EOF", b"\xff\xfe", "gr\u00fc\u00df".encode(),
         b"-dash", b"tab\there", b"%s%b", b"0123456789" * 20]
for i, name in enumerate(names):
    with open(b"odd/" + name, "wb") as f:
        f.write(b"content %d\n" % i)
    os.utime(b"odd/" + name, ns=(0, 1500000000123456789 + i * 1000000001))
os.link(b"odd/plain", b"odd/sub/linked")
os.symlink(b"plain", b"odd/link"), os.symlink(b"/no/where", b"odd/dangling")
os.mkfifo(b"odd/fifo", 0o640)
os.chown(b"odd/two words", 12345, 54321), os.chmod(b"odd/two words", 0o4711)
os.chown(b"srv/data", 33, 44), os.chmod(b"srv/data", 0o2770)
os.chmod(b"odd/sub", 0o1777)
caps = struct.pack("<IIIII", 0x02000001, 1 << 10, 0, 0, 0)
os.setxattr(b"odd/tab\there", "security.capability", caps)
os.lchown(b"odd/link", 7, 8)
for name in (b"odd/sub", b"odd", b"srv/data"):
    os.utime(name, ns=(0, 1400000000987654321))
EOF
printf '127.0.0.1 of-the-image\n' >root/etc/hosts
touch -d @1300000000 root/etc/hosts
"$tkit" run --backend ptrace -o start.tkit --root root -- /start >want
tar -C root --numeric-owner --xattrs --xattrs-include='*' --format=posix -c . | docker import - test/odd:1 >/dev/null

report() { # FOLDER OPTIONS [ARG...]
	local folder=$1 options=$2
	shift 2
	rm -rf "$folder"
	"$tkit" report --reporter "dockerfile,include=/odd/**,include=/srv/data$options" --root root -o "$folder" "$@" start.tkit
}
check "rootfs.tar" report tar ,format=tar
check "each file as it was" "$compare" --skip /var/lib/dpkg/status.d --except /proc --except /sys --except /dev tar/rootfs.tar root
check "with the packages that they are of" grep -q '^Package: coreutils$' <(tar -xOf tar/rootfs.tar var/lib/dpkg/status.d/coreutils 2>/dev/null)
check "and with no others" eval '! tar -tf tar/rootfs.tar --warning=none | grep -q status.d/apt'
check "mtree" report mtree ,format=mtree
check "knows every object" test "$(grep -c 'type=' mtree/rootfs.mtree)" = "$(tar -tf tar/rootfs.tar --quoting-style=escape --warning=none | wc -l)"

# ---- one archive for all engines ----
check "an archive" report archive ,format=archive,tag=test/min:1,env=A=b
check "has the same bytes again" eval 'report archive2 ,format=archive,tag=test/min:1,env=A=b && cmp archive/image.tar archive2/image.tar'
check "SOURCE_DATE_EPOCH is when it was made" eval 'SOURCE_DATE_EPOCH=1234567890 report dated ,format=archive,tag=test/dated && docker load -q -i dated/image.tar &&
	[ "$(docker image inspect -f "{{.Created}}" test/dated:latest)" = 2009-02-13T23:31:30Z ]'
check "a bad SOURCE_DATE_EPOCH is refused" eval '! SOURCE_DATE_EPOCH=soon report bad ,format=archive 2>bad.err && grep -q SOURCE_DATE_EPOCH bad.err'
check "a bad tag is refused" eval '! report bad ,format=archive,tag=A:b 2>bad.err && grep -q REPOSITORY bad.err'
check "docker loads it" docker load -q -i archive/image.tar
check "it runs with the same output" diff want <(docker run --rm --network none test/min:1)
check "with its configuration" test "$(docker image inspect -f '{{json .Config.Entrypoint}}{{index .Config.Env 1}}' test/min:1)" = '["/start"]A=b'

exported() { # IMAGE FILE: its files, without what docker puts into a container
	local id
	id=$(docker create --network none "$1" x) || return 1
	docker export "$id" >"$2"
	docker rm -f "$id" >/dev/null
}
# What docker mounts or makes in each container; and the times of directories that get it.
engines=(--skip / --skip /.dockerenv --skip /dev --skip /proc --skip /sys --skip /etc/hosts --skip /etc/hostname --skip /etc/resolv.conf
	--skip /etc/mtab --except /etc)
check "docker has the same files" eval 'exported test/min:1 min.tar && "$compare" --mtime s --extra "${engines[@]}" tar/rootfs.tar min.tar'

if command -v skopeo >/dev/null; then
	check "skopeo reads it as a docker archive" eval 'skopeo inspect docker-archive:archive/image.tar >skopeo.json && grep -q amd64 skopeo.json'
	check "and as an OCI archive" eval 'skopeo copy -q oci-archive:archive/image.tar oci:layout:1 && test -e layout/index.json'
else
	echo "skopeo is not installed: not tried"
fi
if command -v podman >/dev/null; then
	# shellcheck disable=SC2034 # in the strings below
	pod=(env -u DOCKER_CONFIG -u DOCKER_HOST podman --root "$work/podman" --runroot "$work/podman-run" --tmpdir "$work/podman-tmp" --storage-driver vfs --runtime runc)
	check "podman loads it" eval '"${pod[@]}" load -q -i archive/image.tar >/dev/null'
	check "and runs it" eval 'diff want <("${pod[@]}" run --rm --network none --ulimit nofile=1024:1024 --ulimit nproc=1024:1024 test/min:1)'
else
	echo "podman is not installed: not tried"
fi

# ---- a Dockerfile without a tar ----
built() { # FOLDER IMAGE
	docker build -q --network none -t "$2" "$1" >/dev/null 2>build.log || {
		tail -5 build.log
		return 1
	}
}
check "multistage needs a name" eval '! report bad ,format=multistage 2>bad.err && grep -q "option from" bad.err && [ "$(wc -l <bad.err)" = 1 ]'
check "a name that injects is refused" eval '! report bad ",format=multistage,from=x y" 2>bad.err && [ "$(wc -l <bad.err)" = 1 ]'
check "multistage" report multi ,format=multistage,from=test/odd:1
check "is one file" test "$(ls multi)" = Dockerfile
check "is built from the image alone" built multi test/multi
check "it has the files of rootfs.tar" eval 'exported test/multi multi.tar && "$compare" --mtime s --extra "${engines[@]}" tar/rootfs.tar multi.tar'
check "it runs with the same output" diff want <(docker run --rm --network none test/multi)
# in the layers, not in a container, where the engine's own is mounted
check "the image's own /etc/hosts is in it" eval 'docker save test/multi -o multi.save && "$tkit" report --reporter dockerfile,format=tar,include=/etc/hosts --root multi.save -o saved start.tkit &&
	"$compare" --mtime s --skip /var/lib/dpkg/status.d --except /etc --except / --except /proc --except /sys --except /dev saved/rootfs.tar root'

# A root without a shell: another image has the tools.
docker tag test/odd:1 test/tools:1
mkdir plain plain/bin plain/proc plain/dev plain/sys plain/data
cp "$(command -v busybox)" plain/bin/cat
printf 'data\n' >plain/data/file
chown 5:6 plain/data/file
touch -d @1111111111 plain/data
tar -C plain --numeric-owner -c . | docker import - test/plain >/dev/null
"$tkit" run --backend ptrace -o plain.tkit --root plain -- /bin/cat /data/file >plain.want
check "an image without a shell" "$tkit" report --reporter dockerfile,format=multistage,from=test/plain,tools=test/tools:1 --root plain -o plain.multi plain.tkit
check "is built with another's tools" built plain.multi test/plainmin
"$tkit" report --reporter dockerfile,format=tar --root plain -o plain.tar plain.tkit
check "has the files of rootfs.tar" eval 'exported test/plainmin plainmin.tar && "$compare" --mtime s --extra "${engines[@]}" --skip /etc plain.tar/rootfs.tar plainmin.tar'
check "it runs" diff plain.want <(docker run --rm --network none test/plainmin)

# busybox's tar and shell
mkdir -p bb/bin bb/proc bb/dev bb/sys bb/data/dir
cp "$(command -v busybox)" bb/bin/busybox
for name in sh tar mkdir chmod chown touch xargs cat ls; do ln -s busybox "bb/bin/$name"; done
printf 'a\n' >"bb/data/dir/two words"
printf 'b\n' >'bb/data/dir/back\slash'
printf 'c\n' >bb/data/dir/$'new\nline \xff'
ln bb/data/dir/* bb/data/ 2>/dev/null
chown 5:6 'bb/data/two words'
touch -d @1111111111 bb/data/dir bb/data
tar -C bb --numeric-owner -c . | docker import - test/bb >/dev/null
"$tkit" run --backend ptrace -o bb.tkit --root bb -- /bin/ls /data >bb.want
bb() { "$tkit" report --reporter "dockerfile,include=/data/**$1" --root bb -o "$2" bb.tkit; }
check "an image with busybox" bb ,format=multistage,from=test/bb bb.multi
check "is built with it" built bb.multi test/bbmin
bb ,format=tar bb.tar
check "has the files of rootfs.tar" eval 'exported test/bbmin bbmin.tar && "$compare" --mtime s --extra "${engines[@]}" --skip /etc bb.tar/rootfs.tar bbmin.tar'
check "it runs" diff bb.want <(docker run --rm --network none test/bbmin)
done_testing
