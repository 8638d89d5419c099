#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# An image from the trace of a service that ran already when tkit came: what it had loaded is
# known from the snapshot alone.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=../lib/images.sh
. "$here/../lib/images.sh"
need_root
need redis-server redis-cli unshare nsenter ip chroot
backend=ebpf
[ -z "$(backend_problem ebpf)" ] || backend=ptrace

serve() { # LOG COMMAND...: sets $server
	local log=$1
	shift
	{
		close_inherited
		isolated "$@"
	} >"$log" 2>&1 </dev/null &
	server=$!
	at_exit end_service "$server"
	eventually in_network_of "$server" redis-cli ping
}
client() {
	in_network_of "$server" redis-cli set key "a value" && in_network_of "$server" redis-cli get key
}

mkdir "$work/data"
redis=$(command -v redis-server)
serve "$work/log" "$redis" --dir "$work/data" --save "" || die "redis-server does not start"
"$tkit" run --backend "$backend" -o "$work/trace" --ready-fd 3 --pid "$server" 3>"$work/armed" &
tracer=$!
eventually test -s "$work/armed"
sleep 0.3
client >"$work/traced"
kill -INT "$tracer"
wait "$tracer"
check "it goes on untraced" in_network_of "$server" redis-cli ping
end_service "$server"
wait "$server" || :

# Somebody builds a system of his own meanwhile: a second /proc, whose links (N/exe, N/root) lead to what is kept.
mkdir -p "$work/other/proc"
image() {
	unshare --mount sh -c 'mount -t proc proc "$1" && shift && exec "$@"' sh "$work/other/proc" \
		"$tkit" report --reporter "dockerfile,entrypoint=$redis" --root / -o "$work/image" "$work/trace"
}
check "an image" image
unpack_image "$work/image"
check "nothing of another /proc" test ! -e "$work/image.root$work/other"
mkdir -p "$work/image.root/data"
started=0
serve "$work/log.minimal" chroot "$work/image.root" "$redis" --dir /data --save "" || started=$?
check "the service starts from it" test "$started" = 0
client >"$work/minimal" || :
check "and does the same" cmp "$work/traced" "$work/minimal"

# A service whose log grows while the report is made: it is its own, and is taken as it is.
cat >"$work/logger" <<'EOF'
#!/bin/sh
exec >>"$1" 2>"$1.second"
while :; do echo "line $((n += 1))"; echo "$n" >"$1.heartbeat"; done
EOF
chmod +x "$work/logger"
echo begin >"$work/app.log"
echo 0 >"$work/app.log.heartbeat"
"$work/logger" "$work/app.log" </dev/null &
logger=$!
at_exit kill "$logger"
"$tkit" run --quiet --backend "$backend" -o "$work/log.trace" --duration 500ms --pid "$logger"
for i in 1 2 3 4 5; do
	check "a report while the log grows ($i)" "$tkit" report --reporter dockerfile --root / -o "$work/logging" "$work/log.trace"
	rm -rf --one-file-system "$work/logging.root"
	unpack_image "$work/logging"
	check "its log is in it" grep -q '^begin' "$work/logging.root$work/app.log"
	rm -rf --one-file-system "$work/logging" "$work/logging.root"
done
done_testing
