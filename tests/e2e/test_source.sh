#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# One Debian as a directory, as docker save, docker export and docker:IMAGE give it, and as an OCI layout
# where skopeo is installed: the same minimal image from each, and it runs.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=../lib/images.sh
. "$here/../lib/images.sh"
need_root
need docker dockerd debootstrap
need_backend ptrace
start_docker || skip "$docker_problem"
base=$(base_root) || die "no base file system"
cd "$work"

"$tkit" run --backend ptrace -o ls.tkit --root "$base" -- /bin/ls -l / >/dev/null
import_root "$base" test/base
# A second layer: a file changed, one removed, a hard link and a directory anew.
mkdir build
cat >build/Dockerfile <<'EOF'
FROM test/base
RUN rm /etc/motd && echo changed >/etc/issue && ln /bin/ls /usr/bin/second-ls && \
	rm -r /usr/share/doc && mkdir /usr/share/doc && touch /usr/share/doc/new
ENV LAYERS=two
USER 1000:1000
CMD ["/bin/ls", "-l", "/"]
EOF
docker build -q --network none -t test/two build >/dev/null 2>build.log || die "docker build: $(cat build.log)"
docker save test/two -o two.tar
docker save test/base test/two -o both.tar
id=$(docker create test/two)
at_exit remove_container "$id"
docker export "$id" -o export.tar
mkdir unpacked
tar -C unpacked --numeric-owner -xpf export.tar

image() { # NAME SOURCE [OPTION...]
	local name=$1 source=$2
	shift 2
	rm -rf "$name"
	"$tkit" report --reporter dockerfile,include=/etc/issue,include=/usr/share/doc,include=/usr/bin/second-ls \
		--root "$source" -o "$name" "$@" ls.tkit || return 1
}
same() { # SOURCE...: as docker-archive gave it
	image now "$@" && cmp archive/rootfs.tar now/rootfs.tar && cmp archive/Dockerfile now/Dockerfile
}
check "docker save" image archive two.tar
check "docker:IMAGE" same docker:test/two
check "one of two" same both.tar --image-tag test/two
list() {
	image "$1" "$2" && tar -tvf "$1/rootfs.tar" | grep -v ' \./$\| \(dev\|proc\|sys\|etc\)/$' >"$1.list"
}
check "docker export" list export export.tar
check "the same unpacked" list unpacked.image unpacked
check "files of docker save" list archive two.tar
check "export has the same files" diff export.list archive.list
check "unpacked has the same files" diff unpacked.image.list archive.list
check "of the second layer" grep -q 'share/doc/new$' archive.list
check "nothing of the first layer" test -z "$(grep 'share/doc/[^n]' archive.list)"
check "hard link" grep -q 'second-ls link to\|bin/ls link to' archive.list
check "environment kept" grep -qxF 'ENV LAYERS=two' archive/Dockerfile
check "user kept" grep -qxF 'USER 1000:1000' archive/Dockerfile
unknown() {
	! image unknown docker:test/none 2>err || return 1
	grep -qi 'no such image\|reference does not exist' err && [ ! -e unknown ]
}
check "an unknown image" unknown
build_image archive test/slim || die "docker build failed"
check "the minimal image runs" docker run --rm --network none test/slim
if command -v skopeo >/dev/null; then
	skopeo copy -q docker-archive:two.tar oci:layout:1
	check "OCI layout by skopeo" same layout
	skopeo copy -q docker-archive:two.tar oci-archive:oci.tar:1
	check "OCI archive by skopeo" same oci.tar
fi
done_testing
