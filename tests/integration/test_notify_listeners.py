#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""seccomp_notify with more listeners at once than one would think of: each of their processes is answered and told.

Plays an OCI runtime for 300 processes, each with a filter and a listener of its own.
"""

import ctypes
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import time

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path.insert(0, os.path.join(TOP, "tests", "lib"))
from tkittest import TempDir, TestError, Tkit, accesses, run_main, skip  # noqa: E402

COUNT = 300
NUMBERS = {"x86_64": (317, 257, 59, 0xC000003E), "aarch64": (277, 56, 221, 0xC00000B7)}
LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, NOTIFY = 0x7FFF0000, 0x7FC00000
libc = ctypes.CDLL(None, use_errno=True)


def filter_of(openat, execve, arch):
    code = [(LOAD, 0, 0, 4), (EQUAL, 0, 3, arch), (LOAD, 0, 0, 0), (EQUAL, 2, 0, openat), (EQUAL, 1, 0, execve),
            (RETURN, 0, 0, ALLOW), (RETURN, 0, 0, NOTIFY)]
    return b"".join(struct.pack("=HBBI", *one) for one in code), len(code)


def become(number, place, go, hold, out):
    """A process of a container: hands its listener over, executes when all are there, and lives as long as `hold`."""
    seccomp, openat, execve, arch = NUMBERS[os.uname().machine]
    code, count = filter_of(openat, execve, arch)
    text = ctypes.create_string_buffer(code)
    program = ctypes.create_string_buffer(struct.pack("HxxxxxxP", count, ctypes.addressof(text)))
    with socket.socket(socket.AF_UNIX) as peer:
        peer.connect(place)
        libc.prctl(38, 1, 0, 0, 0)  # no new privileges
        listener = libc.syscall(seccomp, 1, 8, program)
        if listener < 0:
            os._exit(3)
        socket.send_fds(peer, [b"{}"], [listener])
        peer.recv(1)  # until tkit has it
    os.close(listener)
    os.read(go, 1)
    os.dup2(hold, 0)
    os.dup2(out, 1)
    os.execv("/bin/cat", ["cat", f"marker-{number}", "-"])


def await_bytes(fd, count):
    """False if they do not come within a minute."""
    until = time.monotonic() + 60
    while count > 0:
        if not select.select([fd], [], [], max(0, until - time.monotonic()))[0]:
            return False
        count -= len(os.read(fd, count))
    return True


def main():
    tkit = Tkit(os.environ.get("TKIT_BUILD", os.path.join(TOP, "build", "dev")))
    tkit.backend("seccomp_notify")
    if os.uname().machine not in NUMBERS:
        skip("no system call numbers for this machine")
    with TempDir() as work:
        place, trace = os.path.join(work, "socket"), os.path.join(work, "t.tkit")
        os.chdir(work)
        for i in range(COUNT):
            with open(f"marker-{i}", "w", encoding="ascii") as f:
                f.write("x")
        tracer = subprocess.Popen([tkit.path, "run", "-q", "--backend", f"seccomp_notify,listen={place}",
                                   "-o", trace], stdin=subprocess.DEVNULL)
        for _ in range(200):
            if os.path.exists(place):
                break
            time.sleep(0.05)
        go, start = os.pipe()
        hold, end = os.pipe()
        answers, out = os.pipe()
        children = []
        for i in range(COUNT):
            pid = os.fork()
            if not pid:
                try:
                    os.close(start)
                    os.close(end)
                    become(i, place, go, hold, out)
                finally:
                    os._exit(4)
            children.append(pid)
        os.write(start, b"x" * COUNT)
        all_served = await_bytes(answers, COUNT)
        os.close(end)
        if not all_served:
            for pid in children:
                os.kill(pid, signal.SIGKILL)
        status = [os.waitpid(pid, 0)[1] for pid in children]
        if any(status):
            raise TestError(f"{sum(map(bool, status))} of {COUNT} processes failed")
        if tracer.wait(timeout=60):
            raise TestError(f"tkit ended with {tracer.returncode}")
        events = tkit.dump(trace)
        told = [e for e in accesses(events) if e.path and e.path.startswith(b"marker-")]
        losses = [e for e in events if e.get("type") == "loss"]
        print(f"{len(told)} of {COUNT} told, {len(losses)} losses")
        if len({e.path for e in told}) != COUNT or losses:
            raise TestError("not all is there")
        wrong = [e.abs for e in told if e.abs != os.path.join(work.encode(), e.path) or e.raw.get("comm") != "cat"]
        if wrong:
            raise TestError(f"{len(wrong)} are wrong: {wrong[0]}")


if __name__ == "__main__":
    run_main(main)
