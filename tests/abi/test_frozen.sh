#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Plugins built with the headers of earlier ABI versions load in today's tkit, keep to today's
# contract and work together.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=../lib/lib.sh
. "$here/../lib/lib.sh"

printf '/etc/passwd\n/etc/hosts\n' >"$work/list"
for frozen in "$here"/frozen/[0-9]*; do
	version=${frozen##*/}
	mkdir -p "$work/$version/plugins.d"
	for kind in backend sink reporter; do
		module=$build/tests/plugins/frozen-$version/$kind-tkitnew.so
		printf 'plugin: {kind: %s, name: tkitnew, module: %s}\n' $kind "$module" >"$work/$version/plugins.d/90-$kind.yaml"
		export TKIT_PLUGINS_D=$work/$version/plugins.d
		check "$version: $kind loads" bash -c "'$tkit' plugin list | grep '^$kind *tkitnew ' | grep -v 'not usable'"
		check "$version: $kind keeps to the contract" "$tkit" plugin check "$module"
	done
	check "$version: backend and sink" "$tkit" run --backend tkitnew,file="$work/list" --sink tkitnew -o "$work/text"
	check "$version: the sink has got all" test "$(grep -c /etc/ "$work/text")" = 2
	"$tkit" run --backend tkitnew,file="$work/list" -o "$work/trace.tkit"
	check "$version: reporter" bash -c "'$tkit' report --reporter tkitnew '$work/trace.tkit' | grep -q '1  /etc/hosts'"
done
done_testing
