#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Real programs: does tkit see all that strace sees, and nothing that did not happen?

  test_oracle.py [--build DIR] [PROGRAM...]
  test_oracle.py --list

Each program runs in a fresh directory that is prepared the same way before each run:

  1. bare;
  2. under strace, while tkit watches strace and the program with ebpf and fanotify: one run, so
     the three must agree on each single access;
  3. under tkit with ebpf and ptrace: one run again, the two must agree on each single access.

Runs 2 and 3 are compared, too: strace and ptrace, as sets, without what differs from run to run.
Output and exit status of the three must be equal.
"""

import argparse
import errno as errno_names
import os
import re
import shutil
import stat
import subprocess
import sys
import time
from collections import Counter, namedtuple

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
import strace  # noqa: E402
from oracle_programs import ENV, PROGRAMS  # noqa: E402
from tkittest import TempDir, TestError, Tkit, accesses, run_main, show, skip  # noqa: E402

STRACE = ["strace", "-f", "-y", "-s", "4096", "-e", "trace=" + strace.TRACE, "-o"]

# What is compared of one path of one call. `resolved` is only known to strace for opened files.
Fact = namedtuple("Fact", "op requested abs errno resolved")

# Names that differ from run to run, as sets of bytes that stand for them.
RANDOM = (
    (re.compile(rb"/tmp/cc[A-Za-z0-9]{6}"), b"/tmp/ccXXXXXX"),
    (re.compile(rb"^/proc/\d+(/task/\d+)?"), b"/proc/PID"),
    (re.compile(rb"(\.pyc)\.\d+$"), rb"\1.N"),
    (re.compile(rb"(tmp_(?:obj|pack|idx|rev)_|TemporaryDirectory\.|CMakeTmp/|cmTC_|CMakeScratch/TryCompile-)"
                rb"[A-Za-z0-9]+"), rb"\1X"),
    (re.compile(rb"/\.tmp-\d+-pack"), b"/.tmp-N-pack"),
    (re.compile(rb"/(refs_|packs_)[A-Za-z0-9]{6}$"), rb"/\1X"),
    (re.compile(rb"\.tmp[0-9a-f]{5}$"), b".tmpX"),
    (re.compile(rb"(^|/)(sh-thd\.|sed|sort|Cu)[A-Za-z0-9]{6}$"), rb"\1\2X"),
)

# Files that the kernel opens by itself: strace does not show them. They are not taken on trust, but
# compared with what the headers of the executed files say.
KERNEL = "interp"

# Executing this adds no file: it was executed under its own name before.
ITSELF = re.compile(rb"^/proc/(self|\d+)/exe$")

# File systems that fanotify does not mark (its README: `pseudo`), and what it has no events for.
UNMARKED = {"proc", "sysfs", "devpts", "cgroup", "cgroup2", "tracefs", "debugfs", "securityfs",
            "mqueue", "hugetlbfs", "pstore", "bpf", "configfs", "fusectl", "binfmt_misc", "nsfs"}


def normal(fact):
    def one(path):
        for pattern, fixed in RANDOM if path else ():
            path = pattern.sub(fixed, path)
        return path
    return fact._replace(requested=one(fact.requested), abs=one(fact.abs), resolved=one(fact.resolved))


def tell(facts, limit=12):
    lines = []
    for fact, count in sorted(facts.items(), key=str)[:limit]:
        lines.append(f"    {count} x {fact.op} {show(fact.requested)} = "
                     f"{errno_names.errorcode.get(fact.errno, fact.errno)}"
                     f"  abs {show(fact.abs)}  resolved {show(fact.resolved)}")
    if len(facts) > limit:
        lines.append(f"    ... and {len(facts) - limit} more")
    return "\n".join(lines)


class Interpreters:
    """What the kernel opens for an exec, read from the files: `#!` lines and PT_INTERP."""

    def __init__(self):
        self.known = {}

    def of(self, path, cwd, depth=0):
        """All files that executing a path opens, resolved, the path's own first."""
        if ITSELF.match(path):
            return []
        path = os.path.realpath(os.path.join(os.fsencode(cwd), path))
        if path not in self.known:
            self.known[path] = self.read(path)
        files = [path]
        if self.known[path] and depth < 5:
            files += self.of(self.known[path], cwd, depth + 1)
        return files

    @staticmethod
    def read(path):
        try:
            with open(path, "rb") as f:
                head = f.read(256 * 1024)
        except OSError:
            return None
        if head.startswith(b"#!"):
            words = head[2:256].split(b"\n")[0].split()
            return words[0] if words else None
        if head[:4] != b"\x7fELF" or head[4] != 2:
            return None
        offset, size, count = (int.from_bytes(head[a:b], "little") for a, b in ((32, 40), (54, 56), (56, 58)))
        for at in range(offset, offset + size * count, size):
            if head[at:at + 4] == b"\x03\0\0\0":
                start, length = (int.from_bytes(head[at + n:at + n + 8], "little") for n in (8, 32))
                return head[start:start + length].rstrip(b"\0")
        return None


