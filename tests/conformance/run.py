#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the conformance workloads under a backend and compares the trace with what they say.

  run.py [--build DIR] --backend NAME [WORKLOAD...]    every workload under one backend
  run.py [--build DIR] --cross NAME NAME [WORKLOAD...] the same facts under both?

Checked for each workload: each expected access is in the trace (as far as the backend's
capability bits say that it can see it), nothing below the workload's directory is in the trace
that did not happen, no loss was counted. Exit status: 0, 1 (failures), 77 (cannot run here).
"""

import argparse
import errno as errno_names
import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
from tkittest import SKIP, TempDir, TestError, Tkit, accesses, show  # noqa: E402

# The capability that it takes to see an operation; everything else is a change.
NEEDS = {"open": "OPEN", "exec": "EXEC", "interp": "INTERP", "list": "LIST", "read": "READ"}
NEEDS.update(dict.fromkeys(
    ("stat", "access", "readlink", "statfs", "getxattr", "listxattr", "chdir", "chroot", "watch",
     "handle"), "METADATA"))
NEEDS.update(dict.fromkeys(("connect", "sendto"), "SOCKET"))
OPTIONAL = object()
STRICT = False  # --resolved


# Opening and executing look alike to a backend that sees files and not calls.
FILE_USED = {"open", "exec", "interp", "read"}


def same_op(expected, op, caps):
    return expected == op or ("REQUESTED" not in caps and {expected, op} <= FILE_USED)


class Expected:
    """One line that a workload printed."""

    def __init__(self, obj):
        def path(key):
            value = obj.get(key, OPTIONAL)
            return value.encode("latin-1") if isinstance(value, str) else value

        self.op, self.errno = obj["op"], obj["errno"]
        self.abs, self.requested, self.resolved = path("abs"), path("requested"), path("resolved")
        self.created = obj.get("created")
        self.prefix, self.thread = obj.get("prefix", False), obj.get("thread", False)
        self.maybe, self.times = obj.get("maybe", False), obj.get("times")
        self.needs = set(obj.get("needs", "").split())
        self.needs.add(NEEDS.get(self.op, "CHANGES"))
        if self.errno:
            self.needs.add("FAILED")

    def visible(self, caps):
        return self.needs <= caps

    def matches(self, a, caps):
        """Is this access what was announced? Fields that the backend cannot see do not count."""
        if not same_op(self.op, a.op, caps) or (a.errno or 0) != self.errno:
            return False
        if "REQUESTED" in caps:
            if self.requested is not OPTIONAL and a.path != self.requested and not (
                    self.prefix and a.path is not None and self.requested.startswith(a.path)):
                return False
            if self.abs is None and a.abs is not None:
                return False
            if isinstance(self.abs, bytes) and not self.same_abs(a.abs):
                return False
        elif isinstance(self.resolved, bytes):
            if self.resolved not in (a.abs, a.resolved):
                return False
        elif isinstance(self.abs, bytes) and self.abs not in (a.abs, a.resolved):
            return False
        if isinstance(self.resolved, bytes) and not self.errno and "RESOLVED" in caps:
            if a.resolved is None and (STRICT or self.op in ("open", "chdir", "exec")):
                return False
            if a.resolved is not None and a.resolved != self.resolved:
                return False
        if self.created is not None and "CREATED" in caps and a.created != self.created:
            return False
        return not (self.thread and a.tid == a.pid)

    def same_abs(self, abs_):
        if self.prefix:
            return abs_ is not None and abs_.startswith(self.abs)
        return abs_ == self.abs

    def __str__(self):
        name = self.abs if self.abs is not OPTIONAL else self.requested
        text = f"{self.op} {show(name if isinstance(name, bytes) else None)} = {error(self.errno)}"
        for key in ("requested", "resolved"):
            value = getattr(self, key)
            if isinstance(value, bytes) and value != name:
                text += f" {key} {show(value)}"
        if self.created is not None:
            text += f" created={self.created}"
        if self.thread:
            text += " in a thread"
        return text


def error(number):
    return errno_names.errorcode.get(number, str(number)) if number else "0"


def describe(a):
    text = f"{a.op} {show(a.abs)} = {error(a.errno)}"
    if a.path != a.abs:
        text += f" requested {show(a.path)}"
    if a.resolved not in (None, a.abs):
        text += f" resolved {show(a.resolved)}"
    if a.created is not None:
        text += f" created={a.created}"
    return text


class Run:
    """One workload, run under one backend."""

    def __init__(self, tkit, backend, program):
        self.status = None  # "skip": reason in self.reason
        self.reason = ""
        with TempDir("tkit-conformance.") as work:
            self.dir = os.path.join(work, "d")
            os.mkdir(self.dir)
            os.chmod(self.dir, 0o777)
            setup = subprocess.run([program, self.dir, "setup"], cwd=self.dir, timeout=30,
                                   stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
            if setup.returncode:
                raise TestError("setup: " + setup.stderr.decode().strip())
            done, events = tkit.trace(backend, [program, self.dir, "run"],
                                      os.path.join(work, "trace.tkit"), cwd=self.dir, timeout=60)
        message = done.stderr.decode(errors="replace").strip()
        if done.returncode == SKIP:
            self.status, self.reason = "skip", message.splitlines()[-1] if message else "no reason"
            return
        if done.returncode:
            raise TestError(f"the workload ended with {done.returncode}: {message}")
        self.expected = [Expected(json.loads(line)) for line in done.stdout.splitlines()]
        losses = [e for e in events if e["type"] == "loss"]
        if losses:
            raise TestError(f"losses: {losses[:3]}")
        self.all = accesses(events)
        self.below = [a for a in self.all if self.inside(a.abs) or self.inside(a.resolved)]

    def inside(self, path):
        prefix = os.fsencode(self.dir)
        return path is not None and (path == prefix or path.startswith(prefix + b"/"))

    def check(self, caps):
        """Failures, one line each."""
        for e in self.expected:
            found = [a for a in self.all if e.matches(a, caps)]
            if e.visible(caps) and not found and not e.maybe:
                near = [a for a in self.all if a.op == e.op and (
                    a.abs == e.abs or (a.path == e.requested) or a.resolved == e.abs)]
                hint = "; seen instead: " + " | ".join(map(describe, near[:3])) if near else ""
                yield f"missing: {e}{hint}"
            if e.times and e.visible(caps) and "COUNT_LOSS" in caps and sum(a.count for a in found) != e.times:
                yield f"{e}: {sum(a.count for a in found)} times, expected {e.times}"
        for a in self.below:
            if "REQUESTED" not in caps and a.raw.get("deleted"):
                continue  # a file without a name; that its call named a directory is not seen
            if not any(self.near(e, a) and ("REQUESTED" not in caps or (
                    e.op == a.op and e.errno == a.errno)) for e in self.expected):
                yield f"never happened: {describe(a)}"

    @staticmethod
    def near(e, a):
        """Loosely: wrong details of an expected access are already told as missing."""
        return e.abs is OPTIONAL or e.abs in (a.abs, a.resolved) or e.prefix or \
            e.resolved == a.resolved or (e.abs is None and e.requested == a.path)

    def facts(self):
        """What two backends must agree on."""
        prefix = os.fsencode(self.dir)
        return {(a.op, a.abs.replace(prefix, b"@", 1), a.errno) for a in self.below
                if self.inside(a.abs)}


def programs(build, names):
    folder = os.path.join(build, "tests", "conformance", "bin")
    if not os.path.isdir(folder):
        raise TestError(f"{folder} is not built")
    have = sorted(n for n in os.listdir(folder) if not n.startswith("helper-"))
    sources = {f[:-2] for f in os.listdir(os.path.join(HERE, "workloads")) if f.endswith(".c")}
    have = [n for n in have if n in sources]
    missing = [n for n in names or sources if n not in have]
    if missing:
        raise TestError(f"no such workload is built: {' '.join(sorted(missing))}")
    return [os.path.join(folder, n) for n in (names or have)]


def each(work, items):
    """Runs work(item) for each item, two at a time, in order. TestError becomes a result."""
    def guarded(item):
        try:
            return work(item)
        except TestError as e:
            return e
        except subprocess.TimeoutExpired as e:
            return TestError(f"hangs: {e}")

    with ThreadPoolExecutor(2) as pool:
        yield from zip(items, pool.map(guarded, items))


class Table:
    """Prints one line per workload, and the sum."""

    def __init__(self):
        self.counts = {"ok": 0, "FAIL": 0, "skip": 0, "known": 0}

    def row(self, name, status, detail, failures=()):
        self.counts[status] += 1
        print(f"{name:<18} {status:<5} {detail}")
        for line in failures:
            print(f"    {line}")
        sys.stdout.flush()

    def end(self, what):
        ok, failed, skipped = self.counts["ok"], self.counts["FAIL"], self.counts["skip"]
        known = f", {self.counts['known']} known limits" if self.counts["known"] else ""
        print(f"{what}: {ok} workloads ok, {failed} failed, {skipped} skipped{known}")
        return 1 if failed or not ok else 0


def run_backend(tkit, backend, names):
    entry = tkit.doctor().get(backend)
    if entry and not {"TARGET_COMMAND", "OPEN"} <= entry["caps"]:
        print(f"{backend} does not watch what commands open: nothing to run")
        return 0
    caps = tkit.backend(backend)["caps"]
    table = Table()
    for program, run in each(lambda p: Run(tkit, backend, p), programs(tkit.build, names)):
        name = os.path.basename(program)
        if isinstance(run, TestError):
            table.row(name, "FAIL", "", [str(run)])
        elif run.status == "skip":
            table.row(name, "skip", run.reason)
        else:
            failures = list(run.check(caps))
            if failures and known_limit(backend, name):
                table.row(name, "known", known_limit(backend, name))
                continue
            seen = sum(e.visible(caps) for e in run.expected)
            table.row(name, "FAIL" if failures else "ok",
                      f"{seen} of {len(run.expected)} expected, {len(run.below)} events", failures)
    return table.end(backend)


# What a backend cannot see although its capability bits cannot say so: (backend, workload) ->
# reason. It is shown in every run.
KNOWN = {
    ("fanotify", "eintr_restart"): "fanotify reports files and directories only, no FIFOs",
    ("fanotify", "mount_bind"): "fanotify marks mounts, and a new mount namespace has new ones",
}

# The same on old kernels: (backend, workload) -> (first kernel without the limit, reason).
KNOWN_BEFORE = {
    ("fanotify", "execveat"): ((6, 11), "the kernel tells fanotify nothing of an exec by "
                                        "descriptor alone"),
}


def known_limit(backend, name):
    kernel = tuple(int(n) for n in os.uname().release.split("-")[0].split(".")[:2])
    until, reason = KNOWN_BEFORE.get((backend, name), ((0, 0), ""))
    if kernel < until:
        return f"before Linux {until[0]}.{until[1]}: {reason}"
    return KNOWN.get((backend, name))


# Facts in which backends may differ, with the reason: workload -> (op, ...).
MAY_DIFFER = {
    "io_uring": None,  # ptrace sees no io_uring
    "compat32": None,
}


def run_cross(tkit, pair, names):
    for backend in pair:
        tkit.backend(backend)
    table = Table()

    def both(program):
        return [Run(tkit, backend, program) for backend in pair]

    chosen = [p for p in programs(tkit.build, names) if os.path.basename(p) not in MAY_DIFFER]
    for program, runs in each(both, chosen):
        name = os.path.basename(program)
        if isinstance(runs, TestError):
            table.row(name, "FAIL", "", [str(runs)])
        elif any(run.status == "skip" for run in runs):
            table.row(name, "skip", next(run.reason for run in runs if run.reason))
        else:
            a, b = (run.facts() for run in runs)
            lines = [f"only {who}: {op} {show(path)} = {error(err)}"
                     for who, diff in zip(pair, (a - b, b - a))
                     for op, path, err in sorted(diff, key=str)]
            table.row(name, "FAIL" if lines else "ok", f"{len(a & b)} facts in both", lines)
    return table.end(" and ".join(pair))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default=os.path.join(HERE, "..", "..", "build", "dev"))
    parser.add_argument("--backend")
    parser.add_argument("--cross", nargs=2)
    parser.add_argument("--resolved", action="store_true",
                        help="each announced resolved path must be there, whatever the operation")
    parser.add_argument("workload", nargs="*")
    args = parser.parse_args()
    if bool(args.backend) == bool(args.cross):
        parser.error("give one of --backend, --cross")
    global STRICT
    STRICT = args.resolved
    tkit = Tkit(args.build)
    if args.cross:
        return run_cross(tkit, args.cross, args.workload)
    return run_backend(tkit, args.backend, args.workload)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except TestError as failure:
        print(f"FAIL: {failure}")
        sys.exit(1)
