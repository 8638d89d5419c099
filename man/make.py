#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes the man pages.

usage: make.py [--gzip] TKIT SOURCE_DIR OUT_DIR

Sections 1 from the help texts that TKIT prints, 5 and 7 from the Markdown pages and the plugins'
READMEs in SOURCE_DIR, with the plugins' options as their descriptors tell them.
"""
import gzip
import os
import pathlib
import re
import sys
import textwrap
import time

import helptext
import roff

# Pages of section 5 and 7 that are made of Markdown: name, section, source, what it is.
DOCUMENTS = [
    ("tkit-trace", 5, "docs/FILE_FORMAT.md", "the trace file of tkit"),
    ("tkit-plugins.d", 5, "docs/PLUGINS_D.md", "which plugins tkit loads, and with which defaults"),
    ("tkit-manifest", 5, "docs/MANIFEST.md", "manifests that tkit compares with"),
    ("tkit-events", 7, "docs/EVENT_MODEL.md", "what an event of tkit means"),
    ("tkit-closure", 7, "docs/CLOSURE.md", "what a minimal image holds"),
    ("tkit-sources", 7, "docs/SOURCES.md", "where tkit takes files from"),
    ("tkit-containers", 7, "docs/CONTAINERS.md", "tracing containers"),
    ("tkit-writing-plugins", 7, "docs/PLUGIN_MANUAL.md", "how to write a backend, sink or reporter for tkit"),
    ("tkit-glossary", 7, "docs/GLOSSARY.md", "words that tkit uses"),
]
# What a command's page refers to.
SEE = {
    "bench": ["run", "plugins"], "run": ["report", "plugins", "trace", "events"], "report": ["run", "plugins", "sources", "closure"],
    "dump": ["events", "trace"], "merge": ["report", "trace"], "plugin": ["plugins", "plugins.d", "writing-plugins"],
    "doctor": ["run"], "oci-runtime": ["oci-hook", "container", "containers"],
    "oci-hook": ["oci-runtime", "containers"], "container": ["oci-runtime", "containers"],
    "why": ["why-not", "closure"], "why-not": ["why", "closure"],
    "slim": ["verify", "report", "closure", "sources"], "verify": ["slim", "sources"],
}


class Manual:
    def __init__(self, tkit, source, out, packed):
        self.packed = packed
        self.tkit, self.source, self.out = helptext.Tkit(tkit), source, out
        self.documents = [d for d in DOCUMENTS if (source / d[2]).exists()]
        self.plugins = [(p, source / f"{p['kind']}s" / p["name"] / "README.md") for p in self.tkit.plugins]
        self.plugins = [(p, readme) for p, readme in self.plugins if readme.exists()]
        inputs = [source / d[2] for d in self.documents] + [readme for _, readme in self.plugins]
        stamp = int(os.environ.get("SOURCE_DATE_EPOCH") or max(int(f.stat().st_mtime) for f in inputs))
        self.date = time.strftime("%Y-%m-%d", time.gmtime(stamp))
        self.sections = {name: section for name, section, *_ in self.documents}
        self.sections |= {f"tkit-{name}": 1 for name in self.tkit.commands}
        self.sections |= {self.plugin_page(p): 7 for p, _ in self.plugins}
        self.sections |= {"tkit": 1, "tkit-plugins": 7}
        self.by_file = {(source / d[2]).resolve(): d[0] for d in self.documents}
        self.by_file |= {readme.resolve(): self.plugin_page(p) for p, readme in self.plugins}

    @staticmethod
    def plugin_page(plugin):
        return f"tkit-{plugin['kind']}-{plugin['name']}"

    def reference(self, name):
        return f".BR {roff.escape(name)} ({self.sections[name]})"

    def write(self, name, what, lines, see=()):
        section = self.sections[name]
        title = name.upper() if name.isascii() else name
        head = ['.\\" Made by man/make.py.',
                f'.TH {roff.escape(title)} {section} {self.date} "tkit {self.tkit.version}" "tkit"',
                ".nh", ".ad l",
                ".SH NAME", f"{roff.escape(name)} \\- {roff.words(what)}"]
        see = [page for page in dict.fromkeys(("tkit", *see)) if page in self.sections and page != name]
        tail = [".SH SEE ALSO"] + [self.reference(page) + " ," for page in see[:-1]] + [self.reference(see[-1])]
        tail = [line.replace(") ,", "),") if line.endswith(" ,") else line for line in tail]
        self.save(f"{name}.{section}", "\n".join(tidy(head + lines + tail)) + "\n")

    def path(self, page):
        directory = self.out / f"man{page[-1]}"
        directory.mkdir(parents=True, exist_ok=True)
        return directory / (page + (".gz" if self.packed else ""))

    def save(self, page, text):
        data = text.encode()
        self.path(page).write_bytes(gzip.compress(data, 9, mtime=0) if self.packed else data)

    def link(self, page, other):
        self.path(page).unlink(missing_ok=True)
        self.path(page).symlink_to(self.path(other).name)

    # ---- section 1 ----

    def help_sections(self, text, skip=()):
        """DESCRIPTION and the sections of a help text."""
        out, current, titled = [], None, False
        for section in sorted(text.sections, key=lambda s: s.title == "Exit status"):
            if section.title in skip:
                continue
            titled = titled or bool(section.title)
            title = (section.title or ("Notes" if titled else "Description")).upper()
            title = "EXAMPLES" if title.startswith("EXAMPLE") else title
            if title != current:
                out.append(f".SH {roff.escape(title, False)}")
                current = title
            for paragraph in section.paragraphs:
                out += [".PP", roff.prose(paragraph)]
            for item in section.items:
                out += roff.item(term(item.term), roff.prose(item.text))
            for paragraph in section.after:
                out += [".PP", roff.prose(paragraph)]
            if section.literal:
                out += roff.literal(section.literal)
        return out

    def command(self, name, what):
        text = self.tkit.command_help[name]
        lines = synopsis(text) + self.help_sections(text)
        self.write(f"tkit-{name}", what, lines, (f"tkit-{other}" for other in SEE.get(name, [])))

    def overview(self):
        text = self.tkit.help
        commands = [".SH COMMANDS"]
        for name, what in self.tkit.commands.items():
            commands += roff.item(f".BR tkit\\-{roff.escape(name)} (1)", roff.prose(what))
        lines = synopsis(text) + self.help_sections(text, skip=("Commands",))
        at = next(i for i, line in enumerate(lines) if line.startswith(".SH OPTIONS"))
        pages = [document[0] for document in self.documents] + ["tkit-plugins"]
        self.write("tkit", "which files does a program or container really need?",
                   lines[:at] + commands + lines[at:], [f"tkit-{name}" for name in self.tkit.commands] + pages)

    # ---- sections 5 and 7 ----

    def linker(self, file):
        def link(target):
            name = self.by_file.get((file.parent / target.split("#")[0]).resolve())
            return (name, self.sections[name]) if name and "://" not in target else None
        return link

    def document(self, name, section, file, what):
        page = roff.Markdown((self.source / file).read_text(), self.linker(self.source / file))
        self.write(name, what, described(page.out))

    def plugin(self, plugin, readme):
        page = PluginPage(readme.read_text(), self.linker(readme), plugin)
        lines = described(page.out)
        if not page.told and plugin["options"]:
            lines += [".SH OPTIONS"] + page.options({})
        self.write(self.plugin_page(plugin), plugin["summary"], lines, ("tkit-plugins", self.by_kind(plugin)))

    @staticmethod
    def by_kind(plugin):
        return "tkit-report" if plugin["kind"] == "reporter" else "tkit-run"

    def plugin_list(self):
        lines = []
        for kind, use in (("backend", "tkit run --backend"), ("sink", "tkit run --sink"),
                          ("reporter", "tkit report --reporter")):
            lines += [f".SH {kind.upper()}S", roff.bold(use) + " \\fINAME\\fR[\\fB,\\fIKEY\\fB=\\fIVALUE\\fR]..."]
            for plugin, _ in self.plugins:
                if plugin["kind"] == kind:
                    name = roff.escape(self.plugin_page(plugin))
                    lines += roff.item(roff.bold(plugin["name"]), [roff.words(plugin["summary"]) + ":",
                                                                   f".BR {name} (7)"])
        self.write("tkit-plugins", "what watches, stores and tells", lines, ("tkit-plugin", "tkit-plugins.d"))

    def make(self):
        self.overview()
        for name, what in self.tkit.commands.items():
            self.command(name, what)
        for entry in self.documents:
            self.document(*entry)
        for plugin, readme in self.plugins:
            self.plugin(plugin, readme)
        self.plugin_list()
        self.link("tkit-runc.1", "tkit-oci-runtime.1")


class PluginPage(roff.Markdown):
    """A README whose table of options is completed from the plugin's descriptor."""

    def __init__(self, text, link, plugin):
        self.plugin, self.told = plugin, False
        super().__init__(text, link)

    def table_hook(self, head, rows):
        if head[0] != "option":
            return False
        self.told = True
        meaning = {}
        for row in rows:
            for name in re.findall(r"`([a-z0-9-]+)", row[0]):
                meaning[name] = row[-1]
        self.out += self.options(meaning)
        return True

    def options(self, meaning):
        out = []
        for option in self.plugin["options"]:
            facts = []
            if option.get("range"):
                facts.append(("one of " if option["type"] == "enum" else "range ") + roff.escape(option["range"]))
            if option.get("default"):
                facts.append("default " + roff.bold(option["default"]))
            out += roff.item(f"{roff.bold(option['name'])}=\\fI{option['type'].upper()}\\fR",
                             self.prose(meaning.get(option["name"]) or option["help"]) +
                             (f" ({', '.join(facts)})" if facts else ""))
        return out


