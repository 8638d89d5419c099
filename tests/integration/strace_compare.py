#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Is every access that strace sees in a tkit trace?

  strace_compare.py TRACE.jsonl STRACE.log START_DIR [MASK_REGEX]

TRACE.jsonl is `tkit dump`; STRACE.log comes from
  strace -f -y -xx -s 8192 -e trace=%file,%process -o STRACE.log
of the same command, started in START_DIR. Compared are sets of (op, absolute path, errno); what
MASK_REGEX matches in a path becomes "*" (temporary names). Prints what is missing. Exit
status 1 if anything is.
"""

import errno
import json
import re
import sys

# call: [(index of the path, index of the dirfd or None, op)]
CALLS = {
    "open": [(0, None, "open")], "openat": [(1, 0, "open")], "openat2": [(1, 0, "open")],
    "creat": [(0, None, "open")], "execve": [(0, None, "exec")], "execveat": [(1, 0, "exec")],
    "stat": [(0, None, "stat")], "lstat": [(0, None, "stat")], "newfstatat": [(1, 0, "stat")],
    "statx": [(1, 0, "stat")], "access": [(0, None, "access")], "faccessat": [(1, 0, "access")],
    "faccessat2": [(1, 0, "access")], "readlink": [(0, None, "readlink")],
    "readlinkat": [(1, 0, "readlink")], "statfs": [(0, None, "statfs")],
    "getxattr": [(0, None, "getxattr")], "lgetxattr": [(0, None, "getxattr")],
    "listxattr": [(0, None, "listxattr")], "llistxattr": [(0, None, "listxattr")],
    "chdir": [(0, None, "chdir")], "chroot": [(0, None, "chroot")],
    "mkdir": [(0, None, "mkdir")], "mkdirat": [(1, 0, "mkdir")],
    "mknod": [(0, None, "mknod")], "mknodat": [(1, 0, "mknod")],
    "symlink": [(1, None, "symlink")], "symlinkat": [(2, 1, "symlink")],
    "link": [(0, None, "link_from"), (1, None, "link_to")],
    "linkat": [(1, 0, "link_from"), (3, 2, "link_to")],
    "rename": [(0, None, "rename_from"), (1, None, "rename_to")],
    "renameat": [(1, 0, "rename_from"), (3, 2, "rename_to")],
    "renameat2": [(1, 0, "rename_from"), (3, 2, "rename_to")],
    "unlink": [(0, None, "unlink")], "unlinkat": [(1, 0, "unlink")], "rmdir": [(0, None, "rmdir")],
    "truncate": [(0, None, "truncate")], "chmod": [(0, None, "chmod")],
    "fchmodat": [(1, 0, "chmod")], "chown": [(0, None, "chown")], "lchown": [(0, None, "chown")],
    "fchownat": [(1, 0, "chown")], "utimensat": [(1, 0, "utime")],
    "inotify_add_watch": [(1, None, "watch")],
}
FORKS = {"clone", "clone3", "fork", "vfork"}


def unhex(text):
    return re.sub(rb"\\x([0-9a-f]{2})", lambda m: bytes([int(m[1], 16)]), text)


def split_args(text):
    """Top-level arguments of a call."""
    args, depth, quoted, start = [], 0, False, 0
    for i, c in enumerate(text):
        c = chr(c)
        if c == '"':
            quoted = not quoted  # -xx: no quote and no backslash is inside but \xNN
        elif quoted:
            continue
        elif c in "([{":
            depth += 1
        elif c in ")]}":
            depth -= 1
        elif c == "," and depth == 0:
            args.append(text[start:i].strip())
            start = i + 1
    args.append(text[start:].strip())
    return args


def absolute(base, path):
    if not path:
        return None
    parts = [p for p in path.split(b"/") if p and p != b"."]
    if not path.startswith(b"/"):
        if base is None:
            return None
        parts = [p for p in base.split(b"/") if p] + parts
    return b"/" + b"/".join(parts)


def whole_lines(log):
    """Joins "<unfinished ...>" with its "resumed"."""
    open_calls = {}
    for line in log:
        m = re.match(rb"(\d+)\s+(.*)$", line.rstrip(b"\n"))
        if not m:
            continue
        pid, rest = int(m[1]), m[2]
        if rest.endswith(b"<unfinished ...>"):
            open_calls[pid] = rest[: -len(b"<unfinished ...>")]
            continue
        r = re.match(rb"<\.\.\. \w+ resumed>(.*)$", rest)
        if r:
            rest = open_calls.pop(pid, b"") + r[1]
        yield pid, rest


def directory(arg, cwd):
    m = re.match(rb"(AT_FDCWD|-?\d+)(?:<(.*)>)?$", arg)
    if m and m[2] is not None:
        return unhex(m[2])
    return cwd if m and m[1] == b"AT_FDCWD" else None


def strace_set(log, start):
    cwd, found = {}, set()
    for pid, rest in whole_lines(log):
        m = re.match(rb"(\w+)\((.*)\)\s+= (-?\d+|\?)(.*)$", rest)
        if not m or m[3] == b"?":
            continue
        name, args, ret = m[1].decode(), split_args(m[2]), int(m[3])
        here = cwd.setdefault(pid, start)
        if name in FORKS:
            if ret > 0:
                cwd[ret] = here
            continue
        err = 0
        if ret < 0:
            e = re.match(rb"\s*(E\w+)", m[4])
            err = getattr(errno, e[1].decode()) if e else -1
            if err < 0:
                continue
        for index, dirfd, op in CALLS.get(name, []):
            if index >= len(args) or not args[index].startswith(b'"'):
                continue
            path = unhex(args[index].split(b'"')[1])
            base = here if dirfd is None else directory(args[dirfd], here)
            full = absolute(base, path)
            if full:
                found.add((op, full, err))
        if name == "chdir" and ret == 0:
            cwd[pid] = absolute(here, unhex(args[0].split(b'"')[1]))
        elif name == "fchdir" and ret == 0:
            cwd[pid] = directory(args[0], None)
    return found


def trace_set(lines):
    found = set()
    for line in lines:
        e = json.loads(line)
        if e["type"] in ("access", "exec") and e.get("abs"):
            found.add((e["op"], e["abs"].encode("utf-8", "surrogateescape"), e.get("errno", 0)))
        if e["type"] == "loss":
            sys.exit(f"a loss in the trace: {line}")
    return found


def main():
    with open(sys.argv[1], "rb") as f:
        trace = trace_set(f)
    with open(sys.argv[2], "rb") as f:
        strace = strace_set(f, sys.argv[3].encode())
    if len(sys.argv) > 4:
        mask = re.compile(sys.argv[4].encode())
        trace = {(op, mask.sub(b"*", path), err) for op, path, err in trace}
        strace = {(op, mask.sub(b"*", path), err) for op, path, err in strace}
    missing = sorted(strace - trace)
    for op, path, err in missing:
        print(f"missing: {op} {path.decode(errors='replace')} {errno.errorcode.get(err, err)}")
    print(f"{len(strace)} facts of strace, {len(missing)} missing, {len(trace)} in the trace")
    if not strace:
        sys.exit("strace saw nothing")
    sys.exit(1 if missing else 0)


main()
