# SPDX-License-Identifier: MIT
"""Reads what `tkit COMMAND --help` prints: the one source of man pages and completions.

The form of a help text (core/cli/cli.h says it to those who write one):

    Usage: tkit COMMAND [OPTION]... ARG       more forms below it, indented by 7
    (empty line)
    Paragraphs of text.

    Title:                                    a section: what follows is indented
      -o, --option ARG  text                  items: two or more spaces before their text,
                        more text             or the text on the next lines
    Exit status: text.                        a section, too

`Examples:` and other sections whose first line is no item are kept as they are.
"""
import json
import re
import subprocess

LITERAL = ("Example", "Such a file")


class Item:
    def __init__(self, term, text):
        self.term, self.text = term, text

    def options(self):
        """(["-o", "--output"], "FILE" or "") of each option that the item is about."""
        found, names = [], []
        for part in re.split(r", (?=-)", self.term):
            words = part.split(" ", 1)
            if not words[0].startswith("-"):
                continue
            name, _, value = words[0].partition("=")
            name = name.rstrip("[")
            names.append(name)
            value = words[1] if len(words) > 1 else value
            if value or name.startswith("--"):
                found.append((names, value.strip("]'")))
                names = []
        if names:
            found.append((names, ""))
        return found


class Section:
    """Paragraphs, then items, then the paragraphs `after` them, literal lines. The title may be None."""

    def __init__(self, title):
        self.title, self.items, self.literal = title, [], []
        self.paragraphs, self.after = [], []


class Help:
    def __init__(self, text):
        self.usage, self.sections = [], []
        lines = text.rstrip("\n").split("\n")
        if not lines[0].startswith("Usage: "):
            raise ValueError("the first line is not 'Usage: ...'")
        self.usage.append(lines.pop(0)[len("Usage: "):])
        while lines and lines[0].startswith(" " * 7):
            self.usage.append(lines.pop(0).strip())
        for block in re.split(r"\n\n+", "\n".join(lines).strip("\n")):
            self._block(block.split("\n"))

    def _block(self, lines):
        status = re.match(r"(Exit status|Exit): (.*)", lines[0])
        if status:
            section = Section("Exit status")
            section.paragraphs.append(" ".join([status[2]] + lines[1:]))
            self.sections.append(section)
            return
        title = re.fullmatch(r"([A-Z][^.]*):", lines[0])
        if title and len(lines) > 1 and lines[1].startswith("  "):
            section, lines = Section(title[1]), lines[1:]
        else:
            section = Section(None)
        self.sections.append(section)
        if re.match(r"\S+ {2,}\S", lines[0]):
            self._items(section, lines, 0)
            return
        while lines:
            flush = not lines[0].startswith(" ")
            alike = [lines.pop(0)]
            while lines and flush != lines[0].startswith(" "):
                alike.append(lines.pop(0))
            self._alike(section, alike, flush)

    def _alike(self, section, lines, flush):
        """Lines that are all flush left, or all indented."""
        if not flush and (section.title or "").startswith(LITERAL):
            section.literal += [line[2:] for line in lines]
        elif not flush and re.match(r" {2,6}(-|\S.*? {2,}\S)", lines[0]):
            self._items(section, lines, 6)
        else:
            text = " ".join(line.strip() for line in lines)
            (section.after if section.items else section.paragraphs).append(text)

    @staticmethod
    def _items(section, lines, widest):
        for line in lines:
            indent = len(line) - len(line.lstrip())
            if indent <= widest:
                term, _, text = re.match(r"(\S+(?: \S+)*)( {2,}|$)(.*)", line.strip()).groups()
                section.items.append(Item(term, text))
            elif section.items:
                item = section.items[-1]
                item.text = f"{item.text} {line.strip()}".strip()
            else:
                raise ValueError(f"no item before '{line}'")

    def section(self, title):
        return next((s for s in self.sections if s.title == title), None)

    def options(self):
        """All options of the text: (names, argument, description)."""
        return [(names, value, item.text)
                for section in self.sections for item in section.items
                if item.term.startswith("-")
                for names, value in item.options()]


def output(*words):
    return subprocess.run(words, check=True, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL,
                          text=True).stdout


class Tkit:
    """All that a tkit says of itself."""

    def __init__(self, program):
        self.version = output(program, "--version").split()[1]
        self.help = self._help(program, "--help")
        self.commands = {item.term: item.text for item in self.help.section("Commands").items}
        self.command_help = {name: self._help(program, name, "--help") for name in self.commands}
        listed = json.loads(output(program, "plugin", "list", "--json"))["plugins"]
        self.plugins = [json.loads(output(program, "plugin", "show", f"{p['kind']}/{p['name']}",
                                          "--json"))["plugins"][0] for p in listed if not p.get("error")]

    @staticmethod
    def _help(*words):
        try:
            return Help(output(*words))
        except ValueError as error:
            raise SystemExit(f"{' '.join(words[1:])}: not in the form of a help text: {error}") from None
