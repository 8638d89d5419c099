# SPDX-License-Identifier: MIT
"""Writes man(7): text, and a subset of Markdown."""
import re

SPECIAL = {"\\": "\\e", "-": "\\-", "'": "\\(aq", "`": "\\(ga", "^": "\\(ha", "~": "\\(ti", '"': "\\(dq",
           "\u2026": "..."}
# Drawings, for terminals that have no such characters.
SPECIAL |= dict(zip("─━│┃┌┐└┘├┤┬┴┼", "\\- \\- | | + + + + + + + + +".split())) | {"→": "\\(->", "▶": ">", "▼": "v"}


def escape(text, hyphens=True):
    """`hyphens`: a '-' is one that people copy."""
    return "".join(c if c == "-" and not hyphens else
                   SPECIAL.get(c) or (c if ord(c) < 127 else f"\\[u{ord(c):04X}]") for c in text)


def guarded(line):
    """A line of text, which must not look like a request."""
    return "\\&" + line if line[:1] in (".", "'") else line


def bold(text):
    """Words that are longer than a line may break behind a separator."""
    copied = re.sub(r"\S{50,}", lambda m: re.sub(r"([/,|=])(?=.)", "\\1\0", m[0]), text)
    return f"\\fB{escape(copied)}\\fR".replace("\0", "\\:")


def prose(text, link=lambda target: None):
    """A paragraph with `code`, *emphasis*, **strong** and [links](to)."""
    out = []
    pattern = r"(`+)(.+?)\1|\[((?:`[^`]*`|[^\]])*)\]\(([^)]*)\)|\*\*(.+?)\*\*|(?<![\w*])\*([^*\s][^*]*)\*"
    at = 0
    for m in re.finditer(pattern, text):
        out.append(words(text[at:m.start()]))
        at = m.end()
        if m[2] is not None:
            out.append(bold(m[2].strip()))
        elif m[3] is not None:
            page = link(m[4])
            same = page and page[0] == m[3].strip("`")
            out.append("" if same else prose(m[3]))
            if page:
                out.append(f"\\fB{escape(page[0])}\\fR({page[1]})" if same else
                           f" (\\fB{escape(page[0])}\\fR({page[1]}))")
        elif m[5] is not None:
            out.append(f"\\fB{prose(m[5])}\\fR")
        else:
            out.append(f"\\fI{prose(m[6])}\\fR")
    out.append(words(text[at:]))
    return guarded("".join(out))


def words(text):
    """Prose without marks: options keep their hyphens, words like `read-only` may break."""
    copied = re.compile(r"(^|\W)--?\w|[/=.]|\d-")
    return re.sub(r"\S+", lambda m: escape(m[0], bool(copied.search(m[0]))), text)


def literal(lines):
    return [".PP", ".in +4n", ".nf"] + [guarded(escape(line.expandtabs())) or ".sp" for line in lines] + [".fi", ".in"]


def item(term, body):
    """`term` and `body` are roff; the body may hold several lines."""
    return [".TP", term] + (body if isinstance(body, list) else [body or "\\&"])


class Markdown:
    """Turns a page into lines of man(7). Its first heading is the page's title."""

    def __init__(self, text, link):
        self.lines, self.link, self.title, self.out = text.split("\n"), link, "", []
        while self.lines:
            self.block()

    def block(self):
        line = self.lines[0]
        if not line.strip():
            self.lines.pop(0)
        elif line.startswith("```"):
            self.fenced()
        elif line.startswith("    "):
            self.out += literal([text[4:] for text in self.take(lambda l: l.startswith("    "))])
        elif line.startswith("#"):
            self.heading(self.lines.pop(0))
        elif line.startswith("|"):
            self.table(self.take(lambda l: l.startswith("|")))
        elif re.match(r"([-*]|\d+\.) ", line):
            self.list()
        else:
            text = self.take(lambda l: l.strip() and not re.match(r"#|```|\||([-*]|\d+\.) ", l))
            self.out += [".PP", self.prose(" ".join(text))]

    def prose(self, text):
        return prose(" ".join(text.split()), self.link)

    def take(self, accept):
        """The lines from here on that belong together; at least one."""
        taken = [self.lines.pop(0)]
        while self.lines and accept(self.lines[0]):
            taken.append(self.lines.pop(0))
        return taken

    def fenced(self):
        self.lines.pop(0)
        taken = []
        while self.lines and not self.lines[0].startswith("```"):
            taken.append(self.lines.pop(0))
        self.lines = self.lines[1:]
        self.out += literal(taken)

    def heading(self, line):
        marks, text = re.match(r"(#+) *(.*)", line).groups()
        if len(marks) == 1:
            self.title = text
        elif len(marks) == 2:
            self.out += [f".SH {escape(text.replace('`', ''), False).upper() if text.isascii() else escape(text)}"]
        else:
            self.out += [f".SS {escape(text.replace('`', ''), False)}"]

    def table(self, lines):
        rows = [[cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
        head, rows = rows[0], rows[2:]
        if self.table_hook(head, rows):
            return
        for row in rows:
            body = []
            for name, cell in list(zip(head, row))[1:-1]:
                if cell:
                    body += [f"{self.prose(name)}: {self.prose(cell)}" if name else self.prose(cell), ".br"]
            if len(row) > 1 and row[-1]:
                body.append(self.prose(row[-1]))
            self.out += item(self.prose(row[0]) or "\\&", body)

    def table_hook(self, head, rows):
        return False

    def list(self):
        mark = self.lines[0].split(" ")[0]
        depth = len(mark) + 1
        text = [self.lines.pop(0)[depth:]]
        while self.lines and (re.match(r" {%d}" % min(depth, 2), self.lines[0]) or
                              (not self.lines[0].strip() and len(self.lines) > 1 and
                               re.match(r" {%d}\S" % depth, self.lines[1]))):
            text.append(self.lines.pop(0).removeprefix(" " * depth))
        inner = Markdown("", self.link)
        inner.lines, inner.out = text, []
        while inner.lines:
            inner.block()
        body = inner.out[1:] if inner.out[:1] == [".PP"] else inner.out
        self.out += [f".IP {bullet(mark)} {len(mark) + 2}", body[0]]
        if body[1:]:
            self.out += [f".RS {len(mark) + 2}"] + body[1:] + [".RE"]


def bullet(mark):
    return "\\(bu" if mark in "-*" else mark
