#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Do today's public headers keep what a frozen copy of them promised?

  layout.py FROZEN-DIR HEADERS-DIR LIBTKIT.SO

Compiles programs against both: each field of each struct must be where it was and as large, each
struct at least as large, each constant the same, each function callable in the same way, and
libtkit.so must export each symbol in FROZEN-DIR/symbols. Prints what differs; exit status 0 or 1.
"""

import os
import re
import subprocess
import sys
import tempfile


def read_headers(folder):
    """All headers as one text without comments and lines of the preprocessor's own."""
    text = ""
    for name in sorted(os.listdir(os.path.join(folder, "tkit"))):
        with open(os.path.join(folder, "tkit", name), encoding="utf-8") as f:
            text += f.read()
    return re.sub(r"/\*.*?\*/", "", text, flags=re.S)


def structs(text):
    """Name of each struct -> names of its fields."""
    found = {}
    for name, body in re.findall(r"^struct (tkit_\w+) \{\n(.*?)^\}", text, flags=re.S | re.M):
        fields = re.findall(r"\(\*(\w+)\)\s*\(", body)  # callbacks
        body = re.sub(r"\w[\w \*]*\(\*\w+\)\s*\([^;]*\);", "", body, flags=re.S)
        for line in body.split(";"):
            match = re.search(r"(\w+)\s*(\[\w+\])?\s*$", line.strip())
            if match:
                fields.append(match[1])
        found[name] = fields
    return found


def constants(text):
    """Names of macros with a value, and of enumerators, those of the X tables included."""
    names = re.findall(r"^#define (TKIT_[A-Z0-9_]+)[ \t]+\S", text, flags=re.M)
    names += re.findall(r"^\s*(TKIT_\w+)(?: = [^,\n]+)?,?\s*$", text, flags=re.M)
    for table, prefix in (("OPS", "OP"), ("LOSSES", "LOSS")):
        body = re.search(r"#define TKIT_%s\(X\)(.*?)[^\\]\n\n" % table, text, flags=re.S)[1]
        names += [f"TKIT_{prefix}_{sym}" for sym in re.findall(r"X\((\w+),", body)]
    skip = {"TKIT_API", "TKIT_ABI_MINOR", "TKIT_OPS", "TKIT_LOSSES"}
    return sorted({n for n in names if n not in skip and not n.endswith(("_H", "COUNT_"))})


def prototypes(text):
    return [" ".join(p.split()) for p in re.findall(r"^TKIT_API ([^;{=]*\([^;{]*\))[^;]*;", text, flags=re.M)
            if "tkit_plugin " not in p]


def compile_c(source, include, output, work):
    path = os.path.join(work, "t.c")
    with open(path, "w", encoding="utf-8") as f:
        f.write(source)
    args = ["cc", "-std=gnu11", "-Werror", "-w", "-I", include, path] + output
    return subprocess.run(args, capture_output=True, text=True, check=False)


def print_facts(text, include, work):
    """Runs a program that prints the layout and the values that `text` names."""
    lines = []
    for name, fields in structs(text).items():
        lines.append(f'printf("sizeof {name} %zu\\n", sizeof(struct {name}));')
        for field in fields:
            lines.append(f'printf("field {name}.{field} %zu %zu\\n", offsetof(struct {name}, {field}), '
                         f'sizeof(((struct {name} *)0)->{field}));')
    for name in constants(text):
        lines.append(f'printf("value {name} %lld\\n", (long long)({name}));')
    source = "#include <stdio.h>\n#include <tkit/tkit.h>\nint main(void) {\n" + "\n".join(lines) + "\n}\n"
    program = os.path.join(work, "t")
    done = compile_c(source, include, ["-o", program], work)
    if done.returncode:
        return None, done.stderr
    out = subprocess.run([program], capture_output=True, text=True, check=True).stdout
    return dict(line.rsplit(" ", 1) if line.startswith(("sizeof", "value")) else
                line.split(" ", 2)[1:] and (" ".join(line.split(" ", 2)[:2]), line.split(" ", 2)[2])
                for line in out.splitlines()), ""


def main():
    frozen, today, library = sys.argv[1:]
    text, wrong = read_headers(frozen), []
    with tempfile.TemporaryDirectory() as work:
        before, error = print_facts(text, frozen, work)
        if before is None:
            sys.exit("the frozen headers themselves: " + error)
        after, error = print_facts(text, today, work)
        if after is None:
            wrong.append("something is gone:\n" + error)
            after = before
        for name, value in before.items():
            grown = name.startswith("sizeof") and int(after[name]) >= int(value)
            if after[name] != value and not grown:
                wrong.append(f"{name}: was {value}, is {after[name]}")
        functions = prototypes(text)
        source = "#include <tkit/tkit.h>\n" + "".join(f"extern {p};\n" for p in functions)
        done = compile_c(source, today, ["-fsyntax-only"], work)
        if done.returncode:
            wrong.append("functions are declared otherwise:\n" + done.stderr)
    with open(os.path.join(frozen, "symbols"), encoding="utf-8") as f:
        promised = set(f.read().split())
    out = subprocess.run(["nm", "-D", "--defined-only", "--with-symbol-versions", library],
                         capture_output=True, text=True, check=True).stdout
    exported = {line.split()[2] for line in out.splitlines()}
    wrong += [f"libtkit.so no longer exports {s}" for s in sorted(promised - exported)]
    counts = [len(before), len(functions), len(promised)]
    print("\n".join(wrong + ["%d facts, %d functions, %d symbols, %d differ" % (*counts, len(wrong))]))
    if min(counts) < 50:
        sys.exit("too few: this program does not understand the headers any more")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
