#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# tkit slim and tkit verify with real Debian services: from directories, archives and a real
# docker; what is left behind when they fail or are interrupted: nothing.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=../lib/images.sh
. "$here/../lib/images.sh"
need_root
need runc debootstrap jq dig nsenter curl
need_backend ebpf
redis=$(root_with redis-server) || die "no root file system with redis"
services=$(services_root) || die "no root file system"
mkdir "$work/tmp"
export TMPDIR=$work/tmp
cd "$work"

# Nothing of ours is there: files, mounts, control groups, containers.
left() {
	# dockerd's containerd leaves a dump of its own where it is told to put temporary files
	find "$TMPDIR" -mindepth 1 -maxdepth 1 ! -name 'containerd.*'
	awk -v d="$TMPDIR/" 'index($5, d) == 1 { print $5 }' /proc/self/mountinfo
	find /sys/fs/cgroup -maxdepth 3 -type d -name 'tkit-????????????????*'
}
clean() {
	local end=$((SECONDS + 10))
	until [ -z "$(left)" ]; do
		[ $SECONDS -lt $end ] || {
			left
			return 1
		}
		sleep 0.2
	done
}
slim() { # FILE ARG...: report to FILE
	local out=$1
	shift
	timeout -k 5 120 "$tkit" slim --json "$@" >"$out" 2>"$out.err" || {
		cat "$out.err" >&2
		return 1
	}
}
is() { # FILE FILTER [OPTION...]
	jq -e "${@:3}" "$2" "$1" >/dev/null || {
		jq . "$1" >&2
		return 1
	}
}
status_of() { # STATUS CMD...
	local want=$1 got=0
	shift
	"$@" || got=$?
	[ "$got" = "$want" ] || {
		echo "status $got, not $want" >&2
		return 1
	}
}
refuses() { # STATUS PATTERN CMD...
	local want=$1 pattern=$2 got=0
	shift 2
	"$@" >refused 2>&1 || got=$?
	[ $got = "$want" ] && [ "$(wc -l <refused)" = 1 ] && grep -q "$pattern" refused || {
		echo "status $got" >&2
		cat refused >&2
		return 1
	}
}
tell() { # NAME FILE
	jq -r --arg n "$1" '"\($n): \(.source_bytes/1e6*10|round/10) MB -> \(.bytes/1e6*100|round/100) MB, " +
		"\(.files) files, \(.rounds|length) rounds; ms: read \(.ms.read), trace \(.ms.trace), " +
		"build \(.ms.build), verify \(.ms.verify)"' "$2"
}

# What mint takes for the same images on such a machine, in ms; the aim is half of it, before verification.
declare -A mint=([nginx]=3600 [redis]=4100 [unbound]=6100)
told_time() { # NAME
	jq -r --arg n "$1" --argjson mint "${mint[$1]}" '"\($n): \(.ms.read + .ms.trace + .ms.build) ms to read, trace and build; " +
		"aim \($mint / 2) ms, half of what mint takes (\($mint) ms)"' "$1.json"
}
within() { # NAME
	is "$1.json" ".ms.read + .ms.trace + .ms.build <= ${mint[$1]} / 2"
}

# ---- services, from directories ----
serve_nginx=(nginx -g 'daemon off;')
slim nginx.json --http http://127.0.0.1/ --http http://localhost/none -o nginx.tar "dir:$services" -- "${serve_nginx[@]}"
check "nginx is verified" is nginx.json '.verdict == "verified" and (.rounds | length) == 1'
check "nginx is small" is nginx.json '.bytes < 10200000'
tell nginx nginx.json
slim redis.json --exec 'redis-cli set a 1' --exec "redis-cli get 'a'" -o redis.tar "dir:$redis" -- redis-server --save ''
check "redis is verified" is redis.json '.verdict == "verified"'
check "redis is small" is redis.json '.bytes < 18500000'
check "times in its log are known for noise" is redis.json '[.parts[] | select(.original_agrees != "same")] | length > 0'
tell redis redis.json
# shellcheck source=services/unbound.sh
. "$here/services/unbound.sh"
mount_root dns "$services"
prepare dns
printf '#!/bin/sh\nexec nsenter --net="$TKIT_NETNS" dig +short +time=2 +tries=2 @127.0.0.1 www.test\n' >ask
chmod +x ask
slim unbound.json --script ./ask -o unbound.tar dir:dns -- "${command[@]}"
check "unbound is verified" is unbound.json '.verdict == "verified"'
check "unbound is small" is unbound.json '.bytes < 22825000'
tell unbound unbound.json
for name in nginx redis unbound; do told_time $name; done
if [ "$(awk -v n="$(nproc)" '{ print $1 < 2 * n }' /proc/loadavg)" = 1 ]; then
	check "it takes no longer than half of mint's time" eval 'within nginx && within redis && within unbound'
else
	echo "the machine is too busy to judge times: load $(cut -d' ' -f1 /proc/loadavg)"
fi
check "nothing is left" clean

