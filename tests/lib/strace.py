# SPDX-License-Identifier: MIT
"""Reads what `strace -f -y -s 4096 -o FILE` wrote, as facts: an oracle that owes nothing to tkit.

The table of system calls below is written down from the man pages, on purpose not from tkit's
own table.
"""

import errno as errno_numbers
import os
import re
from collections import namedtuple

# One path that one call was given: paths are bytes or None where they are unknown. `opened` is
# where the descriptor that the call returned leads to; `flags` is the text of an open's flags.
Fact = namedtuple("Fact", "pid op requested abs errno opened flags")

# For strace -e trace=...
TRACE = "%file,getdents64,fchdir,connect,bind,sendto,clone,clone3,fork,vfork"

# name -> ((op, index of the path, index of the directory descriptor or None), ...)
CALLS = {
    "open": (("open", 0, None),),
    "creat": (("open", 0, None),),
    "openat": (("open", 1, 0),),
    "openat2": (("open", 1, 0),),
    "execve": (("exec", 0, None),),
    "execveat": (("exec", 1, 0),),
    "stat": (("stat", 0, None),),
    "lstat": (("stat", 0, None),),
    "newfstatat": (("stat", 1, 0),),
    "statx": (("stat", 1, 0),),
    "access": (("access", 0, None),),
    "faccessat": (("access", 1, 0),),
    "faccessat2": (("access", 1, 0),),
    "readlink": (("readlink", 0, None),),
    "readlinkat": (("readlink", 1, 0),),
    "statfs": (("statfs", 0, None),),
    "getxattr": (("getxattr", 0, None),),
    "lgetxattr": (("getxattr", 0, None),),
    "listxattr": (("listxattr", 0, None),),
    "llistxattr": (("listxattr", 0, None),),
    "setxattr": (("setxattr", 0, None),),
    "lsetxattr": (("setxattr", 0, None),),
    "removexattr": (("removexattr", 0, None),),
    "lremovexattr": (("removexattr", 0, None),),
    "chdir": (("chdir", 0, None),),
    "chroot": (("chroot", 0, None),),
    "mkdir": (("mkdir", 0, None),),
    "mkdirat": (("mkdir", 1, 0),),
    "mknod": (("mknod", 0, None),),
    "mknodat": (("mknod", 1, 0),),
    "symlink": (("symlink", 1, None),),
    "symlinkat": (("symlink", 2, 1),),
    "link": (("link_from", 0, None), ("link_to", 1, None)),
    "linkat": (("link_from", 1, 0), ("link_to", 3, 2)),
    "rename": (("rename_from", 0, None), ("rename_to", 1, None)),
    "renameat": (("rename_from", 1, 0), ("rename_to", 3, 2)),
    "renameat2": (("rename_from", 1, 0), ("rename_to", 3, 2)),
    "unlink": (("unlink", 0, None),),
    "unlinkat": (("unlink", 1, 0),),
    "rmdir": (("rmdir", 0, None),),
    "truncate": (("truncate", 0, None),),
    "chmod": (("chmod", 0, None),),
    "fchmodat": (("chmod", 1, 0),),
    "chown": (("chown", 0, None),),
    "lchown": (("chown", 0, None),),
    "fchownat": (("chown", 1, 0),),
    "utime": (("utime", 0, None),),
    "utimes": (("utime", 0, None),),
    "futimesat": (("utime", 1, 0),),
    "utimensat": (("utime", 1, 0),),
    "inotify_add_watch": (("watch", 1, None),),
    "name_to_handle_at": (("handle", 1, 0),),
    "umount2": (("umount", 0, None),),
}
# Calls on a descriptor alone: name -> (op, index of the descriptor).
FD_CALLS = {"fchdir": ("chdir", 0), "getdents64": ("list", 0)}
SOCKET_CALLS = {"connect": ("connect", 1), "bind": ("bind", 1), "sendto": ("sendto", 4)}
FORKS = ("clone", "clone3", "fork", "vfork")
# In the trace class %file, but no access that these tests make.
IGNORED = ("getcwd", "mount", "pivot_root", "swapon", "swapoff", "acct", "quotactl", "uselib",
           "open_tree", "move_mount", "fspick", "mount_setattr", "fanotify_mark")

