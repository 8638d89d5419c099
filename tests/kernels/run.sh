#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Boots other kernels in QEMU (software emulation) and runs tests there:
# run.sh [--all] [SERIES]...   (default: 5.10 6.1 6.12)
# On each kernel: the ebpf backend loads all that it can use there, conformance, exact losses. On
# one, also containers of runc's where there is nothing but cgroup v2, and conformance with paths that are
# walked to, and under fanotify and ptrace; with --all, that and the comparison of backends on each. For each kernel prints what failed, then one line; exit
# status 1 if anything did.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.."
build=${TKIT_BUILD:-build/dev}
cache=build/cache/kernels
all=
if [ "${1:-}" = --all ]; then
	all=1
	shift
fi
[ $# -gt 0 ] || set -- 5.10 6.1 6.12

tests_for() { # SERIES
	local more=,conformance-ebpf-walk,conformance-ptrace,conformance-fanotify
	if [ -n "${TKIT_KERNEL_TESTS:-}" ]; then
		printf '%s\n' "$TKIT_KERNEL_TESTS"
	elif [ -n "$all" ]; then
		printf 'load,loss,container,conformance-ebpf%s,cross\n' "$more"
	elif [ "$1" = 6.1 ]; then
		printf 'load,loss,container,conformance-ebpf%s\n' "$more"
	else
		printf 'load,loss,conformance-ebpf\n'
	fi
}

# One emulation thread: with several, QEMU can execute the breakpoint of a code patch (tracepoints
# are patched in) after the patch is complete, which the guest takes for a fatal int3.
boot() { # SERIES
	timeout "${TKIT_KERNEL_TIMEOUT:-1200}" qemu-system-x86_64 -machine q35 -accel tcg,thread=single \
		-cpu max -smp 2 -m 1536 -nographic -nodefaults -serial stdio -no-reboot \
		-kernel "$cache/$1/vmlinuz" -initrd "$cache/guest.cpio" \
		-append "console=ttyS0 quiet panic=-1 mitigations=off nokaslr tkit.tests=$(tests_for "$1")" \
		</dev/null >"$cache/$1.log" 2>&1 || echo "qemu ended with $?" >>"$cache/$1.log"
}

"$here/fetch.sh" "$cache" "$@"
"$here/guest.sh" "$build" "$cache/guest.cpio"
# As many guests at one time as there are processors; the longest first.
jobs=${TKIT_KERNEL_JOBS:-$(nproc)}
for series in $(printf '%s\n' "$@" | sed 's/^6\.1$/0 &/' | sort | sed 's/^0 //'); do
	while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do wait -n; done
	boot "$series" &
done
wait
status=0
for series in "$@"; do
	IFS=, read -ra tests <<<"$(tests_for "$series")"
	python3 "$here/check_log.py" "$series" "$cache/$series.log" tests/allowed_skips.txt "${tests[@]}" || status=1
done
exit $status
