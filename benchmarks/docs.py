#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Measures again what pages show. A block of a page has the form

    <!-- measured NAME: COMMAND -->
    what the command printed
    <!-- end -->

Blocks are measured one after the other; each is put into its page as soon as it is there, so
that nothing is lost when the rest is cut off. SIGINT and SIGTERM end the block that is being
measured early: what it has by then is kept, and the rest is left as it was.

COMMAND is `tkit bench ...`, whose JSON and chart go to docs/bench/NAME.json and .svg, or
`tkit-bench-floor`, or a program of this folder, or `figures BLOCK...`: cells of a table that are taken from these blocks' JSON.

usage: docs.py [--list] [--block NAME]... [--resume] TKIT

  --list        the blocks and when each was measured; nothing is measured
  --block NAME  only this one, and the figures taken from it; may be repeated
  --resume      not those that were measured since the last whole round, by the same command
"""

import argparse
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))
PAGES = ["docs/PERFORMANCE.md", "README.md"]
BLOCK = re.compile(r"<!-- measured (?P<name>[a-z0-9-]+): (?P<command>[^\n]*) -->\n"
                   r"(?P<body>.*?)(?P<end><!-- end -->)", re.S)
STATE = os.path.join(TOP, "build", "bench-docs.json")
DATA = "docs/bench"

# First cells of a table of figures, without markup, and the tracer that the row is of.
ROWS = {"tkit ebpf": "ebpf", "tkit ptrace": "ptrace", "tkit seccomp_notify": "seccomp_notify",
        "tkit fanotify": "fanotify", "strace -f -y": "strace",
        "strace -f --seccomp-bpf": "strace-seccomp", "fatrace": "fatrace",
        "opensnoop": "opensnoop", "bpftrace, one line": "bpftrace"}


def say(text):
    print(f"bench-docs: {text}", file=sys.stderr, flush=True)


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def write(path, text):
    """Whole or not at all."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=os.path.dirname(path),
                                     delete=False) as new:
        new.write(text)
        new.flush()
        os.fsync(new.fileno())
    os.chmod(new.name, 0o644)
    os.replace(new.name, path)


def blocks():
    """(page, name, command), those of figures last."""
    found = [(page, match["name"], match["command"]) for page in PAGES
             for match in BLOCK.finditer(read(os.path.join(TOP, page)))]
    names = [name for _, name, _ in found]
    if len(set(names)) != len(names):
        sys.exit(f"docs.py: two blocks of one name: {names}")
    return sorted(found, key=lambda block: block[2].startswith("figures "))


def replace(page, name, make):
    """Puts make(body) in the place of the block's body; the page is read again for each."""
    path = os.path.join(TOP, page)
    text = read(path)
    for match in BLOCK.finditer(text):
        if match["name"] == name:
            write(path, text[:match.start("body")] + make(match["body"]) +
                  text[match.start("end"):])


# ---- what was measured when ----

def load_state():
    try:
        return json.loads(read(STATE))
    except (OSError, ValueError):
        return {}


def note(name, command, seconds):
    state = load_state()
    state[name] = {"command": command, "seconds": round(seconds, 1),
                   "at": time.strftime("%Y-%m-%d %H:%M:%S")}
    write(STATE, json.dumps(state, indent=1) + "\n")


# ---- measuring ----

class Run:
    """A child that a signal asks to end, and that then tells what it has."""

    def __init__(self):
        self.child = None
        self.caught = 0
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self.catch)

    def catch(self, number, _frame):
        self.caught = number
        if self.child:
            self.child.send_signal(signal.SIGINT)

    def __call__(self, argv):
        # A session of its own: a terminal's Ctrl-C reaches it through catch() only.
        with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, cwd=TOP,
                              start_new_session=True) as self.child:
            out = self.child.communicate()[0]
        status, self.child = self.child.returncode, None
        return out, status


def argv_of(name, command, tkit):
    words = shlex.split(command)
    if words[0] == "tkit":
        os.makedirs(os.path.join(TOP, DATA), exist_ok=True)
        return [tkit, *words[1:], "--json", f"{DATA}/{name}.json", "--chart", f"{DATA}/{name}.svg"]
    if words[0] == "tkit-bench-floor":
        return [os.path.join(os.path.dirname(tkit), "benchmarks", words[0]), *words[1:]]
    return [os.path.join(TOP, "benchmarks", os.path.basename(words[0])), *words[1:], tkit]


