#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""What test_dedup.py traces: each access is made several times before and after the same name
comes to mean something else. dedup_traps.py DIR"""

import ctypes
import mmap
import os
import shutil
import struct
import sys
import threading
import time

WORK = sys.argv[1]
N = 4


def tries(what, *args, **kw):
    for _ in range(N):
        try:
            fd = what(*args, **kw)
            if what is os.open:
                os.close(fd)
        except OSError:
            pass


def look(name, **kw):
    tries(os.stat, name, **kw)
    tries(os.open, name, os.O_RDONLY, **kw)


def touch(name):
    os.close(os.open(name, os.O_CREAT | os.O_WRONLY))


def outside(code):
    """Has somebody do it who is not traced."""
    with open(f"{WORK}/ask.new", "w", encoding="utf-8") as f:
        f.write(code)
    os.rename(f"{WORK}/ask.new", f"{WORK}/ask")
    for _ in range(2000):
        try:
            os.stat(f"{WORK}/ask")
        except OSError:
            return
        time.sleep(0.01)


def comes_and_goes():
    look("new")
    touch("new")
    look("new")
    os.unlink("new")
    look("new")
    tries(os.open, "made", os.O_CREAT | os.O_RDWR)
    os.unlink("made")
    tries(os.open, "made", os.O_CREAT | os.O_RDWR)
    look("by-rename")
    os.rename("made", "by-rename")
    look("made")
    look("by-rename")
    look("by-others")
    outside(f"open('{WORK}/by-others', 'w').close()")
    look("by-others")
    outside(f"os.unlink('{WORK}/by-others')")
    look("by-others")
    tries(os.mkdir, "twice")
    tries(os.rmdir, "twice")
    tries(os.unlink, "twice")


def other_directories():
    for d in "ab":
        os.mkdir(d)
        touch(f"{d}/f")
    for _ in range(2):
        for d in "ab":
            os.chdir(d)
            look("f")
            look("../f")
            os.chdir("..")
    fds = [os.open(d, os.O_RDONLY) for d in "ab"]
    for _ in range(2):
        for fd in fds:
            look("f", dir_fd=fd)
            tries(os.listdir, fd)
    os.dup2(fds[1], fds[0])
    look("f", dir_fd=fds[0])


def renamed(rename):
    shutil.rmtree("up", ignore_errors=True)
    os.makedirs("up/d/sub")
    touch("up/d/sub/f")
    fd = os.open("up/d/sub", os.O_RDONLY)
    os.chdir("up/d/sub")
    for step in range(3):
        look("f")
        look("none")
        look("f", dir_fd=fd)
        tries(os.listdir, fd)
        look(f"{WORK}/up/d/sub/f")
        rename(f"{WORK}/up/d" if step % 2 == 0 else f"{WORK}/up/e", f"{WORK}/up/e" if step % 2 == 0 else f"{WORK}/up/d")
    os.chdir(WORK)
    os.close(fd)
    shutil.rmtree("up")


def same_place_again():
    """A directory is removed and made again, elsewhere: nothing keeps the kernel from using everything again."""
    for i in range(6):
        os.makedirs(f"tmp{i}/x/y")
        touch(f"tmp{i}/x/y/f")
        os.chdir(f"tmp{i}/x/y")
        look("f")
        look("none")
        os.unlink("f")
        os.rmdir(f"{WORK}/tmp{i}/x/y")
        look("f")
        look(".")
        os.chdir(WORK)
        shutil.rmtree(f"tmp{i}")


def links():
    for d in ("v1", "v2"):
        os.mkdir(d)
        touch(f"{d}/f")
    os.link("v1/f", "v1/hard")
    os.link("v1/f", "v2/hard")
    os.symlink("v1", "current")
    for target in ("v2", "v1", "v2"):
        look("current/f")
        look("current/hard")
        tries(os.readlink, "current")
        os.unlink("current")
        os.symlink(target, "current")
    look("current/f")
    os.symlink("v1", "next")
    os.rename("next", "current")
    look("current/f")
    os.symlink("nowhere", "broken")
    look("broken")
    touch("nowhere")
    look("broken")


def descriptors():
    touch("held")
    fd = os.open("held", os.O_RDONLY)
    for _ in range(2):
        look(f"/proc/self/fd/{fd}")
        look(f"/dev/fd/{fd}")
        look("/proc/self/cwd/v1/f")
        tries(os.readlink, f"/proc/self/fd/{fd}")
    os.rename("held", "held2")
    look(f"/proc/self/fd/{fd}")
    os.unlink("held2")
    look(f"/proc/self/fd/{fd}")
    touch("held")
    look(f"/proc/self/fd/{fd}")
    os.close(fd)
    look(f"/proc/self/fd/{fd}")
    os.chdir("v1")
    look("/proc/self/cwd/f")
    os.chdir("../v2")
    look("/proc/self/cwd/f")
    os.chdir("..")


def processes():
    """The same accesses by children, by threads, and by one process as several programs."""
    look("v1/f")
    for _ in range(3):
        pid = os.fork()
        if not pid:
            look("v1/f")
            os._exit(0)
        os.waitpid(pid, 0)
    threads = [threading.Thread(target=lambda: [look("v1/f") for _ in range(200)]) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    os.system("cat v1/f v1/f; exec sh -c 'cat v1/f; test -e v1/f; test -e v1/f; exec ls v1 v1 none none' 2>/dev/null")
    for _ in range(N):
        try:
            os.execv("/no/such/program", ["x"])
        except OSError:
            pass


def mounts():
    os.makedirs("m/below")
    os.makedirs("bound")
    touch("m/f")
    touch("bound/f")
    os.chdir("m/below")

    def round_():
        look("../f")
        look(f"{WORK}/m/f")
        look(f"{WORK}/bound/f")

    def do(command):
        if os.system(f"exec 2>/dev/null; cd {WORK}; {command}"):
            print(f"cannot: {command}", file=sys.stderr)

    round_()
    do("mount -t tmpfs tkit m && touch m/f")
    round_()
    os.chdir(f"{WORK}/m")
    look("f")
    do("mount --bind bound m")
    round_()
    do("mount --move m bound; mount --bind v1 m")
    round_()
    do("umount -l m && umount -l m && umount -l bound")
    look("f")
    os.chdir(WORK)
    round_()


def ring_rename(old, new):
    """Renames by io_uring, which tells nobody of a success, and waits for what is linked to it."""
    libc = ctypes.CDLL(None, use_errno=True)
    params = ctypes.create_string_buffer(120)
    ring = libc.syscall(425, 4, params)
    if ring < 0:
        return
    tail, array = (struct.unpack_from("I", params, 40 + at)[0] for at in (4, 24))
    queue, entries = mmap.mmap(ring, array + 16), mmap.mmap(ring, 256, offset=0x10000000)
    names = [ctypes.create_string_buffer(os.fsencode(n)) for n in (old, new)]
    old, new = map(ctypes.addressof, names)
    here, silent, linked = -100, 64, 4
    struct.pack_into("BBHiQQi", entries, 0, 35, silent | linked, 0, here, new, old, here)  # RENAMEAT
    struct.pack_into("BB", entries, 64, 0, 0)  # NOP
    struct.pack_into("II", queue, array, 0, 1)
    struct.pack_into("I", queue, tail, 2)
    if libc.syscall(426, ring, 2, 1, 1, None, 0) < 0:
        print("cannot: io_uring_enter", os.strerror(ctypes.get_errno()), file=sys.stderr)
    for area in (queue, entries):
        area.close()
    os.close(ring)


def without_a_name():
    """Calls on a descriptor alone, right after one whose record had its name behind a long path."""
    libc, room = ctypes.CDLL(None), ctypes.create_string_buffer(4096)
    deep = "/".join(["deep" * 20] * 4)
    os.makedirs(deep)
    here, there = os.open("v1", os.O_RDONLY), os.open("/", os.O_RDONLY)
    cpus = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(cpus)})
    for fd in (there, here, there):
        for _ in range(N):
            if libc.chdir(f"{WORK}/{deep}".encode()):
                sys.exit("chdir")
            libc.syscall(217, fd, room, len(room))  # getdents64
            libc.chdir(f"{WORK}/{deep}".encode())
            libc.futimens(fd, (ctypes.c_long * 4)(0, 0x3ffffffe, 0, 0x3ffffffe))
    os.sched_setaffinity(0, cpus)
    os.chdir(WORK)


def roots():
    for d in ("r1", "r2"):
        os.makedirs(f"{d}/etc")
        touch(f"{d}/etc/f")
    top = os.open("/", os.O_RDONLY)
    for d in ("r1", "r2", "r1"):
        os.chroot(d)
        look("/etc/f")
        look("/etc/none")
        os.fchdir(top)
        os.chroot(".")
        os.chdir(WORK)
        look("/etc/f")
    os.close(top)


def main():
    os.chdir(WORK)
    comes_and_goes()
    other_directories()
    renamed(os.rename)
    renamed(lambda a, b: outside(f"os.rename({a!r}, {b!r})"))
    same_place_again()
    links()
    descriptors()
    processes()
    without_a_name()
    roots()
    pid = os.fork()
    if not pid:
        if ctypes.CDLL(None).unshare(0x20000):
            os._exit(3)
        os.system("mount --make-rprivate /")
        mounts()
        renamed(ring_rename)  # the last one: after it nothing is folded any more
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


sys.exit(main())
