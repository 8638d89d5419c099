#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The redis example of the demo and of test_redis.sh: sourced after lib.sh and images.sh.
# shellcheck disable=SC2154,SC2034

# What a client does: the same while it is watched and in the minimal image.
redis_client() { # PID
	local pid=$1
	eventually in_network_of "$pid" redis-cli ping || { echo "redis does not answer"; return 1; }
	in_network_of "$pid" redis-cli set key "a value" || return 1
	in_network_of "$pid" redis-cli get key || return 1
	in_network_of "$pid" redis-cli save
}

# Starts redis-server from the folder that the dockerfile reporter wrote, by the engine at hand.
# Sets redis_pid and redis_after.
redis_start_minimal() { # ENGINE DIR
	local id
	if [ "$1" = docker ]; then
		build_image "$2" demo/redis || return 1
		redis_after=$(image_size demo/redis)
		id=$(docker run -d --network none demo/redis) || return 1
		at_exit remove_container "$id"
		redis_pid=$(docker inspect -f '{{.State.Pid}}' "$id")
	else
		unpack_image "$2" || return 1
		redis_after=$(size_of "$2.root")
		isolated chroot "$2.root" /usr/bin/redis-server --dir /var/lib/redis >"$work/redis.log" 2>&1 </dev/null &
		redis_pid=$!
		at_exit end_service "$redis_pid"
	fi
}

# Traces, rebuilds, serves again. Sets redis_before and redis_after, sizes in bytes.
redis_demo() { # ENGINE BACKEND ROOT OUT
	local engine=$1 backend=$2 root=$work/redis-root out=$4 pid
	copy_root "$3" "$root"
	if [ "$engine" = docker ]; then
		import_root "$3" demo/redis-full || return 1
		redis_before=$(image_size demo/redis-full)
	else
		redis_before=$(size_of "$3")
	fi
	rm -rf "$out/redis"

	command_line "tkit run --backend $backend --sink file -- /usr/bin/redis-server --dir /var/lib/redis"
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
	printf 'a client says SET, GET, SAVE: %s\n' "$(paste -sd, "$work/redis.traced")"

	command_line "tkit report --reporter dockerfile"
	"$tkit" report --reporter dockerfile --root "$3" -o "$out/redis" "$out/redis.tkit" || return 1
	command_line "$([ "$engine" = docker ] && echo 'docker build && docker run' || echo chroot)"
	redis_start_minimal "$engine" "$out/redis" || return 1
	if ! redis_client "$redis_pid" >"$work/redis.minimal"; then
		cat "$work/redis.minimal" "$work/redis.log"
		return 1
	fi
	printf 'a client says SET, GET, SAVE: %s\n' "$(paste -sd, "$work/redis.minimal")"
	cmp "$work/redis.traced" "$work/redis.minimal"
}
