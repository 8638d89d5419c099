#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""tkit bench: small counts, every workload; completeness is held, time never."""

import json
import os
import pwd
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree

TKIT = os.environ["TKIT"]
# Accesses of the loops by construction, of --max-count 40.
LOOPS = {"open": 40, "deep": 40, "threads": 40, "distinct": 40, "stat": 40, "failed": 40,
         "read": 0, "getppid": 0, "spawn": 40, "unrelated": 0}


def bench(*args, status=0, **more):
    done = subprocess.run([TKIT, "bench", *args], stdin=subprocess.DEVNULL, capture_output=True,
                          text=True, check=False, **more)
    assert done.returncode == status, (args, done.returncode, done.stderr)
    return done


def measure(*args, count=40, **more):
    return json.loads(bench("--json", "-", "--max-count", str(count), *args, **more).stdout)


def row(result, workload, tracer):
    rows = [r for r in result["results"]
            if (r["workload"], r["tracer"]) == (workload, tracer)]
    assert len(rows) == 1, (workload, tracer, result["results"], result["tracers"])
    return rows[0]


def usable(result):
    return [t["name"] for t in result["tracers"] if "left_out" not in t]


def test_loops():
    result = measure("--backends", "ptrace", "--peers", "none", "--runs", "2",
                     "--workloads", ",".join(LOOPS))
    assert result["rounds"] == 2
    for workload, count in LOOPS.items():
        got = row(result, workload, "ptrace")
        assert (got["expected"], got["seen"], got["lost"]) == (count, count, 0), got
        assert len(got["ratio"]["values"]) == 2, got
        # A B A, twice
        assert len(row(result, workload, "untraced")["ns"]["values"]) == 4


def test_programs():
    """Who counts what is expected, and who is measured, are different programs."""
    names = ["python", "find", "tar", "git", "gcc", "redis"]
    listed = bench("--list").stdout.split("Tracers:")[0]
    assert re.findall(r"^  (\S+)", listed, re.M) == [*LOOPS, *names, "bus"], listed
    result = measure("--backends", "ptrace", "--peers", "strace-seccomp", "--runs", "1",
                     "--workloads", ",".join(names), count=10)
    for workload in result["workloads"]:
        if "left_out" in workload:
            print("left out:", workload)
            continue
        want = "strace-seccomp" if "strace-seccomp" in usable(result) else "ptrace"
        assert workload["counted_by"] == want, workload
        least = 2 if workload["name"] == "redis" else 10
        assert workload["expected"] >= least, workload
        got = row(result, workload["name"], "ptrace")
        assert got["seen"] == workload["expected"] and got["lost"] == 0, (got, workload)


def test_backends_and_sinks():
    result = measure("--sinks", "file,null", "--peers", "none", "--runs", "1",
                     "--workloads", "open,stat,bus")
    found = 0
    for tracer in result["tracers"]:
        if tracer["kind"] != "tkit" or "left_out" in tracer:
            continue
        for workload in "open", "stat":
            got = row(result, workload, tracer["name"])
            assert got["lost"] == 0, got
            # one that notifications are merged for may see fewer
            if got["watched"] and tracer["backend"] != "fanotify":
                assert got["seen"] == got["expected"] == 40, got
                found += 1
    assert found >= 4, result["tracers"]
    assert {b["sink"]: (b["expected"], b["seen"], b["lost"]) for b in result["bus"]} == \
        {"file": (40, 40, 0), "null": (40, 40, 0)}


def test_one_cpu():
    result = measure("--backends", "ptrace,ptrace@1cpu", "--peers", "none", "--runs", "1",
                     "--workloads", "open")
    assert usable(result) == ["ptrace", "ptrace @1cpu", "untraced", "untraced @1cpu"]
    assert row(result, "open", "ptrace @1cpu")["seen"] == 40
    assert usable(measure("--pin", "--backends", "ptrace", "--peers", "none", "--runs", "1",
                          "--workloads", "open")) == ["ptrace @1cpu", "untraced @1cpu"]


def test_peers():
    result = measure("--backends", "none", "--runs", "1", "--workloads", "open")
    for tracer in result["tracers"]:
        if "left_out" in tracer:
            print(f"{tracer['name']} left out: {tracer['left_out']}")
    for name in "strace", "strace-seccomp":
        if name in usable(result):
            got = row(result, "open", name)
            assert (got["seen"], got["lost"]) == (40, None), got
    if "fatrace" in usable(result):
        assert row(result, "open", "fatrace")["seen"] <= 40


