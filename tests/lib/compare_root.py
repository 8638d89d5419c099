#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Full comparison of what is kept with where it came from.

    compare_root.py [--mtime ns|s|no] [--except PATH]... [--skip PATH]... [--extra] KEPT SOURCE

KEPT and SOURCE are directories or tars. Every object of KEPT must be in SOURCE with the same
type, mode (setuid too), numeric owner, size, content, extended attributes, symlink target, device
number and mtime; objects that are hard links of each other in SOURCE are so in KEPT, and no
others. Prints one line per difference; exit status 1 if there are any.

    --mtime s     whole seconds only (engines store no more in layers that they make)
    --except      this path's time and mode are not compared (mount points, parents made anew)
    --skip        this path and what is below it is no object of KEPT
    --extra       SOURCE must have nothing that KEPT has not
"""
import argparse
import hashlib
import os
import stat
import sys
import tarfile

MACHINE = ("security.selinux", "security.evm", "trusted.overlay.", "user.overlay.")


def clean(name):
    name = name.strip("/")
    while name.startswith("./"):
        name = name[2:].lstrip("/")
    return "/" + ("" if name == "." else name)


def digest(stream):
    total = hashlib.sha256()
    for block in iter(lambda: stream.read(1 << 20), b""):
        total.update(block)
    return total.hexdigest()


def wanted(xattrs):
    return {k: v for k, v in xattrs.items() if not k.startswith(MACHINE)}


def from_directory(top, names=None):
    """path -> facts; "inode" tells hard links. Of all that is there, or of some names."""
    found = {}

    def add(full, name):
        st = os.lstat(full)
        facts = {
            "type": stat.S_IFMT(st.st_mode),
            "mode": stat.S_IMODE(st.st_mode) if not stat.S_ISLNK(st.st_mode) else 0,
            "owner": (st.st_uid, st.st_gid),
            "mtime": st.st_mtime_ns,
            "xattrs": wanted({n: os.getxattr(full, n, follow_symlinks=False)
                              for n in os.listxattr(full, follow_symlinks=False)}),
            "inode": None,
        }
        if stat.S_ISREG(st.st_mode):
            facts["size"] = st.st_size
            with open(full, "rb") as file:
                facts["content"] = digest(file)
            if st.st_nlink > 1:
                facts["inode"] = (st.st_dev, st.st_ino)
        elif stat.S_ISLNK(st.st_mode):
            facts["target"] = os.readlink(full)
        elif stat.S_ISCHR(st.st_mode) or stat.S_ISBLK(st.st_mode):
            facts["device"] = (os.major(st.st_rdev), os.minor(st.st_rdev))
        found[name] = facts

    if names is not None:
        for name in names:
            if os.path.lexists(top + name):
                add(top + name, name)
        return found
    add(top, "/")
    for folder, dirs, files in os.walk(top):
        if os.path.ismount(folder) and folder != top:
            dirs[:] = []
            continue
        for name in dirs + files:
            full = os.path.join(folder, name)
            add(full, "/" + os.path.relpath(full, top))
    return found


TYPES = {tarfile.DIRTYPE: stat.S_IFDIR, tarfile.SYMTYPE: stat.S_IFLNK, tarfile.FIFOTYPE: stat.S_IFIFO,
         tarfile.CHRTYPE: stat.S_IFCHR, tarfile.BLKTYPE: stat.S_IFBLK}


def tar_time(member):
    text = member.pax_headers.get("mtime")
    if text is None:
        return int(member.mtime) * 10**9
    whole, _, part = text.partition(".")
    return int(whole) * 10**9 + int((part + "0" * 9)[:9])


def from_tar(path):
    found = {}
    with tarfile.open(path, errors="surrogateescape") as tar:
        for member in tar:
            name = clean(member.name)
            if member.islnk():
                first = found[clean(member.linkname)]
                first["inode"] = first["inode"] or name
                found[name] = first
                continue
            xattrs = {k[13:]: v.encode("utf-8", "surrogateescape")
                      for k, v in member.pax_headers.items() if k.startswith("SCHILY.xattr.")}
            facts = {
                "type": TYPES.get(member.type, stat.S_IFREG),
                "mode": 0 if member.issym() else member.mode & 0o7777,
                "owner": (member.uid, member.gid),
                "mtime": tar_time(member),
                "xattrs": wanted(xattrs),
                "inode": None,
            }
            if member.isreg():
                facts["size"] = member.size
                facts["content"] = digest(tar.extractfile(member))
            elif member.issym():
                facts["target"] = member.linkname
            elif member.ischr() or member.isblk():
                facts["device"] = (member.devmajor, member.devminor)
            found[name] = facts
    return found


def read(path, names=None):
    return from_directory(path, names) if os.path.isdir(path) else from_tar(path)


def links(objects, names):
    """Sets of names that are one file, among `names`."""
    groups = {}
    for name in names:
        if objects[name]["inode"] is not None:
            groups.setdefault(objects[name]["inode"], set()).add(name)
    return {frozenset(group) for group in groups.values() if len(group) > 1}


def compare(kept, source, args):
    problems = []
    skip = tuple(args.skip)
    names = sorted(n for n in kept if not any(n == s or n.startswith(s + "/") for s in skip))
    for name in names:
        if name not in source:
            problems.append(f"{name!r}: not in the source")
            continue
        for key in sorted((kept[name].keys() | source[name].keys()) - {"inode"}):
            a, b = kept[name].get(key), source[name].get(key)
            if key in ("mtime", "mode") and name in args.excepted:
                continue
            if key == "mtime":
                if args.mtime == "no":
                    continue
                if args.mtime == "s":
                    a, b = a // 10**9, b // 10**9
            if a != b:
                problems.append(f"{name!r}: {key} is {a!r}, was {b!r}")
    both = [n for n in names if n in source]
    for group in links(kept, both) ^ links(source, both):
        problems.append(f"hard links differ: {sorted(group)!r}")
    if args.extra:
        problems += [f"{n!r}: only in the source" for n in sorted(source.keys() - kept.keys())
                     if not any(n == s or n.startswith(s + "/") for s in skip)]
    return problems, len(names)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--mtime", choices=("ns", "s", "no"), default="ns")
    parser.add_argument("--except", dest="excepted", action="append", default=[])
    parser.add_argument("--skip", action="append", default=[])
    parser.add_argument("--extra", action="store_true")
    parser.add_argument("kept")
    parser.add_argument("source")
    args = parser.parse_args()
    kept = read(args.kept)
    problems, count = compare(kept, read(args.source, None if args.extra else kept.keys()), args)
    for problem in problems[:40]:
        print(problem.encode("utf-8", "backslashreplace").decode())
    if len(problems) > 40:
        print(f"and {len(problems) - 40} more")
    print(f"{count} objects compared, {len(problems)} differences", file=sys.stderr)
    return 1 if problems or not count else 0


if __name__ == "__main__":
    sys.exit(main())
