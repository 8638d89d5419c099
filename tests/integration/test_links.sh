#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Files that are named through magic links of /proc (/proc/self/cwd/x, /dev/fd/3/x): the
# ptrace and ebpf backends say where each operation ended, and the files are in the image.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lib/lib.sh
. "$here/../lib/lib.sh"
need cc python3 tar

resolved() {
	"$here/../conformance/run.py" --build "$build" --backend "$backend" --resolved proc_links
}

# A root with a static program and files that it only looks at, by such names.
cat >"$work/look.c" <<'END'
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>
int main(void)
{
	struct stat st;
	char name[64];
	int fd = open("/data", O_PATH | O_DIRECTORY);

	if (unshare(CLONE_NEWNS) || mount(0, "/", 0, MS_REC | MS_PRIVATE, 0) ||
	    mount("proc", "/proc", "proc", 0, 0))
		return 77;

	snprintf(name, sizeof(name), "/proc/self/fd/%d/by-fd", fd);
	return fd < 0 || stat(name, &st) || chdir("/data/sub") || access("/proc/self/cwd/by-cwd", R_OK) ||
	       lstat("/proc/thread-self/cwd/link", &st) || stat("/proc/self/root/data/by-root", &st);
}
END
image() {
	local root=$work/root
	rm -rf "$root" "$work/image"
	mkdir -p "$root"/{proc,data/sub}
	cc -D_GNU_SOURCE -static -O1 "$work/look.c" -o "$root/look"
	touch "$root"/data/{by-fd,by-root,unused} "$root/data/sub/by-cwd"
	ln -s by-cwd "$root/data/sub/link"
	timeout 60 "$tkit" run -q --strict --backend "$backend" --root "$root" -o "$work/i.tkit" -- /look
	case $? in
	0) ;;
	77)
		echo "no mounts are allowed here: nothing to see"
		return 0
		;;
	*) return 1 ;;
	esac
	"$tkit" report --reporter dockerfile --root "$root" -o "$work/image" "$work/i.tkit" 2>"$work/err" || return
	if grep -q /proc "$work/err"; then # a name of which nothing was known
		cat "$work/err"
		return 1
	fi
	tar tf "$work/image/rootfs.tar" >"$work/names" || return
	local name
	for name in data/by-fd data/by-root data/sub/by-cwd data/sub/link look; do
		grep -qx "$name" "$work/names" || {
			echo "not in the image: $name"
			return 1
		}
	done
	! grep -q unused "$work/names"
}

need_root
for backend in ptrace ebpf; do
	need_backend "$backend"
	check "$backend: each operation's resolved path" resolved
	check "$backend: what was only looked at is in the image" image
done
done_testing