def measure(run, page, name, command, tkit):
    """Whether it went on to its end."""
    say(f"{name}: {command}")
    begin = time.monotonic()
    out, status = run(argv_of(name, command, tkit))
    seconds = time.monotonic() - begin
    if status and not (run.caught and out.strip()):
        say(f"{name}: ended with status {status} after {seconds:.0f} s; {page} is as it was")
        return False
    chart = os.path.join(DATA, f"{name}.svg")
    if command.startswith("tkit ") and os.path.exists(os.path.join(TOP, chart)):
        out = f"![{name}]({os.path.relpath(chart, os.path.dirname(page))})\n\n{out}"
    replace(page, name, lambda _: out if out.endswith("\n") else out + "\n")
    if status:
        say(f"{name}: interrupted after {seconds:.0f} s; what it had is in {page}")
        return False
    note(name, command, seconds)
    say(f"{name}: {seconds:.0f} s, in {page}")
    return True


# ---- figures ----

def results_of(names):
    """The results of all of these blocks that there are; of the same pair the first counts."""
    found, machine = {}, None
    for name in names:
        try:
            data = json.loads(read(os.path.join(TOP, DATA, f"{name}.json")))
        except OSError:
            continue
        machine = machine or dict(data["machine"], rounds=[])
        machine["rounds"].append(data["rounds"])
        for result in data["results"]:
            if "ratio" in result:
                found.setdefault((result["workload"], result["tracer"]), result)
    return found, machine


def seen(result):
    """How much of what the tracer watches came out, in words."""
    if result["seen"] >= result["watched"]:
        return "all"
    lost = result["lost"]
    told = ", **silently**" if not lost else f", {lost:,} told as lost"
    return f"{result['seen']:,} of {result['watched']:,}{told}"


def ratio(result):
    median = result["ratio"]["median"]
    return f"{median:.2f} x" if median < 10 else f"{median:.0f} x"


def opened(found, tracer):
    return seen(found["distinct", tracer]) if ("distinct", tracer) in found else None


def cost(found, tracer):
    """The ratio, on one CPU, too, and what was seen of it."""
    result = found.get(("open", tracer))
    pinned = found.get(("open", f"{tracer} @1cpu"))
    if not result:
        return None
    return f"{ratio(result)}{f' (on one CPU {ratio(pinned)})' if pinned else ''}, {seen(result)}"


COLUMNS = {"of 20,000 opened files": opened, "cost of an open, and what was seen": cost}


def figures(names, body):
    found, machine = results_of(names)
    if not machine:
        return body
    lines = [line for line in body.splitlines() if line.startswith("|")]
    head = [cell.strip() for cell in lines[0].strip("|").split("|")]
    for i, line in enumerate(lines[2:], 2):
        cells = [cell.strip() for cell in line[1:].rstrip("|").split("|")]
        tracer = ROWS.get(re.sub("[*`]", "", cells[0]))
        for column, words in COLUMNS.items():
            at = head.index(column)
            text = words(found, tracer)
            if text:
                strong = cells[at].startswith("**") and "**" not in text
                cells[at] = f"**{text}**" if strong else text
        lines[i] = "| " + " | ".join(cells) + " |"
    least, most = min(machine["rounds"]), max(machine["rounds"])
    rounds = str(least) if least == most else f"{least} to {most}"
    lines += ["", f"Measured on Linux {machine['kernel']}, {machine['cpus']} x {machine['cpu']}, "
              f"load average {machine['load']:.2f} at the start, medians of {rounds} "
              f"round{'s' if rounds != '1' else ''} (`./dev bench-docs`)."]
    return "\n".join(lines) + "\n"


def main():
    args = argparse.ArgumentParser(usage=__doc__.split("usage: ")[1])
    args.add_argument("--list", action="store_true")
    args.add_argument("--block", action="append", default=[])
    args.add_argument("--resume", action="store_true")
    args.add_argument("tkit")
    args = args.parse_args()
    tkit, todo, state = os.path.realpath(args.tkit), blocks(), load_state()
    unknown = set(args.block) - {name for _, name, _ in todo}
    if unknown:
        sys.exit(f"docs.py: no block {', '.join(sorted(unknown))}; there are: "
                 f"{', '.join(name for _, name, _ in todo)}")
    if args.list:
        for page, name, command in todo:
            done = state.get(name, {})
            print(f"{name} ({page}), {done.get('at', 'not measured here')}"
                  f"{', another command' if done and done['command'] != command else ''}\n"
                  f"    {command}")
        return 0
    if not args.block and not args.resume and os.path.exists(STATE):
        os.unlink(STATE)
    run, failed, begin = Run(), 0, time.monotonic()
    for page, name, command in todo:
        if command.startswith("figures "):
            replace(page, name, lambda body, names=command.split()[1:]: figures(names, body))
            say(f"{name}: filled in in {page}")
        elif args.block and name not in args.block:
            continue
        elif args.resume and state.get(name, {}).get("command") == command:
            say(f"{name}: was measured at {state[name]['at']}")
        elif not run.caught:
            failed += not measure(run, page, name, command, tkit)
    say(f"{time.monotonic() - begin:.0f} s in all")
    return 128 + run.caught if run.caught else int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
