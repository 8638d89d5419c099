#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# For end-to-end tests; brings lib.sh: Debian root file systems, a private container engine,
# building and running minimal images. All of it needs root.
# shellcheck disable=SC2154,SC2034
# shellcheck source=lib.sh
. "${BASH_SOURCE[0]%/*}/lib.sh"
cache=$top/build/cache

# The Debian mirror that apt uses here, for bookworm's main archive.
apt_mirror() {
	local file=/etc/apt/sources.list.d/debian.sources
	if [ -e $file ]; then
		awk '/^URIs:/ { uri = $2 } /^Suites:/ && / bookworm( |$)/ { print uri; exit }' $file
	else
		awk '$1 == "deb" { for (i = 2; i < NF; i++) if ($i ~ /^(http|file)/ && $(i + 1) == "bookworm") { print $i; exit } }' \
			/etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null
	fi
}

# Prints the directory of a Debian, made once: a minimal one, or as debootstrap makes it when nothing else is asked
# for. Never write into it.
# shellcheck disable=SC2120 # other scripts pass it
base_root() { # [standard]
	local dir=$cache/bookworm-${1:-minbase} mirror variant=(--variant=minbase)
	[ "${1:-}" != standard ] || variant=()
	if [ -n "${TKIT_BASE_ROOT:-}" ] && [ -z "${1:-}" ]; then
		printf '%s\n' "$TKIT_BASE_ROOT"
		return
	fi
	mkdir -p "$cache"
	(
		flock 9
		[ -d "$dir" ] && exit 0
		mirror=$(apt_mirror)
		[ -n "$mirror" ] || { echo "no Debian mirror in apt's sources" >&2; exit 1; }
		rm -rf --one-file-system "$dir.new"
		debootstrap ${variant[@]+"${variant[@]}"} bookworm "$dir.new" "$mirror" >"$cache/debootstrap.log" 2>&1 || {
			tail -3 "$cache/debootstrap.log" >&2
			exit 1
		}
		umount "$dir.new/proc" "$dir.new/sys" 2>/dev/null || true
		rm -rf "$dir.new/var/cache/apt/archives"/*.deb "$dir.new/debootstrap"
		mv "$dir.new" "$dir"
	) 9>"$cache/lock" || return 1
	printf '%s\n' "$dir"
}

# Copies a root file system, without what is mounted in it.
copy_root() { # FROM TO
	cp -ax "$1" "$2"
	mkdir -p "$2/proc" "$2/sys" "$2/dev"
}

# Prints a Debian with some packages installed by their own scripts, made once per set.
# The packages are fetched with this machine's apt, so that its proxies and keys count.
root_with() { # PACKAGE...
	local base dir name
	base=$(base_root) || return 1
	name=$(printf '%s+' "$@")
	dir=$cache/bookworm-${name%+}
	mkdir -p "$cache"
	(
		flock 9
		[ -d "$dir" ] && exit 0
		rm -rf --one-file-system "$dir.new"
		copy_root "$base" "$dir.new"
		mkdir -p "$dir.new/var/cache/apt/archives/partial"
		printf '#!/bin/sh\nexit 101\n' >"$dir.new/usr/sbin/policy-rc.d"
		chmod +x "$dir.new/usr/sbin/policy-rc.d"
		apt-get -qq -y -o Dir::State::status="$dir.new/var/lib/dpkg/status" \
			-o Dir::Cache::archives="$dir.new/var/cache/apt/archives" \
			-o APT::Install-Recommends=false -o APT::Keep-Downloaded-Packages=true \
			-o Debug::NoLocking=1 --download-only install "$@" >"$cache/apt.log" 2>&1 &&
			DEBIAN_FRONTEND=noninteractive DEBCONF_NONINTERACTIVE_SEEN=true \
				chroot "$dir.new" sh -c 'PATH=/usr/sbin:/usr/bin:/sbin:/bin
					# again for what pre-depends on what was set up last
					for _ in 1 2 3; do
						dpkg --install --skip-same-version --force-confnew /var/cache/apt/archives/*.deb && exit
						dpkg --configure -a
					done
					exit 1' >>"$cache/apt.log" 2>&1 || {
			tail -3 "$cache/apt.log" >&2
			exit 1
		}
		rm -f "$dir.new/usr/sbin/policy-rc.d" "$dir.new/var/cache/apt/archives"/*.deb
		mv "$dir.new" "$dir"
	) 9>"$cache/lock" || return 1
	printf '%s\n' "$dir"
}

# One Debian with all services that the tests use.
services_root() {
	root_with nginx-light redis-server unbound python3 perl postgresql
}

unmount() { # POINT...
	umount -l "$@" 2>/dev/null || true
}

# Mounts a root file system over others (the first is the uppermost), where a run may write: into memory,
# or into the directory that UPPER names.
mount_root() { # POINT LOWER[:LOWER]... [UPPER]
	local box=$1.box
	mkdir -p "$1" "$box"
	mount -t tmpfs -o mode=755 tmpfs "$box"
	at_exit unmount "$box"
	mkdir -p "$box/upper" "$box/work"
	if [ -n "${3:-}" ]; then
		mkdir -p "$3" "$3.work"
		mount -t overlay -o "lowerdir=$2,upperdir=$3,workdir=$3.work" overlay "$1"
	else
		mount -t overlay -o "lowerdir=$2,upperdir=$box/upper,workdir=$box/work" overlay "$1"
	fi
	at_exit unmount "$1"
}

# What a container runtime mounts, as far as programs need it.
mount_runtime() { # ROOT
	local device
	mount -t proc proc "$1/proc"
	mount -t tmpfs -o mode=755 tmpfs "$1/dev"
	at_exit unmount "$1/proc" "$1/dev"
	mkdir -m 1777 "$1/dev/shm"
	for device in "null 3" "zero 5" "full 7" "random 8" "urandom 9" "tty 0"; do
		mknod -m 666 "$1/dev/${device% *}" c "$([ "$device" = "tty 0" ] && echo 5 || echo 1)" "${device#* }"
	done
	ln -s /proc/self/fd "$1/dev/fd"
}

size_of() { # DIR: bytes of its files, as du counts them
	du -sxb "$1" | cut -f1
}

megabytes() { # BYTES
	awk -v n="$1" 'BEGIN { printf n < 100e6 ? "%.2f MB" : "%.0f MB", n / 1e6 }'
}

# ---- a container engine of our own, on a unix socket, gone when the script ends ----

docker_pid=
docker_dir=
stop_docker() {
	[ -n "$docker_pid" ] || return 0
	kill "$docker_pid" 2>/dev/null || true
	wait "$docker_pid" 2>/dev/null || true
	docker_pid=
	unmount_below "$docker_dir"
}

# Starts dockerd; fails with the reason in $docker_problem if it cannot run here. The configuration
# may be given as JSON.
start_docker() { # [JSON]
	docker_dir=$work/docker
	docker_problem=
	if [ -n "${TKIT_NO_DOCKER:-}" ]; then
		docker_problem="TKIT_NO_DOCKER is set"
		return 1
	fi
	if ! command -v dockerd >/dev/null || ! command -v docker >/dev/null; then
		docker_problem="docker is not installed"
		return 1
	fi
	[ "$(id -u)" = 0 ] || { docker_problem="dockerd needs root"; return 1; }
	mkdir -p "$docker_dir"
	printf '%s\n' "${1:-{\}}" >"$docker_dir/daemon.json"
	dockerd --iptables=false --ip-masq=false --bridge=none --data-root "$docker_dir/data" \
		--exec-root "$docker_dir/exec" -H "unix://$docker_dir/sock" --pidfile "$docker_dir/pid" \
		--config-file "$docker_dir/daemon.json" >"$docker_dir/log" 2>&1 </dev/null &
	docker_pid=$!
	at_exit stop_docker
	export DOCKER_HOST=unix://$docker_dir/sock DOCKER_BUILDKIT=0 DOCKER_CONFIG=$docker_dir/config
	unset DOCKER_CONTEXT
	for _ in $(seq 150); do
		docker version >/dev/null 2>&1 && return 0
		kill -0 "$docker_pid" 2>/dev/null || break
		sleep 0.2
	done
	docker_problem="dockerd does not start: $(grep -m1 -oE 'failed to.*|Error.*' "$docker_dir/log" || tail -1 "$docker_dir/log")"
	stop_docker
	return 1
}

import_root() { # DIR NAME
	tar -C "$1" --one-file-system -c . | docker import - "$2" >/dev/null
}

build_image() { # DIR NAME: DIR holds a Dockerfile
	docker build -q -t "$2" "$1" >/dev/null 2>"$work/build.log" || {
		cat "$work/build.log" >&2
		return 1
	}
}

remove_container() { # ID
	docker rm -f "$1" >/dev/null 2>&1 || true
}

unpack_image() { # DIR: its rootfs.tar as a directory, DIR.root
	rm -rf --one-file-system "$1.root"
	mkdir "$1.root"
	tar -C "$1.root" -xf "$1/rootfs.tar"
}

image_size() { # NAME: bytes
	docker image inspect -f '{{.Size}}' "$1"
}

# Becomes a command in a network of its own that has only a loopback interface. To be called in
# the background or in parentheses, so that $! is the command's own pid.
isolated() { # CMD...
	exec unshare -n sh -c 'ip link set lo up && exec "$@"' sh "$@"
}

# Runs a command in the network of a process.
in_network_of() { # PID CMD...
	local pid=$1
	shift
	nsenter -t "$pid" -n "$@"
}

# Ends a service that was started in the background; for at_exit.
end_service() { # PID
	kill "$1" 2>/dev/null || return 0
	for _ in $(seq 50); do
		kill -0 "$1" 2>/dev/null || return 0
		sleep 0.1
	done
	kill -KILL "$1" 2>/dev/null || true
}

# Retries a command until it succeeds; at most 15 s.
eventually() { # CMD...
	local end=$((SECONDS + 15))
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || return 1
		sleep 0.1
	done
}
