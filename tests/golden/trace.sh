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

# The readers in the documentation, against tkit's own.
awk -v dir="$tmp" '
	/^```python$/ { file = dir "/" (n++ ? "events.py" : "paths.py"); next }
	/^```$/ { file = "" }
	file { print >file }' "$here/../../docs/FILE_FORMAT.md"
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
# The one with generated code, with whatever Python has protobuf.
protoc --proto_path="$here/../../proto" --python_out="$tmp" tkit.proto
python=$(for p in python3 /usr/bin/python3; do
	"$p" -c 'import google.protobuf' 2>/dev/null && echo "$p" && break
done) || { echo "FAIL: no python3-protobuf"; exit 1; }
for sample in "$here"/v*.tkit; do
	"$python" "$tmp/paths.py" "$sample" >"$tmp/got" || failed=1
	"$tkit" dump "$sample" | python3 -c '
import base64, json, os, sys
for event in map(json.loads, sys.stdin):
    path = event.get("detail", event.get("path"))
    if "path_raw" in event:
        path = os.fsdecode(base64.b64decode(event["path_raw"]))
    if path is not None:
        print(os.strerror(event.get("errno", 0)), path, sep="\t")' >"$tmp/want"
	if ! [ -s "$tmp/want" ] || ! diff -u "$tmp/want" "$tmp/got"; then
		echo "FAIL: the short example of docs/FILE_FORMAT.md on ${sample##*/}"
		failed=1
	fi
done
[ $failed = 0 ] && echo "samples and documentation agree"
exit $failed
