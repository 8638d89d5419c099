#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Fetches Debian's cloud kernels into a cache: fetch.sh DIR SERIES...
# Prints nothing; DIR/SERIES/vmlinuz and DIR/SERIES/version are there afterwards. The packages
# come from the mirror that apt itself uses; nothing is installed.
set -euo pipefail
cache=$1
shift
mkdir -p "$cache"
cache=$(cd "$cache" && pwd)

# The mirror: the first of apt's own sources.
mirror() {
	{
		sed -n 's/^URIs: *//p' /etc/apt/sources.list.d/*.sources
		sed -n 's/^deb \(\[[^]]*\] \)\?\([^ ]*\) .*/\2/p' /etc/apt/sources.list
	} 2>/dev/null | head -1
}

# apt for a suite: the system's own, or one with sources and state of its own.
suite_apt() { # SUITE APT-TOOL ARG...
	local dir=$cache/apt-$1 suite=$1 tool=$2
	shift 2
	if [ "$suite" = system ]; then
		"$tool" -o APT::Sandbox::User=root "$@"
		return
	fi
	if [ ! -f "$dir/sources" ]; then
		mkdir -p "$dir/state/lists/partial" "$dir/cache/archives/partial"
		: >"$dir/status"
		printf 'deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] %s %s main\n' \
			"$(mirror)" "$suite" >"$dir/sources"
	fi
	"$tool" -o "Dir::Etc::sourcelist=$dir/sources" -o Dir::Etc::sourceparts=- \
		-o "Dir::State=$dir/state" -o "Dir::State::status=$dir/status" \
		-o "Dir::Cache=$dir/cache" -o APT::Sandbox::User=root "$@"
}

newest() { # the newest package name of those on stdin
	sort -V | tail -1
}

fetch_one() {
	local series=$1 work suite package
	[ ! -f "$cache/$series/vmlinuz" ] || return 0
	case $series in
	5.10) suite=bullseye ;;
	6.1 | 6.12) suite=system ;;
	*)
		echo "fetch.sh: unknown kernel series $series" >&2
		return 1
		;;
	esac
	work=$(mktemp -d "$cache/tmp.XXXXXX")
	suite_apt "$suite" apt-get -qq update
	package=$(suite_apt "$suite" apt-cache pkgnames "linux-image-$series." |
		grep 'cloud-amd64-unsigned$' | newest)
	[ -n "$package" ] || {
		echo "fetch.sh: no cloud kernel of series $series in $suite" >&2
		return 1
	}
	(cd "$work" && suite_apt "$suite" apt-get -qq download "$package" && dpkg-deb -x ./*.deb x)
	mkdir -p "$cache/$series"
	printf '%s\n' "$package" >"$cache/$series/version"
	mv "$work"/x/boot/vmlinuz-* "$cache/$series/vmlinuz"
	rm -r "$work"
}

for series in "$@"; do
	fetch_one "$series"
done
