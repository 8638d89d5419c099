#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# `tkit plugin new`: what it writes builds outside of the tree against an installed tkit, with
# make and with CMake, passes its own tests and `tkit plugin check`, and runs; names and places.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=../lib/lib.sh
. "$here/../lib/lib.sh"
# shellcheck source=installed.sh
. "$here/installed.sh"
need make cc cmake pkg-config
pkg-config --exists cmocka || skip "cmocka is not installed"
cd "$work"

refused() { # TEXT ARG...: one line that holds the text, exit status 125, nothing made
	local text=$1 out status=0
	shift
	out=$("$tkit" plugin new "$@" 2>&1) || status=$?
	[ $status = 125 ] && [ "$(wc -l <<<"$out")" = 1 ] && [[ $out == *"$text"* ]] && return
	printf 'plugin new %s: exit %s: %s\n' "$*" "$status" "$out"
	return 1
}

for kind in backend sink reporter; do
	check "$kind: new" "$tkit" plugin new $kind my_$kind
	check "$kind: nothing of the template's words is left" bash -c "! grep -rq 'tkitnew\|tkitkind' $kind-my_$kind && ! find $kind-my_$kind | grep -q 'tkitnew\|tkitkind'"
	check "$kind: ci.sh (make, tests, check, no warning)" bash -c "$kind-my_$kind/ci.sh >ci.log 2>&1 || { cat ci.log; exit 1; }"
	check "$kind: check is clean, and behaviour was checked" bash -c "tail -1 ci.log | grep -q 'my_$kind.so: ok' && ! grep note: ci.log"
	check "$kind: one exported symbol" test "$(nm -D --defined-only $kind-my_$kind/plugins/$kind-my_$kind.so | wc -l)" = 1
	if command -v g++ >/dev/null; then # CMake's own default generator is good enough
		check "$kind: CMake" bash -c "cd $kind-my_$kind && (cmake -B build && cmake --build build && cd build && ctest --output-on-failure) >cmake.log 2>&1 || { tail -30 cmake.log; exit 1; }"
	fi
	check "$kind: an existing place is kept" refused "exists already" $kind my_$kind
	check "$kind: make install" make -s -C $kind-my_$kind install
	check "$kind: the installed tkit finds it" bash -c "'$tkit' plugin list | grep -q '^$kind *my_$kind '"
done
check "a folder of one's own choice" "$tkit" plugin new sink third "$work/./third-sink/"
check "nothing is left beside it" bash -c "! ls -d '$work'/.third* 2>/dev/null"

# They work together: import, store, report.
printf '/etc/passwd\n/etc/hosts\n/etc/passwd\n' >list
check "the backend runs" "$tkit" run --backend my_backend,file=list -o list.tkit --sink file
check "the reporter reports" bash -c "'$tkit' report --reporter my_reporter list.tkit | diff - <(printf '       1  /etc/hosts\n       2  /etc/passwd\n')"
check "the sink stores" bash -c "'$tkit' run --backend my_backend,file=list --sink my_sink -o list.txt && [ \$(grep -c /etc/passwd list.txt) = 2 ]"
check "lines that are no paths are losses" bash -c "printf 'a\n\n' | '$tkit' run --backend my_backend --strict --sink my_sink -o lossy.txt; [ \$? = 124 ]"

check "bad name" refused "cannot be a plugin's name" backend My-Backend
check "no name" refused "takes a kind, a name" backend
check "a path as name" refused "cannot be a plugin's name" backend ../x
check "bad kind" refused "did you mean backend" bakend x
check "a folder that is not there" refused "No such file" backend x "$work/none/x"
check "templates not installed" bash -c "mv '$prefix/share/tkit/templates' gone && ! '$tkit' plugin new sink y 2>err && grep -q 'not installed' err && mv gone '$prefix/share/tkit/templates'"
done_testing