def term(text):
    """-o, --output FILE: options bold, what stands for something italic."""
    out = []
    for word in re.findall(r"[A-Z][A-Z/]*\b(?![a-z])|[^A-Z]+|.", text):
        out.append(f"\\fI{roff.escape(word)}\\fR" if re.fullmatch(r"[A-Z][A-Z/]*", word) else f"\\fB{roff.escape(word)}\\fR")
    return roff.guarded("".join(out).replace("\\fR\\fB", "\\fB"))


def synopsis(text):
    out = [".SH SYNOPSIS"]
    for number, usage in enumerate(text.usage):
        out += ([".br"] if number else []) + [term(usage)]
    return out


def described(lines):
    return lines if lines[:1] and lines[0].startswith(".SH") else [".SH DESCRIPTION"] + lines


def tidy(lines):
    """Folds long lines, and leaves out each .PP that does nothing."""
    out, fold = [], True
    for line in lines:
        if line == ".PP" and out and re.match(r"\.(SH|SS|PP)", out[-1]):
            continue
        fold = {".nf": False, ".fi": True}.get(line, fold)
        if line.startswith(".") or not fold or out[-1] == ".TP":
            out.append(line)
        else:
            out += [roff.guarded(part) for part in
                    textwrap.wrap(line, 80, break_long_words=False, break_on_hyphens=False)]
    return out


if __name__ == "__main__":
    packed = sys.argv[1:2] == ["--gzip"]
    args = sys.argv[1 + packed:]
    if len(args) != 3:
        sys.exit(__doc__)
    Manual(args[0], pathlib.Path(args[1]), pathlib.Path(args[2]), packed).make()
