#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# `tkit container`, `oci-runtime` and `oci-hook` in the hands of whoever makes mistakes; no engine is needed.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lib/lib.sh
. "$here/../lib/lib.sh"
need jq
cd "$work"

says() { # STATUS TEXT CMD...: one line of tkit's, with TEXT in it
	local status=$1 text=$2 got=0
	shift 2
	"$@" >out 2>err </dev/null || got=$?
	[ "$got" = "$status" ] && [ "$(grep -c . err)" = 1 ] && grep -q -- "$text" err || {
		echo "status $got: $(cat err)"
		return 1
	}
}

# ---- the runtime ----
mkdir "a place"
# shellcheck disable=SC2016
printf '#!/bin/sh\necho "real: $*"\nexit 3\n' >"a place/runc"
chmod +x "a place/runc"
runtime() { "$tkit" oci-runtime --real "$work/a place/runc" --dir "$work/traces" "$@"; }
passes() { # WORD...
	local status=0
	runtime -- "$@" >out || status=$?
	[ "$status" = 3 ] && [ "$(cat out)" = "real: $*" ]
}
check "a runtime whose path has a blank" passes --root /x list
check "no runtime there" says 125 'cannot be run as OCI runtime' "$tkit" oci-runtime --real "$work/none" -- start x
check "a directory" says 125 'cannot be run as OCI runtime' "$tkit" oci-runtime --real "$work" -- start x
check "tkit itself" says 125 'cannot be run as OCI runtime' "$tkit" oci-runtime --real "$build/tkit-runc" -- start x
check "named by the environment" says 125 'cannot be run as OCI runtime' env TKIT_REAL_RUNTIME="$work/none" "$tkit" oci-runtime start x
check "none in PATH" says 125 'neither runc nor crun' env PATH=/none "$tkit" oci-runtime start x
check "an option without its value" says 125 'needs a value' "$tkit" oci-runtime --dir
check "no time" says 125 'not a time' "$tkit" oci-runtime --timeout 0 list
check "a container that is not there: the runtime says so" says 3 'runs untraced: no OCI runtime' runtime -- start nobody
check "and the log" grep -q 'nobody: no OCI runtime' traces/tkit.log
check "or it is blocked" says 125 'is not started' runtime --on-failure block -- start nobody

noted() { # TEXT: what an engine shows of a failure
	rm -f log.json
	"$tkit" oci-runtime --real "$work/none" -- --log "$work/log.json" --log-format json start x 2>err || true
	jq -e --arg text "$1" '.level == "error" and (.msg | contains($text))' log.json >out
}
check "a failure is noted where the runtime would have" noted 'cannot be run as OCI runtime'

# ---- the hook ----
hook() { printf '%s' "$1" | "$tkit" oci-hook --dir "$work/traces" --on-failure block; }
check "no state" says 125 'is not the state' hook ''
check "half a state" says 125 'is not the state' hook '{"id": "x", "pid": '
check "a state without a process" says 125 'has no pid' hook '{"id": "x"}'
check "one without a bundle" says 125 'no "bundle"' hook '{"id": "x", "pid": 1}'
check "poststop has nothing to do" "$tkit" oci-hook poststop </dev/null

# ---- --container ----
for word in '' ../../x 'no such'; do
	check "no container '$word'" says 125 'no running container' "$tkit" run --container "$word" -o x.tkit
done
check "and no trace" test ! -e x.tkit

# ---- install ----
install() { "$tkit" container install "$@" --prefix "$work/root"; }
uninstall() { "$tkit" container uninstall "$@" --prefix "$work/root"; }
daemon=root/etc/docker/daemon.json
mkdir -p root/etc/docker root/etc/containerd
for text in '{"a": 1,}' '{"a": 1} more' '[]' '{"runtimes": 1}' $'\xef\xbb\xbf{}'; do
	printf '%s' "$text" >$daemon
	check "daemon.json is '$text'" says 125 'repair it first' install docker
	check "it stays" test "$(cat $daemon)" = "$text"
done
rm $daemon
ln -s nowhere $daemon
check "a link that leads nowhere" says 125 'leads nowhere' install docker
check "it stays, too" test -L $daemon
rm $daemon
printf '{"debug": true}' >$daemon
cp $daemon before
install docker >/dev/null
install docker >out
check "twice: nothing to change" grep -q 'nothing to change' out
install docker --name other >/dev/null
uninstall docker >/dev/null
uninstall docker --name other >/dev/null
check "two names, there and back" cmp before $daemon
install docker >/dev/null
jq '.extra = 1' $daemon >edited && cp edited $daemon
uninstall docker >/dev/null
check "somebody's edit outlives the undoing" jq -e '. == {debug: true, extra: 1}' $daemon >out
uninstall docker >out
check "undone twice: nothing to change" grep -q 'nothing to change' out

# The second of podman's two files cannot be written: the first one goes again.
if [ "$(id -u)" = 0 ] && unshare -m true 2>/dev/null; then
	mkdir -p root/etc/containers/oci/hooks.d
	half() {
		# shellcheck disable=SC2016
		unshare -m --propagation private sh -c 'mount -t tmpfs -o ro none "$1/etc/containers/oci/hooks.d" &&
			exec "$0" container install podman --prefix "$1"' "$tkit" "$work/root"
	}
	check "a place that is read-only" says 125 'Read-only file system' half
	check "nothing half done" test -z "$(find root/etc/containers -type f)"
fi
done_testing
