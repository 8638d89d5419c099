#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A program finds itself and its children the same under each backend as without tkit.

What transparent_probe.py and ptrace_behave.c print is compared line by line, and so is what
programs do that trace others themselves. The differences that a backend's README names are listed
here, and nothing else may differ.
"""

import glob
import os
import re
import shutil
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lib"))
from tkittest import TempDir, TestError, Tkit, run_main, skip  # noqa: E402

PYTHON = "/usr/bin/python3"
PROBE = os.path.join(HERE, "transparent_probe.py")
ENV = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8",
       "LD_LIBRARY_PATH": "/nonexistent", "LD_BIND_NOW": "1", "ODD": "a\nb=c\\", "PYTHONDONTWRITEBYTECODE": "1"}
BACKENDS = ("null", "ebpf", "fanotify", "ptrace", "ptrace,seccomp=no", "seccomp_notify")
NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]

# Lines that may differ, by backend; see "What the program can notice" in backends/ptrace/README.md.
TRACED = r"status: TracerPid:.*"
FILTER = r"(status: Seccomp(_filters)?:|seccomp: ).*"
MAY_DIFFER = {"ptrace": [TRACED, FILTER], "ptrace,seccomp=no": [TRACED], "seccomp_notify": [FILTER]}
MAY_DIFFER_UNPRIVILEGED = {"ptrace": [TRACED, FILTER, r"status: NoNewPrivs:.*", r"no new privileges: .*"],
                           "ptrace,seccomp=no": [TRACED],
                           "seccomp_notify": [FILTER, r"status: NoNewPrivs:.*", r"no new privileges: .*"]}


class Test:
    def __init__(self, tkit, work):
        self.tkit, self.work = tkit, work
        self.checks = self.failures = 0

    def run(self, backend, argv, prefix=(), **more):
        """(status, lines of standard output) of a command, traced or (backend None) bare.

        In a process group of its own: in an orphaned one, where a test may well run, SIGTSTP stops nobody.
        """
        traced = [self.tkit.path, "run", "-q", "--backend", backend, "--sink", "null", "--"] if backend else []
        out = os.path.join(self.work, "out")
        with open(out, "wb") as stdout:
            done = subprocess.run([*prefix, *traced, *argv], stdin=subprocess.DEVNULL, stdout=stdout,
                                  stderr=subprocess.PIPE, env=ENV, cwd=self.work, timeout=120, check=False,
                                  preexec_fn=os.setpgrp, **more)
        with open(out, encoding="utf-8", errors="surrogateescape") as f:
            return done.returncode, f.read().splitlines(), done.stderr.decode(errors="replace")

    def told(self, text, problems):
        self.checks += 1
        self.failures += bool(problems)
        print(("FAIL  " if problems else "ok    ") + text, flush=True)
        for line in problems[:20]:
            print("    " + line)

    def same(self, text, backend, argv, may_differ=(), least=1, bare=None, **more):
        """The same status and output as bare, but for lines that match a pattern of may_differ."""
        bare = bare or self.run(None, argv, **more)
        traced = self.run(backend, argv, **more)
        allowed = re.compile("|".join(may_differ) or "(?!)")
        problems = []
        if len(bare[1]) < least:
            problems.append(f"only {len(bare[1])} lines bare: {bare[2][-500:]}")
        if bare[0] != traced[0]:
            problems.append(f"status {traced[0]}, not {bare[0]}: {traced[2][-500:]}")
        if len(bare[1]) != len(traced[1]):
            problems.append(f"{len(traced[1])} lines, not {len(bare[1])}: {traced[2][-500:]}")
        problems += [f"{a!r} became {b!r}" for a, b in zip(bare[1], traced[1])
                     if a != b and not (allowed.fullmatch(a) and allowed.fullmatch(b))]
        self.told(text, problems)


def probe(test, backends):
    """Attributes, descriptors, signals, setuid programs, core dumps."""
    argv = [PYTHON, PROBE, test.work]
    bare = test.run(None, argv)
    for backend in backends:
        test.same(f"{backend}: what a program knows of itself", backend, argv, MAY_DIFFER.get(backend, ()), 240, bare)


def unprivileged(test, backends):
    """The same as an unprivileged user: tkit has no capabilities then, and only ptrace and seccomp work."""
    if os.geteuid() != 0:
        return
    if subprocess.run(NOBODY + ["test", "-x", test.tkit.path, "-a", "-r", PROBE], check=False).returncode:
        print(f"note: nobody may not read {test.tkit.path}: not tried as an unprivileged user")
        return
    argv = [PYTHON, PROBE, test.work, "inherited", "process", "every_signal", "child_signal"]
    for backend in backends:
        if backend.startswith(("ptrace", "seccomp")) or backend == "null":
            test.same(f"{backend}: the same for an unprivileged user", backend, argv,
                      MAY_DIFFER_UNPRIVILEGED.get(backend, ()), 230, prefix=NOBODY)
    if "ptrace" in backends:
        # The kernel ignores setuid bits under an unprivileged tracer: documented, and told.
        copy = os.path.join(test.work, "setuid")
        shutil.copy("/usr/bin/id", copy)
        os.chmod(copy, 0o4755)
        status, lines, said = test.run("ptrace", [copy, "-u"], prefix=NOBODY)
        test.told("ptrace: a setuid program has no rights under an unprivileged tracer",
                  [] if (status, lines) == (0, ["65534"]) else [f"{status} {lines} {said}"])
        os.unlink(copy)


def behaviour(test, backends):
    """Threads, stops, restarts, seccomp filters of one's own: ptrace_behave.c."""
    if not shutil.which("cc"):
        raise TestError("no C compiler")
    program, folder = os.path.join(test.work, "behave"), os.path.join(test.work, "behave.d")
    os.mkdir(folder)
    subprocess.run(["cc", "-D_GNU_SOURCE", "-O1", "-w", *glob.glob(os.path.join(HERE, "ptrace_behave*.c")), "-o", program, "-lpthread"],
                   check=True)
    bare = test.run(None, [program, folder])
    for backend in backends:
        if backend == "seccomp_notify":  # no listeners and no strict mode of one's own: its README
            for name in ("signals", "dying", "restart", "stopping", "stop_threads", "threads", "processes",
                         "thread_exec", "untraced", "arguments", "compat"):
                test.same(f"{backend}: {name}", backend, [program, folder, name])
        elif not backend.startswith("ptrace"):  # test_ptrace_behave.sh has those
            test.same(f"{backend}: threads, stops, restarts, filters", backend, [program, folder], (), 60, bare)


