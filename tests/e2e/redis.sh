#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The redis example of the demo and of test_redis.sh: sourced after lib.sh and images.sh.
# shellcheck disable=SC2154,SC2034

say_command() { printf '\033[36m$ %s\033[0m\n' "$*"; }

# What a client does: the same while it is watched and in the minimal image.
redis_client() { # PID
	local pid=$1
	eventually in_network_of "$pid" redis-cli ping || { echo "redis does not answer"; return 1; }
	in_network_of "$pid" redis-cli set key "a value" || return 1
	in_network_of "$pid" redis-cli get key || return 1
	in_network_of "$pid" redis-cli save
}

# Traces, rebuilds, serves again. Sets redis_before and redis_after, sizes in bytes.
redis_demo() { # BACKEND ROOT OUT
	local backend=$1 root=$work/redis-root out=$3 pid id
	copy_root "$2" "$root"
	import_root "$2" demo/redis-full || return 1
	redis_before=$(image_size demo/redis-full)
	rm -rf "$out/redis"

	say_command "tkit run --backend $backend --sink file -- /usr/bin/redis-server --dir /var/lib/redis"
	isolated "$tkit" run --strict --backend "$backend" --sink file -o "$out/redis.tkit" --root "$root" -- \
		/usr/bin/redis-server --dir /var/lib/redis >"$work/redis.log" 2>&1 </dev/null &
	pid=$!
	at_exit end_service $pid
	if ! redis_client $pid >"$work/redis.traced"; then
		end_service $pid
		cat "$work/redis.traced" "$work/redis.log"
		return 1
	fi
	in_network_of $pid redis-cli shutdown nosave || true
	wait $pid || { echo "the traced redis-server ended with $?"; tail -5 "$work/redis.log"; return 1; }
	paste -sd' ' "$work/redis.traced"

	say_command "tkit report --reporter dockerfile"
	"$tkit" report --reporter dockerfile --root "$2" -o "$out/redis" "$out/redis.tkit" || return 1
	say_command "docker build && docker run"
	build_image "$out/redis" demo/redis || return 1
	redis_after=$(image_size demo/redis)
	id=$(docker run -d --network none demo/redis) || return 1
	pid=$(docker inspect -f '{{.State.Pid}}' "$id")
	if ! redis_client "$pid" >"$work/redis.minimal"; then
		cat "$work/redis.minimal"
		docker logs "$id" 2>&1 | tail -5
		return 1
	fi
	docker rm -f "$id" >/dev/null
	paste -sd' ' "$work/redis.minimal"
	cmp "$work/redis.traced" "$work/redis.minimal"
}
