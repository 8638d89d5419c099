#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What long traces cost: writing, `tkit report` and `tkit dump`, and the memory of it.

The null backend makes the events up, in two shapes: `plain`, the same names in a row, and `build`,
the calls of a compile job in random order. Traces are made in $TMPDIR (10 million events: 2 and 57
MB), and removed. Prints a Markdown table; medians of the rounds, least and most beside them.

usage: traces.py [--events N[,N]...] [--shapes LIST] [--runs N] [--no-dump] TKIT
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile

SHAPES = {"plain": "paths=1000,processes=10",
          "build": "shape=build,paths=20000,processes=200"}


def spend(argv, folder):
    """(wall s, CPU s, most memory in MB) of a child."""
    helper = os.path.join(os.path.dirname(argv[0]), "benchmarks", "tkit-bench-work")
    told = os.path.join(folder, "spent")
    done = subprocess.run([helper, "spend", told, *argv], stdin=subprocess.DEVNULL, check=False,
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    if done.returncode:
        sys.exit(f"{' '.join(argv)}: status {done.returncode}: {done.stderr.decode().strip()}")
    with open(told, encoding="ascii") as text:
        wall, cpu, memory = map(int, text.read().split())
    return wall / 1e9, cpu / 1e9, memory / 1024


def seen(tkit, trace, scratch):
    """Accesses that a report of the trace counts, losses, distinct paths."""
    spend([tkit, "report", "--json", "-o", scratch, trace], os.path.dirname(scratch))
    with open(scratch, "rb") as text:
        report = json.load(text)
    os.unlink(scratch)
    return (sum(access["count"] for path in report["paths"] for access in path["accesses"]),
            sum(report["losses"].values()), len(report["paths"]))


class Trace:
    def __init__(self, args, folder, shape, events):
        self.shape, self.events, self.dumps = shape, events, args.dump and events <= 10_000_000
        self.folder = folder
        self.file = os.path.join(folder, f"{shape}-{events}.tkit")
        self.write, self.report, self.dump = [], [], []
        self.counts = None

    def round(self, tkit):
        self.write.append(spend([tkit, "run", "--backend", f"null,count={self.events},"
                                 f"{SHAPES[self.shape]}", "-o", self.file], self.folder))
        if not self.counts:
            self.counts = seen(tkit, self.file, self.file + ".json")
        self.report.append(spend([tkit, "report", self.file], self.folder))
        if self.dumps:
            self.dump.append(spend([tkit, "dump", self.file], self.folder))
        self.size = os.path.getsize(self.file)
        os.unlink(self.file)

    def row(self):
        def middle(runs, at, scale=1.0, form="{:.2f}"):
            values = [run[at] * scale for run in runs]
            return (form + " (" + form + "–" + form + ")").format(
                statistics.median(values), min(values), max(values)) if runs else ""

        per_event = 1e9 / self.events
        return [self.shape, f"{self.events:,}", *(f"{count:,}" for count in self.counts),
                f"{self.size / self.events:.2f}",
                middle(self.write, 1, per_event, "{:.0f}"), middle(self.report, 0),
                middle(self.report, 1), f"{max(run[2] for run in self.report):.0f} MB",
                middle(self.dump, 1, per_event, "{:.0f}")]


HEAD = ["shape", "expected", "seen", "lost", "paths", "bytes an event", "written: ns CPU an event",
        "report: s", "report: s CPU", "report: most memory", "dump: ns CPU an event"]


def main():
    args = argparse.ArgumentParser(usage=__doc__.split("usage: ")[1])
    args.add_argument("--events", default="10000000")
    args.add_argument("--shapes", default="plain,build")
    args.add_argument("--runs", type=int, default=1)
    args.add_argument("--no-dump", dest="dump", action="store_false")
    args.add_argument("tkit")
    args = args.parse_args()
    tkit = os.path.realpath(args.tkit)
    with tempfile.TemporaryDirectory(prefix="tkit-traces.") as folder:
        traces = [Trace(args, folder, shape, int(events)) for events in args.events.split(",")
                  for shape in args.shapes.split(",")]
        for _ in range(args.runs):
            for trace in traces:
                trace.round(tkit)
    print("| " + " | ".join(HEAD) + " |\n|---|" + "---:|" * (len(HEAD) - 1))
    for trace in traces:
        print("| " + " | ".join(trace.row()) + " |")
    return 0


if __name__ == "__main__":
    sys.exit(main())
