#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# cmake --install: the layout, a tree that works without environment and after it was moved, conf
# files that override, and plugins that are built against it with pkg-config and with CMake.
set -euo pipefail
# shellcheck source=../lib/lib.sh
. "$(dirname "$0")/../lib/lib.sh"
need cmake pkg-config cc readelf

cache_value() { sed -n "s/^$1:[A-Z]*=//p" "$build/CMakeCache.txt"; }
libdir=$(cache_value CMAKE_INSTALL_LIBDIR)
compiler=$(cache_value CMAKE_C_COMPILER)
prefix=$work/prefix
lib=$prefix/$libdir

cmake --install "$build" --prefix "$prefix" >"$work/log" 2>&1 || { cat "$work/log"; die "cmake --install"; }

there() { # PATH...: below the prefix
	local p
	for p in "$@"; do [ -e "$prefix/$p" ] || { echo "$p is missing"; return 1; }; done
}
says() { # TEXT CMD...: the output has TEXT
	local text=$1 out
	shift
	out=$("$@" 2>&1) || true
	grep -qF -- "$text" <<<"$out" || { echo "no '$text' in:" "$out"; return 1; }
}
check "layout" there bin/tkit bin/tkit-runc libexec/tkit/tkit-bench-work "$libdir/libtkit.so" "$libdir/libtkit.so.1" \
	"$libdir/tkit/plugins/sink-file.so" "$libdir/tkit/plugins.d/10-sink-file.yaml" include/tkit/plugin.h \
	share/man/man1/tkit-run.1 share/bash-completion/completions/tkit share/zsh/site-functions/_tkit \
	"$libdir/pkgconfig/tkit.pc" "$libdir/cmake/tkit/tkit-config.cmake" etc/tkit/plugins.d share/tkit/tkit.proto
check "soname" says "SONAME" readelf -d "$lib/libtkit.so"
check "soname is that of the ABI" says "[libtkit.so.1]" readelf -d "$lib/libtkit.so"
check "symbols have versions" says "tkit_emit@@TKIT_1.0" readelf -W --dyn-syms "$lib/libtkit.so"

clean() { env -i PATH="$PATH" HOME="$work" "$@"; }
traces() { # TKIT: runs and reports, with plugins of its own tree only
	local dir
	dir=$(mktemp -d "$work/run.XXXX")
	clean "$1" run --backend ptrace -o "$dir/t.tkit" -- cat /etc/passwd >/dev/null || return
	clean "$1" report "$dir/t.tkit" >"$dir/report" || return
	grep -q '/etc/passwd' "$dir/report"
}
own_plugins() { # TKIT TREE
	clean "$1" plugin list --json | python3 -c '
import json, sys
for plugin in json.load(sys.stdin)["plugins"]:
    assert plugin["module"].startswith(sys.argv[1] + "/"), plugin' "$2"
}
if [ -z "$(backend_problem ptrace)" ]; then
	check "run and report" traces "$prefix/bin/tkit"
fi
check "plugins are the tree's own" own_plugins "$prefix/bin/tkit" "$prefix"
cp -a "$prefix" "$work/moved"
mv "$prefix" "$prefix.away"
check "the same after a move" own_plugins "$work/moved/bin/tkit" "$work/moved"
mv "$prefix.away" "$prefix"
ln -s "$prefix/bin/tkit" "$work/link"
check "by a symbolic link" own_plugins "$work/link" "$prefix"
check "finds its helper" says "getppid" clean "$work/moved/bin/tkit" bench --list
check "tkit-runc is the runtime" says "runc" clean "$prefix/bin/tkit-runc" --version

# An administrator's file of the same name overrides; a relative module is looked for in libdir, too.
printf 'plugin: {kind: sink, name: file, module: plugins/sink-file.so}\ndefaults: {output: other.tkit}\n' \
	>"$prefix/etc/tkit/plugins.d/10-sink-file.yaml"
check "conf: overridden" says "$prefix/etc/tkit/plugins.d/10-sink-file.yaml" clean "$prefix/bin/tkit" plugin show sink/file
check "conf: module from libdir" says "$lib/tkit/plugins/sink-file.so" clean "$prefix/bin/tkit" plugin show sink/file
rm "$prefix/etc/tkit/plugins.d/10-sink-file.yaml"

# DESTDIR, as packagers use it.
DESTDIR=$work/dest cmake --install "$build" --prefix /usr >"$work/log" 2>&1 || { cat "$work/log"; die "DESTDIR"; }
check "DESTDIR" test -x "$work/dest/usr/bin/tkit" -a -d "$work/dest/etc/tkit/plugins.d"
no_build_path() {
	! grep -rlF "$build" "$work/dest" || { echo "name the build tree"; return 1; }
}
check "nothing names the build tree" no_build_path

# A plugin of somebody else: a sink of the tree under another name.
mkdir "$work/plugin"
cd "$work/plugin"
sed 's/"null"/"other"/' "$top/sinks/null/null.c" >other.c
cat >CMakeLists.txt <<'EOF'
cmake_minimum_required(VERSION 3.13)
project(other C)
find_package(tkit 0.1 REQUIRED)
add_library(sink-other MODULE other.c)
set_target_properties(sink-other PROPERTIES PREFIX "")
target_link_libraries(sink-other PRIVATE tkit::tkit)
EOF
export PKG_CONFIG_PATH=$lib/pkgconfig
variable() { pkg-config --variable="$1" tkit; }
by_pkg_config() {
	# shellcheck disable=SC2046 # words
	"$compiler" -shared -fPIC -Wall -Werror -Wl,-z,defs -o sink-other.so other.c $(pkg-config --cflags --libs tkit)
}
by_cmake() {
	{
		cmake -S . -B made -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_C_COMPILER="$compiler" && cmake --build made
	} >cmake.log 2>&1 && return
	cat cmake.log
	return 1
}
used() { # MODULE: installed as its author would, and used
	install -m 644 "$1" "$(variable pluginsdir)/sink-other.so"
	printf 'plugin: {kind: sink, name: other, module: plugins/sink-other.so}\n' \
		>"$(variable pluginsconfdir)/50-other.yaml"
	says "events dropped" clean "$prefix/bin/tkit" run -v --backend null,count=10 --sink other || return
	rm "$(variable pluginsdir)/sink-other.so" "$(variable pluginsconfdir)/50-other.yaml"
}
check "tkit.pc: confdir" test "$(variable confdir)" = /etc/tkit/plugins.d
check "tkit.pc: version" says "$(sed -n 's/^project(tkit VERSION \([0-9.]*\).*/\1/p' "$top/CMakeLists.txt")" \
	pkg-config --modversion tkit
check "plugin built with pkg-config" by_pkg_config
check "  and used" used sink-other.so
check "plugin built with CMake" by_cmake
check "  and used" used made/sink-other.so
done_testing
