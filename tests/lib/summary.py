#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Adds up what ctest wrote (JUnit XML) and holds the skips against the list of allowed ones.

  summary.py --allowed FILE [--failed STAGE]... NAME=JUNIT.xml...

Prints each failed and each skipped test with its reason; the last line is
`N passed, N failed, N skipped`. A skip that is not allowed counts as failed. Exit status 0 or 1.
"""

import argparse
import fnmatch
import re
import sys
import xml.etree.ElementTree as xml

# Skips inside one ctest test: cmocka's, Python's, and those of the conformance table.
CMOCKA = re.compile(r"^\[  SKIPPED \] (?!\d+ test)(\w+)", re.M)
ROW = re.compile(r"^(\S+) +skip +(.*)$", re.M)
REASON = re.compile(r"^SKIP: (.*)$", re.M)


def allowed_skips(file):
    """(pattern of names, pattern of reasons) of each line `NAME: REASON`."""
    rules = []
    with open(file, encoding="utf-8") as f:
        for line in f:
            line = line.strip()
            if line and not line.startswith("#"):
                name, _, reason = line.partition(": ")
                rules.append((name, reason or "*"))
    return rules


def tests(stage, file):
    """(name, status, reason) of each test, and of each skip inside one."""
    for case in xml.parse(file).getroot().iter("testcase"):
        name, status = f"{stage}/{case.get('name')}", case.get("status")
        out = "".join(e.text or "" for e in case.iter("system-out"))
        if case.find("skipped") is not None or status in ("notrun", "disabled"):
            found = REASON.findall(out)
            node = case.find("skipped")
            why = found[-1] if found else (node.get("message") if node is not None else status)
            # ctest "skips" a test whose program is missing: that is a failure.
            yield name, "skip" if found else "fail", why
            continue
        yield name, "fail" if status == "fail" or case.find("failure") is not None else "ok", ""
        for inner in CMOCKA.findall(out):
            before = out[: out.find(f"[  SKIPPED ] {inner}")].rstrip().splitlines()
            yield f"{name}/{inner}", "skip", before[-1] if before else "no reason"
        if "/conformance." in name:
            for inner, why in ROW.findall(out):
                yield f"{name}/{inner}", "skip", why


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--allowed", required=True)
    parser.add_argument("--failed", action="append", default=[])
    parser.add_argument("junit", nargs="*")
    args = parser.parse_args()
    rules = allowed_skips(args.allowed)
    count = {"ok": 0, "fail": 0, "skip": 0}
    for stage in args.failed:
        count["fail"] += 1
        print(f"FAILED  {stage}")
    for item in args.junit:
        stage, _, file = item.partition("=")
        try:
            found = list(tests(stage, file))
        except (OSError, xml.ParseError) as e:
            found = [(stage, "fail", f"no test results: {e}")]
        for name, status, why in found:
            if status == "skip":
                allowed = any(fnmatch.fnmatchcase(name, n) and fnmatch.fnmatchcase(why, r)
                              for n, r in rules)
                print(f"skipped {name}: {why}" + ("" if allowed else "   (NOT ALLOWED)"))
                if not allowed:
                    count["fail"] += 1
                    continue
            elif status == "fail":
                print(f"FAILED  {name}" + (f": {why}" if why else ""))
            count[status] += 1
    print(f"{count['ok']} passed, {count['fail']} failed, {count['skip']} skipped")
    return 1 if count["fail"] or not count["ok"] else 0


if __name__ == "__main__":
    sys.exit(main())
