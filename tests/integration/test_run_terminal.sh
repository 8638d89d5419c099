#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Job control and Ctrl-C on a terminal: with tkit as without.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lib/lib.sh
. "$here/../lib/lib.sh"
need python3
cd "$work"
check "on a pseudo-terminal" python3 "$here/terminal.py" "$tkit"
done_testing
