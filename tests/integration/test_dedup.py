#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Repeats that the kernel counts: what a trace says is the same with dedup=on and with dedup=off.

  test_dedup.py [--build DIR] [NAME...]

Two tkits watch one and the same process tree, one with dedup=on, one with dedup=off. The facts of both
(each with its number) must be the same, and so must be the reports. NAME is `conformance` (all workloads
in a row), `traps` (dedup_traps.py: whatever changes what a name means), `ring` (losses and second
chances) or a program of oracle_programs.py.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "lib"), HERE]
from oracle_programs import ENV, PROGRAMS  # noqa: E402
from tkittest import TempDir, TestError, Tkit, accesses, run_main, skip  # noqa: E402

DEFAULT = ["conformance", "traps", "ring", "python", "gcc", "git"]
BINARIES = "tests/conformance/bin"


def below(pid):
    """The process and its descendants that are there now."""
    found = [pid]
    for p in found:
        try:
            with open(f"/proc/{p}/task/{p}/children", encoding="ascii") as f:
                found += map(int, f.read().split())
        except OSError:
            pass
    return found


class Both:
    """A command that two tkits watch."""

    def __init__(self, tkit, work, variants, argv, **kw):
        self.tkit, self.traces = tkit, []
        hold = ["sh", "-c", 'kill -STOP $$; exec "$@"', "hold"]
        self.process = subprocess.Popen(hold + argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, **kw)
        os.waitid(os.P_PID, self.process.pid, os.WSTOPPED | os.WNOWAIT)
        self.tracers = []
        for number, variant in enumerate(variants):
            trace = os.path.join(work, f"{number}.tkit")
            ready, ready_in = os.pipe()
            self.tracers.append(subprocess.Popen(
                [tkit.path, "run", "-q", "--no-snapshot", "--ready-fd", str(ready_in), "--backend", "ebpf," + variant,
                 "-o", trace, "--pid", str(self.process.pid)], pass_fds=[ready_in], stdin=subprocess.DEVNULL))
            os.close(ready_in)
            if not os.read(ready, 1):
                raise TestError(f"tkit with {variant} did not start")
            os.close(ready)
            self.traces.append(trace)

    def go(self, timeout=200):
        os.kill(self.process.pid, signal.SIGCONT)
        status = self.process.wait(timeout)
        for tracer in self.tracers:
            if tracer.wait(60):
                raise TestError(f"tkit ended with {tracer.returncode}")
        return status


def facts(events):
    """Each fact with its number. What differs between two repeats of one fact is left out."""
    found = Counter()
    for a in accesses(events):
        raw = {k: v for k, v in a.raw.items() if k not in (
            "ts", "tid", "ret", "comm", "count", "repeat", "mode", "cgroup", "ppid")}
        if a.errno == 0 and a.op not in ("open", "exec", "chdir"):
            raw.pop("resolved" if a.raw.get("fd") else "", None)
        found[json.dumps(raw, sort_keys=True)] += a.count
    return found


def strip(value):
    """A report without what differs between any two traces of the same run."""
    if isinstance(value, dict):
        return {k: strip(v) for k, v in value.items()
                if not k.endswith("_ns") and k not in ("id", "options", "facilities")}
    return [strip(v) for v in value] if isinstance(value, list) else value


def report(tkit, trace, *args):
    done = tkit.run(["report", *args, trace])
    if done.returncode not in (0, 1) or not done.stdout:
        raise TestError(f"report {args}: {done.stderr.decode(errors='replace').strip()}")
    return done.stdout


def image_list(tkit, trace):
    out = trace + ".image"
    done = tkit.run(["report", "--reporter", "dockerfile,format=list", "--root", "/", "-o", out, trace])
    if done.returncode:
        raise TestError(f"report dockerfile: {done.stderr.decode(errors='replace').strip()}")
    with open(os.path.join(out, "files.txt"), "rb") as f:
        return f.read()


