#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Python's own regression tests behave the same traced as untraced, case by case.

  python_suites.py [--build DIR] [--full] [--suite NAME]... --backend NAME[,OPTION...]...

Runs six suites of Debian's libpython3.11-testsuite untraced and under each backend, and compares
which cases passed, failed and were skipped. Without --full (or TKIT_FULL=1) the cases that python_cases.txt
calls slow are left out, and --suite chooses among the suites. A case that came out differently is run again alone, three times each way: if
a difference shows again, it is one; if not, it is told and was a matter of time. Exit status: 0, 1
(differences), 77 (cannot run here).
"""

import argparse
import os
import subprocess
import sys
import time
import xml.etree.ElementTree as xml
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
from tkittest import TempDir, TestError, Tkit, run_main, skip  # noqa: E402

PYTHON = "/usr/bin/python3"
# Suite -> how many cases it has at least.
SUITES = {"test_os": 300, "test_posix": 150, "test_subprocess": 300, "test_signal": 40,
          "test_threading": 180, "test_io": 600}
ENV = {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL": "C.UTF-8", "HOME": "/"}


def listed(kind):
    """The names in python_cases.txt of one kind."""
    with open(os.path.join(HERE, "python_cases.txt"), encoding="ascii") as f:
        rows = [line.split() for line in f if line.strip() and not line.startswith("#")]
    return [row[1] for row in rows if row[0] == kind]


def outcomes(file):
    """Name -> passed, failed or skipped, of each case in a JUnit file."""
    found = {}
    for case in xml.parse(file).iter("testcase"):
        kinds = {child.tag for child in case}
        how = "skipped" if "skipped" in kinds else "failed" if kinds & {"failure", "error"} else "passed"
        found[case.get("name")] = how
    return found


class Way:
    """Untraced, or under one backend."""

    def __init__(self, tkit, backend, work):
        self.name = backend or "untraced"
        self.dir = os.path.join(work, self.name.replace(",", "-"))
        os.mkdir(self.dir)
        self.prefix = []
        if backend:
            self.prefix = [tkit.path, "run", "-q", "--strict", "--backend", backend, "--sink", "null", "--"]

    def run(self, suites, more=()):
        """Outcomes of the cases; fails if the test program did not get that far."""
        file = os.path.join(self.dir, "junit.xml")
        if os.path.exists(file):
            os.unlink(file)
        argv = [PYTHON, "-m", "test", "--junit-xml", file, "--timeout", "240", *more, *suites]
        start = time.monotonic()
        done = subprocess.run(self.prefix + argv, cwd=self.dir, env=dict(ENV, TMPDIR=self.dir),
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=1200)
        self.seconds = time.monotonic() - start
        self.output = done.stdout.decode(errors="replace")
        if not os.path.exists(file):
            raise TestError(f"{self.name}: no results, exit status {done.returncode}:\n{self.output[-2000:]}")
        return outcomes(file)


def again(plain, way, name):
    """Does a case come out differently again? It is run alone, three times each way."""
    suite, method = name.split(".")[1], name.split(".", 1)[1].split(" ")[0]
    for _ in range(3):
        a, b = (w.run([suite], ["--match", "*" + method]) for w in (plain, way))
        if a != b:
            return True
    return False


def differences(plain, way, reference, found, unsteady):
    """How many cases come out differently, each told."""
    bad = 0
    for name in sorted(set(reference) | set(found)):
        a, b = reference.get(name, "absent"), found.get(name, "absent")
        if a == b or any(case in name for case in unsteady):
            continue
        real = again(plain, way, name)
        print(f"  {name}: {a} untraced, {b} under {way.name}" + ("" if real else "; not again: a matter of time"))
        if real:
            print("\n".join("    " + line for line in way.output.splitlines()[-40:]))
        bad += real
    return bad


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default=os.path.join(HERE, "..", "..", "build", "dev"))
    parser.add_argument("--full", action="store_true", default=bool(os.environ.get("TKIT_FULL")))
    parser.add_argument("--backend", action="append", required=True)
    parser.add_argument("--suite", action="append", choices=SUITES)
    args = parser.parse_args()
    suites = list(SUITES) if args.full or not args.suite else args.suite
    if subprocess.run([PYTHON, "-c", "import test.test_os"], capture_output=True, check=False).returncode:
        skip("libpython3.11-testsuite is not installed")
    tkit = Tkit(args.build)
    for backend in args.backend:
        tkit.backend(backend.split(",")[0])
    options = ["-j6"]
    for case in [] if args.full else listed("slow"):
        options += ["--ignore", "*" + case]
    bad = 0
    with TempDir() as work:
        plain = Way(tkit, None, work)
        ways = [Way(tkit, backend, work) for backend in args.backend]
        # Side by side: they mostly sleep.
        with ThreadPoolExecutor() as pool:
            reference, *found = pool.map(lambda way: way.run(suites, options), [plain] + ways)
        for way, result in zip([plain] + ways, [reference] + found):
            counts = Counter(result.values())
            print(f"{way.name:<18} " + ", ".join(f"{counts[k]} {k}" for k in ("passed", "failed", "skipped"))
                  + f"  {way.seconds:.0f} s")
            bad += differences(plain, way, reference, result, listed("flaky"))
        if len(reference) < sum(SUITES[suite] for suite in suites):
            raise TestError(f"only {len(reference)} cases were run")
    return 1 if bad else 0


if __name__ == "__main__":
    run_main(main)
