#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Is what seccomp_notify keeps of threads from call to call still true at each call?

notify_kept.c makes calls whose names say what must be told with them: the thread's name, program, process,
what the name starts from. Names, programs, numbers and directories change meanwhile in all ways that there are.
"""

import os
import shutil
import subprocess
import sys

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path.insert(0, os.path.join(TOP, "tests", "lib"))
from tkittest import TempDir, TestError, Tkit, access, run_main, skip  # noqa: E402

CANNOT = 77
LOG = 9
failures = 0


def complain(mode, text):
    global failures
    failures += 1
    if failures < 20:
        print(f"FAIL: {mode}: {text}")


def fields(name):
    return dict(f.split("=", 1) for f in name.lstrip("/")[1:].split("@"))


def compare(mode, event):
    """Holds one event to what its name says."""
    said, told = fields(event.path.decode()), event.raw
    got = {"comm": told.get("comm", ""), "exe": os.path.basename(told.get("exe", "?")),
           "pid": str(event.pid), "tid": str(event.tid)}
    if "base" in said:
        got["base"] = os.path.basename((event.base or b"?").decode()) if said["base"] else ""
    if "root" in said:
        absolute = (event.abs or b"").decode()
        got["root"] = absolute[:-len(event.path)].replace("/", "!") if absolute else "?"
    for key, value in got.items():
        if said[key] != value:
            complain(mode, f"{key} is {value}, not {said[key]}: {event.path.decode()}")


class Run:
    """One mode, traced, in a directory of its own."""

    def __init__(self, tkit, work, mode, args=(), wrap=(), inside=".", **kw):
        self.tkit, self.mode = tkit, mode
        self.dir = os.path.join(work, mode)
        os.mkdir(self.dir)
        os.chmod(self.dir, 0o777)
        for name in ("one", "two"):
            shutil.copy(os.path.join(work, "notify_kept"), os.path.join(self.dir, name))
        self.log = os.open(os.path.join(self.dir, "log"), os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
        os.dup2(self.log, LOG)
        self.trace = os.path.join(self.dir, "t.tkit")
        argv = list(wrap) + [tkit.path, "run", "-q", "--backend", "seccomp_notify", "-o", self.trace, "--",
                             "./one", mode] + list(args)
        self.process = subprocess.Popen(argv, cwd=os.path.join(self.dir, inside), pass_fds=[LOG], **kw)

    def finish(self, least):
        """Compares. False if the mode cannot be run here."""
        try:
            status = self.process.wait(timeout=120)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise TestError(f"{self.mode}: does not end")
        if status == CANNOT:
            print(f"{self.mode}: cannot be done here")
            return False
        if status:
            raise TestError(f"{self.mode}: ended with {status}")
        events = self.tkit.dump(self.trace)
        told = [access(e) for e in events if "@" in e.get("path", "")]
        for e in events:
            if e.get("type") == "loss":
                complain(self.mode, f"a loss: {e}")
        for event in told:
            compare(self.mode, event)
        os.lseek(self.log, 0, os.SEEK_SET)
        with os.fdopen(self.log, encoding="ascii") as f:
            made = f.read().splitlines()
        missing = set(made) - {e.path.decode() for e in told}
        for name in sorted(missing)[:3]:
            complain(self.mode, f"is not told: {name}")
        if len(made) < least:
            complain(self.mode, f"made {len(made)} calls, not {least}")
        print(f"{self.mode}: {len(made)} calls, {len(told)} told")
        return True


def moved_directory(tkit, work):
    """Somebody else renames the working directory between calls."""
    names = ["a", "b", "c_d"]
    run = Run(tkit, work, "cwd", stdin=subprocess.PIPE, stdout=subprocess.PIPE, wrap=[
        "sh", "-c", 'mkdir a && exec "$@"', "sh"])
    for i, name in enumerate(names):
        if i:
            os.rename(os.path.join(run.dir, names[i - 1]), os.path.join(run.dir, name))
        for _ in range(2):
            run.process.stdin.write(name.encode() + b"\n")
            run.process.stdin.flush()
            if run.process.stdout.read(1) != b"x":
                raise TestError("cwd: no answer")
    run.process.stdin.close()
    run.finish(6)


def foreign_root(tkit, work):
    """A traced process enters the mount namespace of one that is not, and so gets another root."""
    target = os.path.join(work, "elsewhere")
    os.mkdir(target)
    other = subprocess.Popen([os.path.join(work, "notify_kept"), "other-root", target],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        if other.stdout.read(1) != b"x":
            print("enters: no mount namespaces here")
            return
        Run(tkit, work, "enters", [str(other.pid)]).finish(4)
    finally:
        other.stdin.close()
        other.wait()


def main():
    tkit = Tkit(os.environ.get("TKIT_BUILD", os.path.join(TOP, "build", "dev")))
    tkit.backend("seccomp_notify")
    if not shutil.which("cc"):
        skip("no C compiler")
    with TempDir() as work:
        subprocess.run(["cc", "-D_GNU_SOURCE", "-O1", "-w", "-pthread", "-o", os.path.join(work, "notify_kept"),
                        os.path.join(TOP, "tests/integration/notify_kept.c")], check=True)
        Run(tkit, work, "names").finish(9)
        Run(tkit, work, "crowd").finish(900)
        Run(tkit, work, "execs", ["20"]).finish(60)
        Run(tkit, work, "thread-execs", ["40"]).finish(120)
        moved_directory(tkit, work)
        if os.geteuid() == 0:
            Run(tkit, work, "reuse").finish(120)
            Run(tkit, work, "chroot").finish(8)
            foreign_root(tkit, work)
            few(tkit, work)
    sys.exit(1 if failures else 0)


def few(tkit, work):
    """tkit has fewer descriptors than there are threads."""
    if not shutil.which("prlimit") or not shutil.which("setpriv"):
        return
    for limit in (60, 61, 62):
        place = os.path.join(work, str(limit))
        os.mkdir(place)
        shutil.copy(os.path.join(work, "notify_kept"), place)
        Run(tkit, place, "crowd", wrap=["prlimit", f"--nofile={limit}:{limit}", "setpriv", "--reuid=65534",
                                        "--clear-groups"]).finish(900)


if __name__ == "__main__":
    run_main(main)
