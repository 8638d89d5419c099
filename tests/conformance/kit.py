#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The conformance kit for authors of backends: `tkit plugin conformance FILE.so` runs this.

  kit.py --tkit TKIT --bin DIR [--options K=V,...] [--json] MODULE [WORKLOAD...]

Runs the workloads, small programs that say which accesses they make, under a backend that is not
part of tkit's tree, and tells for each what the backend saw of it, and for each capability whether
what was declared is so. Exit status: 0 all that was declared was seen, and nothing else told; 1
not so; 125 nothing could be run.
"""

import argparse
import json
import os
import re
import subprocess
import sys

import run
from tkittest import TempDir, TestError, Tkit, parse_doctor

# Capabilities that an access can need; the others say what a backend can watch, and how.
SEES = ("OPEN", "EXEC", "INTERP", "METADATA", "FAILED", "CHANGES", "LIST", "SOCKET", "IO_URING",
        "COMPAT32", "READ")
FAILED = 125


def quoted(text):
    return json.dumps(text)


class Installed(Tkit):
    """A tkit that finds the module, and all plugins that it finds otherwise."""

    def __init__(self, path, module, options, work):
        self.path, self._doctor, self.build = path, None, None
        self.env = dict(os.environ)
        shown = self.json(["plugin", "show", module, "--json"])["plugins"][0]
        if shown["kind"] != "backend":
            raise TestError(f"{module} is a {shown['kind']}: only backends watch programs")
        self.name = shown["name"]
        self.write_conf(module, options, os.path.join(work, "plugins.d"))

    def run(self, args, **kw):
        kw.setdefault("env", self.env)
        return super().run(args, **kw)

    def json(self, args):
        done = self.run(args)
        if not done.stdout.strip():
            raise TestError(done.stderr.decode(errors="replace").strip())
        return json.loads(done.stdout)

    def write_conf(self, module, options, folder):
        """A conf that overrides the one that the plugin's name may have already."""
        conf = f"90-{self.name}.yaml"
        for plugin in self.json(["plugin", "list", "--json"])["plugins"]:
            if (plugin["kind"], plugin["name"]) == ("backend", self.name):
                conf = os.path.basename(plugin["conf"])
        os.mkdir(folder)
        lines = ["plugin:", "  kind: backend", f"  name: {self.name}",
                 f"  module: {quoted(os.path.abspath(module))}"]
        given = [o for o in re.split(r"(?<!\\),", options or "") if o]
        if given:
            lines.append("defaults:")
        for option in given:
            key, _, value = option.partition("=")
            lines.append(f"  {key}: {quoted(value.replace(chr(92) + ',', ',') or 'yes')}")
        with open(os.path.join(folder, conf), "w", encoding="utf-8") as f:
            f.write("\n".join(lines) + "\n")
        before = self.env.get("TKIT_PLUGINS_D")
        self.env["TKIT_PLUGINS_D"] = (before + ":" if before else "") + folder

    def entry(self):
        entry = parse_doctor(self.json(["doctor", "--json"])).get(self.name)
        if not entry:
            raise TestError(f"tkit does not take the backend '{self.name}'")
        if not entry["ok"] and entry["why"]:
            raise TestError(f"'{self.name}' cannot run here: {entry['why']}")
        if "TARGET_COMMAND" not in entry["caps"]:
            raise TestError(f"'{self.name}' watches no commands (TKIT_CAN_TARGET_COMMAND): there is "
                            "nothing to run it with")
        if not entry["caps"] & set(SEES):
            raise TestError(f"'{self.name}' declares nothing that it can see (TKIT_CAN_OPEN, ...)")
        return entry


class Sight:
    """How many of the accesses that need a capability were seen."""

    def __init__(self):
        self.accesses = self.seen = 0

    def add(self, seen):
        self.accesses += 1
        self.seen += seen


def found(trace, expected, caps):
    return any(expected.matches(a, caps) for a in trace.candidates(expected, caps))


def weigh(trace, caps, sights):
    """Adds a workload's accesses to the sums; what only needs what is declared, or that and one more."""
    for e in trace.expected:
        if e.maybe or trace.excused:
            continue
        seen = None
        for need in e.needs & set(SEES):
            if e.needs - {need} <= caps:
                seen = found(trace, e, caps | {need}) if seen is None else seen
                sights[need].add(seen)