LINE = re.compile(r"^(\d+) +(.*)$", re.S)
CALL = re.compile(r"^(\w+)\((.*)\) += (-?\d+|0x[0-9a-f]+|\?)(?:(<.*>)|(?: (E\w+)))?", re.S)
RESUMED = re.compile(r"^<\.\.\. (\w+) resumed>(.*)$", re.S)
UNFINISHED = re.compile(r"^(.*?) ?<unfinished \.\.\.>$", re.S)
FD = re.compile(r"^(-?\d+|AT_FDCWD)(?:<((?:[^<>\\]|\\.)*)>(\(deleted\))?)?$", re.S)
STRING = re.compile(r'^"((?:[^"\\]|\\.)*)"(\.\.\.)?$', re.S)
SUN_PATH = re.compile(r'sa_family=AF_UNIX, sun_path="((?:[^"\\]|\\.)*)"')
ESCAPES = {"n": b"\n", "t": b"\t", "r": b"\r", "v": b"\v", "f": b"\f", "a": b"\a", "b": b"\b",
           "\\": b"\\", '"': b'"'}


class ParseError(Exception):
    pass


def unescape(text):
    """The bytes of a string as strace quotes it."""
    out, i = bytearray(), 0
    while i < len(text):
        if text[i] != "\\":
            out += text[i].encode("utf-8", "surrogateescape")
            i += 1
            continue
        octal = re.compile(r"[0-7]{1,3}").match(text, i + 1)
        if octal:
            out.append(int(octal.group(), 8))
            i = octal.end()
        elif text[i + 1] == "x":
            out.append(int(text[i + 2:i + 4], 16))
            i += 4
        else:
            out += ESCAPES[text[i + 1]]
            i += 2
    return bytes(out)


def split_args(text):
    """Arguments at the top level of an argument list."""
    args, depth, start, i = [], 0, 0, 0
    while i < len(text):
        c = text[i]
        if c == '"':
            i += 1
            while i < len(text) and text[i] != '"':
                i += 2 if text[i] == "\\" else 1
        elif c == "<" and re.search(r"(?:\d|AT_FDCWD)$", text[start:i]) and ">" in text[i:]:
            i = text.index(">", i)
        elif c in "([{":
            depth += 1
        elif c in ")]}":
            depth -= 1
        elif c == "," and depth == 0:
            args.append(text[start:i].strip())
            start = i + 1
        i += 1
    args.append(text[start:].strip())
    return args


def join_lines(lines):
    """(entry position, exit position, pid, text) of each call, unfinished ones put together."""
    pending = {}
    for position, line in enumerate(lines):
        m = LINE.match(line)
        if not m:
            raise ParseError(f"line {position + 1}: {line!r}")
        pid, text = int(m.group(1)), m.group(2)
        if text.startswith(("---", "+++")):
            continue
        m = RESUMED.match(text)
        if m:
            if pid in pending:
                entry, begin = pending.pop(pid)
                yield entry, position, pid, begin + m.group(2)
            continue
        m = UNFINISHED.match(text)
        if m:
            pending[pid] = (position, m.group(1))
            continue
        yield position, position, pid, text


