#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs the conformance workloads under a backend and compares the trace with what they say.

  run.py [--build DIR] --backend NAME [WORKLOAD...]    every workload under one backend
  run.py [--build DIR] --cross NAME NAME [WORKLOAD...] the same facts under both?
  run.py --check-doc                                   is docs/CONFORMANCE.md complete?
  run.py [--build DIR] --write-doc NAME...             its table, anew, from a run under each

Checked for each workload: each expected access is in the trace (as far as the backend's
capability bits say that it can see it), nothing below the workload's directory is in the trace
that did not happen, no loss was counted. Exit status: 0, 1 (failures), 77 (cannot run here).
"""

import argparse
import errno as errno_names
import itertools
import json
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "lib")]  # installed; in the tree
from tkittest import SKIP, TempDir, TestError, Tkit, accesses, losses, run_main, show, skip  # noqa: E402

# The capability that it takes to see an operation; everything else is a change.
NEEDS = {"open": "OPEN", "exec": "EXEC", "interp": "INTERP", "list": "LIST", "read": "READ"}
NEEDS.update(dict.fromkeys(
    ("stat", "access", "readlink", "statfs", "getxattr", "listxattr", "chdir", "chroot", "watch",
     "handle"), "METADATA"))
NEEDS.update(dict.fromkeys(("connect", "sendto"), "SOCKET"))
OPTIONAL = object()
# How much longer than elsewhere things may take here before they hang: in an emulated machine.
PATIENCE = int(os.environ.get("TKIT_PATIENCE", "1"))
STRICT = False  # --resolved

# Who reads a name when the call returns (docs/EVENT_MODEL.md); the others do before it.
READS_NAMES_ON_EXIT = {"ebpf"}
FOREIGN = None  # a backend of which nobody knows: either is right

# Opening and executing look alike to a backend that sees files and not calls.
FILE_USED = {"open", "exec", "interp", "read"}


def same_op(expected, op, caps):
    return expected == op or ("REQUESTED" not in caps and {expected, op} <= FILE_USED)


def same_errno(expected, a, caps):
    """Who sees calls before they are made does not know what came of them."""
    return (a.errno or 0) == expected or ("ENTRY" in caps and a.errno is None)


class Expected:
    """One line that a workload printed."""

    def __init__(self, obj):
        def path(key):
            value = obj.get(key, OPTIONAL)
            return value.encode("latin-1") if isinstance(value, str) else value

        self.op, self.errno = obj["op"], obj["errno"]
        self.abs, self.requested, self.resolved = path("abs"), path("requested"), path("resolved")
        self.late, self.either = path("late"), False
        self.created = obj.get("created")
        self.prefix, self.thread = obj.get("prefix", False), obj.get("thread", False)
        self.maybe, self.times = obj.get("maybe", False), obj.get("times")
        self.needs = set(obj.get("needs", "").split())
        self.needs.add(NEEDS.get(self.op, "CHANGES"))
        if self.errno:
            self.needs.add("FAILED")

    def visible(self, caps):
        return self.needs <= caps

    def by(self, backend):
        """Itself, as a backend tells it that reads names on entry, or on exit."""
        if self.late is not OPTIONAL and backend in READS_NAMES_ON_EXIT:
            self.requested = self.late
        self.either = backend is FOREIGN
        return self

    def matches(self, a, caps):
        """Is this access what was announced? Fields that the backend cannot see do not count."""
        if not same_op(self.op, a.op, caps) or not same_errno(self.errno, a, caps):
            return False
        if "REQUESTED" in caps:
            if self.requested is not OPTIONAL and a.path != self.requested and not (
                    self.either and a.path == self.late) and not (
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


def prepare(program, folder):
    os.mkdir(folder)
    os.chmod(folder, 0o777)
    setup = subprocess.run([program, folder, "setup"], cwd=folder, timeout=30 * PATIENCE,
                           stdin=subprocess.DEVNULL, stderr=subprocess.PIPE)
    if setup.returncode:
        raise TestError("setup: " + setup.stderr.decode().strip())


def run_one(tkit, backend, program):
    """One workload, run under one backend."""
    with TempDir("tkit-conformance.") as work:
        folder = os.path.join(work, "d")
        prepare(program, folder)
        # Not strictly: losses are judged in Run.
        done, events = tkit.trace(backend, [program, folder, "run"],
                                  os.path.join(work, "trace.tkit"), strict=False, cwd=folder,
                                  timeout=60 * PATIENCE)
    return Run(backend, folder, done, Facts(events))


# Runs the workloads that follow, each PROGRAM FOLDER, and prints their results as one line each.
IN_ONE = f"""
PATIENCE = {60 * PATIENCE}
import json, subprocess, sys
for program, folder in zip(sys.argv[1::2], sys.argv[2::2]):
    done = subprocess.run([program, folder, "run"], cwd=folder, timeout=PATIENCE, capture_output=True,
                          stdin=subprocess.DEVNULL)
    print(json.dumps([done.returncode, done.stdout.decode("latin-1"),
                      done.stderr.decode("latin-1")]), flush=True)
