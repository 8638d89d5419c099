#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Files with holes, from a directory and from archives that tell where holes are: the same image, quickly made, with a
# warning; docker and podman load it, have the same bytes, and can save it again.
# shellcheck disable=SC2016,SC2034 # `check ... eval` takes quoted text
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=../lib/images.sh
. "$here/../lib/images.sh"
need_root
need docker dockerd busybox
need_backend ptrace
start_docker || skip "$docker_problem"
cd "$work"

mkdir -p root/bin root/data
cp "$(command -v busybox)" root/bin/busybox
ln -s busybox root/bin/sha256sum
truncate -s 100M root/data/holes root/data/empty
printf 'middle' | dd of=root/data/holes bs=1 seek=50000000 conv=notrunc status=none
printf 'tail' >>root/data/holes
"$tkit" run --backend ptrace -o run.tkit --root root -- /bin/sha256sum /data/holes /data/empty >want
archive() { # FOLDER SOURCE
	"$tkit" report --reporter dockerfile,format=archive,tag=test/holes:1 --root "$2" -o "$1" run.tkit 2>"$1.err"
}
check "an archive" archive whole root
check "that names the files" eval 'grep -c "^tkit: warning: .*/data/[a-z]* has 104857[0-9]* bytes, of which .* are a hole" whole.err | grep -qx 2'
check "of all bytes" test "$(stat -c %s whole/image.tar)" -gt 209000000
check "in little room" test "$(stat -c %b whole/image.tar)" -lt 20480
tar -C root --numeric-owner --sparse --format=posix -cf sparse.tar .
tar -C root --numeric-owner --format=posix -c . | gzip -1 >whole.tar.gz
check "the same from an archive that tells of holes" eval 'archive sparse sparse.tar && cmp sparse/image.tar whole/image.tar'
check "the same from one that is compressed" eval 'archive packed whole.tar.gz && cmp packed/image.tar whole/image.tar'
check "and from the image itself" eval 'archive again whole/image.tar && cmp again/image.tar whole/image.tar'

check "docker loads it" docker load -q -i whole/image.tar
check "it has the same bytes" diff want <(docker run --rm --network none test/holes:1)
check "docker can save it" docker save -o saved.tar test/holes:1
check "as it was" eval 'archive saved saved.tar && cmp saved/image.tar whole/image.tar'

# A file that no disk has room for.
truncate -s 3T root/data/holes
mtree() { timeout -k 5 60 "$tkit" report --reporter dockerfile,format=list --root root -o list run.tkit; }
check "3 TB are listed" eval 'mtree 2>list.err && grep -q ^/data/holes list/files.txt'
tar -C root --numeric-owner --sparse --format=posix -cf huge.tar .
check "and refused in an archive" eval '! archive huge huge.tar && grep -q "image-max-bytes" huge.err && [ "$(wc -l <huge.err)" = 1 ]'
done_testing
