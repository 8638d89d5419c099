#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Job control and Ctrl-C on a terminal: with tkit as without.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lib/lib.sh
. "$here/../lib/lib.sh"
need python3
cd "$work"
backends=(null)
for backend in ptrace ptrace,seccomp=no ebpf fanotify; do
	why=$(backend_problem "${backend%,*}")
	if [ -z "$why" ]; then
		backends+=("$backend")
	else
		echo "not with $backend: $why"
	fi
done
check "on a pseudo-terminal" python3 "$here/terminal.py" "$tkit" "${backends[@]}"
done_testing
