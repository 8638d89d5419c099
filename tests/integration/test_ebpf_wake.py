#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""ebpf into a file: the ring is read now and then only, but at once where tkit has to look at files that
may soon be gone: names through links of /proc, and scripts whose interpreter is a script.
"""

import os
import sys

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path.insert(0, os.path.join(TOP, "tests", "lib"))
from tkittest import TempDir, TestError, Tkit, accesses, run_main, skip  # noqa: E402

ROUNDS = 16
ENOUGH = 10  # a reader that comes every 50 ms finds a fifth of them
TRACED = r"""
import os, subprocess, sys, time
os.chdir(sys.argv[1])
os.mkdir("d")
fd = os.open("d", os.O_RDONLY)
def script(name, interpreter):
    with open(name, "w") as f:
        f.write(f"#!{interpreter}\n")
    os.chmod(name, 0o755)
for i in range(int(sys.argv[2])):
    os.close(os.open(f"d/x{i}", os.O_CREAT | os.O_WRONLY))
    script(f"inner{i}", "/bin/true")
    script(f"outer{i}", os.path.abspath(f"inner{i}"))
    time.sleep(0.3 + 0.009 * (i % 7)) # until it looks rarely again
    os.stat(f"/proc/self/fd/{fd}/x{i}")
    time.sleep(0.008)
    os.unlink(f"d/x{i}")
    time.sleep(0.3 + 0.009 * (i % 7))
    subprocess.run([f"./outer{i}"])
    time.sleep(0.005)
    os.unlink(f"inner{i}")
"""


def main():
    if os.geteuid():
        skip("needs root")
    tkit = Tkit(os.environ.get("TKIT_BUILD", os.path.join(TOP, "build", "dev")))
    tkit.backend("ebpf")
    with TempDir() as work:
        _, events = tkit.trace("ebpf", [sys.executable, "-S", "-c", TRACED, work, str(ROUNDS)],
                               os.path.join(work, "trace.tkit"))
        told = accesses(events)
        place = work.encode()
        names = {a.resolved for a in told if a.op == "stat" and a.path.startswith(b"/proc/self/fd/") and a.resolved}
        inner = {a.path for a in told if a.op == "interp" and a.path.startswith(place + b"/inner")}
        last = [a for a in told if a.op == "interp" and a.path == b"/bin/true"]
    print(f"{len(names)} names through links, {len(inner)} inner interpreters, {len(last)} last ones of {ROUNDS}")
    if len(names) < ENOUGH or len(inner) < ENOUGH or len(last) < ENOUGH:
        raise TestError("the reader was too late")
    return 0


if __name__ == "__main__":
    run_main(main)
