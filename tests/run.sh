#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# All tests.
set -euo pipefail
cd "$(dirname "$0")/.."
./dev build dev
ctest --test-dir build/dev --output-on-failure "$@"