"""


def run_together(tkit, backend, chosen):
    """All workloads in one trace, for a backend that takes seconds to start."""
    with TempDir("tkit-conformance.") as work:
        argv = [sys.executable, "-c", IN_ONE]
        for program in chosen:
            folder = os.path.join(work, os.path.basename(program))
            prepare(program, folder)
            argv += [program, folder]
        whole, events = tkit.trace(backend, argv, os.path.join(work, "trace.tkit"),
                                   strict=False, timeout=900)
    lines = whole.stdout.splitlines()
    if len(lines) != len(chosen):
        raise TestError(f"{len(lines)} of {len(chosen)} workloads ran: "
                        + whole.stderr.decode(errors="replace").strip())
    facts = Facts(events)
    for program, folder, line in zip(chosen, argv[4::2], lines):
        code, out, err = json.loads(line)
        done = subprocess.CompletedProcess(program, code, out.encode("latin-1"),
                                           err.encode("latin-1"))
        try:
            run = Run(backend.split(",")[0], folder, done, facts)
            if run.status == "skip":
                yield program, run
                continue
            # The wrapper itself enters the workload's folder.
            run.below = [a for a in run.below if a.op != "chdir" or a.abs != os.fsencode(folder)]
            yield program, run
        except TestError as e:
            yield program, e


class Facts:
    """A trace, which may be that of many workloads, so that each finds its own without a walk over all."""

    def __init__(self, events):
        self.losses = losses(events)
        self.all = accesses(events)
        self.by_path = {}  # each access under its absolute and its resolved path
        for a in self.all:
            for path in {a.abs, a.resolved}:
                self.by_path.setdefault(path, []).append(a)
        self.rootless = [a for a in self.all if a.raw.get("exe") == "/" or (
            a.resolved == b"/" and a.op in ("exec", "interp"))]
        self.pathless = [a for a in self.all if a.op == "exec" and not a.errno and not a.path
                         and a.resolved is None and a.raw.get("exe")]
        self.folders = {}  # depth -> folder of that depth -> what is below

    def below(self, folder):
        depth = folder.count(b"/") + 1
        if depth not in self.folders:
            found = self.folders[depth] = {}
            for a in self.all:
                for top in {b"/".join(p.split(b"/", depth)[:depth])
                            for p in (a.abs, a.resolved) if p is not None}:
                    found.setdefault(top, []).append(a)
        return self.folders[depth].get(folder, [])


class Run:
    """What a workload announced, and what was traced of it."""

    def __init__(self, backend, folder, done, facts):
        self.status = None  # "skip": reason in self.reason
        self.excused = False  # a loss was counted that may be
        self.reason = ""
        self.dir = folder
        message = done.stderr.decode(errors="replace").strip()
        if done.returncode == SKIP:
            lines = [line for line in message.splitlines() if not line.startswith("tkit: ")]
            self.status, self.reason = "skip", lines[-1] if lines else "no reason"
            return
        if done.returncode:
            raise TestError(f"the workload ended with {done.returncode}: {message}")
        said = [json.loads(line) for line in done.stdout.splitlines()]
        lost = {e["reason"] for e in facts.losses}
        self.expected, may_lose = [], set()
        for line in said:
            if "may_lose" in line:
                may_lose.add(line["may_lose"])
                continue
            e = Expected(line).by(backend)
            self.expected.append(e)
        self.excused = bool(lost & may_lose)
        self.losses = [e for e in facts.losses if e["reason"] not in may_lose]
        self.traced, self.all = facts, facts.all
        self.below = facts.below(os.fsencode(folder))

    def inside(self, path):
        prefix = os.fsencode(self.dir)
        return path is not None and (path == prefix or path.startswith(prefix + b"/"))

    def candidates(self, e, caps):
        """All accesses that could match: a short list, because a run can have thousands."""
        path = e.abs
        if "REQUESTED" not in caps and isinstance(e.resolved, bytes):
            path = e.resolved
        elif e.prefix:
            return self.below if self.inside(e.abs) else self.all
        return self.traced.by_path.get(path, ()) if isinstance(path, bytes) else self.all

    def check(self, caps):
        """Failures, one line each."""
        announced = {(e.op, e.errno, e.abs) for e in self.expected}
        yield from self.check_losses(caps)
        for e in self.expected:
            found = [a for a in self.candidates(e, caps) if e.matches(a, caps)]
            if e.visible(caps) and not found and not e.maybe and not self.excused:
                near = [a for a in self.all if a.op == e.op and (
                    a.abs == e.abs or (a.path == e.requested) or a.resolved == e.abs)]
                hint = "; seen instead: " + " | ".join(map(describe, near[:3])) if near else ""
                yield f"missing: {e}{hint}"
            if e.times and not e.maybe and not self.excused and e.visible(caps) and "COUNT_LOSS" in caps and "ENTRY" not in caps and sum(a.count for a in found) != e.times:
                yield f"{e}: {sum(a.count for a in found)} times, expected {e.times}"
        for a in self.below:
            if "REQUESTED" not in caps and a.raw.get("deleted"):
                continue  # a file without a name; that its call named a directory is not seen
            if (a.op, a.errno, a.abs) in announced:
                continue
            if not any(self.near(e, a) and ("REQUESTED" not in caps or (
                    e.op == a.op and (e.errno == a.errno or "ENTRY" in caps))) for e in self.expected):
                yield f"never happened: {describe(a)}"
        for a in self.traced.rootless:
            yield f"a program is no root directory: {describe(a)} by {a.raw.get('exe')}"
        for a in self.traced.pathless if "ENTRY" not in caps else ():
            yield f"a program without a path that runs another one: {describe(a)}, {a.raw['exe']}"

    def check_losses(self, caps):
        """None, except that who sees calls but not io_uring must say that there was one."""
        blind = "IO_URING" not in caps and any("IO_URING" in e.needs for e in self.expected)
        unseen = [e for e in self.losses if blind and e.get("reason") == "unseen"]
        if len(unseen) < len(self.losses):
            yield f"losses: {[e for e in self.losses if e not in unseen][:3]}"
        if blind and not unseen and {"REQUESTED", "PROCESS", "COUNT_LOSS"} <= caps:
            yield "io_uring was used, and no loss was counted for it"

    @staticmethod
    def near(e, a):
        """Loosely: wrong details of an expected access are already told as missing."""
        if e.prefix:
            return a.abs is not None and a.abs.startswith(e.abs)
        return e.abs is OPTIONAL or e.abs in (a.abs, a.resolved) or \
            e.resolved == a.resolved or (e.abs is None and e.requested == a.path)

    def facts(self, caps, leave_out):
        """What two backends with these capabilities in common must agree on."""
        prefix = os.fsencode(self.dir)

        def short(path):
            return path.replace(prefix, b"@")

        if "REQUESTED" in caps:
            return {(a.op, short(a.abs), a.errno) for a in self.below
                    if self.inside(a.abs) and a.op not in leave_out}
        # Files that were opened or executed, under their real names.
        return {("used", short(a.resolved or a.abs), 0) for a in self.below
                if a.op in FILE_USED and not a.errno and self.inside(a.resolved or a.abs)
                and not (a.raw.get("flags") or 0) & os.O_PATH and a.op not in leave_out}

    def failed(self):
        """Files that the kernel may have opened inside a call that then failed, as facts."""
        prefix = os.fsencode(self.dir)
        return {("used", a.abs.replace(prefix, b"@", 1), 0) for a in self.below
                if a.errno and a.abs is not None}


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


DOC = os.path.join(HERE, "..", "..", "docs", "CONFORMANCE.md")
ROW = re.compile(r"^\| `(\w+)` \|(.*)\|$")


def doc_rows(path):
    """Workload -> its cells in the table of workloads: what it is, and a word per backend."""
    with open(path, encoding="utf-8") as f:
        lines = f.read().split("## Workloads", 1)[-1].splitlines()
    head = next(line for line in lines if line.startswith("| workload "))
    names = [cell.strip() for cell in head.strip("|").split("|")][1:]
    return {m[1]: dict(zip(names, (cell.strip() for cell in m[2].split("|"))))
            for m in map(ROW.match, lines) if m}


def how_much(run, caps):
    """In a word, how much of what happens the backend claims to see."""
    real = [e for e in run.expected if not e.maybe]
    seen = sum(e.visible(caps) for e in real)
    return "all" if seen == len(real) else "part" if seen else "none"


def run_backend(tkit, backend, names, doc=None, together=False):
    base = backend.split(",")[0]
    entry = tkit.doctor().get(base)
    if entry and not {"TARGET_COMMAND", "OPEN"} <= entry["caps"]:
        print(f"{backend} does not watch what commands open: nothing to run")
        return 0
    caps = tkit.backend(base)["caps"]
    if backend == "bpftrace_log,live=true" and not shutil.which("bpftrace"):
        skip("bpftrace is not installed")
    table, rows = Table(), doc_rows(doc) if doc else {}
    chosen = programs(tkit.build, names)
    if together: # those with known limits apart: a loss is everybody's
        limited = [p for p in chosen if known_limit(base, os.path.basename(p))]
        runs = itertools.chain(*(run_together(tkit, backend, some) for some in
                                 ([p for p in chosen if p not in limited], limited) if some))
    else:
        runs = each(lambda p: run_one(tkit, backend, p), chosen)
    for program, run in runs:
        name = os.path.basename(program)
        if isinstance(run, TestError):
            table.row(name, "FAIL", "", [str(run)])
        elif run.status == "skip":
            table.row(name, "skip", run.reason)
        else:
            failures = list(run.check(caps))
            word = "known" if known_limit(base, name) else how_much(run, caps)
            if doc and rows.get(name, {}).get(backend) != word:
                failures.append(f"{os.path.relpath(doc)} does not say '{word}': write it anew (--write-doc)")
            elif failures and known_limit(base, name):
                table.row(name, "known", known_limit(base, name))
                continue
            seen = sum(e.visible(caps) for e in run.expected)
            table.row(name, "FAIL" if failures else "ok",
                      f"{seen} of {len(run.expected)} expected, {len(run.below)} events", failures)
    return table.end(backend)


NAMELESS = ("bpftrace tells directories by inode; when tkit asks for the name, it has none, or "
            "another one")
# What a backend cannot see although its capability bits cannot say so: (backend, workload) ->
# reason. It is shown in every run, and in docs/CONFORMANCE.md.
LATE = "fanotify looks names up after the call, when mounts or directories may have changed"
KNOWN = {
    ("fanotify", "eintr_restart"): "fanotify reports files and directories only, no FIFOs",
    ("fanotify", "mount_bind"): LATE,
    ("fanotify", "mount_stacked"): LATE,
    ("fanotify", "pivot_root"): LATE,
    ("fanotify", "renamed_dir"): LATE,
    ("ebpf", "sendmsg_name"): "ebpf reads names from arguments, not from message headers",
    ("ebpf", "socketcall"): "ebpf does not follow socketcall's array of arguments",
    ("bpftrace_log", "empty_family"): NAMELESS,
    ("bpftrace_log", "mount_stacked"): NAMELESS,
    ("bpftrace_log", "open_beyond"): NAMELESS,
    ("bpftrace_log", "pivot_root"): NAMELESS,
    ("bpftrace_log", "renamed_dir"): NAMELESS,
    ("bpftrace_log", "readlink_overlap"): "bpftrace reads names when the call has returned",
    ("bpftrace_log", "seccomp_denied"): "the tracepoints of calls do not see what a filter refuses",
    ("seccomp_notify", "handle"): "what a handle opens is known only after the call; counted as a loss",
    ("seccomp_notify", "killed_inside"): "a call is told before it is made, also if it never comes to its end",
    ("seccomp_notify", "pivot_root"): "names in a root that only another mount namespace has are unknown, and counted as nameless",
    ("seccomp_notify", "seccomp_denied"): "a filter's listener is not told of calls that another filter refuses",
    ("ptrace", "seccomp_denied"): "a tracer is not told of calls that a filter refuses",
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


# Facts in which backends may differ, with the reason: workload -> (operations; None: all, reason).
MAY_DIFFER = {
    "io_uring": (None, "ptrace sees no io_uring"),
    "io_uring_more": (None, "ptrace sees no io_uring"),
    "io_uring_socket": (None, "ptrace sees no io_uring"),
    "overwritten": ({"open"}, "ebpf reads a name on exit, ptrace on entry"),
    "readlink_overlap": ({"readlink"}, "ebpf reads a name on exit, ptrace on entry"),
    "seccomp_denied": ({"mkdir"}, "a tracer is not told of calls that a filter refuses"),
    "open_beyond": ({"open", "chdir"}, "ptrace and fanotify count so long a path as a loss"),
    "eintr": ({"open"}, "fanotify reports no FIFOs"),
    "open_tmpfile": ({"open"}, "a nameless file has another made-up name in each"),
    "mount_stacked": ({"open"}, "below a mount that is gone, ebpf finds the file in its file system"),
    "exec_detached": ({"exec"}, "ebpf finds the file in its file system"),
    "mount_api": ({"mount_source"}, "ebpf tells where a tree is attached, ptrace that it was not"),
}


def first_sentence(name):
    """What a workload is, from the comment at its head."""
    with open(os.path.join(HERE, "workloads", name + ".c"), encoding="utf-8") as f:
        text = f.read().split("/*", 1)[1].split("*/", 1)[0]
    return re.split(r"(?<=\w)\. |\.$", " ".join(text.replace("*", " ").split()))[0].replace("|", "/")


def write_doc(tkit, asked):
    """The table of workloads, as they run here and now, into docs/CONFORMANCE.md. Other backends' columns stay."""
    words, all_programs = {}, programs(tkit.build, None)
    for name, cells in doc_rows(DOC).items():
        words.update({(name, b): word for b, word in list(cells.items())[1:] if b not in asked})
    backends = list(dict.fromkeys([b for _, b in words] + asked))
    for backend in asked:
        caps = tkit.backend(backend)["caps"]
        for program, run in each(lambda p, b=backend: run_one(tkit, b, p), all_programs):
            name = os.path.basename(program)
            if isinstance(run, TestError) or run.status == "skip":
                raise TestError(f"{backend} {name}: {run if run.status is None else run.reason}")
            words[name, backend] = "known" if (backend, name) in KNOWN else how_much(run, caps)
    lines = [f"| workload | what happens | {' | '.join(backends)} |", "| --- |" + " --- |" * (len(backends) + 1)]
    for name in map(os.path.basename, all_programs):
        cells = " | ".join(words.get((name, backend), "") for backend in backends)
        lines.append(f"| `{name}` | {first_sentence(name)} | {cells} |")
    with open(DOC, encoding="utf-8") as f:
        text = f.read()
    head, mark, _ = text.partition("## Workloads\n")
    before = _.split("| workload ", 1)[0]
    known = "\n".join(f"- {b}, `{w}`: {reason}" for (b, w), reason in sorted(KNOWN.items()))
    with open(DOC, "w", encoding="utf-8") as f:
        f.write(head + mark + before + "\n".join(lines) + "\n\nKnown limits:\n\n" + known + "\n")
    return 0


