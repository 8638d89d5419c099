#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# `tkit plugin` and `tkit doctor` as people and scripts use them: search path, overriding,
# messages, exit codes, JSON, an installed tree that was moved.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=../lib/lib.sh
. "$here/../lib/lib.sh"
need python3
modules=$build/tests/plugins

# Runs tkit; checks exit status and that the output holds a text.
says() { # STATUS TEXT ARG...
	local status=0 want=$1 text=$2 out
	shift 2
	out=$("$tkit" "$@" 2>&1) || status=$?
	[ "$status" = "$want" ] && [[ $out == *"$text"* ]] && return
	printf 'tkit %s: exit %s (want %s), no "%s" in:\n%s\n' "$*" "$status" "$want" "$text" "$out"
	return 1
}

json() { # PYTHON-EXPRESSION-ON-d ARG...
	local expression=$1
	shift
	{ "$tkit" "$@" --json || [ $? = 1 ]; } | python3 -c 'import json, sys; d = json.load(sys.stdin); sys.exit(not eval(sys.argv[1]))' "$expression"
}

# A message on a failure is one line.
one_line() { # ARG...
	local out
	out=$("$tkit" "$@" 2>&1 >"$work/out") && return 1
	[ "$(wc -l <<<"$out")" = 1 ] && [ ! -s "$work/out" ]
}

