# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034,SC2154 # variables for and from those who source this
# After lib.sh: tkit installed below $work/prefix, as a plugin's author has it. Sets $prefix and
# $tkit, and PATH and PKG_CONFIG_PATH so that nothing of the tree itself is found.
prefix=$work/prefix
cmake --install "$build" --prefix "$prefix" >"$work/install.log" 2>&1 || {
	tail -20 "$work/install.log"
	die "cmake --install (is all built?)"
}
tkit=$prefix/bin/tkit
export PATH=$prefix/bin:$PATH
pc=$(find "$prefix" -name tkit.pc)
export PKG_CONFIG_PATH=${pc%/*}
