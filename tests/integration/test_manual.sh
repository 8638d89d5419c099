#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The man pages: made without a warning, one for each command and plugin, and every option that
# tkit takes is told in a help text, which is what they are made of.
set -euo pipefail
# shellcheck source=../lib/lib.sh
. "$(dirname "$0")/../lib/lib.sh"
need python3
export PYTHONDONTWRITEBYTECODE=1

make_pages() { # OUT [OPTION]
	python3 "$top/man/make.py" ${2:+"$2"} "$tkit" "$top" "$1"
}
pages() { find "$work/man" -type f -name 'tkit*'; }
page_of() { # NAME.SECTION...
	local page
	for page in "$@"; do
		[ -e "$work/man/man${page##*.}/$page" ] || { echo "no $page"; return 1; }
	done
}
check "pages are made" make_pages "$work/man"
check "many of them" test "$(pages | wc -l)" -gt 30
# shellcheck disable=SC2046 # words
check "one for each command" page_of $("$tkit" --help | sed -n '/^Commands:/,/^$/s/^  \([a-z-]*\).*/tkit-\1.1/p')
# shellcheck disable=SC2046
check "one for each plugin" page_of $("$tkit" plugin list | awk 'NR > 1 { print "tkit-" $1 "-" $2 ".7" }')
check "files" page_of tkit-trace.5 tkit-plugins.d.5 tkit-manifest.5 tkit-plugins.7 tkit.1 tkit-runc.1

clean() { # TOOL ARG...: says nothing about any page
	local page bad=0
	while read -r page; do
		"$@" "$page" 2>&1 >"$work/out" | grep . | sed "s|^|${page##*/}: |" && bad=1
		[ -s "$work/out" ] || { echo "${page##*/}: nothing printed"; bad=1; }
	done < <(pages)
	return $bad
}
lint() { # mandoc's own words on a page, but for pages that may be installed later
	local page out bad=0
	while read -r page; do
		out=$(mandoc -T lint -W warning "$page" | grep -v 'referenced manual not found') || continue
		printf '%s\n' "$out"
		bad=1
	done < <(pages)
	return $bad
}
if command -v man >/dev/null; then
	check "man has no warnings" clean env MANWIDTH=80 man --warnings -l
fi
if command -v mandoc >/dev/null; then
	check "mandoc has no warnings" lint
fi
rendered() { # PAGE TEXT: the text stands on the page
	MANWIDTH=80 man -l "$work/man/$1" 2>/dev/null | grep -qF -- "$2"
}
if command -v man >/dev/null; then
	check "options" rendered man1/tkit-run.1 "--backend B[,KEY=VALUE]..."
	check "options of plugins" rendered man7/tkit-backend-ebpf.7 "ring-size=SIZE"
	check "literal text" rendered man5/tkit-trace.5 "    file    = frame*"
	check "links to pages" rendered man7/tkit-backend-ebpf.7 "tkit-plugins(7)"
fi
check "packed, and the same twice" make_pages "$work/packed" --gzip
check "  (second time)" make_pages "$work/again" --gzip
check "  (compared)" diff -r "$work/packed" "$work/again"

cat >"$work/options.py" <<'EOF'
import pathlib, re, sys
top, tkit = pathlib.Path(sys.argv[1]), sys.argv[2]
sys.path.insert(0, str(top / "man"))
import helptext
told = {name for text in helptext.Tkit(tkit).command_help.values() for names, *_ in text.options() for name in names}
taken = set()
for file in (top / "core/cli").glob("*.c"):
    taken |= {"--" + name for name in re.findall(r'{"([a-z-]+)",\s*(?:no|required|optional)_argument', file.read_text())}
assert len(taken) > 30, taken
missing = sorted(taken - told)
if missing:
    sys.exit(f"taken, but in no help text: {' '.join(missing)}")
EOF
check "every option is in a help text" python3 "$work/options.py" "$top" "$tkit"
done_testing
