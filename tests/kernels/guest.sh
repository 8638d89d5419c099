#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Makes the initramfs of a test guest: guest.sh BUILD OUT
# It holds the build tree's tkit, plugins and workloads at the paths that they have here, the
# test scripts, python3, busybox and every library that these load.
set -euo pipefail
build=$(cd "$1" && pwd)
out=$2
here=$(cd "$(dirname "$0")" && pwd)
source=$(cd "$here/../.." && pwd)
root=$(mktemp -d)
trap 'rm -r "$root"' EXIT

mkdir -p "$root"/{proc,sys,dev,tmp,run,etc,root,usr/{bin,sbin,lib,lib64}}
for dir in bin sbin lib lib64; do ln -s "usr/$dir" "$root/$dir"; done

# Copies files to the same place below the root, symlinks on the way with their targets.
place() {
	local file real
	for file in "$@"; do
		real=$(readlink -f "$file")
		mkdir -p "$root$(dirname "$real")"
		[ -e "$root$real" ] || cp -a "$real" "$root$real"
		[ -e "$root$file" ] || {
			mkdir -p "$root$(dirname "$file")"
			ln -s "$real" "$root$file"
		}
	done
}

libraries() { # of the programs and modules on stdin; ldd fails for static ones
	{ xargs -r ldd 2>/dev/null || :; } | sed -n 's,.*=> \(/[^ ]*\).*,\1,p; s,^[[:space:]]*\(/[^ ]*ld-linux[^ ]*\).*,\1,p' | sort -u
}

python=$(readlink -f /usr/bin/python3)
place /bin/busybox "$python" /usr/bin/python3 /usr/bin/strace /usr/bin/cat
runc=$(command -v runc || true)
[ -z "$runc" ] || place "$runc"
# With its compiled modules: in emulation each start of python would take seconds without.
(cd / && tar -c --exclude='usr/lib/python3*/test' --exclude='*/idlelib' --exclude='*/config-3*' \
	--exclude='*/pydoc_data' --exclude='*/tkinter' \
	--exclude='*/lib2to3' --exclude='*/ensurepip' --exclude='*/dist-packages' \
	"usr/lib/$(basename "$python")") | tar -x -C "$root"
(cd / && tar -c "${build#/}/tkit" "${build#/}/lib" "${build#/}/plugins" "${build#/}/plugins.d" \
	"${build#/}/tests/conformance/bin" "${source#/}/tests") | tar -x -C "$root"
{
	printf '%s\n' "$python" /usr/bin/strace /usr/bin/cat ${runc:+"$runc"}
	find "$root/usr/lib/$(basename "$python")" "$root$build" -type f \( -name '*.so*' -o -perm /111 \) |
		sed "s,^$root,,"
} | libraries | while read -r file; do place "$file"; done
# Debugging information is nothing but bytes to copy, there.
find "$root$build" -type f \( -name '*.so*' -o -perm /111 \) -exec strip -g {} +
# PT_INTERP of everything here
place /lib64/ld-linux-x86-64.so.2

printf 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n' >"$root/etc/passwd"
printf 'root:x:0:\nnogroup:x:65534:\n' >"$root/etc/group"
: >"$root/etc/ld.so.cache"
printf '%s\n' "$build" >"$root/etc/tkit-build"
printf '%s\n' "$source" >"$root/etc/tkit-source"
install -m 755 "$here/init" "$root/init"
(cd "$root" && find . | cpio -o -H newc --quiet) >"$out.tmp" # as it is: unpacking is dear there, bytes are not
mv "$out.tmp" "$out"
