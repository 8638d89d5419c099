#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes docs/SYSCALLS.md from core/event/syscalls.def and the operations of <tkit/event.h>.

With --check it writes nothing and fails if the file is not what it would write.
"""

import pathlib
import re
import sys

TOP = pathlib.Path(__file__).resolve().parent.parent
OUT = TOP / "docs/SYSCALLS.md"
HEAD = """\
# System calls that count as an access

Made from [`core/event/syscalls.def`](../core/event/syscalls.def) by `docs/syscalls.py`; the eBPF programs,
the ptrace filter, the bpftrace program and the strace import come from the same file. A test holds it
against the running kernel's own list (`tests/integration/test_syscall_table.sh`, with the calls that are left
out and why).

`path` and `dirfd` are arguments, counted from 0; without a `dirfd` a relative path starts at the
working directory. What an operation means is in [EVENT_MODEL.md](EVENT_MODEL.md). io_uring requests
are reported as the call that they stand for.

"""


def rows():
    text = (TOP / "core/event/syscalls.def").read_text()
    section = ""
    for line in re.sub(r"/\*\n \*.*?\*/", "", text, flags=re.S).splitlines():
        if m := re.match(r"/\* (.*) \*/$", line):
            section = m[1]
        elif m := re.match(r"S\((.*)\)$", line):
            yield section, [word.strip() for word in m[1].split(",")]


def operations():
    text = (TOP / "core/include/tkit/event.h").read_text()
    block = text[text.index("#define TKIT_OPS"):text.index("enum tkit_op")]
    return {m[1]: (m[2], m[3].lower())
            for m in re.finditer(r'X\((\w+), \d+, "(\w+)", (\w+)\)', block)}


def number(text):
    return "" if text == "-1" else text


def page():
    ops, out, last = operations(), [HEAD], None
    for section, (name, x86, i386, arm, op, path, dirfd, _flags, _kind, bits, op2, path2, dirfd2) in rows():
        # A note on one row is not the heading of the next ones.
        if section != last and not section.startswith("i386 "):
            out.append(f"\n## {section[0].upper()}{section[1:]}\n\n"
                       "| call | x86-64 | i386 | aarch64 | operation | class | path | dirfd |\n"
                       "| --- | --- | --- | --- | --- | --- | --- | --- |\n")
            last = section
        operation, kind = ops[op]
        shown = "none" if "B(FD)" in bits else number(path)
        cells = [f"`{name}`", number(x86), number(i386), number(arm), f"`{operation}`", kind, shown,
                 number(dirfd)]
        out.append("| " + " | ".join(cells) + " |\n")
        if op2 != "NONE":
            operation, kind = ops[op2]
            out.append("| " + " | ".join(["", "", "", "", f"`{operation}`", kind, number(path2),
                                          number(dirfd2)]) + " |\n")
    return "".join(out)


def main():
    text = page()
    if sys.argv[1:] == ["--check"]:
        if not OUT.exists() or OUT.read_text() != text:
            sys.exit("docs/SYSCALLS.md is not what docs/syscalls.py writes; run it")
    else:
        OUT.write_text(text)


if __name__ == "__main__":
    main()
