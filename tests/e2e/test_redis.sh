#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# redis-server, traced while it serves, rebuilt, and serving the same from the minimal image.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=../lib/images.sh
. "$here/../lib/images.sh"
# shellcheck source=redis.sh
. "$here/redis.sh"
need_root
need docker dockerd debootstrap redis-cli nsenter unshare ip
need_backend "${backend:=${1:-ebpf}}"
start_docker || skip "$docker_problem"
root=$(root_with redis-server) || die "redis-server cannot be installed"

redis_demo docker "$backend" "$root" "$work" || die "redis: see above"
check "the client got what it stored" grep -qx "a value" "$work/redis.minimal"
check "and could save it" grep -qx OK "$work/redis.minimal"
check "what the run created is not in the image" bash -c "! tar -tf '$work/redis/rootfs.tar' | grep -F dump.rdb"
check "the size is right ($(megabytes "$redis_after"))" test "$redis_after" -gt 5000000 -a "$redis_after" -lt 25000000
done_testing
