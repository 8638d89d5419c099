#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Containers of a real containerd, without docker: its shim calls tkit-runc, which gets its settings from containerd's environment.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=../lib/containers.sh
. "$here/../lib/containers.sh"
need_root
need containerd ctr runc debootstrap jq
need_backend ebpf
small_root "$work/small" || die "no base file system"

# ---- what install writes, containerd reads ----
for version in 2 3; do
	plugin=io.containerd.grpc.v1.cri
	[ $version = 2 ] || plugin=io.containerd.cri.v1.runtime
	mkdir -p "$work/v$version/etc/containerd"
	file=$work/v$version/etc/containerd/config.toml
	cat >"$file" <<END
# by hand
version = $version
imports = []

[plugins."$plugin".containerd]
  default_runtime_name = "runc"
  [plugins."$plugin".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."$plugin".containerd.runtimes.runc.options]
      SystemdCgroup = true
END
	cp "$file" "$work/before"
	"$tkit" container install containerd --prefix "$work/v$version" --dry-run >"$work/out"
	check "version $version: --dry-run changes nothing" cmp "$work/before" "$file"
	check "version $version: but shows it" grep -q '^+.*BinaryName = ".*/tkit-runc"' "$work/out"
	"$tkit" container install containerd --prefix "$work/v$version" >/dev/null
	[ $version != 2 ] || cp "$file" "$work/config.toml"
	python3 - "$file" "$plugin" "$build/tkit-runc" <<'END' && parsed=0 || parsed=1
import sys, tomllib
runtimes = tomllib.load(open(sys.argv[1], "rb"))["plugins"][sys.argv[2]]["containerd"]["runtimes"]
assert runtimes["tkit"] == {"runtime_type": "io.containerd.runc.v2", "options": {"BinaryName": sys.argv[3], "SystemdCgroup": True}}, runtimes
assert "BinaryName" not in runtimes["runc"]["options"]
END
	check "version $version: the runtime is in it, with the usual one's kind of control groups" test "$parsed" = 0
	"$tkit" container uninstall containerd --prefix "$work/v$version" >/dev/null
	check "version $version: undone, to the byte" cmp "$work/before" "$file"
	check "version $version: no backup stays" test ! -e "$file.before-tkit"
done
containerd -c "$work/config.toml" config dump >"$work/dump" 2>"$work/err" || die "$(cat "$work/err")"
check "containerd itself takes it" grep -qF "BinaryName = \"$build/tkit-runc\"" "$work/dump"

# ---- containers ----
cat >"$work/containerd.toml" <<END
version = 2
disabled_plugins = ["io.containerd.grpc.v1.cri"]
root = "$work/root"
state = "$work/state"
[grpc]
  address = "$work/sock"
END
(close_inherited && TKIT_TRACE_DIR=$traces TKIT_BACKEND=ebpf exec containerd -c "$work/containerd.toml") >"$work/log" 2>&1 </dev/null &
daemon=$!
namespace=tkit-test-$$
c() { ctr -a "$work/sock" -n "$namespace" "$@"; }
stop_containerd() {
	local id
	for id in $(c containers ls -q 2>/dev/null); do
		c task kill -s KILL "$id" >/dev/null 2>&1
		eventually c task delete "$id" >/dev/null 2>&1 # refused until it has ended
		c containers rm "$id" >/dev/null 2>&1
	done
	kill $daemon 2>/dev/null
	wait $daemon 2>/dev/null
	unmount_below "$work"
}
at_exit stop_containerd
eventually c version || skip "containerd does not start: $(tail -1 "$work/log")"
run() { c run --runc-binary "$build/tkit-runc" --env PATH=/usr/bin --rootfs "$@"; }

run --rm "$work/small" one cat /etc/os-release >"$work/out" 2>"$work/err" || die "$(cat "$work/err")"
check "the container's output" diff "$work/out" "$work/small/usr/lib/os-release"
one=$(trace_of container-one) || die "no trace"
check "the trace has the program's exec" has "$one" '.op == "exec" and (.path | endswith("/cat"))'
check "its ELF interpreter" has "$one" '.op == "interp"'
check "what it read" has "$one" '.path == "/etc/os-release" and .resolved == "/usr/lib/os-release"'
check "nothing of the runtime" hasnt "$one" '(.exe // "") + (.comm // "") | test("runc|tkit|containerd")'
check "complete" complete "$one"
status=0
run --rm "$work/small" two sh -c 'echo error >&2; exit 9' >/dev/null 2>"$work/err" || status=$?
check "the exit status is its own" test $status = 9
check "and its messages" grep -qx error "$work/err"

# Ids as the kubelet gives them, and such as people do.
long=$(printf '%064x' $$)
for id in "$long" "short-$$"; do
	run -d "$work/small" "$id" sh -c 'trap "exit 3" TERM; while :; do cat /etc/issue >/dev/null; sleep 0.1; done' || die "no container $id"
	c task exec --exec-id more "$id" cat /etc/shells >"$work/out"
	check "${id:0:8}: exec's output" diff "$work/out" "$work/small/etc/shells"
	check "${id:0:8}: attaching" "$tkit" run --quiet --backend ebpf --container "$id" --duration 500ms -o "$work/attached.tkit"
	check "${id:0:8}: what goes on" has "$work/attached.tkit" '.path == "/etc/issue"'
	check "${id:0:8}: pause" c task pause "$id"
	check "${id:0:8}: resume" c task resume "$id"
	c task kill -s TERM "$id"
	stopped() { c task ls | grep -qE "^$id +[0-9]+ +STOPPED"; }
	check "${id:0:8}: it ends" eventually stopped
	c task delete "$id" >"$work/out" 2>&1 || :
	check "${id:0:8}: with its own status" grep -q 'exit code 3"' "$work/out"
	c containers rm "$id"
	file=$(trace_of "container-${id:0:12}") || die "no trace of $id"
	check "${id:0:8}: exec's program is in the trace" has "$file" '.path == "/etc/shells" and .op == "open"'
	check "${id:0:8}: complete" complete "$file"
done
check "nothing went wrong" test ! -s "$traces/tkit.log"
done_testing