conf() { # FILE KIND NAME MODULE [LINE...]
	local file=$1
	mkdir -p "$(dirname "$file")"
	printf 'plugin:\n  kind: %s\n  name: %s\n  module: %s\n' "$2" "$3" "$4" >"$file"
	shift 4
	[ $# -eq 0 ] || printf '%s\n' "$@" >>"$file"
}

d=$work/one/plugins.d e=$work/two/plugins.d
conf "$d/70-good.yaml" sink good "$modules/sink-good.so" 'defaults:' '  level: 4'
conf "$d/71-shy.yaml" backend shy "$modules/backend-shy.so"
conf "$d/72-gone.yaml" backend gone plugins/gone.so
conf "$d/73-bad.yaml" sink bad "$modules/bad_major.so"
printf 'plugin:\n  kind: sink\n  nmae: typo\n' >"$d/74-typo.yaml"
export TKIT_PLUGINS_D=$d

check "list shows what is good" says 0 "sink      good            1.0     does nothing" plugin list
check "list shows why a module is not usable" says 0 "made for plugin ABI 2.7" plugin list
check "list shows bad conf files" says 0 "74-typo.yaml:3: unknown key 'nmae' in 'plugin'; did you mean 'name'?" plugin list
check "list as JSON" json '[p["error"] for p in d["plugins"] if p["name"] == "good"] == [None] and any("typo" in b["conf"] for b in d["bad"])' plugin list
check "show: options, conf defaults" says 0 "default: -3; set by the conf: 4" plugin show good
check "show: kind and name" says 0 "plugin ABI        1.0" plugin show sink/good
check "show: a backend's verdict" says 0 "pid               yes (rank 7)" plugin show shy
check "show as JSON" json 'd["plugins"][0]["options"][2]["range"] == "64K..1G" and len(d["plugins"]) == 1' plugin show good
check "show: a file" says 0 "none (loaded by file)" plugin show "$modules/sink-good.so"
check "show: unknown" says 125 "did you mean 'good'?" plugin show goood
check "show: module gone" says 125 "one/plugins/gone.so: No such file" plugin show gone
check "show: bad conf, by its file's name" says 125 "74-typo.yaml:3:" plugin show typo
check "check: sound" says 0 "sink-good.so: ok" plugin check "$modules/sink-good.so"
check "check: findings have IDs" says 1 "PC007: made for plugin ABI 2.7" plugin check "$modules/bad_major.so" "$modules/sink-good.so"
check "check: another module's conf" says 1 "73-bad.yaml names another module" plugin check "$modules/bad_newer_zero.so"
export TKIT_PLUGINS_D=$work
check "check: no conf" says 1 "PC040: no file in plugins.d names" plugin check "$modules/sink-good.so"
export TKIT_PLUGINS_D=$d
check "check: what could not be checked is told" says 0 "note: backend 'null': unknown option 'cont'; did you mean 'count'?" plugin check "$build/plugins/backend-null.so" --options cont=1
check "check: with options" says 0 "backend-null.so: ok" plugin check --options count=3,lose=2 "$build/plugins/backend-null.so"
check "check: a plugin that crashes is a finding, not a crash" says 1 "PC050: dies of SIGSEGV in pump()" plugin check "$modules/crash/backend-bad.so"
check "check: one that cannot even be loaded" says 1 "PC050: dies of SIGABRT in loading" plugin check "$modules/ctor_crash/backend-bad.so"
check "check: findings and notes as JSON" json 'd["files"][0]["findings"] == [] and d["files"][0]["notes"][0].startswith("backend")' plugin check "$build/plugins/backend-null.so" --options cont=1
check "check as JSON" json 'd["files"][0]["findings"][0]["id"] == "PC003"' plugin check /etc/passwd
check "no subcommand" one_line plugin
check "wrong subcommand" says 125 "did you mean 'list'?" plugin lits
check "wrong option" says 125 "unknown option '--jsn'" plugin list --jsn
check "help" says 0 "Usage: tkit plugin list" plugin --help

# What cannot be loaded is refused in one clear line, wherever it is asked for.
refused() { # TEXT MODULE
	local out status=0
	conf "$work/three/plugins.d/80-bad.yaml" sink bad "$2"
	out=$(TKIT_PLUGINS_D=$work/three/plugins.d "$tkit" run --backend null,count=1 --sink bad 2>&1 >"$work/out") || status=$?
	[ $status = 125 ] && [ "$(wc -l <<<"$out")" = 1 ] && [[ $out == *"$2"*"$1"* ]] && [ ! -s "$work/out" ] && return
	printf '%s: exit %s: %s\n' "$2" "$status" "$out"
	return 1
}
check "too new" refused "made for plugin ABI 2.7, this tkit has 1.0; rebuild" "$modules/bad_major.so"
check "too old" refused "made for plugin ABI 0.7, this tkit has 1.0; rebuild" "$modules/bad_old_major.so"
check "uses what is newer" refused "a newer tkit is needed" "$modules/bad_newer_ops.so"
check "wrong kind" refused "is the backend 'shy'" "$modules/backend-shy.so"
check "another name" refused "is the sink 'good'" "$modules/sink-good.so"
check "no descriptor" refused "exports no data symbol 'tkit_plugin'" "$modules/bad_no_descriptor.so"
check "no module" refused "No such file" "$work/none.so"
sed 's/\x3e/\xb7/' "$modules/sink-good.so" >"$work/arch.so" # the first is e_machine
check "wrong machine" refused "made for another machine" "$work/arch.so"
head -c 3000 "$modules/sink-good.so" >"$work/cut.so"
check "cut off" refused "cut off" "$work/cut.so"
if [ "$(id -u)" = 0 ]; then
	cp "$modules/sink-good.so" "$work/open.so"
	chmod 666 "$work/open.so"
	check "writable by others, as root" refused "refused with root's rights" "$work/open.so"
else
	cp "$modules/sink-good.so" "$work/closed.so"
	chmod 0 "$work/closed.so"
	check "unreadable" refused "Permission denied" "$work/closed.so"
fi

conf "$e/70-good.yaml" sink good "$modules/sink-good.so" 'defaults:' '  level: 99'
export TKIT_PLUGINS_D=$d:$e
check "a later directory overrides by file name" says 1 "PC041: $e/70-good.yaml:6: option 'level': '99' is out of range -10..10" plugin check "$modules/sink-good.so"
export TKIT_PLUGINS_D=$e:$d
check "and the other way round" says 0 "ok" plugin check "$modules/sink-good.so"

export TKIT_PLUGINS_D=$d
doctor_status=0
"$tkit" doctor --json >"$work/doctor.json" || doctor_status=$?
check "doctor: a broken module is told, not fatal" says "$doctor_status" "gone              not usable:" doctor
check "doctor: why not" says "$doctor_status" "cannot: command: cannot run here: Operation not permitted" doctor
check "doctor's exit status: 1 if nothing can watch a command" test "$doctor_status" -le 1
check "doctor's JSON: verdicts" python3 -c '
import json, sys
d = json.load(open(sys.argv[1]))
b = {x["name"]: x for x in d["backends"]}
assert not b["gone"]["ok"] and "No such file" in b["gone"]["why"]
assert not b["shy"]["ok"] and b["shy"]["targets"]["pid"] == {"ok": True, "rank": 7}
assert "open" in b["shy"]["capabilities"]
assert d["host"]["kernel"] and "SYS_ADMIN" in d["host"]["capabilities"]' "$work/doctor.json"

if [ "$(id -u)" = 0 ]; then
	chmod 666 "$d/70-good.yaml"
	check "root refuses a conf that others can write" says 125 "refused with root's rights" plugin show good
	chmod 644 "$d/70-good.yaml"
	chmod 777 "$d"
	check "and a directory" says 125 "$d: refused with root's rights" plugin show good
	chmod 755 "$d"
fi

# An installed tree finds its own plugins, wherever it lies.
unset TKIT_PLUGINS_D
if cmake --install "$build" --prefix "$work/prefix" >"$work/install.log" 2>&1; then
	tkit=$work/prefix/bin/tkit
	check "an installed tree" json "all('$work/prefix/' in p['module'] for p in d['plugins']) and d['plugins'] and not d['bad']" plugin list
else
	cat "$work/install.log"
	check "cmake --install" false
fi
done_testing