class FileSystems:
    """The type of the file system that a path is on, from mountinfo."""

    def __init__(self):
        with open("/proc/self/mountinfo", "rb") as f:
            rows = [line.split() for line in f]
        self.mounts = {row[4]: row[row.index(b"-") + 1].decode() for row in rows}

    def type(self, path):
        while path not in self.mounts:
            path = os.path.dirname(path)
        return self.mounts[path]


def of_strace_itself(events):
    """The process of strace and the children with which it tries the kernel's ptrace."""
    executed = [a.pid for a in accesses(events) if a.type == "exec"]
    tracer = executed[0]
    children = {e["pid"] for e in events if e["type"] == "fork" and e.get("ppid") == tracer}
    return {tracer} | (children - set(executed))


class Run:
    """One program of the table, in its directory."""

    def __init__(self, tkit, name, work):
        self.tkit, self.name, self.program = tkit, name, PROGRAMS[name]
        self.dir = os.path.join(work, name)
        self.log = self.dir + ".strace"
        self.trace = self.dir + ".tkit"
        self.problems = []

    def fresh(self):
        shutil.rmtree(self.dir, ignore_errors=True)
        os.mkdir(self.dir)
        here = os.getcwd()
        os.chdir(self.dir)
        try:
            if self.program.prepare:
                self.program.prepare()
        finally:
            os.chdir(here)
        return {"cwd": self.dir, "env": dict(ENV, HOME=self.dir), "timeout": 120}

    def bare(self):
        return subprocess.run(self.program.argv, stdin=subprocess.DEVNULL, capture_output=True,
                              **self.fresh())

    def traced(self, backends, prefix=()):
        args = ["run", "-q", "--strict"]
        for backend in backends:
            args += ["--backend", backend]
        done = self.tkit.run(args + ["-o", self.trace, "--"] + list(prefix) + self.program.argv, **self.fresh())
        if done.returncode in (124, 125):
            raise TestError(f"{self.name}: tkit run ended with {done.returncode}: "
                            + done.stderr.decode(errors="replace").strip())
        return done, self.tkit.dump(self.trace)

    def check(self, what, left, right):
        """Two multisets or sets must be equal."""
        left, right = Counter(left), Counter(right)
        for how, facts in (("missing", left - right), ("invented", right - left)):
            if facts:
                self.problems.append(f"  {what}: {sum(facts.values())} {how}\n{tell(facts)}")

    def same_behaviour(self, bare, how, done):
        if (bare.returncode, bare.stdout) != (done.returncode, done.stdout):
            self.problems.append(f"  {how}: status {done.returncode}, not {bare.returncode}, or other output:\n"
                                 f"{bare.stdout[-300:]}\n{done.stdout[-300:]}\n{done.stderr[-600:]}")

    # ---- what the three say ----

    def of_backend(self, events, backend, but=()):
        return [a for a in accesses(events) if a.raw["backend"] == backend and a.pid not in but]

    def system_calls(self, found, resolved):
        """Facts of a backend that sees calls; resolved: "opened" files only, or "all"."""
        for a in found:
            if a.op == KERNEL:
                continue
            known = a.resolved if resolved == "all" or (a.op == "open" and not a.errno) else None
            if a.op == "exec" and a.raw.get("exe", "").encode() != known:
                known = None  # a script: may be unknown
            yield from [Fact(a.op, a.path, a.abs, a.errno or 0, known)] * a.count

    def of_strace(self):
        facts = strace.read(self.log, self.dir)
        if len(facts) < self.program.least:
            raise TestError(f"strace saw only {len(facts)} facts of {self.name}: a blind oracle")
        return facts

    def between_runs(self, facts):
        timing = self.program.timing
        return {normal(f) for f in facts if not (timing and f.abs and re.search(timing, f.abs))}


def by_kernel(run, what, reference, found, interpreters):
    """The interpreters that a backend told must be those that the executed files name."""
    expected = set()
    for fact in reference:
        if fact.op == "exec" and not fact.errno:
            expected.update(interpreters.of(fact.abs, run.dir)[1:])
    told = {os.path.realpath(a.resolved or a.abs) for a in found if a.op == KERNEL}
    run.check(f"{what}: interpreters", (Fact(KERNEL, None, p, 0, None) for p in expected),
              (Fact(KERNEL, None, p, 0, None) for p in told))


def later_names(facts):
    """fanotify tells a file's name when tkit reads the event: after a rename, the new one."""
    names, pending = {}, {}
    for fact in facts:
        if fact.errno:
            continue
        if fact.op == "rename_from":
            pending[fact.pid] = fact.abs
        elif fact.op == "rename_to":
            names.setdefault(pending.pop(fact.pid), set()).add(fact.abs)
    return names


