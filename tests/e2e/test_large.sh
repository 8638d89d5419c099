#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# An image of 1 GB: the report and the archive of it in bounded memory, from a directory and from an archive; the time
# beside that of reading and writing the bytes once.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=../lib/images.sh
. "$here/../lib/images.sh"
need_root
need debootstrap python3
need_backend ptrace
base=$(base_root) || die "no base file system"
cd "$work"

# Some large files, many small ones; 1 GB.
mount_root root "$base" "$work/changes"
python3 - root/srv <<'PY'
import os, sys
block = os.urandom(1 << 20)
for i in range(20):
    with open(f"{sys.argv[1]}/large{i}", "wb") as f:
        for k in range(45):
            f.write(i.to_bytes(4, "big") + k.to_bytes(4, "big") + block[8:])
for i in range(5000):
    folder = f"{sys.argv[1]}/small/{i % 50}"
    os.makedirs(folder, exist_ok=True)
    with open(f"{folder}/{i}", "wb") as f:
        f.write(i.to_bytes(4, "big") + block[:20000])
PY
"$tkit" run --strict --backend ptrace -o ls.tkit --root root -- /bin/ls / >/dev/null

# Runs it and notes the most memory that one process of it had resident, and the time.
measured() { # NAME CMD...
	python3 - "$@" <<'PY'
import resource, subprocess, sys, time
start = time.monotonic()
status = subprocess.run(sys.argv[2:]).returncode
took = time.monotonic() - start
rss = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
with open(sys.argv[1] + ".measured", "w") as f:
    f.write(f"{rss:.0f} {took:.2f}\n")
sys.exit(status)
PY
}
told() { # NAME
	local rss took
	read -r rss took <"$1.measured"
	printf '%s: %s MB resident, %s s\n' "$1" "$rss" "$took"
	[ "$rss" -lt 200 ]
}
archive() { # NAME ROOT
	measured "$1" "$tkit" -q report --reporter dockerfile,format=archive,tag=test/large,include=/srv --root "$2" -o "$1.image" ls.tkit
}
copy() { # bytes once, to disk, as the archive gets them
	measured cp sh -c 'cat "$1" >copy && sync copy' sh "$1"
}
check "an archive" archive from-directory root
check "in bounded memory" told from-directory
size=$(stat -c %s from-directory.image/image.tar)
check "of 1 GB ($(megabytes "$size"))" test "$size" -gt 1000000000
check "the same bytes copied" copy from-directory.image/image.tar
check "for comparison" told cp
rm copy
check "a report on the archive as root" measured report "$tkit" -q report --root from-directory.image/image.tar ls.tkit >report.txt
check "in bounded memory" told report
check "an archive from that archive" archive from-archive from-directory.image/image.tar
check "in bounded memory" told from-archive
layer() { # FOLDER: named by its digest
	python3 -c 'import json, sys, tarfile; print(json.load(tarfile.open(sys.argv[1]).extractfile("manifest.json"))[0]["Layers"])' "$1/image.tar"
}
check "with the same files" test "$(layer from-directory.image)" = "$(layer from-archive.image)"
done_testing
