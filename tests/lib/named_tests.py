#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Reads names of pages from standard input, one a line. What a page names as a test in backquotes must be one: `test_name` a
function of tests/unit that its main() lists, `test_name.sh` and `tests/...` a file, `workload NAME` one of the conformance kit."""
import pathlib
import re
import sys

top = pathlib.Path(__file__).resolve().parents[2]
units = "\n".join(p.read_text() for p in sorted((top / "tests/unit").glob("test_*.c")))
defined = set(re.findall(r"^static void (test_\w+)\(void \*\*", units, re.M))
listed = set(re.findall(r"\b(?:TEST|cmocka_unit_test\w*)\((test_\w+)", units))
files = {p.name for p in (top / "tests").rglob("test_*")}
wrong = 0


def problem(name):
    if name.startswith("workload "):
        return None if (top / f"tests/conformance/workloads/{name[9:]}.c").exists() else "no such workload"
    if name.startswith("tests/"):
        return None if "*" in name or (top / name).exists() else "no such file"
    if name.startswith("test_") and re.search(r"\.(sh|py|c)$", name):
        return None if "*" in name or name in files else "no such file"
    if re.fullmatch(r"test_\w+", name):
        return None if name in defined & listed else "no test of tests/unit"
    return None


pages = [line.rstrip("\n") for line in sys.stdin]
for page in pages:
    for number, line in enumerate((top / page).read_text().splitlines(), 1):
        for name in re.findall(r"`([^`]+)`", line):
            if why := problem(name):
                print(f"{page}:{number}: {name}: {why}")
                wrong = 1
sys.exit(wrong)
