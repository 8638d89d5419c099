#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# docs/PLUGIN_MANUAL.md, followed in an empty folder with nothing but an installed tkit.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=../lib/lib.sh
. "$here/../lib/lib.sh"
# shellcheck source=installed.sh
. "$here/installed.sh"
need cc pkg-config python3
mkdir "$work/empty"
cd "$work/empty"
check "the manual" python3 -B "$here/manual.py" "$top/docs/PLUGIN_MANUAL.md" "$top"
done_testing
