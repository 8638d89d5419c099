# SPDX-License-Identifier: MIT
"""Plays a shell on a pseudo-terminal: job control, Ctrl-C, Ctrl-Z, window size.

usage: terminal.py TKIT BACKEND...
Each case runs without tkit and with it and each backend, and must go the same way.
"""
import fcntl
import os
import pty
import re
import signal
import struct
import sys
import termios
import time

TKIT = sys.argv[1]
CASES = []


def case(function):
    CASES.append(function)
    return function


class Shell:
    """Session leader on a new terminal, which runs one job in a process group of its own."""

    def __init__(self, command):
        self.out = b""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            self.lead(command)
        self.status = None

    @staticmethod
    def lead(command):
        # The shell: puts the job in the foreground, tells each change of its state.
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTSTP, signal.SIG_IGN)
        job = os.fork()
        if job == 0:
            os.setpgid(0, 0)
            os.tcsetpgrp(0, os.getpgrp())
            for sig in (signal.SIGTTOU, signal.SIGINT, signal.SIGTSTP):
                signal.signal(sig, signal.SIG_DFL)
            os.execvp(command[0], command)
        while True:
            _, status = os.waitpid(job, os.WUNTRACED)
            if os.WIFSTOPPED(status):
                os.tcsetpgrp(0, os.getpgrp())
                print(f"<stopped {os.WSTOPSIG(status)}>", flush=True)
                sys.stdin.readline()
                os.tcsetpgrp(0, job)
                os.killpg(job, signal.SIGCONT)
                print("<continued>", flush=True)
            elif os.WIFSIGNALED(status):
                print(f"<killed {os.WTERMSIG(status)}>", flush=True)
                os._exit(0)
            else:
                print(f"<exit {os.WEXITSTATUS(status)}>", flush=True)
                os._exit(0)

    def expect(self, text, seconds=60):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            at = self.out.find(text.encode())
            if at >= 0:
                self.out = self.out[at + len(text):]
                return
            os.set_blocking(self.fd, False)
            try:
                self.out += os.read(self.fd, 4096)
            except BlockingIOError:
                time.sleep(0.01)
            except OSError:
                break
        raise AssertionError(f"no {text!r} in {self.out!r}")

    def send(self, data):
        os.write(self.fd, data)

    def resume(self):
        """As fg does: returns when the job has the terminal and is continued."""
        self.send(b"\n")
        self.expect("<continued>")

    def wait_foreground(self, name):
        """Returns when a program of this name has the terminal."""
        end = time.monotonic() + 60
        seen = ""
        while seen != name:
            assert time.monotonic() < end, f"{seen!r} is in the foreground, not {name!r}"
            time.sleep(0.01)
            try:
                with open(f"/proc/{os.tcgetpgrp(self.fd)}/comm", encoding="ascii") as f:
                    seen = f.read().strip()
            except OSError:
                seen = "nobody"

    def close(self):
        self.expect("<")
        os.waitpid(self.pid, 0)
        os.close(self.fd)


@case
def ctrl_c_kills(run):
    shell = Shell(run(["sh", "-c", "echo ready; exec sleep 30"]))
    shell.expect("ready")
    shell.send(b"\x03")
    shell.expect("<killed 2>")


@case
def ctrl_c_handled(run):
    # The command catches three of them and goes on: tkit must neither die nor force.
    script = "n=0; trap 'n=$((n+1)); echo got$n' INT; echo ready; while [ $n -lt 3 ]; do sleep 0.05; done; exit 8"
    shell = Shell(run(["bash", "-c", script]))
    shell.expect("ready")
    for i in (1, 2, 3):
        shell.send(b"\x03")
        shell.expect(f"got{i}")
        time.sleep(0.1)
    shell.expect("<exit 8>")


@case
def ctrl_backslash(run):
    shell = Shell(run(["sh", "-c", "ulimit -c 0; echo ready; sleep 30"]))
    shell.expect("ready")
    shell.send(b"\x1c")
    shell.expect("<killed 3>")


@case
def ctrl_z_and_continue(run):
    script = "echo ready; read x; echo \"line:$x\"; exit 5"
    shell = Shell(run(["sh", "-c", script]))
    shell.expect("ready")
    for _ in range(2):
        shell.send(b"\x1a")
        shell.expect("<stopped 20>")
        shell.resume()
    shell.send(b"hello\n")
    shell.expect("line:hello")
    shell.expect("<exit 5>")


