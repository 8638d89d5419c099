#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The completions for bash and zsh: called as the shells call them.
set -euo pipefail
# shellcheck source=../lib/lib.sh
. "$(dirname "$0")/../lib/lib.sh"
need python3
script=$build/completions/tkit
if [ ! -e "$script" ]; then # no target that tests depend on makes it
	PYTHONDONTWRITEBYTECODE=1 python3 "$top/completion/make.py" "$tkit" "$work/completion"
	script=$work/completion/tkit
fi
mkdir "$work/dir"
cd "$work/dir"
touch monday.tkit tuesday.tkit

# What bash offers for a line, with its last word unfinished.
cat >"$work/offer.bash" <<'EOF'
. "$1"
compopt() { :; }
COMP_LINE=$2 COMP_POINT=${#2}
# readline cuts words at blanks and at = and :
mapfile -t COMP_WORDS < <(python3 -c '
import re, sys
words = []
for word in re.split(" +", sys.argv[1]):
    words += re.findall(r"[=:]+|[^=:]+", word) or [""]
    if word[-1:] in ("=", ":"):
        words.append("")
print("\n".join(words))' "$2")
COMP_WORDS[0]=$3
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
COMPREPLY=()
_tkit tkit "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
printf '%s\n' "${COMPREPLY[@]}"
EOF
offer() { bash --norc "$work/offer.bash" "$script" "$1" "$tkit" 2>&1; }
offers() { # LINE WORD...: all of them are offered
	local line=$1 out word
	shift
	out=$(offer "$line")
	for word in "$@"; do
		grep -qxF -e "$word" <<<"$out" || { echo "'$line': no '$word' in:" "$out"; return 1; }
	done
}
only() { # LINE WORD...: these and no others
	local line=$1 out
	shift
	out=$(offer "$line" | sort)
	[ "$out" = "$(printf '%s\n' "$@" | sort)" ] || { echo "'$line':" "$out"; return 1; }
}
check "commands" offers "tkit " run report why why-not slim --version
check "a command" only "tkit rep" report
check "after a global option" only "tkit -v rep" report
check "options" offers "tkit run --" --backend --strict --duration
check "an option" only "tkit run --bac" --backend
check "backends" offers "tkit run --backend " ebpf ptrace fanotify auto
check "a backend behind =" only "tkit run --backend=ebp" ebpf
check "a backend behind -b" only "tkit run -b seccomp" seccomp_notify
check "sinks" only "tkit run --sink s" socket stdout
check "options of a backend" only "tkit run --backend ebpf,ring" "ebpf,ring-size="
check "the second option of a backend" only "tkit run -b ebpf,programs=plain,res" "plain,resolve="
check "values of a backend's option" only "tkit run -b ebpf,resolve=w" walk
check "the same behind =" only "tkit run --backend=ebpf,resolve=d" d_path
check "values of an option" only "tkit run --until " tree exit
check "values behind =" only "tkit dump --format=t" text
check "reporters" only "tkit report -r manifest" manifest_diff
check "options of the default reporter" offers "tkit report --show" --show-ignored=
check "options of a reporter" offers "tkit report --reporter dockerfile --" --format= --output --from=
check "values of a reporter's option" only "tkit report --group=pa" package
check "traces" only "tkit report t" tuesday.tkit
check "subcommands" offers "tkit plugin " list show check
check "engines" only "tkit container install d" docker
check "plugins" only "tkit plugin show deps" deps
check "directories" only "tkit run --root ../d" ../dir
check "commands of the machine" offers "tkit run -- bas" bash
check "commands without --" offers "tkit run bas" bash
check "process ids" offers "tkit run --pid $$" $$
check "nothing for an unknown command" only "tkit nonsense --" ""

if command -v zsh >/dev/null; then
	cat >"$work/zsh.zsh" <<'EOF'
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell "PROMPT= fpath=(${1:h} \$fpath) TERM=dumb; autoload -Uz compinit; compinit -D -u; compdef _tkit tkit ${2:t}"
zpty -w shell "path=(${2:h} \$path); LISTMAX=1000; setopt no_beep; zstyle ':completion:*' list-colors ''; stty -echo columns 200; print rea''dy"
zpty -r shell line '*ready*'
zpty -w -n shell "$3"$'\t\t'
sleep 0.5
for _ in {1..30}; do
	while zpty -r -t shell line; do print -r -- $line; done
	sleep 0.1
done
zpty -d shell
EOF
	zsh_offers() { # LINE WORD
		local out
		out=$(timeout 30 zsh -f "$work/zsh.zsh" "${script%/*}/_tkit" "$tkit" "$1" 2>&1)
		grep -qF -e "$2" <<<"$out" || { echo "'$1': no '$2' in:" "$out"; return 1; }
	}
	check "zsh: syntax" zsh -n "${script%/*}/_tkit"
	check "zsh: commands" zsh_offers "tkit " "why-not"
	check "zsh: options" zsh_offers "tkit run --str" "--strict"
	check "zsh: backends" zsh_offers "tkit run --backend " "seccomp_notify"
	check "zsh: options of a backend" zsh_offers "tkit run --backend ebpf,re" "resolve="
fi
done_testing
