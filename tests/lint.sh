#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Format, static analysis, and the rules of the tree.
#
# shellcheck disable=SC2317 # the checks are called by name
#
# usage: tests/lint.sh [CHECK...]     all checks, or those named (format tidy shell spdx layers
#                                     plugins headers symbols docs)
# TKIT_LINT_BUILD       build tree with compile_commands.json and the libraries (build/dev)
# TKIT_TIDY_NODES       how far the analyzer looks in each function (20000; its own default: 225000)
# TKIT_UPDATE_SYMBOLS=1 writes what libtkit.so exports to tests/abi/libtkit.symbols
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1

build=${TKIT_LINT_BUILD:-build/dev}
checks=(format spdx shell layers plugins headers symbols docs tidy)
failed=0

fail() {
	printf 'lint: %s\n' "$1" >&2
	shift
	[ $# -eq 0 ] || printf '    %s\n' "$@" >&2
	failed=1
}

# Tracked files and new ones that git does not ignore.
files() {
	git ls-files --cached --others --exclude-standard -- "$@" | sort -u | while read -r f; do
		[ -f "$f" ] && printf '%s\n' "$f"
	done
}

check_format() {
	local out
	out=$(files '*.c' '*.h' | xargs -r -P "$(nproc)" -n 50 clang-format --dry-run -Werror 2>&1 | grep error: | head -20)
	[ -z "$out" ] || fail "clang-format -i is needed:" "$out"
}

# The first two lines: the first may be #!.
check_spdx() {
	local out
	out=$(files '*.c' '*.h' '*.def' '*.sh' '*.py' '*.proto' '*CMakeLists.txt' '*.cmake' dev .ci/run |
		xargs -r awk '
			FNR > 2 { nextfile }
			{ seen[FILENAME] = 1 }
			/SPDX-License-Identifier: / { good[FILENAME] = 1 }
			END { for (f in seen) if (!(f in good)) print f }' | sort)
	[ -z "$out" ] || fail "no SPDX line at the top:" "$out"
}

scripts() {
	files | while read -r f; do
		case $f in
		*.c | *.h | *.md | *.py | *.txt | *.json) ;;
		*.sh) printf '%s\n' "$f" ;;
		*) head -c 64 "$f" 2>/dev/null | head -1 | grep -qaE '^#!.*\b(ba)?sh$' && printf '%s\n' "$f" ;;
		esac
	done
}

check_shell() {
	local out
	# A few at a time: one process for all grows slower with each.
	out=$(scripts | xargs -r -P "$(nproc)" -n 4 shellcheck -x -S warning -e SC2187,SC2217 -P SCRIPTDIR -P tests/lib -f gcc 2>&1) ||
		fail "shellcheck:" "$out"
	out=$(files '*.py' | xargs -r python3 -c 'import sys
for name in sys.argv[1:]:
    try:
        compile(open(name).read(), name, "exec")
    except SyntaxError as e:
        print(e)' 2>&1)
	[ -z "$out" ] || fail "python:" "$out"
}

# "FILE HEADER" for each of our headers that the files on stdin include: "layer/file.h".
includes() {
	xargs -r awk '/^[[:space:]]*#[[:space:]]*include[[:space:]]+"[^"]+"/ { split($0, part, "\""); print FILENAME, part[2] }'
}

check_layers() {
	local f inc own rest plugin
	# Plugins see the public headers, and what lies in their own folder.
	while read -r f inc; do
		[[ $inc == *..* || ! -e ${f%/*}/$inc ]] || continue
		case $inc in
		*..*) fail "$f: plugins include no \"$inc\"" ;;
		*/*) fail "$f: a plugin includes only <tkit/*.h>, not \"$inc\"" ;;
		*.skel.h | *.pb-c.h | *.inc) ;; # generated
		*) fail "$f: a plugin includes only <tkit/*.h>, not \"$inc\"" ;;
		esac
	done < <(files 'backends/*.[ch]' 'sinks/*.[ch]' 'reporters/*.[ch]' | includes)
	while read -r f; do
		fail "$f: a plugin includes only <tkit/*.h>"
	done < <(files 'backends/*.[ch]' 'sinks/*.[ch]' 'reporters/*.[ch]' | xargs -r grep -lE \
		'^[[:space:]]*#[[:space:]]*include[[:space:]]*<(util|core|plugin|session|model|trace|image|cli)/')
	# core/util knows no other part; no part but cli knows cli; nobody includes plugins.
	while read -r f inc; do
		rest=${f#*/} own=${rest%%/*}
		case $inc in
		backends/* | sinks/* | reporters/*) fail "$f: core includes no plugin: \"$inc\"" ;;
		cli/*) [ "$own" = cli ] || fail "$f: only core/cli includes \"$inc\"" ;;
		*/*) [ "$own" != util ] || [ "${inc%%/*}" = util ] || fail "$f: core/util includes only its own: \"$inc\"" ;;
		esac
		[ "$own" != include ] || fail "$f: a public header includes only <tkit/*.h>"
	done < <(files 'core/*.[ch]' | includes)
	# Core names no plugin (as a string; words in comments and help texts are prose).
	while read -r plugin; do
		files 'core/*.c' | grep -v '^core/cli/' | xargs -r grep -nE "\"(backend-|sink-|reporter-)?$plugin\"" |
			while read -r f; do fail "core names the plugin $plugin: $f"; done
	done < <(plugin_dirs | sed 's|.*/||' | grep -vxE 'null|file|stdout|socket|text')
	cycles=$(include_cycle) || fail "folders of core include each other in a circle:" "$cycles"
}

# Prints a circle among core's folders, if there is one, and fails.
include_cycle() {
	local circle
	circle=$(files 'core/*.[ch]' | includes | sed -n 's|^core/\([^/]*\)/[^ ]* \([^/]*\)/.*|\1 \2|p' | sort -u |
		while read -r own to; do
			[ "$own" = "$to" ] || [ ! -d "core/$to" ] || printf '%s %s\n' "$own" "$to"
		done | tsort 2>&1 >/dev/null | sed 's/^tsort: //')
	[ -z "$circle" ] || { printf '%s\n' "$circle"; return 1; }
}

plugin_dirs() {
	files 'backends/*/CMakeLists.txt' 'sinks/*/CMakeLists.txt' 'reporters/*/CMakeLists.txt' | xargs -r -n1 dirname
}

check_plugins() {
	local dir kind name so exported
	while read -r dir; do
		kind=${dir%%/*} kind=${kind%s} name=${dir##*/}
		[ -s "$dir/README.md" ] || fail "$dir: no README.md"
		files "plugins.d/*.yaml" | xargs -r grep -lE "^[[:space:]]*name:[[:space:]]*${name}[[:space:]]*(#.*)?$" |
			xargs -r grep -lqE "^[[:space:]]*kind:[[:space:]]*$kind" ||
			fail "$dir: no plugins.d/NN-$name.yaml with kind: $kind and name: $name"
		grep -q "tkit_plugin($kind $name" "$dir/CMakeLists.txt" ||
			fail "$dir/CMakeLists.txt: no tkit_plugin($kind $name ...)"
		so=$build/plugins/$kind-$name.so
		[ -e "$so" ] || continue # e.g. no clang to build eBPF; ctest tells
		exported=$(nm -D --defined-only "$so" | awk '{ print $3 }' | sort | tr '\n' ' ')
		[ "$exported" = "tkit_plugin " ] || fail "$so exports $exported: it must be tkit_plugin alone"
	done < <(plugin_dirs)
}

check_headers() {
	local h tmp
	tmp=$(mktemp -d)
	for h in core/include/tkit/*.h; do
		h=tkit/${h##*/}
		printf '#include <%s>\nint main(void) { return 0; }\n' "$h" >"$tmp/t.c"
		cp "$tmp/t.c" "$tmp/t.cc"
		# -Wno-long-long: C90 has no 64-bit type, every compiler has.
		gcc -std=c90 -pedantic -Wno-long-long -Wall -Wextra -Werror -Icore/include -fsyntax-only "$tmp/t.c" ||
			fail "<$h> is not C90"
		g++ -std=c++17 -pedantic -Wall -Wextra -Werror -Icore/include -fsyntax-only "$tmp/t.cc" ||
			fail "<$h> is not C++17"
	done
	rm -rf "$tmp"
}

