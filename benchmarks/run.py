#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What does watching cost? Ratios of interleaved runs, each beside its completeness.

usage: run.py [--build DIR] [--rounds N] [--backends A,B] [--peers A,B] [--workloads A,B] [--json]

Each round runs the untraced workload and each tracer in turn; a ratio is the tracer's wall time
over the untraced run of the same round, the table shows the median (min..max). Start-up time of a
tracer is measured with an empty loop and subtracted. "seen" is what the trace holds of the
accesses that the workload makes: a cost without its completeness says nothing.
"""

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
# name: (count, (op, errno, file name) that each round of the loop makes, None = no path call)
WORKLOADS = {
    "open": (100000, ("open", 0, "/file")),
    "distinct": (20000, ("open", 0, "/distinct.")),
    "stat": (100000, ("stat", 0, "/file")),
    "failed": (100000, ("open", 2, "/none")),
    "getppid": (1000000, None),
    "read": (300000, None),
    "spawn": (300, ("exec", 0, "/bin/true")),
}
# The same accesses in the lines of strace.
STRACE = {
    "open": r'openat\(.*"file".* = \d', "distinct": r'openat\(.*"distinct\.\d+".* = \d',
    "stat": r'newfstatat\(.*"file".* = 0', "failed": r'openat\(.*"none".* = -1 ENOENT',
    "spawn": r'execve\("/bin/true".* = 0',
}


class Bench:
    def __init__(self, args, work):
        self.tkit = os.path.join(args.build, "tkit")
        self.loop = os.path.join(args.build, "benchmarks", "bench-loop")
        self.work, self.data = work, os.path.join(work, "data")
        os.mkdir(self.data)
        self.out = os.path.join(work, "out")
        subprocess.run([self.loop, "prepare", "20000", self.data], check=True)

    def command(self, tracer, name, count):
        cmd = [self.loop, name, str(count), self.data]
        kind, _, what = tracer.partition(":")
        if kind == "tkit":
            return [self.tkit, "-q", "run", "--backend", what, "-o", self.out, "--", *cmd]
        if kind == "strace":
            fast = ["--seccomp-bpf"] if what == "seccomp" else []
            return ["strace", "-f", "-y", *fast, "-e", "trace=%file", "-o", self.out, *cmd]
        return cmd

    def once(self, tracer, name, count):
        start = time.monotonic()
        done = subprocess.run(self.command(tracer, name, count), stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
        if done.returncode:
            raise RuntimeError(f"{tracer} {name}: {done.stderr.decode().strip()[-300:]}")
        return time.monotonic() - start

    def seen(self, tracer, name):
        """(accesses in the trace, losses) of the last run; None for an untraced one."""
        wanted = WORKLOADS[name][1]
        if tracer == "none" or wanted is None:
            return None
        if tracer.startswith("strace"):
            pattern = re.compile(STRACE[name])
            with open(self.out, encoding="utf-8", errors="replace") as log:
                return sum(1 for line in log if pattern.search(line)), None
        seen = lost = 0
        dump = subprocess.Popen([self.tkit, "-q", "dump", self.out], stdout=subprocess.PIPE)
        for line in dump.stdout:
            event = json.loads(line)
            if event["type"] == "loss":
                lost += event["count"]
            elif (event.get("op"), event.get("errno")) == wanted[:2] and \
                    wanted[2] in (event.get("abs") or ""):
                seen += event.get("count", 1)
        dump.wait()
        return seen, lost


def measure(bench, tracers, name, rounds):
    count = WORKLOADS[name][0]
    times = {t: [] for t in tracers}
    for t in tracers:
        bench.once(t, name, 1)  # warm-up
    for _ in range(rounds):
        for t in tracers:
            empty = bench.once(t, name, 1)
            times[t].append(max(bench.once(t, name, count) - empty, 1e-9))
    rows = []
    for t in tracers:
        ratios = [a / b for a, b in zip(times[t], times["none"])]
        bench.once(t, name, count)
        seen = bench.seen(t, name)
        rows.append({
            "workload": name, "tracer": t, "count": count,
            "ns": round(statistics.median(times[t]) / count * 1e9),
            "ratio": round(statistics.median(ratios), 2),
            "ratio_min": round(min(ratios), 2), "ratio_max": round(max(ratios), 2),
            "expected": count if WORKLOADS[name][1] else None,
            "seen": seen and seen[0], "lost": seen and seen[1]})
    return rows


def show(row):
    seen = "-"
    if row["expected"] is not None and row["seen"] is not None:
        seen = f"{row['seen']} of {row['expected']}"
        seen += "" if row["lost"] is None else f", {row['lost']} lost"
    print(f"{row['workload']:<9} {row['tracer']:<15} {row['ns']:>9} ns  {row['ratio']:>6.2f}x "
          f"({row['ratio_min']:.2f}..{row['ratio_max']:.2f})  {seen}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default=os.path.join(HERE, "..", "build", "dev"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--backends", default="ebpf,ptrace")
    parser.add_argument("--peers", default="seccomp,plain", help="strace: seccomp, plain")
    parser.add_argument("--workloads", default=",".join(WORKLOADS))
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    names = args.workloads.split(",")
    for name in names:
        if name not in WORKLOADS:
            parser.error(f"unknown workload {name}; there are {', '.join(WORKLOADS)}")
    tracers = ["none"] + [f"tkit:{b}" for b in args.backends.split(",") if b]
    if shutil.which("strace"):
        tracers += [f"strace:{p}" for p in args.peers.split(",") if p]
    rows = []
    with tempfile.TemporaryDirectory(prefix="tkit-bench.") as work:
        bench = Bench(args, work)
        for name in names:
            for row in measure(bench, tracers, name, args.rounds):
                rows.append(row)
                if not args.json:
                    show(row)
    if args.json:
        print(json.dumps(rows, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
