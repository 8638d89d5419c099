#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# A library that only the running program knows it needs. An image is built from a manifest
# by static analysis, so libz is not in it; the run's trace shows the search that failed, the
# report names it, fix= brings it in, and the next run is clean.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lib/lib.sh
. "$here/../lib/lib.sh"
need gcc readelf python3
need_root
backend=${1:-}
if [ -z "$backend" ]; then
	backend=ebpf
	[ -z "$(backend_problem ebpf)" ] || backend=ptrace
fi
need_backend "$backend"

stage=$work/staging
mkdir -p "$stage/usr/sbin" "$stage/lib" "$stage/etc/dnsd"
cd "$work"
cat >z.c <<'C'
const char *z_version(void) { return "1.3"; }
C
cat >crypto.c <<'C'
#include <dlfcn.h>
#include <stdio.h>
/* As libcrypto does: a compression library, looked for when it is first wanted. */
int compress_by_z(void)
{
	const char *(*version)(void);
	void *z = dlopen("libz.so", RTLD_LAZY);

	if (!z)
		return -1;
	*(void **)&version = dlsym(z, "z_version");
	return version ? printf("compression %s\n", version()) : -1;
}
C
cat >dnsd.c <<'C'
#include <dlfcn.h>
#include <stdio.h>
int compress_by_z(void);
int main(void)
{
	FILE *f = fopen("/etc/dnsd/dnsd.conf", "r");

	if (!f)
		return 2;
	fclose(f);
	dlopen("/lib/engines/gost.so", RTLD_LAZY); /* a probe: nobody has it */
	if (compress_by_z() < 0)
		puts("no compression");
	return 0;
}
C
gcc -shared -fPIC -o "$stage/lib/libz.so.1.3" -Wl,-soname,libz.so.1 z.c
ln -s libz.so.1.3 "$stage/lib/libz.so"
gcc -shared -fPIC -o "$stage/lib/libcrypto.so.3" -Wl,-soname,libcrypto.so.3 crypto.c
gcc -o "$stage/usr/sbin/dnsd" dnsd.c "$stage/lib/libcrypto.so.3"
echo "port 53" >"$stage/etc/dnsd/dnsd.conf"
# The C library and the interpreter, as a build system puts them into its staging folder.
interp=$(readelf -lW "$stage/usr/sbin/dnsd" | sed -n 's/.*interpreter: \(.*\)\]/\1/p')
mkdir -p "$stage$(dirname "$interp")"
cp -L "$interp" "$stage$interp"
cp -L "$(gcc -print-file-name=libc.so.6)" "$stage/lib/libc.so.6"
printf 'settings\n' >passwd

cat >manifest.yaml <<Y
# The image of dnsd.
version: 1
input:
  backend: buildroot
  mode: staging
  path: $stage
binaries:
  - BUILDROOT/usr/sbin/dnsd:/usr/sbin/dnsd   # the server
data:
  - BUILDROOT/etc/dnsd/dnsd.conf:/etc/dnsd/dnsd.conf
  - ./passwd:/etc/passwd
directories:
  - /var/run
symlinks:
  - /lib:/usr/lib
Y

trace() { # ROOT TRACE
	"$tkit" run --strict --backend "$backend" -o "$2" --root "$1" -- /usr/sbin/dnsd
}
compare() { # MANIFEST ROOT TRACE OPTIONS...: prints the status behind the report
	local manifest=$1 root=$2 trace=$3 status=0
	shift 3
	"$tkit" -q report --reporter manifest_diff --manifest="$manifest" --root "$root" "$@" "$trace" || status=$?
	echo "status $status"
}
says() { # FILE LINE
	grep -qE -- "$2" "$1" || { cat "$1"; return 1; }
}

"$top/tests/lib/build_manifest.py" manifest.yaml first
check "the image has what static analysis knows" test -e first/lib/libcrypto.so.3
check "and not libz" test ! -e first/lib/libz.so
trace "$work/first" first.tkit >first.out
check "the run works, without compression" test "$(cat first.out)" = "no compression"
compare manifest.yaml first first.tkit --fix=fixed.yaml >first.report
check "the manifest does not fit" says first.report '^status 1$'
check "the report names the library and the search" \
	says first.report '^-- /lib/libz\.so  a library, sought in [0-9]+ places, found in none  by /usr/sbin/dnsd'
check "the server is declared and used" says first.report '^OK /usr/sbin/dnsd$'
check "so is the library that it brings along" \
	test "$(grep -c '^++.*libcrypto' first.report)" = 0
check "a file that nothing used is told" says first.report '^\.\. /etc/passwd  line 11$'
check "fix= brings the library in" says fixed.yaml '^  - BUILDROOT/lib/libz\.so\.1\.3:/.*/libz\.so$'
check "and keeps comments and order" diff <(grep -v 'libz\.so' fixed.yaml) manifest.yaml

"$top/tests/lib/build_manifest.py" fixed.yaml second
trace "$work/second" second.tkit >second.out
check "the next run has compression" test "$(cat second.out)" = "compression 1.3"
"$tkit" -q report --root second second.tkit >second.deps
check "a report on dependencies names it as hidden" says second.deps '^\*\* .*/libz\.so  loaded by /usr/sbin/dnsd$'
check "and the C library not" test "$(grep -c '^\*\* .*libc\.so' second.deps)" = 0
check "JSON has it, too" test "$("$tkit" -q report --json --root second second.tkit |
	python3 -c 'import json, sys; print(*[p["path"] for p in json.load(sys.stdin)["paths"] if p.get("hidden")])' |
	sed 's|.*/||')" = libz.so
compare fixed.yaml second second.tkit --baseline=baseline.yaml --update-baseline >second.report
check "all that is still missing is the engine, now in the baseline" says baseline.yaml '^  - /lib/engines/gost.so$'
compare fixed.yaml second second.tkit --baseline=baseline.yaml >third.report
check "then the next run is clean" says third.report '^status 0$'
check "and says so" says third.report '^The manifest fits the runs$'
compare fixed.yaml first first.tkit --baseline=baseline.yaml >fourth.report
check "the old image against the fixed manifest: the library is declared and missing" \
	says fourth.report '^-- /.*/libz\.so .*NEW$'
check "which fails" says fourth.report '^status 1$'
done_testing
