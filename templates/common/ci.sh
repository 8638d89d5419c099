#!/bin/sh
# SPDX-License-Identifier: MIT
# All that a CI job has to run, where tkit, its headers and cmocka are installed.
set -eu
cd "$(dirname "$0")"
make clean && make CFLAGS="-O2 -g -Wall -Wextra -Wno-unused-parameter -Werror" && make check
