# SPDX-License-Identifier: MIT
"""Prints what a program can know of itself and its children: NAME: VALUE, one a line.

It must print the same traced as untraced. usage: transparent_probe.py DIR
"""
import ctypes
import errno
import fcntl
import os
import resource
import signal
import stat
import subprocess
import sys

LIBC = ctypes.CDLL(None, use_errno=True)
WORK = sys.argv[1]


def tell(name, *values):
    print(f"{name}:", *values, flush=True)


def read(path):
    try:
        with open(path, encoding="utf-8", errors="surrogateescape") as f:
            return f.read().strip()
    except OSError as error:
        return errno.errorcode[error.errno]


def call(function, *args):
    ctypes.set_errno(0)
    result = function(*args)
    return result if result >= 0 else errno.errorcode[ctypes.get_errno()]


def inherited():
    """What execve hands on."""
    tell("arguments", sys.orig_argv)
    tell("environment", sorted(os.environb.items()))
    tell("threads", os.listdir("/proc/self/task") == [str(os.getpid())])
    tell("directory", os.getcwd(), read("/proc/self/comm"), os.readlink("/proc/self/exe"), os.readlink("/proc/self/root"))
    umask = os.umask(0)
    tell("umask", oct(umask))
    os.umask(umask)
    for fd in sorted(map(int, os.listdir("/proc/self/fd"))):
        try:
            where, mode = os.readlink(f"/proc/self/fd/{fd}"), fcntl.fcntl(fd, fcntl.F_GETFL)
        except OSError:
            continue  # the directory that was listed
        tell("descriptor", fd, where.split("[")[0] if ":[" in where else where, oct(mode), fcntl.fcntl(fd, fcntl.F_GETFD))
    for name in sorted(n for n in dir(resource) if n.startswith("RLIMIT_")):
        tell(name, resource.getrlimit(getattr(resource, name)))
    for line in read("/proc/self/status").splitlines():
        if line.split(":")[0] in ("Umask", "TracerPid", "Groups", "Uid", "Gid", "SigPnd", "ShdPnd", "SigBlk", "SigIgn",
                                  "SigCgt", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp",
                                  "Seccomp_filters", "Cpus_allowed", "Mems_allowed", "SpeculationStoreBypass",
                                  "Threads", "CoreDumping", "THP_enabled", "NSpid"):
            tell("status", line if "NSpid" not in line else len(line.split()))
    field = read("/proc/self/stat").rsplit(")", 1)[1].split()
    tell("session, group, terminal", [int(f) == int(read("/proc/self/stat").split()[0]) for f in field[2:4]], field[4:6])
    tell("priority, policy", field[15:17], field[37:39], os.sched_getaffinity(0), os.sched_getparam(0).sched_priority)
    tell("nice, I/O priority", os.getpriority(os.PRIO_PROCESS, 0), call(LIBC.syscall, 252, 1, 0))
    for name in ("oom_score_adj", "personality", "coredump_filter", "timerslack_ns", "cgroup", "loginuid", "sessionid",
                 "autogroup", "setgroups", "uid_map", "attr/current"):
        tell(name, read("/proc/self/" + name))
    for name in sorted(os.listdir("/proc/self/ns")):
        tell("namespace", name, os.readlink("/proc/self/ns/" + name))


def process():
    """Attributes that only system calls tell."""
    value = ctypes.c_int()
    for name, option in (("parent death signal", 2), ("child subreaper", 37)):
        LIBC.prctl(option, ctypes.byref(value))
        tell(name, value.value)
    for name, option in (("dumpable", 3), ("keep capabilities", 7), ("seccomp", 21), ("securebits", 27),
                         ("timer slack", 30), ("machine check policy", 34), ("no new privileges", 39), ("THP off", 42)):
        tell(name, call(LIBC.prctl, option, 0, 0, 0, 0))
    tell("pending alarm", signal.getitimer(signal.ITIMER_REAL), signal.getitimer(signal.ITIMER_PROF))
    tell("pending signals", signal.sigpending(), signal.pthread_sigmask(signal.SIG_BLOCK, []))
    tell("session keyring", call(LIBC.syscall, 250, 0, -3, 0))
    tell("children", no_child())
    tell("parent", os.getppid() == int(read(f"/proc/{os.getppid()}/stat").split()[0]), os.getsid(os.getppid()) == os.getsid(0))
    # Addresses are random as before: three runs, three stacks.
    stacks = {subprocess.run(["grep", "stack", "/proc/self/maps"], capture_output=True, check=True).stdout for _ in range(3)}
    tell("address randomisation", len(stacks))
    fixed = {subprocess.run(["setarch", "-R", "grep", "stack", "/proc/self/maps"], capture_output=True, check=True).stdout
             for _ in range(3)}
    tell("without it", len(fixed))