class Reader:
    """Follows working directories, since legacy calls do not show them."""

    def __init__(self, cwd):
        self.start = os.fsencode(cwd)
        self.moves = {}  # pid -> [(position, cwd)]
        self.born = {}  # pid -> (position, parent)
        self.shared = {}  # thread -> the thread whose working directory it has

    def owner(self, pid):
        return self.shared.get(pid, pid)

    def cwd(self, pid, position):
        pid = self.owner(pid)
        for when, where in reversed(self.moves.get(pid, [])):
            if when < position:
                return where
        if pid in self.born:
            when, parent = self.born[pid]
            return self.cwd(parent, when)
        return self.start

    def facts(self, lines):
        """What was accessed, in order of completion."""
        calls = []
        for entry, leave, pid, text in join_lines(lines):
            m = CALL.match(text)
            if not m:
                if re.search(r"= \?( |$)", text):
                    continue
                raise ParseError(f"not understood: {text[:300]!r}")
            name, args, ret, where, error = m.groups()
            if ret == "?":
                continue  # never returned, or will be restarted
            number = getattr(errno_numbers, error) if error else 0
            calls.append((entry, leave, pid, name, args, where, number))
            if name in FORKS and not error:
                child = int(ret, 0)
                self.born[child] = (entry, pid)
                if "CLONE_FS" in args:
                    self.shared[child] = self.owner(pid)
        for entry, leave, pid, name, args, where, number in calls:
            for fact in self.one(entry, pid, name, split_args(args), where, number):
                yield fact
                if fact.op == "chdir" and not number:
                    real = os.path.realpath(fact.abs)
                    self.moves.setdefault(self.owner(pid), []).append((leave, real))

    def one(self, entry, pid, name, args, where, number):
        if name in CALLS:
            for op, path_index, fd_index in CALLS[name]:
                named = self.path(entry, pid, name, args, path_index, fd_index)
                if named:
                    opened = unescape(where[1:-1]) if where and op == "open" else None
                    flags = "".join(args[path_index + 1:path_index + 2]) if op == "open" else ""
                    yield Fact(pid, op, *named, number, opened, flags)
        elif name in FD_CALLS:
            op, index = FD_CALLS[name]
            path = self.of_fd(args[index])
            if path is not None:
                yield Fact(pid, op, None, path, number, None, "")
        elif name in SOCKET_CALLS:
            op, index = SOCKET_CALLS[name]
            m = SUN_PATH.search(args[index]) if len(args) > index else None
            if m and m.group(1):
                path = unescape(m.group(1))
                yield Fact(pid, op, path, self.join(self.cwd(pid, entry), path), number, None, "")
        elif name not in FORKS and name not in IGNORED:
            raise ParseError(f"strace shows {name}, which is not in the table")

    def path(self, entry, pid, name, args, path_index, fd_index):
        """(requested, absolute) or None if the call names no file."""
        m = STRING.match(args[path_index]) if path_index < len(args) else None
        on_fd = fd_index is not None and any("AT_EMPTY_PATH" in a for a in args)
        if not m:
            # NULL may mean the descriptor itself; else it is a bad pointer.
            if args[path_index] == "NULL" and (on_fd or name == "utimensat"):
                of_fd = self.of_fd(args[fd_index])
                return None if of_fd is None else (None, of_fd)
            return None, None
        if m.group(2):
            raise ParseError(f"strace cut off a path: {args[path_index][:80]}")
        path = unescape(m.group(1))
        if path.startswith(b"/"):
            return path, self.join(b"/", path)
        if not path and on_fd:
            of_fd = self.of_fd(args[fd_index])
            return None if of_fd is None else (path, of_fd)
        if not path:
            return path, None
        base = self.cwd(pid, entry) if fd_index is None else self.of_fd(args[fd_index])
        return path, None if base is None else self.join(base, path)

    @staticmethod
    def of_fd(arg):
        m = FD.match(arg)
        if not m:
            raise ParseError(f"no descriptor: {arg!r}")
        if m.group(2) is None or m.group(3) or not m.group(2).startswith("/"):
            return None
        if m.group(1) == "AT_FDCWD" and m.group(2).endswith(" (deleted)"):
            return None
        return unescape(m.group(2))

    @staticmethod
    def join(base, path):
        whole = path if path.startswith(b"/") else base + b"/" + path
        return b"/" + b"/".join(p for p in whole.split(b"/") if p not in (b"", b"."))


def read(file, cwd):
    """The facts in a file that strace wrote, whose command started in cwd."""
    with open(file, encoding="utf-8", errors="surrogateescape", newline="\n") as f:
        return list(Reader(cwd).facts(f.read().split("\n")[:-1]))