def in_order(tkit, events):
    """Repeats come in the order of their times, after what they repeat."""
    told, last = set(), 0
    for e in events:
        key = (e.get("pid"), e.get("op"), e.get("abs"), e.get("errno"), e.get("syscall"))
        if e.get("repeat"):
            if key not in told:
                yield f"a repeat of what was not told: {key}"
            last = max(last, e["ts"])
        else:
            told.add(key)


def compare(tkit, name, traces, image=True):
    """What differs. The last trace is the one with dedup=off."""
    dumps = [tkit.dump(t) for t in traces]
    reference = facts(dumps[-1])
    problems, folded = [], 0
    if any(e["type"] == "loss" for d in dumps for e in d):
        problems.append(f"{name}: losses")
    if any(e.get("repeat") for e in dumps[-1]):
        problems.append(f"{name}: repeats with dedup=off")
    deps = [json.dumps(strip(json.loads(report(tkit, t, "--reporter", "deps,format=json"))), indent=1)
            for t in traces]
    for i, events in enumerate(dumps[:-1]):
        found = facts(events)
        folded += sum(e["count"] for e in events if e.get("repeat"))
        problems += list(in_order(tkit, events))[:5]
        for how, more in (("missing", reference - found), ("invented", found - reference)):
            for fact, count in sorted(more.items())[:5]:
                problems.append(f"{name}: {how} {count} of {len(more)}: {fact}")
        if deps[i] != deps[-1]:
            lines = [(a, b) for a, b in zip(deps[i].split("\n"), deps[-1].split("\n")) if a != b]
            problems.append(f"{name}: deps differs: {lines[:3]}")
        if image:
            if image_list(tkit, traces[i]) != image_list(tkit, traces[-1]):
                problems.append(f"{name}: the image's list differs")
    print(f"{'FAIL' if problems else 'ok':<5} {name:<12} {sum(reference.values()):6} facts, {folded} of them counted in the kernel",
          flush=True)
    return problems


def program(tkit, name, work, variants=("dedup=on", "dedup=off")):
    chosen = PROGRAMS[name]
    missing = [t for t in chosen.tools if subprocess.run(["sh", "-c", "command -v " + t], stdout=subprocess.DEVNULL,
                                                          check=False).returncode]
    if missing:
        print(f"      {name}: {' '.join(missing)} not installed")
        return []
    folder = os.path.join(work, name)
    os.mkdir(folder)
    here = os.getcwd()
    os.chdir(folder)
    if chosen.prepare:
        chosen.prepare()
    os.chdir(here)
    both = Both(tkit, work, variants, chosen.argv, cwd=folder, env=dict(ENV, HOME=folder),
                stderr=subprocess.DEVNULL)
    both.go()
    return compare(tkit, name, both.traces)


def conformance(tkit, name, work):
    """Every workload of the conformance tests, one after the other, in one tree."""
    binaries = os.path.join(tkit.build, BINARIES)
    line = ""
    for workload in sorted(os.listdir(binaries)):
        if workload.startswith("helper-"):
            continue
        folder = os.path.join(work, "c." + workload)
        os.mkdir(folder, 0o777)
        path = os.path.join(binaries, workload)
        if subprocess.run([path, folder, "setup"], cwd=folder, stdin=subprocess.DEVNULL, timeout=30,
                          stderr=subprocess.DEVNULL, check=False).returncode == 0:
            line += f"(cd {folder} && {path} {folder} run 2>/dev/null)\n"
    both = Both(tkit, work, ("dedup=on", "dedup=on,dedup-entries=16", "dedup=off"), ["sh", "-c", line])
    both.go()
    return compare(tkit, name, both.traces, image=False)


def do_outside(work, stop):
    """Moves what the traced program asks for: nobody that is traced does it."""
    ask = os.path.join(work, "ask")
    while not stop.is_set():
        if os.path.exists(ask):
            with open(ask, encoding="utf-8") as f:
                exec(f.read(), {"os": os})  # of dedup_traps.py
            os.unlink(ask)
        time.sleep(0.002)


