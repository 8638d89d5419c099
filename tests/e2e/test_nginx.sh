#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# nginx, traced while it answers, rebuilt, and answering the same from the minimal image.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=../lib/lib.sh
. "$here/../lib/lib.sh"
# shellcheck source=../lib/images.sh
. "$here/../lib/images.sh"
need_root
need docker dockerd debootstrap curl nsenter unshare ip
need_backend "${backend:=${1:-ptrace}}"
start_docker || skip "$docker_problem"
full=$(root_with nginx-light) || die "nginx cannot be installed"
root=$work/root
copy_root "$full" "$root"

client() { # PID: a page that is there, and one that is not
	in_network_of "$1" curl -sS --max-time 5 http://127.0.0.1/ || return 1
	in_network_of "$1" curl -sS --max-time 5 -o /dev/null -w '%{http_code}\n' http://127.0.0.1/none
}

# The default site listens on IPv6, too, which a network without any may not have.
sed -i '/\[::\]/d' "$root/etc/nginx/sites-available/default"
cp -a "$root" "$work/origin" # nginx writes to its own root while it runs
isolated "$tkit" run --strict --backend "$backend" --sink file -o "$work/nginx.tkit" --root "$root" -- \
	/usr/sbin/nginx -g 'daemon off;' >"$work/nginx.log" 2>&1 </dev/null &
pid=$!
at_exit end_service $pid
eventually client $pid || {
	cat "$work/nginx.log"
	die "the traced nginx does not answer"
}
client $pid >"$work/traced"
# To tkit, which passes it on; nginx ends its workers and then itself.
kill -TERM $pid
wait $pid || die "the traced nginx ended with $?: $(tail -3 "$work/nginx.log")"
check "nginx answers while it is traced" grep -qi 'welcome to nginx' "$work/traced"

"$tkit" report --reporter dockerfile --root "$work/origin" -o "$work/image" "$work/nginx.tkit" ||
	die "the dockerfile reporter ended with $?"
build_image "$work/image" test/nginx || die "docker build failed"
id=$(docker run -d --network none test/nginx)
pid=$(docker inspect -f '{{.State.Pid}}' "$id")
eventually client "$pid" || docker logs "$id"
check "the minimal image answers" client "$pid" >/dev/null
client "$pid" >"$work/minimal" || true
check "and the same" diff "$work/traced" "$work/minimal"
size=$(image_size test/nginx)
check "the size is right ($(megabytes "$size"))" test "$size" -gt 4000000 -a "$size" -lt 16000000
remove_container "$id"
done_testing