def check_doc():
    """The documentation names each workload, and no other; each form of access has one."""
    sources = {f[:-2] for f in os.listdir(os.path.join(HERE, "workloads")) if f.endswith(".c")}
    with open(DOC, encoding="utf-8") as f:
        forms = [line for line in f.read().split("## Workloads")[0].splitlines()
                 if re.match(r"^\| \d+ \|", line)]
    bad = [f"no row: {name}" for name in sorted(sources - set(doc_rows(DOC)))]
    bad += [f"no such workload: {name}" for name in sorted(set(doc_rows(DOC)) - sources)]
    for number, line in enumerate(forms, 1):
        named = set(re.findall(r"`(\w+)`", line.split("|")[3]))
        if not line.startswith(f"| {number} |") or not named or named - sources:
            bad.append(f"form without a workload: {line}")
    if len(forms) < 47:
        bad.append(f"only {len(forms)} of 47 forms")
    print("\n".join(bad + [f"{len(forms)} forms, {len(sources)} workloads, {len(bad)} wrong"]))
    return 1 if bad else 0


def run_cross(tkit, pair, names):
    """What both can see, they must see alike."""
    common = set.intersection(*(tkit.backend(backend)["caps"] for backend in pair))
    table = Table()

    def both(program):
        return [run_one(tkit, backend, program) for backend in pair]

    for program, runs in each(both, programs(tkit.build, names)):
        name = os.path.basename(program)
        ops, reason = MAY_DIFFER.get(name, ((), ""))
        blind = next(filter(None, (known_limit(b, name) for b in pair)), None)
        if not isinstance(runs, TestError) and any(run.excused for run in runs):
            blind = "one of them has counted a loss, as it may"
        if isinstance(runs, TestError):
            table.row(name, "FAIL", "", [str(runs)])
        elif any(run.status == "skip" for run in runs):
            table.row(name, "skip", next(run.reason for run in runs if run.reason))
        elif ops is None or blind:
            table.row(name, "known", blind or reason)
        else:
            a, b = (run.facts(common, ops) for run in runs)
            only = [a - b, b - a]
            if "REQUESTED" not in common:
                only = [only[0] - runs[1].failed(), only[1] - runs[0].failed()]
            lines = [f"losses: {run.losses[:3]}" for run in runs if run.losses]
            lines += [f"only {who}: {op} {show(path)} = {error(err)}"
                      for who, diff in zip(pair, only)
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
    parser.add_argument("--doc", action="store_true", help="the result must be what the docs say")
    parser.add_argument("--check-doc", action="store_true")
    parser.add_argument("--write-doc", nargs="+", metavar="BACKEND")
    parser.add_argument("--together", action="store_true", help="all in one trace")
    parser.add_argument("workload", nargs="*")
    args = parser.parse_args()
    if sum(map(bool, (args.backend, args.cross, args.check_doc, args.write_doc))) != 1:
        parser.error("give one of --backend, --cross, --check-doc, --write-doc")
    if args.check_doc:
        return check_doc()
    global STRICT
    STRICT = args.resolved
    tkit = Tkit(args.build)
    if args.write_doc:
        return write_doc(tkit, args.write_doc)
    if args.cross:
        return run_cross(tkit, args.cross, args.workload)
    return run_backend(tkit, args.backend, args.workload, DOC if args.doc else None, args.together)


if __name__ == "__main__":
    run_main(main)
