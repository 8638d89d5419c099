#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Measures again what a page shows: runs each command of the form

    <!-- tkit bench ARGUMENT... -->
    what it printed
    <!-- end -->

and puts what it prints now in place.

usage: docs.py TKIT PAGE
"""

import os
import re
import shlex
import subprocess
import sys
import tempfile

BLOCK = re.compile(r"(<!-- tkit (bench [^\n]*) -->\n).*?(<!-- end -->)", re.S)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__.split("usage: ")[1])
    tkit, page = os.path.realpath(sys.argv[1]), os.path.realpath(sys.argv[2])
    with open(page, encoding="utf-8") as text:
        before = text.read()

    def measure(block):
        print("tkit", block[2], file=sys.stderr, flush=True)
        out = subprocess.run([tkit, *shlex.split(block[2])], stdout=subprocess.PIPE, text=True,
                             cwd=os.path.dirname(page), check=True).stdout
        return f"{block[1]}{out}{block[3]}"

    after, count = BLOCK.subn(measure, before)
    if not count:
        sys.exit(f"{page}: no block of the form <!-- tkit bench ... -->")
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=os.path.dirname(page),
                                     delete=False) as new:
        new.write(after)
    os.chmod(new.name, 0o644)
    os.replace(new.name, page)
    return 0


if __name__ == "__main__":
    sys.exit(main())
