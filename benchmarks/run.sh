#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Benchmarks: see run.py --help
exec python3 "$(dirname "$0")/run.py" "$@"