@case
def ctrl_z_ignored(run):
    script = "trap '' TSTP; echo ready; sleep 0.5; echo done"
    shell = Shell(run(["sh", "-c", script]))
    shell.expect("ready")
    shell.send(b"\x1a")
    shell.expect("done")
    shell.expect("<exit 0>")


@case
def stops_itself(run):
    # As a program does that tidies up its screen on Ctrl-Z.
    script = """
import os, signal, sys
def tidy(*_):
    print("tidy", flush=True)
    os.kill(os.getpid(), signal.SIGSTOP)
    print("back", flush=True)
signal.signal(signal.SIGTSTP, tidy)
print("ready", flush=True)
sys.stdin.readline()
sys.exit(6)
"""
    shell = Shell(run(["python3", "-c", script]))
    shell.expect("ready")
    shell.send(b"\x1a")
    shell.expect("tidy")
    shell.expect("<stopped")
    shell.send(b"\n")  # it may be back before the shell says that it continued it
    shell.expect("back")
    shell.send(b"x\n")
    shell.expect("<exit 6>")


@case
def continue_handler_runs_once(run):
    script = "n=0; trap 'n=$((n+1))' CONT; echo ready; read x; echo count:$n; exit 0"
    shell = Shell(run(["bash", "-c", script]))
    shell.expect("ready")
    shell.send(b"\x1a")
    shell.expect("<stopped 20>")
    shell.resume()
    shell.send(b"\n")
    shell.expect("count:1")
    shell.expect("<exit 0>")


@case
def window_size(run):
    script = "trap 'echo resized:$(stty size)' WINCH; echo ready; read x; while :; do sleep 0.05; [ -n \"$x\" ] && break; read x; done"
    shell = Shell(run(["bash", "-c", script]))
    shell.expect("ready")
    fcntl.ioctl(shell.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 77, 0, 0))
    shell.send(b"go\n")
    shell.expect("resized:33 77")
    shell.expect("<exit 0>")


@case
def own_process_group(run):
    # An interactive shell as the command: takes the terminal, suspends itself, comes back.
    shell = Shell(run(["bash", "--norc", "--noprofile", "-i"]))
    shell.send(b"echo one$((1+1))\n")
    shell.expect("one2")
    shell.send(b"sleep 30\n")
    shell.wait_foreground("sleep")
    shell.send(b"\x03")  # kills the sleep only
    shell.send(b"echo two$((1+1))\n")
    shell.expect("two2")
    shell.send(b"sleep 31\n")
    shell.wait_foreground("sleep")
    shell.send(b"\x1a")
    shell.expect("Stopped")
    shell.send(b"kill -9 %1; while [ -n \"$(jobs -s)\" ]; do sleep 0.05; done; echo three$((1+1))\n")
    shell.expect("three2")
    shell.send(b"exit 11\n")
    shell.expect("<exit 11>")


@case
def suspended_shell(run):
    shell = Shell(run(["bash", "--norc", "--noprofile", "-i"]))
    shell.send(b"echo one$((1+1))\n")
    shell.expect("one2")
    shell.send(b"suspend\n")
    shell.expect("<stopped")
    shell.resume()
    shell.send(b"echo two$((1+1))\n")
    shell.expect("two2")
    shell.send(b"exit 12\n")
    shell.expect("<exit 12>")


@case
def terminal_goes_away(run):
    # nohup(1): SIGHUP is ignored by the caller, so the command outlives its terminal.
    mark = os.path.join(os.getcwd(), f"hangup-{len(run(['x']))}-{time.monotonic_ns()}")
    shell = Shell(["nohup"] + run(["sh", "-c", f"touch {mark}.a; sleep 0.5; touch {mark}.b"]))
    wait_for_file(mark + ".a")
    os.close(shell.fd)
    os.kill(shell.pid, signal.SIGKILL)
    os.waitpid(shell.pid, 0)
    wait_for_file(mark + ".b")


def wait_for_file(name, seconds=60):
    end = time.monotonic() + seconds
    while not os.path.exists(name):
        assert time.monotonic() < end, f"{name} did not come"
        time.sleep(0.02)


def main():
    failed = 0
    for function in CASES:
        ways = [("bare", [])] + [
            (backend, [TKIT, "run", "-q", "--backend", backend, "--sink", "null", "--"])
            for backend in sys.argv[2:]
        ]
        for how, prefix in ways:
            try:
                function(lambda command: prefix + command)
                print(f"ok    {function.__name__} {how}")
            except AssertionError as error:
                print(f"FAIL  {function.__name__} {how}: {error}")
                failed += 1
    return 1 if failed else 0


sys.exit(main())