def no_child():
    try:
        return os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return "none"


STOPS = {signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU}
SIGNALS = sorted(set(range(1, 65)) - {32, 33})  # those two are the C library's


def default_action(number):
    """What becomes of a child that gets a signal, as its parent sees it."""
    go, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        if number not in (signal.SIGKILL, signal.SIGSTOP):
            signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
        if number in STOPS:
            os.read(go, 1)
        os._exit(0)
    info = os.waitid(os.P_PID, pid, os.WEXITED | os.WSTOPPED | os.WNOWAIT)
    tell("default", number, info.si_code, info.si_status, info.si_signo)
    if info.si_code in (os.CLD_STOPPED, os.CLD_TRAPPED):
        tell("stopped", os.waitpid(pid, os.WUNTRACED)[1])
        os.kill(pid, signal.SIGCONT)
        tell("continued", os.waitid(os.P_PID, pid, os.WCONTINUED).si_code)
        os.write(write, b"x")
    _, status, usage = os.wait4(pid, 0)
    tell("status", status, usage.ru_maxrss > 0)
    os.close(go)
    os.close(write)


def every_signal():
    """Each signal: its default action; caught; blocked, pending and fetched; ignored."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for number in SIGNALS:
        default_action(number)
    caught = []
    catchable = [n for n in SIGNALS if n not in (signal.SIGKILL, signal.SIGSTOP)]
    for number in catchable:
        signal.signal(number, lambda n, frame: caught.append(n))
        os.kill(os.getpid(), number)
    tell("caught", caught == catchable)
    caught.clear()
    # A stop signal and SIGCONT cancel each other while they are pending.
    blocked = [n for n in catchable if n not in STOPS]
    signal.pthread_sigmask(signal.SIG_BLOCK, blocked)
    for number in blocked:
        os.kill(os.getpid(), number)
    tell("pending", sorted(map(int, signal.sigpending())) == blocked, caught)
    tell("fetched", {signal.sigtimedwait([n], 0).si_code for n in blocked}, caught)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, blocked)
    for number in catchable:
        signal.signal(number, signal.SIG_IGN)
        os.kill(os.getpid(), number)
    tell("ignored")


def child_signal():
    """SIGCHLD: one for each change of a child's state, with who and how."""
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
    go, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.kill(os.getpid(), signal.SIGSTOP)
        os.read(go, 1)
        os._exit(7)

    def next_one(what):
        info = signal.sigtimedwait([signal.SIGCHLD], 10)
        tell(what, info and (info.si_code, info.si_status, info.si_pid == pid, info.si_uid))

    next_one("stopped")
    os.waitpid(pid, os.WUNTRACED)
    os.kill(pid, signal.SIGCONT)
    next_one("continued")
    os.write(write, b"x")
    next_one("exited")
    tell("no more", signal.sigtimedwait([signal.SIGCHLD], 0), os.waitpid(pid, 0)[1])


def set_user_id():
    """A setuid program and one with a file capability, started by an unprivileged user."""
    if os.geteuid():
        return
    for name, prepare in (("setuid", lambda path: os.chmod(path, 0o6755)),
                          ("capability", lambda path: subprocess.run(["setcap", "cap_net_raw+ep", path], check=False))):
        path = os.path.join(WORK, name)
        with open("/usr/bin/grep", "rb") as source, open(path, "wb") as copy:
            copy.write(source.read())
        os.chmod(path, 0o755)
        prepare(path)
        tell(name, stat.filemode(os.stat(path).st_mode), subprocess.run(
            [path, "-E", "^(Uid|Gid|CapEff|NoNewPrivs)", "/proc/self/status"], user=65534, group=65534, extra_groups=[],
            capture_output=True, check=False).stdout.decode().split())
        os.unlink(path)


def core_dump():
    """A core file, if the machine writes them as files."""
    pattern = read("/proc/sys/kernel/core_pattern")
    if pattern.startswith("|"):
        return
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    except (OSError, ValueError):
        return
    done = subprocess.Popen(["sh", "-c", "kill -SEGV $$"], cwd=WORK)
    _, status = os.waitpid(done.pid, 0)
    cores = [name for name in os.listdir(WORK) if name.startswith("core")]
    tell("core", os.WCOREDUMP(status), os.WTERMSIG(status), len(cores))
    for name in cores:
        os.unlink(os.path.join(WORK, name))


CASES = {f.__name__: f for f in (inherited, process, every_signal, child_signal, set_user_id, core_dump)}
for title in sys.argv[2:] or CASES:
    print("--", title, flush=True)
    if os.fork() == 0:
        CASES[title]()
        os._exit(0)
    tell("ended", os.wait()[1])
