#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Makes the root file systems that the end-to-end tests use, so that they find them ready.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
export TKIT_BUILD=$here
# shellcheck source=../lib/images.sh
. "$here/../lib/images.sh"
[ "$(id -u)" = 0 ] || exit 0
base_root
root_with redis-server
services_root
base_root standard