def verdict(cap, sight, caps):
    if not sight.accesses:
        return "not tried"
    missed = sight.accesses - sight.seen
    if cap in caps:
        return "ok" if not missed else f"DECLARED, BUT {missed} MISSED"
    return "blind, as declared" if not sight.seen else (
        "not declared, but seen" if not missed else "in part; not declared")


def run_all(tkit, caps, programs):
    """Each workload's result: {"name", "status", "detail", "failures"}, and the sums."""
    results, sights = [], {cap: Sight() for cap in SEES}
    for program, trace in run.each(lambda p: one(tkit, p), programs):
        name = os.path.basename(program)
        if isinstance(trace, TestError):
            results.append({"name": name, "status": "FAIL", "detail": "", "failures": [str(trace)]})
            continue
        if trace.status == "skip":
            results.append({"name": name, "status": "skip", "detail": trace.reason, "failures": []})
            continue
        failures = list(trace.check(caps))
        sure = [e for e in trace.expected if not (e.maybe or trace.excused)]
        declared = [e for e in sure if e.visible(caps)]
        seen = sum(found(trace, e, caps) for e in declared)
        limit = run.known_limit(tkit.name, name)
        if failures and limit:
            results.append({"name": name, "status": "known", "detail": limit, "failures": []})
            continue
        weigh(trace, caps, sights)
        results.append({
            "name": name, "status": "FAIL" if failures else "ok",
            "detail": f"{seen} of {len(declared)} declared, {len(sure)} in all", "failures": failures})
    return results, sights


def one(tkit, program):
    with TempDir("tkit-conformance.") as work:
        folder = os.path.join(work, "d")
        run.prepare(program, folder)
        done, events = tkit.trace(tkit.name, [program, folder, "run"],
                                  os.path.join(work, "trace.tkit"), strict=False, cwd=folder,
                                  timeout=60)
    return run.Run(run.FOREIGN, folder, done, run.Facts(events))


def choose(folder, names):
    have = sorted(n for n in os.listdir(folder) if not n.startswith("helper-"))
    unknown = sorted(set(names) - set(have))
    if unknown:
        raise TestError(f"there is no workload {unknown[0]}")
    return [os.path.join(folder, n) for n in (names or have)]


def print_table(name, results, sights, caps):
    for r in results:
        print(f"{r['name']:<18} {r['status']:<5} {r['detail']}")
        for line in r["failures"]:
            print(f"    {line}")
    print("\ncapability   declared  accesses   seen  verdict")
    for cap, sight in sights.items():
        print(f"{cap.lower():<12} {'yes' if cap in caps else 'no':<8}  {sight.accesses:>8} "
              f"{sight.seen:>6}  {verdict(cap, sight, caps)}")
    count = {s: sum(r["status"] == s for r in results) for s in ("ok", "FAIL", "skip", "known")}
    known = f", {count['known']} known limits" if count["known"] else ""
    print(f"\n{name}: {count['ok']} workloads ok, {count['FAIL']} failed, {count['skip']} skipped{known}")


def main():
    parser = argparse.ArgumentParser(prog="tkit plugin conformance")
    parser.add_argument("--tkit", required=True)
    parser.add_argument("--bin", required=True)
    parser.add_argument("--options")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("module")
    parser.add_argument("workload", nargs="*")
    args = parser.parse_args()
    programs = choose(args.bin, args.workload)
    with TempDir("tkit-conformance.") as work:
        tkit = Installed(args.tkit, args.module, args.options, work)
        caps = tkit.entry()["caps"]
        results, sights = run_all(tkit, caps, programs)
    if args.json:
        json.dump({"name": tkit.name, "workloads": results,
                   "capabilities": [{"name": c.lower(), "declared": c in caps,
                                     "accesses": s.accesses, "seen": s.seen,
                                     "verdict": verdict(c, s, caps)} for c, s in sights.items()]},
                  sys.stdout)
        print()
    else:
        print_table(tkit.name, results, sights, caps)
    if all(r["status"] == "skip" for r in results):
        return FAILED
    return 1 if any(r["status"] == "FAIL" for r in results) else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (TestError, OSError, subprocess.TimeoutExpired) as failure:
        text = str(failure)
        print(text if text.startswith("tkit: ") else f"tkit: error: {text}", file=sys.stderr)
        sys.exit(FAILED)
