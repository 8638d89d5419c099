#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Boots other kernels in QEMU (software emulation) and runs the conformance tests there:
# run.sh [SERIES]...   (default: 5.10 6.1 6.12)
# For each kernel prints what failed, then one line; exit status 1 if anything did.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
build=${TKIT_BUILD:-build/dev}
cache=build/cache/kernels
tests=${TKIT_KERNEL_TESTS:-conformance-ebpf,conformance-ptrace,conformance-fanotify,cross}
[ $# -gt 0 ] || set -- 5.10 6.1 6.12

"$here/fetch.sh" "$cache" "$@"
"$here/guest.sh" "$build" "$cache/guest.gz"

# One emulation thread: with several, QEMU can execute the breakpoint of a code patch (tracepoints
# are patched in) after the patch is complete, which the guest takes for a fatal int3.
boot() { # SERIES LOG
	timeout "${TKIT_KERNEL_TIMEOUT:-900}" qemu-system-x86_64 -machine q35 -accel tcg,thread=single \
		-cpu max -smp 2 -m 1536 -nographic -nodefaults -serial stdio -no-reboot \
		-kernel "$cache/$1/vmlinuz" -initrd "$cache/guest.gz" \
		-append "console=ttyS0 quiet panic=-1 mitigations=off nokaslr tkit.tests=$tests" \
		</dev/null >"$2" 2>&1
}

status=0
for series in "$@"; do
	log=$cache/$series.log
	start=$SECONDS
	boot "$series" "$log" || echo "qemu ended with $?" >>"$log"
	# The serial console ends lines with CR LF.
	sed -i 's/\r$//' "$log"
	failed=()
	for test in ${tests//,/ }; do
		grep -qx "RESULT $test 0" "$log" || failed+=("$test")
	done
	version=$(sed -n 's/.*KERNEL //p' "$log" | head -1)
	if [ ${#failed[@]} -gt 0 ]; then
		status=1
		grep -E -A3 '^[a-z0-9_]+ +FAIL|panic|Call Trace|^tkit: error' "$log" | head -60
		echo "kernel $series (${version:-did not boot}): FAILED: ${failed[*]}; see $log"
	else
		echo "kernel $series ($version): ok, $((SECONDS - start)) s: ${tests//,/ }"
	fi
done
exit $status
