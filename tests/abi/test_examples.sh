#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# examples/: each builds out of the tree against an installed tkit, passes `tkit plugin check`,
# and does what it says.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=../lib/lib.sh
. "$here/../lib/lib.sh"
# shellcheck source=installed.sh
. "$here/installed.sh"
need make cc g++ pkg-config python3
need_backend ptrace
cp -r "$(find "$prefix" -type d -name examples)" "$work/examples"
cd "$work/examples"
for name in inotify csv timeline folders; do
	check "$name builds without a warning" make -s -C $name CFLAGS="-O2 -Wall -Wextra -Wno-unused-parameter -Werror" CXXFLAGS="-O2 -Wall -Wextra -Werror"
	check "$name passes the check" make -s -C $name check
	export TKIT_PLUGINS_D=${TKIT_PLUGINS_D:+$TKIT_PLUGINS_D:}$PWD/$name/plugins.d
done
check "they are listed" bash -c "tkit plugin list | grep -cE ' (inotify|csv|timeline|folders) ' | grep -qx 4"

# A trace made with the ready descriptor: nothing is opened before inotify is armed.
mkdir -p "$work/watched/sub"
# Three files: inotify makes one event of equal ones that nobody has read yet.
echo hello | tee "$work/watched/one" "$work/watched/two" >"$work/watched/three" && ln -s two "$work/watched/link"
mkfifo "$work/ready"
tkit run --all --no-snapshot --duration 2s --backend inotify,dir="$work/watched" --ready-fd 3 \
	--sink file -o "$work/trace.tkit" 3>"$work/ready" &
head -c 1 "$work/ready" >/dev/null
cat "$work/watched/one" "$work/watched/link" "$work/watched/sub/../three" >/dev/null
run_status=0
wait $! || run_status=$?
check "inotify: the run" test $run_status = 0
tkit dump "$work/trace.tkit" >"$work/dump"
check "inotify: three opens of the real files" test "$(grep -cE "\"resolved\":\"$work/watched/(one|two|three)\"" "$work/dump")" = 3
check "inotify: nothing else" test "$(grep -c '"op":"open"' "$work/dump")" = 3
check "inotify: reported" bash -c "tkit report '$work/trace.tkit' | grep -q '$work/watched/two'"
check "inotify: a directory that is not there" bash -c "tkit run --all --no-snapshot --duration 1s --backend inotify,dir=$work/none -o '$work/x.tkit' 2>&1 | grep 'opening $work/none: No such file'"

check "inotify: a hundred lines or so" test "$(wc -l <inotify/inotify.c)" -le 120
cat >"$work/moves.sh" <<'EOF'
head -c 1 ready >/dev/null # armed
cat watched/one && mv watched gone
EOF
moved() { # what happens there after it is unseen, and that is told
	local status=0
	tkit run --all --no-snapshot --duration 2s --backend inotify,dir=watched --ready-fd 3 \
		-o moved.tkit 3>ready &
	sh moves.sh && wait $! || status=$?
	mv gone watched
	[ $status = 0 ] && tkit dump moved.tkit | grep -q '"reason":"unseen"' &&
		tkit report moved.tkit 2>/dev/null | head -1 | grep -i incomplete
}
cd "$work"
check "inotify: a directory that is moved is a loss" moved
cd examples
check "inotify: the root directory" bash -c "tkit run --all --no-snapshot --duration 500ms --backend inotify,dir=/ -o '$work/root.tkit' &&
	! tkit dump '$work/root.tkit' | grep '\"resolved\":\"//'"

check "csv: the run" tkit run --backend null,count=2000,lose=3 --sink csv,rotate=20K,keep=2 -o "$work/out.csv"
check "csv: three files, each as large as it may be" bash -c "ls '$work'/out.csv* | wc -l | grep -qx 3 && [ -z \"\$(find '$work' -name 'out.csv*' -size +24k)\" ]"
check "csv: it is CSV" python3 - "$work/out.csv" <<'PY'
import csv, sys
rows = list(csv.DictReader(open(sys.argv[1], newline="")))
assert rows and all(len(r) == 6 for r in rows)
assert [r["count"] for r in rows if r["op"] == "lost:injected"] == ["3"], rows[-3:]
assert {r["errno"] for r in rows if r["op"] == "open"} <= {"0", "2"}
PY
check "csv: bad place" bash -c "tkit run --backend null,count=1 --sink csv -o $work/none/x 2>&1 | grep -q 'opening $work/none/x: No such file'"

run_status=0
tkit run --backend ptrace --sink file -o "$work/cat.tkit" -- \
	cat "$work/watched/link" /etc/passwd "$work/missing" >/dev/null 2>&1 || run_status=$?
check "cat ends as it does for a missing file" test $run_status = 1
tkit report --reporter timeline "$work/cat.tkit" >"$work/timeline"
check "timeline: in order" bash -c "grep -nE 'watched/two|/etc/passwd' '$work/timeline' | sed 's/:.*  / /' | sort -n | awk '{print \$2}' | paste -sd' ' | grep -qx '$work/watched/two /etc/passwd'"
check "timeline: once each, no failure" bash -c "[ -z \"\$(awk '{print \$3}' '$work/timeline' | grep . | sort | uniq -d)\" ] && ! grep missing '$work/timeline'"
check "timeline: a part of the run" bash -c "[ \$(tkit report --reporter timeline,until=1ns '$work/cat.tkit' | wc -l) -le 1 ]"
check "folders: C++" bash -c "tkit report --reporter folders,depth=1 '$work/cat.tkit' | grep -qE '^ +[0-9]+  /etc\$'"
done_testing