# ---- another backend ----
slim ptrace.json --backend ptrace --exec 'redis-cli set a 1' --exec "redis-cli get 'a'" -o ptrace.tar "dir:$redis" -- redis-server --save ''
check "the same image by ptrace" is ptrace.json '.verdict == "verified" and .bytes == $b[0].bytes and .files == $b[0].files' --slurpfile b redis.json
if [ -z "$(backend_problem fanotify)" ]; then
	slim fanotify.json --backend fanotify --exec 'redis-cli set a 1' --exec "redis-cli get 'a'" -o fanotify.tar "dir:$redis" -- redis-server --save ''
	check "a working one by fanotify" is fanotify.json '.verdict == "verified" and (.failed_lookups_seen | not)'
	tell "redis, fanotify" fanotify.json
fi
for backend in seccomp_notify nonesuch; do
	check "$backend cannot watch a container" refuses 125 "backend.*$backend" "$tkit" slim --backend $backend "dir:$redis" -- redis-server
done

# ---- what the first image lacks is found and added ----
slim lack.json --exclude '/usr/lib/x86_64-linux-gnu/libssl*' --exclude /etc/nginx/mime.types \
	--http http://127.0.0.1/ -o lack.tar "dir:$services" -- "${serve_nginx[@]}"
check "a library and a configuration file are added" is lack.json '.verdict == "verified" and
	([.rounds[].missing[]] | any(test("libssl.so")) and any(. == "/etc/nginx/mime.types"))'
check "the last round lacks nothing" is lack.json '.rounds[-1].missing == []'
slim start.json --exclude /usr/bin/cat -o start.tar "dir:$services" -- cat /etc/debian_version
check "a command that the image lacks is added" is start.json '.verdict == "verified" and
	.rounds[0].started == false and (.rounds[0].missing | index("/usr/bin/cat"))'
check "rounds are bounded" status_of 1 slim one.json --rounds 1 --exclude /etc/nginx/mime.types \
	--http http://127.0.0.1/ -o one.tar "dir:$services" -- "${serve_nginx[@]}"
check "and that is told" is one.json '.verdict == "differs"'

# ---- what differs is told, what proves nothing is no proof ----
check "a listing of the root differs" status_of 1 slim ls.json -o ls.tar "dir:$services" -- ls /usr/bin
check "in its output" is ls.json '.verdict == "differs" and .differences == 1'
check "a service that fails is not verified" status_of 1 slim fail.json --timeout 20s \
	--http http://127.0.0.1/ -o fail.tar "dir:$services" -- nginx -c /none
check "because its drive failed" is fail.json '.verdict == "drive-failed"'
check "nor is a program that fails" status_of 1 slim prog.json -o fail.tar "dir:$services" -- ls /none
check "although it fails the same way" is prog.json '.verdict == "drive-failed" and .differences == 0'
check "random output is not called the same" slim random.json --runs 2 -o random.tar "dir:$services" -- \
	sh -c 'head -c 30 /dev/urandom | base64'
check "but named as not compared" is random.json '.incomparable == 1'
check "nothing is left of failures" clean

# ---- a script on this machine ----
cat >script <<'EOF'
#!/bin/sh
exec nsenter --net="$TKIT_NETNS" curl -fs http://127.0.0.1/
EOF
chmod +x script
slim script.json --script ./script -o script.tar nginx.tar -- "${serve_nginx[@]}"
check "a script drives it, from an archive" is script.json '.verdict == "verified"'

printf '#!/bin/sh\nkill -9 "$TKIT_PID"\n' >script
check "a service that is killed is not verified" status_of 1 slim killed.json --script ./script -o fail.tar nginx.tar -- "${serve_nginx[@]}"
check "and nothing is left of it" clean

# ---- verify ----
timeout -k 5 60 "$tkit" run --backend ebpf --root "$services" -o cat.tkit -- cat /etc/nginx/nginx.conf >/dev/null
verify() { timeout -k 5 60 "$tkit" verify --json "$@" >verify.json; }
check "an image with all that a trace needs is verified" status_of 1 verify --http http://127.0.0.1/ nginx.tar cat.tkit -- "${serve_nginx[@]}"
check "cat is missing in it" is verify.json '.rounds[0].missing | index("/usr/bin/cat")'
"$tkit" slim -o cat.tar "dir:$services" -- cat /etc/nginx/nginx.conf >/dev/null
check "one that has cat is fine" verify --reference "dir:$services" cat.tar cat.tkit -- cat /etc/nginx/nginx.conf

# ---- what cannot be done ----
check "another user than root" refuses 125 "needs root" setpriv --reuid 65534 --clear-groups "$tkit" slim /usr
check "an image that is not there" refuses 125 "/nowhere" "$tkit" slim dir:/nowhere
check "a source without a command" refuses 125 "names no command" "$tkit" slim "dir:$services"
check "https" refuses 125 "only http" "$tkit" slim --http https://a/ "dir:$services"
check "an open quote" refuses 125 "quote" "$tkit" slim --exec "a 'b" "dir:$services"
check "an unknown option" refuses 125 "unknown option" "$tkit" slim --exce a "dir:$services"
check "nothing is left" clean