def ends(test, backends):
    """tkit ends as the command ends."""
    scripts = [f"exit {n}" for n in (0, 1, 124, 125, 255)]
    scripts += [f"ulimit -c 0; kill -{s} $$" for s in ("TERM", "KILL", "SEGV", "ABRT", "PIPE", "USR1", "RTMAX")]
    scripts += ["nohup true; exec nosuch", "exec /etc/passwd", "sleep 0.1 & exit 9"]
    for backend in backends:
        pairs = [(s, test.run(None, ["sh", "-c", s])[0], test.run(backend, ["sh", "-c", s])[0]) for s in scripts]
        test.told(f"{backend}: the end", [f"{s}: {b}, not {a}" for s, a, b in pairs if a != b])


def tracers(test, backends):
    """Programs that use ptrace themselves: as ever under the others, refused under ptrace."""
    for argv in (["strace", "-f", "-e", "trace=execve", "-o", "/dev/stdout", "sh", "-c", "/bin/true; exit 3"],
                 ["gdb", "-batch", "-nx", "-ex", "break main", "-ex", "run", "-ex", "next", "-ex", "kill",
                  os.path.join(test.work, "small")]):
        if argv[0] == "gdb":
            source = os.path.join(test.work, "small.c")
            with open(source, "w", encoding="ascii") as f:
                f.write("int main(void)\n{\n\tvolatile int a = 1;\n\treturn a;\n}\n")
            subprocess.run(["cc", "-g", "-O0", source, "-o", argv[-1]], check=True)
        if not shutil.which(argv[0]):
            raise TestError(f"{argv[0]} is not installed")
        # Lines with process ids and addresses.
        numbers = [r".*(\d+ +execve|process \d+|0x[0-9a-f]+|\+\+\+|---).*"]
        for backend in backends:
            if backend.startswith("ptrace"):
                status, lines, said = test.run(backend, argv)
                refused = re.search("Operation not permitted|not.*trace|ptrace", "\n".join(lines) + said)
                test.told(f"{backend}: {argv[0]} is refused", [] if refused else [f"{status} {lines} {said}"])
            else:
                test.same(f"{backend}: {argv[0]} inside", backend, argv, numbers, 3)


def main():
    build = os.environ.get("TKIT_BUILD", os.path.join(HERE, "..", "..", "build", "dev"))
    tkit = Tkit(build)
    doctor = tkit.doctor()
    backends = [b for b in BACKENDS if doctor[b.split(",")[0]]["ok"]]
    with TempDir() as work:
        os.chmod(work, 0o777)
        test = Test(tkit, work)
        for part in (probe, unprivileged, behaviour, ends, tracers):
            part(test, backends)
    print(f"{test.checks} checks, {test.failures} failed")
    left_out = [f"backend {b}: {doctor[b]['why']}" for b in ("ebpf", "fanotify", "ptrace") if not doctor[b]["ok"]]
    if left_out and not test.failures:
        skip("; ".join(left_out))
    return 1 if test.failures else 0


if __name__ == "__main__":
    run_main(main)
