#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Checks the links of Markdown pages, whose names are read from standard input.

Each relative link must lead to a file or directory of the tree, each anchor to a heading, and each
page must be reachable from README.md. Exits 1 after one line for each fault.
"""
import collections
import os
import re
import sys

LINK = re.compile(r"!?\[(?:[^\]\[]|\[[^\]]*\])*\]\(\s*<?([^)\s>]+)>?[^)]*\)|^\[[^\]]+\]:\s*(\S+)", re.M)


def without_code(text):
    text = re.sub(r"^(```|~~~).*?^\1", "", text, flags=re.M | re.S)
    text = re.sub(r"(?<=\n\n)(?:(?: {4}|\t).*\n)+", "", text)
    return re.sub(r"(`+)(?!`).+?(?<!`)\1(?!`)", lambda m: "x" * len(m[0]), text, flags=re.S)


def anchors(text):
    """As GitHub makes them of headings."""
    found, seen = set(), collections.Counter()
    for line in re.sub(r"^(```|~~~).*?^\1", "", text, flags=re.M | re.S).split("\n"):
        heading = re.match(r"#{1,6}\s+(.*?)\s*#*$", line)
        if not heading:
            continue
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading[1]).replace("`", "")
        slug = re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")
        found.add(f"{slug}-{seen[slug]}" if seen[slug] else slug)
        seen[slug] += 1
    return found | set(re.findall(r"<a (?:id|name)=\"([^\"]+)\"", text))


def main():
    pages = [line.strip() for line in sys.stdin if line.strip()]
    texts = {page: open(page, encoding="utf-8").read() for page in pages}
    faults, leads = [], collections.defaultdict(set)
    for page, text in texts.items():
        plain = without_code(text)
        for match in LINK.finditer(plain):
            target = match[1] or match[2]
            if re.match(r"[a-z][a-z0-9+.-]*:", target):
                continue
            path, _, anchor = target.partition("#")
            file = os.path.normpath(os.path.join(os.path.dirname(page), path)) if path else page
            if file.startswith("..") or not os.path.exists(file):
                faults.append(f"{page}: link to {target}: there is no {file}")
                continue
            if anchor and file in texts and anchor not in anchors(texts[file]):
                faults.append(f"{page}: link to {target}: no such heading")
            leads[page].add(os.path.join(file, "README.md") if os.path.isdir(file) else file)
    reached, todo = set(), ["README.md"]
    while todo:
        page = todo.pop()
        if page in texts and page not in reached:
            reached.add(page)
            todo += leads[page]
    faults += [f"{page}: no way leads here from README.md" for page in sorted(set(texts) - reached)]
    for fault in faults:
        print(fault)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
