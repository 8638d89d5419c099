#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Samples of every released trace format stay readable, and docs/FILE_FORMAT.md tells the truth.
# TKIT_UPDATE_GOLDEN=1 writes the expected output anew.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
tkit=${TKIT_BUILD:-$here/../../build/dev}/tkit
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
failed=0

for sample in "$here"/v*.tkit; do
	want=${sample%.tkit}.jsonl
	"$tkit" dump --header "$sample" >"$tmp/got" 2>"$tmp/err"
	[ "${TKIT_UPDATE_GOLDEN:-}" != 1 ] || cp "$tmp/got" "$want"
	if ! diff -u "$want" "$tmp/got" || [ -s "$tmp/err" ]; then
		cat "$tmp/err"
		echo "FAIL: ${sample##*/} reads otherwise than before"
		failed=1
	fi
done

# The reader in the documentation, against tkit's own.
# shellcheck disable=SC2016
sed -n '/^```python$/,/^```$/p' "$here/../../docs/FILE_FORMAT.md" | sed '1d;$d' >"$tmp/events.py"
for sample in "$here"/v*.tkit; do
	if ! zstd -dc "$sample" | python3 "$tmp/events.py" >"$tmp/got"; then
		echo "FAIL: the example of docs/FILE_FORMAT.md fails on ${sample##*/}"
		failed=1
	fi
	"$tkit" dump --header "$sample" >"$tmp/want"
	python3 - "$tmp/want" "$tmp/got" <<'PY' || failed=1
import json, sys

want, zero = [], 0
for line in open(sys.argv[1]):
    event = json.loads(line)
    if event["type"] == "run":
        zero = event["armed_monotonic_ns"]
    elif event["type"] != "end":
        event["time"] = event["ts"] + zero
        event["path"] = event.get("detail", event.get("path"))
        want.append({k: event[k] for k in ("time", "path", "resolved", "errno")
                     if event.get(k) is not None})
got = [json.loads(line) for line in open(sys.argv[2])]
if not want or want != got:
    for a, b in zip(want, got):
        if a != b:
            print("tkit dump:", a, "\nexample:  ", b)
            break
    sys.exit(f"FAIL: the example of docs/FILE_FORMAT.md: {len(got)} events, tkit dump: {len(want)}")
PY
done
[ $failed = 0 ] && echo "samples and documentation agree"
exit $failed
