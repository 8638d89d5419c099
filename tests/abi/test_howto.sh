#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The docs/HOWTO_ADD_*.md of plugins, followed to the letter: their ```sh blocks are run, at the top of the tree. An overlay
# over it, in a mount namespace of the test's own, takes what they write.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=../lib/lib.sh
. "$here/../lib/lib.sh"
need_root
need unshare git ninja cmake
[ "$build" = "$top/build/dev" ] || skip "the pages use build/dev"

# follow PAGE NAME
follow() {
	local over=$work/$2
	sed -n '/^```sh$/,/^```$/{/^```/d;p}' "$top/docs/$1" | sed "s/NAME/$2/g" >"$work/$2.sh"
	[ "$(wc -l <"$work/$2.sh")" -gt 10 ] || { echo "$1 has no steps"; return 1; }
	mkdir "$over"
	unshare -m --propagation private bash -c '
		set -euo pipefail
		mount -t tmpfs over "$1" && mkdir "$1/upper" "$1/work"
		mount -t overlay over -o "lowerdir=$2,upperdir=$1/upper,workdir=$1/work" "$2"
		cd "$2"
		exec bash -euxo pipefail "$3"' - "$over" "$top" "$work/$2.sh" </dev/null >"$work/$2.log" 2>&1 || {
		tail -30 "$work/$2.log"
		return 1
	}
}
mkdir "$work/try"
unshare -m --propagation private sh -c 'mount -t tmpfs t "$0" && mkdir "$0/u" "$0/w" && mount -t overlay t -o "lowerdir=/etc,upperdir=$0/u,workdir=$0/w" /mnt' "$work/try" 2>/dev/null ||
	skip "no overlay can be mounted here"
for kind in backend sink reporter; do
	check "$kind" follow "HOWTO_ADD_${kind^^}.md" "howto_$kind"
	check "$kind: nothing was changed in the tree itself" test ! -e "$top/${kind}s/howto_$kind"
done
done_testing
