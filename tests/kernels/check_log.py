#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Judges the console log of a test guest: check_log.py SERIES LOG ALLOWED_SKIPS TEST...

Prints what failed and one line of summary. Exit status 1 if a test failed or did not run, or if a
workload was skipped for a reason that is not on the list (as kernels-SERIES/TEST/WORKLOAD).
"""

import fnmatch
import re
import sys

TROUBLE = re.compile(r"FAIL|panic|Call Trace|^tkit: error|qemu ended")


def read(path):
    with open(path, encoding="utf-8", errors="replace") as file:
        return [line.rstrip("\r\n") for line in file]


def main():
    series, log, allowed, *tests = sys.argv[1:]
    lines = read(log)
    listed = [line for line in read(allowed) if line and not line.startswith("#")]
    results, bad, skips, done = {}, [], 0, []
    for line in lines:
        if m := re.match(r"RESULT (\S+) (\d+)$", line):
            results[m[1]] = m[2]
            done = [(m[1], *s) for s in done if len(s) == 2] + [s for s in done if len(s) == 3]
        elif m := re.match(r"([a-z0-9_]+) +skip +(.*)", line):
            done.append((m[1], m[2]))
    for test, workload, reason in (s for s in done if len(s) == 3):
        skips += 1
        name = f"kernels-{series}/{test.replace('-', '.', 1)}/{workload}: {reason}"
        if not any(fnmatch.fnmatch(name, pattern) for pattern in listed):
            bad.append(f"skipped, and not on the list: {name}")
    bad += [f"test {t}: {'failed' if t in results else 'did not run'}"
            for t in tests if results.get(t) != "0"]
    version = next((m[1] for line in lines if (m := re.search(r"KERNEL (\S+)", line))), "did not boot")
    if any(b.startswith("test") for b in bad):
        shown = 0
        for at, line in enumerate(lines):
            if TROUBLE.search(line) and shown < 15:
                print("\n".join("    " + text for text in lines[at:at + 4]))
                shown += 1
    for line in bad:
        print(f"    {line}")
    uptime = next((m[1] for line in lines if (m := re.match(r"UPTIME (\d+)", line))), "?")
    print(f"kernel {series} ({version}): {'FAILED' if bad else 'ok'}, {uptime} s, {skips} skipped: "
          f"{' '.join(tests)}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
