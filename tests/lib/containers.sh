#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# For tests of containers that tkit's runtime traces; brings images.sh. The traces are in $traces.
# shellcheck disable=SC2154,SC2034
# shellcheck source=images.sh
. "${BASH_SOURCE[0]%/*}/images.sh"
traces=$work/traces

# daemon.json with runtimes: NAME=WORDS..., each of them words for oci-runtime in JSON.
runtimes() { # NAME=WORDS...
	local sep='' one
	printf '{"runtimes": {'
	for one in "$@"; do
		printf '%s"%s": {"path": "%s", "runtimeArgs": ["oci-runtime", "--dir", "%s"%s]}' \
			"$sep" "${one%%=*}" "$tkit" "$traces" "${one#*=}"
		sep=', '
	done
	printf '}}\n'
}

# A Debian that is quickly imported: shell, coreutils, libc.
small_root() { # DIR
	local base path
	base=$(base_root) || return 1
	mkdir "$1"
	for path in bin lib lib64 usr/bin usr/lib64 usr/lib/x86_64-linux-gnu etc usr/lib/os-release; do
		[ ! -e "$base/$path" ] || tar -C "$base" -c "$path" | tar -C "$1" -x
	done
	mkdir -p "$1/tmp" "$1/run" "$1/proc" "$1/sys" "$1/dev"
}

ended() { # NAME: its trace is there and its tracer gone
	local file
	file=$(find "$traces" -name "$1-*.tkit")
	[ -n "$file" ] && [ -z "$(writers "$traces/$1"-*.tkit)" ]
}

# The trace of a container name, once its tracer has ended.
trace_of() { # NAME
	eventually ended "$1" || {
		echo "no trace of $1: $(cat "$traces/tkit.log" 2>/dev/null)" >&2
		return 1
	}
	find "$traces" -name "$1-*.tkit" | sort | tail -1
}

has() { # FILE FILTER
	[ -n "$("$tkit" dump "$1" 2>/dev/null | jq -c "select($2)" | head -1)" ]
}

hasnt() { # FILE FILTER
	local found
	found=$("$tkit" dump "$1" | jq -c "select($2)") && [ -z "$found" ]
}

complete() { # FILE
	"$tkit" report --reporter deps,format=json "$1" | jq -e '.complete == true' >/dev/null
}
