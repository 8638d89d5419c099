#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# unbound in an image that is built from a manifest by static analysis. An engine of its libcrypto loads libz when it is
# wanted, so libz is in no DT_NEEDED: the trace shows the search that failed, the report names it, fix= brings it into the
# manifest, and the next run is clean.
# shellcheck disable=SC2016,SC2034,SC2119 # `check ... eval` takes quoted text
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=../lib/images.sh
. "$here/../lib/images.sh"
need_root
need docker dockerd debootstrap gcc readelf python3 dig nsenter unshare ip
need_backend ebpf
start_docker || skip "$docker_problem"
debian=$(services_root) || die "no root file system"
cd "$work"

# The folder that the image is built from: Debian, with the engine and the link that finds libz.
mount_root staging "$debian"
cat >lazy.c <<'C'
#define OPENSSL_SUPPRESS_DEPRECATED
#include <dlfcn.h>
#include <openssl/engine.h>
#include <stdio.h>
#include <string.h>

static int bind(ENGINE *e, const char *id)
{
	const char *(*version)(void);
	void *z = dlopen("libz.so", RTLD_LAZY);

	*(void **)&version = z ? dlsym(z, "zlibVersion") : NULL;
	fprintf(stderr, "compression: %s\n", version ? version() : "none");
	return ENGINE_set_id(e, "lazy") && ENGINE_set_name(e, "loads libz when it is wanted");
}

IMPLEMENT_DYNAMIC_CHECK_FN()
IMPLEMENT_DYNAMIC_BIND_FN(bind)
C
gcc -shared -fPIC -O -o staging/usr/lib/lazy.so lazy.c
[ -e "$(echo staging/usr/lib/*/libz.so)" ] || ln -s libz.so.1 "$(dirname staging/usr/lib/*/libz.so.1)/libz.so"
cat >openssl.cnf <<'CNF'
openssl_conf = init
[init]
engines = engines
[engines]
lazy = lazy
[lazy]
engine_id = lazy
dynamic_path = /usr/lib/lazy.so
init = 0
CNF
cat >unbound.conf <<'CONF'
server:
  interface: 127.0.0.1
  chroot: ""
  use-syslog: no
  do-daemonize: no
  local-zone: "test." static
  local-data: "www.test. A 192.0.2.7"
CONF
cat >manifest.yaml <<Y
version: 1
input:
  backend: generic
  path: $work/staging
binaries:
  - GENERIC/usr/sbin/unbound:/usr/sbin/unbound
data:
  - GENERIC/usr/lib/lazy.so:/lib/lazy.so # the engine
  - GENERIC/etc/passwd:/etc/passwd
  - GENERIC/etc/group:/etc/group
  - GENERIC/etc/nsswitch.conf:/etc/nsswitch.conf
  - ./openssl.cnf:/usr/lib/ssl/openssl.cnf
  - ./unbound.conf:/etc/unbound/unbound.conf
directories:
  - /dev
  - /proc
  - /run
symlinks:
  - /lib:/lib64
  - /lib:/usr/lib
Y

client() { # PID
	in_network_of "$1" dig +short +time=2 +tries=1 @127.0.0.1 www.test
}
watch() { # ROOT: traced to ROOT.tkit, its output to ROOT.err
	local pid
	mount_runtime "$1"
	isolated env -i "$tkit" run --strict --backend ebpf -o "$1.tkit" --root "$1" -- /usr/sbin/unbound >"$1.err" 2>&1 </dev/null &
	pid=$!
	at_exit end_service $pid
	eventually client $pid || { cat "$1.err"; return 1; }
	client $pid >"$1.out"
	kill -TERM $pid
	wait $pid || { cat "$1.err"; return 1; }
	unmount "$1/proc" "$1/dev"
}
compare() { # MANIFEST ROOT OPTIONS...: prints the status behind the report
	local manifest=$1 root=$2 status=0
	shift 2
	"$tkit" -q report --reporter manifest_diff --manifest="$manifest" --root "$root" "$@" "$root.tkit" || status=$?
	echo "status $status"
}
says() { # FILE LINE
	grep -qE -- "$2" "$1" || {
		cat "$1"
		return 1
	}
}

"$top/tests/lib/build_manifest.py" manifest.yaml first
check "static analysis does not find it" test -z "$(find first -name libz.so)"
watch first || die "the first image does not work"
check "unbound answers" says first.out '^192\.0\.2\.7$'
check "without compression" says first.err '^compression: none$'
"$tkit" dump first.tkit >first.dump
check "the trace shows the search" test "$(grep -c '/libz\.so".*"errno":2' first.dump)" -ge 2
"$tkit" -q report --root first first.tkit >first.deps
check "deps names it, with the places" says first.deps '^-- libz\.so  sought in [0-9]+ places, found in none'
compare manifest.yaml first --fix=fixed.yaml >first.report
check "the manifest does not fit" says first.report '^status 1$'
check "the report names the library" says first.report '^-- /.*libz\.so  a library, sought in [0-9]+ places, found in none'
check "the link to the interpreter is no unused entry" test "$(grep -c '^\.\. /lib64' first.report)" = 0
check "fix= brings it in" says fixed.yaml '^  - GENERIC/usr/lib/.*/libz\.so.*:/.*/libz\.so$'

"$top/tests/lib/build_manifest.py" fixed.yaml second
watch second || die "the second image does not work"
check "the next run has compression" says second.err '^compression: [1-9]'
check "and still answers" cmp first.out second.out
"$tkit" -q report --root second second.tkit >second.deps
check "deps tells that nobody declares it" says second.deps '^\*\* .*/libz\.so  loaded by /usr/sbin/unbound'
check "nor misses it any more" eval '! grep -q "libz\.so  sought" second.deps'
compare fixed.yaml second --baseline=baseline.yaml --update-baseline >second.report
compare fixed.yaml second --baseline=baseline.yaml >third.report
check "the next run is clean" says third.report '^status 0$'

# The image of the fixed manifest, in docker.
import_root second test/second
id=$(docker run -d --network none test/second /usr/sbin/unbound)
at_exit remove_container "$id"
pid=$(docker inspect -f '{{.State.Pid}}' "$id")
check "docker runs it" eventually client "$pid"
docker logs "$id" >docker.log 2>&1
check "with compression" says docker.log '^compression: [1-9]'
done_testing