# Pages that are made from the source; links that lead nowhere, pages that nobody finds; tests that are none.
check_docs() {
	python3 docs/syscalls.py --check || fail "docs/SYSCALLS.md is old: run docs/syscalls.py"
	local out
	out=$(files '*.md' | grep -v '^templates/' | python3 tests/lib/links.py 2>&1) || fail "links of the pages:" "$out"
	out=$(printf '%s\n' docs/CLOSURE.md | python3 tests/lib/named_tests.py 2>&1) || fail "tests that a page names:" "$out"
}

check_symbols() {
	local golden=tests/abi/libtkit.symbols now
	[ -e "$build/lib/libtkit.so" ] || { fail "$build/lib/libtkit.so is not built"; return; }
	now=$(nm -D --defined-only --with-symbol-versions "$build/lib/libtkit.so" | awk '$2 != "A" { print $3 }' | sort)
	if [ -n "${TKIT_UPDATE_SYMBOLS:-}" ]; then
		printf '%s\n' "$now" >"$golden"
	elif ! diff -u "$golden" <(printf '%s\n' "$now") >&2; then
		fail "libtkit.so exports something else than $golden says" \
			"a new symbol: TKIT_UPDATE_SYMBOLS=1 tests/lint.sh symbols; one gone: that breaks plugins"
	fi
}

# unix.Malloc is off in .clang-tidy: the analyzer does not know __attribute__((cleanup)); leaks
# are found by ASan. Everything with its own compile command. One process per CPU; slow ones first.
check_tidy() {
	local out effort=()
	# A tenth of the analyzer's nodes finds the same here in a fifth of the time.
	local arg
	for arg in -Xclang -analyzer-config -Xclang "max-nodes=${TKIT_TIDY_NODES:-20000}"; do
		effort+=("-extra-arg=$arg")
	done
	[ -e "$build/compile_commands.json" ] || { fail "$build/compile_commands.json is missing"; return; }
	out=$(files 'core/*.c' 'backends/*.c' 'sinks/*.c' 'reporters/*.c' | grep -v '\.bpf\.c$' |
		grep -Ff <(sed -n 's/.*"file": ".*\/\(\(core\|backends\|sinks\|reporters\)\/.*\)".*/\1/p' \
			"$build/compile_commands.json") |
		xargs -r ls -S | xargs -r -P "$(nproc)" -n 1 clang-tidy -quiet -p "$build" "${effort[@]}" 2>/dev/null |
		grep -E '(error|warning):')
	[ -z "$out" ] || fail "clang-tidy:" "$out"
}

for name in "${@:-${checks[@]}}"; do
	declare -F "check_$name" >/dev/null || { fail "unknown check '$name'"; continue; }
	start=$SECONDS
	"check_$name"
	printf 'lint: %-8s %s s\n' "$name" $((SECONDS - start))
done
[ $failed -eq 0 ] && echo "lint: clean"
exit $failed
