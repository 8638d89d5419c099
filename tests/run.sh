#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# All tests, in stages: gcc, AddressSanitizer, clang with ThreadSanitizer, lint, kernels; or with a pattern,
# only the tests of the gcc build whose names match. usage: tests/run.sh [PATTERN]
#
# Tests wait for half of their time or more (for the kernel to take BPF programs away, for time limits,
# for each other), so there are two for each processor at a time, and other kernels, which
# compute without a pause, are emulated meanwhile, one for every two processors at a time.
#
# Needs no terminal and no input. Prints the time of each stage, and last
# `N passed, N failed, N skipped`; exit status 0 only if nothing failed. A skip that
# tests/allowed_skips.txt does not list is a failure.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
exec </dev/null
export LC_ALL=C.UTF-8 CTEST_OUTPUT_ON_FAILURE=1
unset TKIT_PLUGINS_D

jobs=$(nproc)
slots=$((2 * jobs)) # tests at a time
pattern=${1:-}
failed=() results=()
logs=build/test-logs
mkdir -p $logs
begin=$SECONDS

# stage NAME CMD...: runs CMD, its output in a log that is shown if it fails.
stage() {
	local name=$1 start=$SECONDS status=0
	shift
	"$@" >"$logs/$name.log" 2>&1 || status=$?
	report "$name" $status $((SECONDS - start))
}

# The same in the background: begin_stage NAME CMD..., end_stage NAME. In a session of its own, so that all
# of it is ended when this script is.
declare -A running=()
begin_stage() {
	local name=$1
	shift
	setsid "$BASH" -c 'status=0; "$@" || status=$?; echo $SECONDS >"$0"; exit $status' "$logs/$name.seconds" "$@" \
		>"$logs/$name.log" 2>&1 &
	running[$name]=$!
}

end_stage() {
	local name=$1 status=0
	wait "${running[$name]}" || status=$?
	unset "running[$name]"
	report "$name" $status "$(cat "$logs/$name.seconds")"
}

end_running() {
	local pid
	for pid in "${running[@]}"; do kill -- "-$pid" 2>/dev/null; done
}
trap end_running EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

report() { # NAME STATUS SECONDS
	printf '%-14s %4d s  %s\n' "$1" "$3" "$([ "$2" -eq 0 ] && echo ok || echo FAILED)"
	if [ "$2" -ne 0 ]; then
		failed+=("$1")
		show_log "$logs/$1.log"
	fi
	return "$2"
}

# The telling lines of a log: errors first, else its end.
show_log() {
	local lines
	lines=
	[[ $1 == */kernels.log ]] || lines=$(grep -E -A4 '(error|FAILED|Error|lint):' "$1" | head -60)
	[ -n "$lines" ] || lines=$(tail -40 "$1")
	printf '%s\n' "$lines" | sed 's/^/    /'
}

build() { # PRESET [TARGET...]
	local preset=$1
	shift
	[ -f "build/$preset/build.ninja" ] || cmake --preset "$preset" || return
	cmake --build "build/$preset" -j "$jobs" ${1:+--target} "$@" -- -k 0
}

# run PRESET PATTERN [COMMAND...]: the tests; failures are counted from the results.
run() {
	local preset=$1 pattern=$2 start=$SECONDS status=0
	shift 2
	rm -f "build/$preset/junit.xml"
	"$@" ctest --test-dir "build/$preset" -R "$pattern" -j "$slots" --output-on-failure --no-tests=error \
		--repeat until-pass:2 \
		--output-junit junit.xml --test-output-size-passed 200000 --test-output-size-failed 400000 \
		>"$logs/$preset-tests.log" 2>&1 || status=$?
	printf '%-14s %4d s  %s\n' "$preset tests" $((SECONDS - start)) "$([ $status -eq 0 ] && echo ok || echo FAILED)"
	[ $status -eq 0 ] || sed -nE '/Test +#[0-9]+: .*(\*\*\*|Exception)/,/^ *Start/p' "$logs/$preset-tests.log" |
		grep -v '^ *Start' | tail -150 | sed 's/^/    /'
	# A second try keeps a busy machine from failing a run; that it was needed is told.
	[ $status -ne 0 ] || grep -E '\*\*\*(Failed|Timeout|Exception)' "$logs/$preset-tests.log" |
		sed 's/^ */    needed a second try: /'
	results+=("$preset=build/$preset/junit.xml")
}

finish() {
	local args=() name
	for name in ${failed[@]+"${failed[@]}"}; do args+=(--failed "$name"); done
	printf 'total          %4d s\n' $((SECONDS - begin))
	exec python3 tests/lib/summary.py --allowed tests/allowed_skips.txt ${args[@]+"${args[@]}"} \
		${results[@]+"${results[@]}"}
}

main() { # read as a whole, so that editing this file does not disturb a run
	./dev deps || { failed+=("dependencies"); finish; }
	if [ -n "$pattern" ]; then
		stage "gcc" build dev && run dev "$pattern"
		finish
	fi

	# Root file systems for the end-to-end tests come over the network: in the background.
	tests/e2e/prepare.sh >$logs/prepare.log 2>&1 &
	prepare=$!
	stage "gcc" build dev
	have_dev=$?
	[ $have_dev -ne 0 ] || begin_stage "kernels" env TKIT_KERNEL_JOBS=$(((jobs + 1) / 2)) tests/kernels/run.sh
	if stage "asan" build asan; then
		run asan '^(unit|integration|fuzz)\.'
	fi
	# Threads: the bus, the session, the sinks and backends that they drive, and reading ahead.
	threaded=$(find tests/unit -name 'test_bus*.c' -o -name 'test_session*.c' -o -name 'test_queue*.c' -o \
		-name 'test_trace_ahead.c' |
		sed 's|.*/||; s|\.c$||')
	# The preset is also clang's build of everything: warnings are errors in it, too.
	if stage "clang-tsan" build tsan; then
		# Without address randomisation: TSan of this age does not know the kernel's widest.
		run tsan "^unit\.($(paste -sd'|' <<<"$threaded"))$" setarch -R
	fi
	if ! wait $prepare; then
		echo "preparing root file systems failed; the tests tell:"
		sed 's/^/    /' $logs/prepare.log
	fi
	if [ $have_dev -eq 0 ]; then
		run dev .
		stage "lint" tests/lint.sh
		end_stage "kernels"
		cat "$logs/kernels.log"
	fi
	finish
}

main