def traps(tkit, name, work):
    problems = []
    for variants in (("dedup=on", "dedup=on,dedup-entries=16", "dedup=off"), ("dedup=on,programs=modern", "dedup=off,programs=modern"),
                     ("dedup=on,programs=plain", "dedup=off,programs=plain")):
        folder = os.path.join(work, "traps." + variants[0].replace(",", "."))
        os.mkdir(folder)
        stop = threading.Event()
        outside = threading.Thread(target=do_outside, args=(folder, stop))
        outside.start()
        both = Both(tkit, work, variants, [sys.executable, "-S", os.path.join(HERE, "dedup_traps.py"), folder], cwd=folder)
        status = both.go()
        stop.set()
        outside.join()
        if status:
            problems.append(f"dedup_traps.py ended with {status}")
        problems += compare(tkit, name, both.traces, image=False)
    return problems


def ring(tkit, name, work):
    """A lost record is never taken as told: a later pass brings it; and all is accounted for."""
    opens, passes = 500, 8
    code = ("import os, time\nfor p in range(%d):\n os.write(1, b'.'); os.read(0, 1)\n for i in range(%d):\n"
            "  try: os.open('/no-such-dir/%%d' %% i, 0)\n  except OSError: pass\n"
            "  if p %% 2: time.sleep(0.001)\n" % (passes, opens))
    problems, others = [], None
    for size in ("16M", "4K"):
        trace = os.path.join(work, "ring.tkit")
        tracer = subprocess.Popen([tkit.path, "run", "-q", "--backend", f"ebpf,dedup=on,ring-size={size}", "-o", trace, "--",
                                   sys.executable, "-S", "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for number in range(passes):
            tracer.stdout.read(1)
            # In every other pass, also the first, the reader does not run at all.
            os.kill(tracer.pid, signal.SIGCONT if number % 2 else signal.SIGSTOP)
            time.sleep(0.05)
            tracer.stdin.write(b".")
            tracer.stdin.flush()
        os.kill(tracer.pid, signal.SIGCONT)
        tracer.wait(60)
        events = tkit.dump(trace)
        lost = sum(e["count"] for e in events if e["type"] == "loss")
        found = Counter()
        for a in accesses(events):
            if a.op == "open" and (a.abs or b"").startswith(b"/no-such-dir/"):
                found[a.abs] += a.count
        rest = sum(e.get("count", 1) for e in events if e["type"] not in ("loss", "run", "end")) - sum(found.values())
        whole = sum(found.values()) + rest + lost
        if size == "16M":
            others = rest
            if lost or len(found) != opens or set(found.values()) != {passes}:
                problems.append(f"ring: {len(found)} names, {sum(found.values())} opens, {lost} lost with a large ring")
        elif not lost or len(found) != opens or whole != opens * passes + others:
            problems.append(f"ring {size}: {len(found)} of {opens} names told, {lost} lost, {whole} facts of {opens * passes + others}")
        print(f"      ring {size}: {len(found)} names, {sum(found.values())} opens, {lost} lost")
    print(f"{'FAIL' if problems else 'ok':<5} ring")
    return problems


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default=os.environ.get("TKIT_BUILD", os.path.join(HERE, "..", "..", "build", "dev")))
    parser.add_argument("name", nargs="*")
    args = parser.parse_args()
    if os.geteuid():
        skip("needs root")
    tkit = Tkit(args.build)
    tkit.backend("ebpf")
    special = {"conformance": conformance, "traps": traps, "ring": ring}
    problems = []
    for name in args.name or DEFAULT:
        with TempDir() as work:
            problems += special.get(name, program)(tkit, name, work)
    print("\n".join(problems))
    return 1 if problems else 0


if __name__ == "__main__":
    run_main(main)
