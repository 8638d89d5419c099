#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Random calls with names (random_paths.c): all who watch must tell the same facts.

  test_random.py [--build DIR] [--steps N] [SEED...]
  test_random.py --minutes N        # random seeds, until one fails

Two runs for each seed, in each of which all watch the same processes:

  1. strace, and three tkits with ebpf: dedup=on, the same with room for few repeats, dedup=off;
  2. one tkit with ebpf (dedup=on) and ptrace.

strace does not know what names mean in another root or mount namespace, nor where the relative name of a
call without a dirfd begins after a rename; ptrace does. ebpf looks when a call returns: where a relative name of a chdir() or of a
rename() of the very directory that it begins in has begun (backends/ebpf/README.md) is not compared.
"""

import argparse
import os
import random
import shutil
import subprocess
import sys
import time
from collections import Counter

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "lib"), HERE]
import strace  # noqa: E402
from test_dedup import Both, compare  # noqa: E402
from test_oracle import STRACE, Fact, tell  # noqa: E402
from tkittest import TempDir, TestError, Tkit, accesses, run_main, skip  # noqa: E402

SEEDS = [1, 2]
STEPS = 120
VARIANTS = ("dedup=on", "dedup=on,dedup-entries=16", "dedup=off")


def fresh(work):
    """A directory from which a few ".." lead nowhere else."""
    shutil.rmtree(os.path.join(work, "tree"), ignore_errors=True)
    top = os.path.join(work, "tree/0/1/2/top")
    os.makedirs(top)
    return top


def differ(what, left, right):
    left, right = Counter(left), Counter(right)
    for how, facts in (("missing", left - right), ("invented", right - left)):
        if facts:
            yield f"  {what}: {sum(facts.values())} {how}\n{tell(facts)}"


NO_DIRFD = ("chdir", "exec", "connect", "bind", "getxattr", "statfs", "truncate")


def begins_surely(op, path, errno, by_strace):
    """Can all tell where the name begins?"""
    if not path or path.startswith(b"/"):
        return True
    if by_strace and op in NO_DIRFD:
        return False
    return bool(errno) or op not in ("chdir", "rename_from", "rename_to")


def of_tkit(found, but=(), by_strace=False):
    for a in found:
        if a.op == "interp" or a.pid in but:
            continue
        resolved, where = a.resolved, a.abs
        if by_strace:
            if a.raw.get("fd") and a.raw.get("deleted"):
                continue
            resolved = resolved if a.op == "open" and not a.errno else None
        where = where if begins_surely(a.op, a.path, a.errno, by_strace) else None
        yield from [Fact(a.op, a.path, where, a.errno or 0, resolved)] * a.count


def of_strace(facts, but):
    for f in facts:
        if f.pid not in but:
            where = f.abs if begins_surely(f.op, f.requested, f.errno, True) else None
            yield Fact(f.op, f.requested, where, f.errno, f.opened)


def with_strace(tkit, work, program, seed, steps):
    top, log = fresh(work), os.path.join(work, "strace")
    both = Both(tkit, work, VARIANTS, STRACE + [log, program, top, str(seed), str(steps)], cwd=work)
    if both.go():
        raise TestError(f"seed {seed}: the program failed under strace")
    problems = compare(tkit, f"seed {seed}", both.traces, image=False)
    events = tkit.dump(both.traces[-1])
    found = accesses(events)
    traced = [a.pid for a in found if a.type == "exec" and a.abs == program.encode()]
    elsewhere = {a.pid for a in found if a.op in ("chroot", "mount") and not a.errno}
    # Threads are numbered among the processes.
    threads = {a.tid for a in found if a.pid in elsewhere} | elsewhere
    family = {traced[0]}
    for e in events:
        if e["type"] == "fork" and e.get("ppid") in family:
            family.add(e["pid"])
    forks = {e["pid"]: e["ppid"] for e in events if e["type"] == "fork"}
    threads |= {p for p in family if forks.get(p) in elsewhere}
    facts = strace.read(log, work)
    found = [a for a in found if a.pid in family]
    problems += differ("ebpf and strace", of_strace(facts, threads), of_tkit(found, threads, True))
    return problems, len(facts)


def with_ptrace(tkit, work, program, seed, steps):
    top, trace = fresh(work), os.path.join(work, "both.tkit")
    done = tkit.run(["run", "-q", "--strict", "--backend", "ebpf,dedup=on", "--backend", "ptrace", "-o", trace, "--",
                     program, top, str(seed), str(steps)], cwd=work)
    if done.returncode:
        raise TestError(f"seed {seed}: {done.returncode}: {done.stderr.decode(errors='replace').strip()}")
    found = accesses(tkit.dump(trace))
    sides = [list(of_tkit([a for a in found if a.raw["backend"] == b])) for b in ("ptrace", "ebpf")]
    return list(differ("ptrace and ebpf", *sides)), len(sides[0])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--build", default=os.environ.get("TKIT_BUILD", os.path.join(HERE, "..", "..", "build", "dev")))
    parser.add_argument("--steps", type=int, default=STEPS)
    parser.add_argument("--minutes", type=float, default=0)
    parser.add_argument("seed", nargs="*", type=int)
    args = parser.parse_args()
    if os.geteuid():
        skip("needs root")
    if not shutil.which("strace"):
        skip("strace is not installed")
    tkit = Tkit(args.build)
    tkit.backend("ebpf")
    tkit.backend("ptrace")
    end = time.monotonic() + args.minutes * 60
    with TempDir() as work:
        program = os.path.join(work, "random_paths")
        subprocess.run(["cc", "-D_GNU_SOURCE", "-O1", "-w", os.path.join(HERE, "random_paths.c"), "-o", program, "-lpthread"],
                       check=True)
        seeds = args.seed or SEEDS
        while seeds:
            for seed in seeds:
                start = time.monotonic()
                problems, count = with_strace(tkit, work, program, seed, args.steps)
                more, count2 = with_ptrace(tkit, work, program, seed, args.steps)
                problems += more
                print(f"{'FAIL' if problems else 'ok':<5} seed {seed}: {count} facts with strace, {count2} with ptrace, "
                      f"{time.monotonic() - start:.1f} s", flush=True)
                if problems:
                    print("\n".join(problems))
                    return 1
            seeds = [random.randrange(10**6)] if time.monotonic() < end else []
    return 0


if __name__ == "__main__":
    run_main(main, strace.ParseError)