def notified(path, systems):
    """Does the kernel tell fanotify of this file? Only of files and directories, where tkit marks."""
    if not path.startswith(b"/") or systems.type(path) in UNMARKED:
        return False
    try:
        mode = os.lstat(path).st_mode
    except OSError:
        return True
    return stat.S_ISREG(mode) or stat.S_ISDIR(mode)


def by_fanotify(run, reference, found, interpreters, systems):
    """Every opened and executed file, and no other. Returns how many."""
    expected = set()
    for fact in reference:
        if fact.errno:
            continue
        if fact.op == "exec":
            expected.update(interpreters.of(fact.abs, run.dir))
        elif fact.op == "open" and fact.opened and "O_PATH" not in fact.flags:
            expected.add(fact.opened)
    expected = {p for p in expected if notified(p, systems)}
    told = {a.resolved or a.abs for a in found}
    renamed = later_names(reference)
    explained = set().union(expected, *(renamed.get(p, ()) for p in expected))
    missing = {p for p in expected - told if not renamed.get(p, set()) & told}
    run.check("fanotify: files", (Fact("open", None, p, 0, None) for p in missing),
              (Fact("open", None, p, 0, None) for p in told - explained))
    return len(expected)


def oracle(tkit, name, work, backends):
    run = Run(tkit, name, work)
    interpreters, systems = Interpreters(), FileSystems()
    counts = {}
    bare = run.bare()  # also warms the caches that the program keeps itself

    watching = [b for b in ("ebpf", "fanotify") if b in backends]
    if watching:
        done, events = run.traced(watching, STRACE + [run.log])
        tracer = of_strace_itself(events)
    else:
        done = subprocess.run(STRACE + [run.log] + run.program.argv, stdin=subprocess.DEVNULL,
                              capture_output=True, **run.fresh())
    run.same_behaviour(bare, "under strace", done)
    reference = run.of_strace()
    counts["strace"] = len(reference)
    seen_by_strace = [Fact(f.op, f.requested, f.abs, f.errno, f.opened) for f in reference]
    if "ebpf" in watching:
        found = run.of_backend(events, "ebpf", tracer)
        run.check("ebpf and strace", seen_by_strace, run.system_calls(found, "opened"))
        by_kernel(run, "ebpf", reference, found, interpreters)
    if "fanotify" in watching:
        counts["fanotify"] = by_fanotify(run, reference, run.of_backend(events, "fanotify", tracer),
                                         interpreters, systems)

    if "ptrace" in backends:
        both = [b for b in ("ebpf", "ptrace") if b in backends]
        done, events = run.traced(both)
        run.same_behaviour(bare, "under " + " and ".join(both), done)
        found = run.of_backend(events, "ptrace")
        counts["ptrace"] = sum(a.count for a in found if a.op != KERNEL)
        by_kernel(run, "ptrace", reference, found, interpreters)
        run.check("ptrace and strace, two runs", run.between_runs(seen_by_strace),
                  run.between_runs(run.system_calls(found, "opened")))
        if "ebpf" in both:
            run.check("ptrace and ebpf", run.system_calls(run.of_backend(events, "ebpf"), "all"),
                      run.system_calls(found, "all"))
    shutil.rmtree(run.dir, ignore_errors=True)
    return run, counts


def lacking(name):
    """Why a program cannot run here, or None."""
    program = PROGRAMS[name]
    if program.root and os.geteuid():
        return "needs root"
    tools = [t for t in program.tools if not shutil.which(t, path=ENV["PATH"])]
    return f"{' '.join(tools)} not installed" if tools else None


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default=os.path.join(HERE, "..", "..", "build", "dev"))
    parser.add_argument("--list", action="store_true")
    parser.add_argument("program", nargs="*")
    args = parser.parse_args()
    for name in args.program:
        if name not in PROGRAMS:
            parser.error(f"no such program: {name} (there are {' '.join(PROGRAMS)})")
    if args.list:
        print("\n".join(PROGRAMS))
        return 0
    if not shutil.which("strace"):
        skip("strace is not installed")
    tkit = Tkit(args.build)
    doctor = tkit.doctor()
    backends = [b for b in ("ebpf", "fanotify", "ptrace") if doctor[b]["ok"]]
    left_out = [f"backend {b}: {doctor[b]['why']}" for b in doctor
                if b in ("ebpf", "fanotify", "ptrace") and b not in backends]
    bad = 0
    with TempDir() as work:
        for name in args.program or PROGRAMS:
            why = lacking(name)
            if why:
                left_out.append(f"{name}: {why}")
                continue
            start = time.monotonic()
            run, counts = oracle(tkit, name, work, backends)
            told = "  ".join(f"{who} {count:5}" for who, count in counts.items())
            print(f"{'FAIL' if run.problems else 'ok':<5} {name:<11} {told}  {time.monotonic() - start:5.1f} s",
                  flush=True)
            for problem in run.problems:
                print(problem)
            bad += bool(run.problems)
    if left_out and not bad:
        skip("; ".join(left_out))
    return 1 if bad else 0


if __name__ == "__main__":
    run_main(main, strace.ParseError)
