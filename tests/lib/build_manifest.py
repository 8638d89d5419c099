#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes a root file system from a manifest of schema version 1, the way an image build does.

usage: build_manifest.py MANIFEST ROOT

Binaries bring their interpreter and their DT_NEEDED libraries along, found in input.path by
name: what static analysis knows, and nothing else. Understands the block style that the
tests write; no YAML library is needed.
"""
import os
import re
import shutil
import subprocess
import sys

LIBRARY_FOLDERS = ("lib", "lib64", "usr/lib", "usr/lib64", "lib/x86_64-linux-gnu", "usr/lib/x86_64-linux-gnu",
                   "lib/aarch64-linux-gnu", "usr/lib/aarch64-linux-gnu")


def read(name):
    lists, path, current = {}, None, None
    for line in open(name):
        line = line.split(" #")[0].rstrip()
        if re.match(r"\s+path: ", line):
            path = line.split(": ", 1)[1].strip().strip('"')
        elif re.match(r"\w+:$", line):
            current = lists.setdefault(line[:-1], [])
        elif re.match(r"\s*- ", line):
            current.append(line.split("- ", 1)[1].strip().strip('"'))
    return path, lists


def needs(file):
    out = subprocess.run(["readelf", "-dlW", file], capture_output=True, text=True).stdout
    interp = re.search(r"interpreter: (.*)\]", out)
    return interp and interp.group(1), re.findall(r"NEEDED.*\[(.*)\]", out)


def put(root, source, dest):
    target = root + dest
    os.makedirs(os.path.dirname(target), exist_ok=True)
    shutil.copy2(os.path.realpath(source), target)


def bring(path, root, file, seen, known):
    interp, names = needs(file)
    if interp and not os.path.exists(root + interp):
        put(root, path + interp, interp)
    for name in names:
        if name in seen:
            continue
        seen.add(name)
        for folder in LIBRARY_FOLDERS:
            found = os.path.join(path, folder, name)
            if os.path.exists(found):
                dest = f"/{folder}/{name}" if known else f"/lib/{name}"
                put(root, found, dest)
                bring(path, root, found, seen, known)
                break


def main():
    path, lists = read(sys.argv[1])
    root = sys.argv[2]
    os.makedirs(root, exist_ok=True)
    folder = os.path.dirname(os.path.abspath(sys.argv[1]))
    for name in lists.get("directories", []):
        os.makedirs(root + name, exist_ok=True)
    made = [e.rpartition(":")[2] for k in ("binaries", "data") for e in lists.get(k, [])]
    # Links of folders first: what is put behind them goes where they lead.
    links = []
    for entry in lists.get("symlinks", []):
        a, b = entry.split(":")
        used = lambda p: p in lists.get("directories", []) or any(m == p or m.startswith(p + "/") for m in made)
        links.append((a, b) if used(b) and not used(a) else (b, a))
    for link, target in links:
        if target in made:
            continue
        os.makedirs(root + target, exist_ok=True)
        os.makedirs(os.path.dirname(root + link), exist_ok=True)
        os.symlink(os.path.relpath(target, os.path.dirname(link)), root + link)
    seen = set()
    keep_folders = not links
    for kind in ("binaries", "data"):
        for entry in lists.get(kind, []):
            source, dest = entry.split(":", 1)
            source = re.sub(r"^(BUILDROOT|YOCTO|GENERIC)/", path + "/", source)
            if not source.startswith("/"):
                source = os.path.join(folder, source)
            put(root, source, dest)
            if kind == "binaries":
                bring(path, root, source, seen, keep_folders)
    for link, target in links:
        if target in made:
            os.symlink(os.path.relpath(target, os.path.dirname(link)), root + link)


main()
