#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Where output cannot be put there is one line that says why and what to do, before any work is done; and nothing is left.
# shellcheck disable=SC2016,SC2034 # `check ... eval` takes quoted text
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/lib/lib.sh
. "$here/../lib/lib.sh"
need_root # to be somebody else
need_backend ptrace
cd "$work"
mkdir -p root/data shared theirs
printf 'x' >root/data/file
"$tkit" run --backend ptrace -o run.tkit -- true
chmod 755 "$work"
chmod 1777 shared
chmod 644 run.tkit
as_nobody=(setpriv --reuid 65534 --regid 65534 --clear-groups)
"${as_nobody[@]}" test -x "$tkit" || skip "another user cannot execute $tkit"
list() { "${as_nobody[@]}" "$tkit" -q report --allow-incomplete --reporter dockerfile,format=list --root root "$@" run.tkit; }
text() { "${as_nobody[@]}" "$tkit" -q report "$@" run.tkit; }
told() { # PATTERN CMD...: fails with one line
	local status=0
	"${@:2}" 2>told >/dev/null || status=$?
	[ $status = 125 ] && [ "$(wc -l <told)" = 1 ] && grep -qE -- "$1" told || {
		echo "status $status"
		cat told
		return 1
	}
}

mkdir shared/full shared/empty
touch shared/full/a shared/file
check "a folder of root's in a folder of all" told 'shared/full belongs to root, .*remove it as that user, or choose another place' list -o shared/full
check "with --force, too" told 'shared/full/ belongs to root' list --force -o shared/full/
check "an empty one" told 'shared/empty belongs to root' list -o shared/empty
check "a file" told 'shared/file belongs to root' text -o shared/file
check "in a folder of root's" told 'creating theirs/new: Permission denied: folder theirs belongs to root; choose' list -o theirs/new
mkdir theirs/full
touch theirs/full/a
check "--force is not advised where it cannot help" told 'folder theirs belongs to root' list -o theirs/full
check "a file in a folder of root's" told 'creating theirs/new: .*belongs to root' text -o theirs/new
check "no folder" told 'creating no/such/out: there is no folder no/such$' list -o no/such/out
check "no folder for a file" told 'there is no folder no$' text -o no/file
check "one's own" list -o shared/mine
check "a second time: --force is advised" told 'shared/mine is not empty; --force replaces it' list -o shared/mine
check "and helps" list --force -o shared/mine
check "a file of one's own, twice" eval 'text -o shared/text && text -o shared/text'
check "nothing is left" test "$(find . -name '.*tkit-*' -o -name '*.tkit-*')" = ''
check "what was there is as it was" test "$(ls shared/full theirs/full)" = "$(printf 'shared/full:\na\n\ntheirs/full:\na')"
done_testing
