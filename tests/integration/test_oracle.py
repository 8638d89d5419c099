#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Real programs: does tkit see all that strace sees, and do two backends see the same?

  test_oracle.py [--build DIR] --backend NAME [PROGRAM...]
  test_oracle.py [--build DIR] --same NAME NAME [PROGRAM...]

Each program runs in a fresh directory that is prepared the same way before each run. Facts are
compared as sets of (operation, absolute path, errno).
"""

import argparse
import errno as errno_names
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import strace  # noqa: E402
from tkittest import TempDir, TestError, Tkit, accesses, show, skip  # noqa: E402

ENV = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LC_ALL": "C",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.org", "GIT_AUTHOR_DATE": "@1000000000 +0000",
    "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@example.org",
    "GIT_COMMITTER_DATE": "@1000000000 +0000",
}


def write(path, text):
    with open(path, "w", encoding="ascii") as f:
        f.write(text)


def make_files():
    for n in range(5):
        write(f"file{n}", "text\n")
    os.symlink("file0", "link")
    os.mkdir("directory")


def make_words():
    write("words", "".join(f"word{n % 7} and\n" for n in range(200)))


def make_repository():
    make_files()
    # Older than the index, or git reads the files again to be sure.
    for name in os.listdir("."):
        os.utime(name, (1000000000, 1000000000), follow_symlinks=False)
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "one"]):
        subprocess.run(["git"] + command, check=True, env=dict(ENV, HOME=os.getcwd()))
    write("file1", "changed\n")
    write("new", "")


def make_source():
    write("header.h", "#define VALUE 0\n")
    write("main.c", '#include <stdio.h>\n#include "header.h"\nint main(void) { return VALUE; }\n')


# name: (what must be installed, command, preparation, the least number of facts strace must see)
PROGRAMS = {
    "ls": ("ls", ["ls", "-l"], make_files, 30),
    "pipeline": ("awk", ["sh", "-c",
                         "cat words | sort | uniq -c | sort -rn | awk '{ print $2 }' | tr a-z A-Z | head -3"],
                 make_words, 35),
    "python": ("/usr/bin/python3", ["/usr/bin/python3", "-c", "import ssl, sqlite3, json"], None, 200),
    "git": ("git", ["git", "status"], make_repository, 60),
    "gcc": ("gcc", ["gcc", "-O1", "-o", "main", "main.c"], make_source, 200),
}

# Names that differ from run to run.
RANDOM = (
    (re.compile(rb"/tmp/cc[A-Za-z0-9]{6}"), b"/tmp/ccXXXXXX"),
    (re.compile(rb"^/proc/\d+(/task/\d+)?"), b"/proc/PID"),
    (re.compile(rb"(\.pyc)\.\d+$"), rb"\1.N"),
)

# What tkit reports and strace cannot: files that the kernel opens for itself.
UNSEEN_BY_STRACE = {"interp"}


def normal(facts):
    out = set()
    for op, path, number in facts:
        for pattern, fixed in RANDOM:
            path = pattern.sub(fixed, path)
        out.add((op, path, number))
    return out


def tell(facts, limit=20):
    lines = [f"    {op} {show(path)} = {errno_names.errorcode.get(number, number)}"
             for op, path, number in sorted(facts)]
    if len(lines) > limit:
        lines[limit:] = [f"    ... and {len(lines) - limit} more"]
    return "\n".join(lines)


class Program:
    """One program of the table, in its directory."""

    def __init__(self, name, work):
        self.name = name
        self.tool, self.argv, self.prepare, self.least = PROGRAMS[name]
        self.dir = os.path.join(work, name)
        self.out = os.path.join(work, name + ".out")

    def fresh(self):
        shutil.rmtree(self.dir, ignore_errors=True)
        os.mkdir(self.dir)
        here = os.getcwd()
        os.chdir(self.dir)
        try:
            if self.prepare:
                self.prepare()
        finally:
            os.chdir(here)
        return {"cwd": self.dir, "env": dict(ENV, HOME=self.dir), "timeout": 120}

    def plain(self):
        """Untraced: warms caches that the program itself keeps, and gives its output."""
        return subprocess.run(self.argv, stdin=subprocess.DEVNULL, capture_output=True,
                              **self.fresh())

    def by_strace(self):
        subprocess.run(["strace", "-f", "-y", "-s", "4096", "-e", "trace=" + strace.TRACE,
                        "-o", self.out] + self.argv, stdin=subprocess.DEVNULL,
                       capture_output=True, **self.fresh())
        facts = normal(strace.read(self.out, self.dir))
        if len(facts) < self.least:
            raise TestError(f"strace saw only {len(facts)} facts of {self.name}: a blind oracle")
        return facts

    def by_tkit(self, tkit, backend):
        done, events = tkit.trace(backend, self.argv, self.out, **self.fresh())
        facts = {(a.op, a.abs, a.errno) for a in accesses(events) if a.abs is not None}
        return done, normal(facts)


def chosen(names):
    for name in names or PROGRAMS:
        if name not in PROGRAMS:
            raise TestError(f"no such program: {name} (there are {' '.join(PROGRAMS)})")
        if not shutil.which(PROGRAMS[name][0], path=ENV["PATH"]):
            raise TestError(f"{PROGRAMS[name][0]} is not installed")
        yield name


def with_strace(tkit, backend, names):
    if not shutil.which("strace"):
        skip("strace is not installed")
    tkit.backend(backend)
    bad = 0
    with TempDir() as work:
        for name in chosen(names):
            program = Program(name, work)
            plain = program.plain()
            reference = program.by_strace()
            done, facts = program.by_tkit(tkit, backend)
            missing = reference - facts
            extra = {f for f in facts - reference if f[0] not in UNSEEN_BY_STRACE}
            behaves = (plain.returncode, plain.stdout) == (done.returncode, done.stdout)
            print(f"{name:<10} strace {len(reference):5}  tkit {len(facts):5}  "
                  f"missing {len(missing):3}  unexplained {len(extra):3}  "
                  f"{'same' if behaves else 'OTHER'} output")
            if missing:
                print(f"  missing:\n{tell(missing)}")
            if extra:
                print(f"  not seen by strace:\n{tell(extra)}")
            bad += bool(missing or extra or not behaves)
    return 1 if bad else 0


def same(tkit, pair, names):
    for backend in pair:
        tkit.backend(backend)
    bad = 0
    with TempDir() as work:
        for name in chosen(names):
            program = Program(name, work)
            program.plain()
            a, b = (program.by_tkit(tkit, backend)[1] for backend in pair)
            print(f"{name:<10} {len(a & b):5} facts in both, {len(a - b)} only {pair[0]}, "
                  f"{len(b - a)} only {pair[1]}")
            for who, only in zip(pair, (a - b, b - a)):
                if only:
                    print(f"  only {who}:\n{tell(only)}")
            bad += a != b
            if len(a) < program.least:
                raise TestError(f"only {len(a)} facts of {name}")
    return 1 if bad else 0


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    here = os.path.dirname(os.path.abspath(__file__))
    parser.add_argument("--build", default=os.path.join(here, "..", "..", "build", "dev"))
    parser.add_argument("--backend")
    parser.add_argument("--same", nargs=2)
    parser.add_argument("program", nargs="*")
    args = parser.parse_args()
    if bool(args.backend) == bool(args.same):
        parser.error("give one of --backend, --same")
    tkit = Tkit(args.build)
    if args.same:
        return same(tkit, args.same, args.program)
    return with_strace(tkit, args.backend, args.program)


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (TestError, strace.ParseError) as failure:
        print(f"FAIL: {failure}")
        sys.exit(1)
