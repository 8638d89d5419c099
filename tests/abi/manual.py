#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Does with docs/PLUGIN_MANUAL.md what its reader does.

  manual.py MANUAL REPOSITORY      in an empty folder, with tkit on the PATH and in PKG_CONFIG_PATH

Words behind the language of a fenced block say what it is:

  c file=NAME     goes to the end of this file
  c compile       compiles, behind the usual includes
  c prototype     is a callback's declaration, word for word that of a header
  sh run          is executed (needs=TOOL: if there is such a program), in the order of the manual
  text output     lines that the commands before it have printed, in this order; ... is anything

Also: the inotify backend of the manual is examples/inotify/inotify.c, each finding of `tkit plugin
check` is explained, and each callback of the headers has its place.
"""

import os
import re
import shutil
import subprocess
import sys

INCLUDES = """#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include <tkit/tkit.h>
"""
WARN = ["-std=gnu11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-Wno-unused-parameter"]
wrong = []


def blocks(text):
    """(language, set of words, body) of each fenced block."""
    for info, body in re.findall(r"^```(\S[^\n]*)\n(.*?)^```$", text, flags=re.S | re.M):
        words = info.split()
        yield words[0], words[1:], body


def spaces(text):
    return re.sub(r"\s+", " ", text).strip()


def compile_snippet(body):
    with open("snippet.c", "w", encoding="utf-8") as f:
        f.write(INCLUDES + body)
    flags = subprocess.run(["pkg-config", "--cflags", "tkit"], capture_output=True, text=True,
                           check=True).stdout.split()
    done = subprocess.run(["cc", *WARN, "-Wno-unused-function", "-fsyntax-only", *flags, "snippet.c"],
                          capture_output=True, text=True, check=False)
    if done.returncode:
        wrong.append("does not compile:\n" + body + done.stderr)
    os.unlink("snippet.c")


def execute(body, env):
    """Runs commands; what they set is kept for the next. Returns what they printed."""
    script = "set -e\n" + body + "\nexport -p > .environment\n"
    if os.path.exists(".environment"):
        script = ". ./.environment\n" + script
    done = subprocess.run(["bash", "-c", script], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          stdin=subprocess.DEVNULL, env=env, timeout=120, check=False)
    out = done.stdout.decode(errors="replace")
    if done.returncode:
        wrong.append(f"exit status {done.returncode} of:\n{body}{out}")
    return out


def check_output(expected, out):
    rest = out.splitlines()
    for line in expected.splitlines():
        pattern = ".*".join(re.escape(part) for part in line.split("..."))
        while rest and not re.fullmatch(pattern, rest[0]):
            rest.pop(0)
        if not rest:
            wrong.append(f"the manual promises '{line}'; printed was:\n{out}")
            return
        rest.pop(0)


def put(name, body):
    if os.path.dirname(name):
        os.makedirs(os.path.dirname(name), exist_ok=True)
    with open(name, "a", encoding="utf-8") as f:
        f.write(body)


def follow(text, headers):
    counts, out, env = {}, "", dict(os.environ)
    for language, words, body in blocks(text):
        kind = words[0].split("=")[0] if words else "plain"
        counts[kind] = counts.get(kind, 0) + 1
        needs = [w[6:] for w in words if w.startswith("needs=")]
        missing = [tool for tool in needs if not shutil.which(tool)]
        if kind == "file":
            put(words[0][5:], body)
        elif kind == "compile":
            compile_snippet(body)
        elif kind == "prototype" and spaces(body) not in headers:
            wrong.append("no header has this prototype:\n" + body)
        elif kind == "run":
            if missing:
                print(f"{missing[0]} is not installed: not run")
            out = None if missing else execute(body, env)
        elif kind == "output" and out is not None:
            check_output(body, out)
    return counts


def check_complete(text, repository, headers):
    with open(os.path.join(repository, "examples/inotify/inotify.c"), encoding="utf-8") as f, \
            open("inotify.c", encoding="utf-8") as g:
        if f.read() != g.read():
            wrong.append("examples/inotify/inotify.c is not what the manual has")
    ids = set()
    for name in ("core/plugin/check.h", "core/vet/vet.h"):
        with open(os.path.join(repository, name), encoding="utf-8") as f:
            ids |= set(re.findall(r'"(PC\d+)"', f.read()))
    told = set(re.findall(r"^\| (PC\d+) \|", text, flags=re.M))
    wrong.extend(f"{i}: not in the manual" for i in sorted(ids - told))
    wrong.extend(f"{i}: there is no such finding" for i in sorted(told - ids))
    callbacks = re.findall(r"(?:int|void|uint64_t) \(\*\w+\)\([^;]*?\);", headers)
    in_manual = {spaces(b) for _, words, b in blocks(text) if words[:1] == ["prototype"]}
    wrong.extend(f"no heading for: {c}" for c in callbacks if c not in in_manual)


def main():
    manual, repository = map(os.path.abspath, sys.argv[1:])
    with open(manual, encoding="utf-8") as f:
        text = f.read()
    headers = ""
    for kind in ("backend", "sink", "reporter"):
        with open(os.path.join(repository, f"core/include/tkit/{kind}.h"), encoding="utf-8") as f:
            ops = re.search(r"struct tkit_\w+_ops \{(.*?)\n\};", f.read(), flags=re.S)[1]
            headers += spaces(re.sub(r"/\*.*?\*/", "", ops, flags=re.S)) + " "
    counts = follow(text, headers)
    check_complete(text, repository, headers)
    print("\n".join(wrong))
    print(", ".join(f"{n} {kind}" for kind, n in sorted(counts.items())) + f"; {len(wrong)} wrong")
    return 1 if wrong or counts.get("run", 0) < 5 or counts.get("prototype", 0) < 15 else 0


if __name__ == "__main__":
    sys.exit(main())