def test_files(work):
    json_file, chart = os.path.join(work, "out.json"), os.path.join(work, "out.svg")
    done = bench("--backends", "ptrace", "--peers", "none", "--runs", "1", "--workloads",
                 "open,read", "--max-count", "10", "--json", json_file, "--chart", chart)
    with open(json_file, encoding="utf-8") as text:
        assert row(json.load(text), "open", "ptrace")["seen"] == 10
    assert xml.etree.ElementTree.parse(chart).getroot().tag.endswith("svg")
    assert re.search(r"\| ptrace +\| +[\d.]+ \([\d.]+–[\d.]+\) \| +10 \| +10 \| +10 \| +0 \|",
                     done.stdout), done.stdout
    done = bench("--json", "/nonexistent/x", "--backends", "none", "--peers", "none", "--runs",
                 "1", "--workloads", "read", "--max-count", "1", status=125)
    assert done.stderr.strip().splitlines()[-1].startswith("tkit: error: "), done.stderr


def test_bad_words():
    for args, text in (
            (["--workloads", "opne"], "did you mean 'open'?"),
            (["--peers", "strcae"], "did you mean 'strace'?"),
            (["--backends", "ptrac"], "did you mean 'ptrace'?"),
            (["--backends", "ptrace,nothing=1"], "nothing"),
            (["--sinks", "fil"], "did you mean 'file'?"),
            (["--runs", "0"], "--runs 0"), (["--time", "x"], "--time x"),
            (["--max-count", "-1"], "--max-count -1"), (["--rnus", "1"], "did you mean '--runs'?"),
            (["word"], "word"), (["--runs"], "needs a value")):
        lines = [x for x in bench(*args, status=125).stderr.splitlines() if "busy" not in x]
        assert len(lines) == 1 and text in lines[0], (args, lines)


def test_interrupt(work):
    """Ctrl-C in some round: the table of what there is, nothing left behind."""
    env = dict(os.environ, TMPDIR=os.path.join(work, "tmp"))
    os.mkdir(env["TMPDIR"])
    out = os.path.join(work, "interrupted.json")
    with subprocess.Popen([TKIT, "bench", "--backends", "ptrace", "--peers", "none", "--runs",
                           "1000", "--workloads", "open,unrelated", "--max-count", "10",
                           "--json", out], env=env, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL, text=True) as child:
        time.sleep(8)
        child.send_signal(signal.SIGINT)
        text = child.communicate(timeout=60)[0]
    assert child.returncode == 130, child.returncode
    assert os.listdir(env["TMPDIR"]) == []
    assert "| **open**" in text, text
    with open(out, encoding="utf-8") as result:
        assert json.load(result)["interrupted"] is True


def test_hanging_peer(work):
    """A peer that does not end is ended, and what it ran, too."""
    where = os.path.join(work, "bin")
    os.mkdir(where)
    fake = os.path.join(where, "strace")
    with open(fake, "w", encoding="utf-8") as script:
        script.write("#!/bin/sh\ntrap '' TERM INT\nsleep 987 & wait; wait; sleep 987\n")
    os.chmod(fake, 0o755)
    env = dict(os.environ, PATH=where + ":" + os.environ["PATH"])
    result = measure("--backends", "none", "--peers", "strace", "--runs", "1", "--timeout", "1s",
                     "--workloads", "open", env=env)
    assert "longer than 1 s" in result["tracers"][0]["left_out"], result["tracers"]
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as words:
                assert words.read() != b"sleep\x00987\x00", pid
        except OSError:
            pass


def test_nobody(work):
    """Without root works what can."""
    if os.geteuid() != 0:
        return
    nobody = pwd.getpwnam("nobody")
    tmp = os.path.join(work, "nobody")
    os.mkdir(tmp)
    os.chown(tmp, nobody.pw_uid, nobody.pw_gid)
    result = measure("--runs", "1", "--workloads", "open", user="nobody", group="nogroup",
                     extra_groups=[], env=dict(os.environ, TMPDIR=tmp))
    assert result["machine"]["root"] is False
    assert "ptrace" in usable(result) and row(result, "open", "ptrace")["seen"] == 40
    out = {t["name"]: t["left_out"] for t in result["tracers"] if "left_out" in t}
    assert "ebpf" not in usable(result), out
    for peer in "bpftrace", "opensnoop", "fatrace":
        assert out[peer] == "needs root" or "not installed" in out[peer], out


def main():
    os.umask(0o022)
    work = tempfile.mkdtemp(prefix="tkit-test.")
    os.chmod(work, 0o755)
    try:
        for name, function in list(globals().items()):
            if not name.startswith("test_"):
                continue
            begin = time.monotonic()
            function(*([work] if function.__code__.co_argcount else []))
            print(f"ok {name} ({time.monotonic() - begin:.1f} s)", flush=True)
    finally:
        shutil.rmtree(work)
    return 0


if __name__ == "__main__":
    sys.exit(main())