# ---- interrupted ----
under_way() { [ -n "$(find "$TMPDIR" -name run-1.tkit)" ]; }
start_slim() { # sets $pid; the shell lets background jobs ignore SIGINT
	env --default-signal=INT,HUP "$tkit" slim --http http://127.0.0.1:81/ -o gone.tar "dir:$services" -- \
		sleep 1000 >/dev/null 2>&1 &
	pid=$!
}
for signal in INT TERM HUP; do
	start_slim
	check "a run is under way ($signal)" eventually under_way
	kill -$signal $pid
	status=0
	wait $pid || status=$?
	check "it ends by SIG$signal" test $status = $((128 + $(kill -l $signal)))
	check "nothing is left after SIG$signal" clean
done
start_slim
check "a run is under way (KILL)" eventually under_way
kill -KILL $pid
status=0
wait $pid 2>/dev/null || status=$?
check "it is killed" test $status = 137
check "nothing is left after SIGKILL" clean
check "no image either" test ! -e gone.tar
# In a place whose name the kernel's table of mounts writes in another way.
plain_tmp=$TMPDIR
export TMPDIR=$work/"another place"
mkdir "$TMPDIR"
start_slim
check "a run is under way below a name with a blank" eventually under_way
kill -KILL $pid
wait $pid 2>/dev/null || :
check "nothing is left there either" clean

# ---- what the runtime brings is none of the image's ----
mkdir -p bare/usr/bin bare/etc bare/proc bare/sys bare/dev
cp /bin/busybox bare/usr/bin/cat
echo here >bare/etc/file
slim bare.json -o bare.tar "dir:$work/bare" -- cat /etc/file
mkdir unpacked && tar -xf bare.tar -C unpacked
find unpacked/blobs -type f -exec tar -tf {} \; 2>/dev/null | grep '^etc/' | sort >in-etc
check "no hosts, hostname, resolv.conf for an image without" diff <(printf 'etc/\netc/file\n') in-etc
export TMPDIR=$plain_tmp

# ---- an image of a real docker, as another user ----
if start_docker; then
	import_root "$redis" test/redis-root
	mkdir image
	printf 'FROM test/redis-root\nENV A=b\nEXPOSE 6379\nWORKDIR /var/lib/redis\nUSER redis\nENTRYPOINT ["redis-server"]\nCMD ["--dir", "/var/lib/redis", "--port", "6379"]\n' >image/Dockerfile
	build_image "$work/image" test/redis
	slim docker.json --tag test/redis-slim:1 --exec 'redis-cli set a 1' --exec 'redis-cli save' \
		--exec 'id -un' -o docker.tar test/redis
	check "an image of docker's, not root, is verified" is docker.json '.verdict == "verified"'
	tell "redis, docker, user redis" docker.json
	check "without a copy of it" is docker.json '.ms.read < 2000'
	(umask 077 && slim umask.json --exec 'redis-cli set a 1' -o umask.tar docker.tar)
	check "the caller's umask does not show in the container" is umask.json '.verdict == "verified"'
	slim save.json --exec 'redis-cli set a 1' -o save.tar <(docker save test/redis)
	check "what docker saves gives the same" is save.json '.verdict == "verified"'
	tell "redis, docker save" save.json
	slim single.json --read-only -o single.tar docker:test/redis-root -- redis-server --version
	check "an image of one layer, read-only" is single.json '.verdict == "verified" and .ms.read < 2000'
	slim load.json --tag test/redis-slim:1 --exec 'redis-cli set a 1' --exec 'redis-cli save' test/redis
	# The image's own health check is driven, too: nothing else is done with it.
	mkdir health
	printf 'FROM test/redis\nHEALTHCHECK --interval=1s --start-period=10s CMD redis-cli ping | grep -q PONG && echo well\n' >health/Dockerfile
	build_image "$work/health" test/health
	slim health.json --tag test/health-slim:1 test/health
	check "a health check is the drive" is health.json '.verdict == "verified" and .health_check == "run"'
	tell "redis, health check" health.json
	id=$(docker run -d --network none test/health-slim:1)
	at_exit remove_container "$id"
	healthy() { [ "$(docker inspect -f '{{.State.Health.Status}}' "$id")" = healthy ]; }
	check "docker finds the small image healthy" eventually healthy
	remove_container "$id"
	slim sick.json --no-health-check --exec 'redis-cli ping' -o sick.tar test/health
	check "it can be left out" is sick.json '.verdict == "verified" and .health_check == "not run"'
	check "and what it needs is left out, too" eval '! tar -xOf sick.tar "$(tar -xOf sick.tar manifest.json | jq -r ".[0].Layers[0]")" | tar -tf - | grep -q bin/grep'
	id=$(docker run -d --network none test/redis-slim:1)
	at_exit remove_container "$id"
	ping() { docker exec "$id" redis-cli set b 2; }
	check "docker runs the result" eventually ping
	check "its saves work" docker exec "$id" redis-cli save
	check "its configuration is kept" test "$(docker image inspect -f '{{.Config.User}} {{.Config.WorkingDir}}' test/redis-slim:1)" = "redis /var/lib/redis"
	remove_container "$id"
	check "nothing is left" clean
else
	echo "without docker: $docker_problem"
fi
done_testing
