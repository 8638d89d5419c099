#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Makes the completions for bash and zsh from the help texts that tkit prints.

usage: make.py TKIT OUT_DIR

Names of plugins and their options are asked for when completing, so that other people's
plugins are there, too.
"""
import pathlib
import re
import sys
import textwrap

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "man"))
import helptext  # noqa: E402

# What an argument is called in a help text, and how it is completed: file, dir, pid, backend, sink,
# reporter; all other names: not at all.
KINDS = {"FILE": "file", "OUT": "file", "ARCHIVE": "file", "SOURCE": "file", "IMG": "file", "RUNTIME": "file",
         "DIR": "dir", "PID": "pid", "B": "backend", "S": "sink", "R": "reporter"}
# Options with a few fixed values.
VALUES = {("run", "--until"): "tree exit", ("dump", "--format"): "json text",
          ("oci-runtime", "--on-failure"): "continue block", ("oci-hook", "--on-failure"): "continue block",
          ("slim", "--engine"): "docker podman", ("verify", "--engine"): "docker podman"}
# What else stands on the line: file, command (a program and its words), trace, path, or words.
REST = {"run": "command", "slim": "file", "verify": "file", "why": "trace", "why-not": "trace",
        "report": "trace", "dump": "trace", "merge": "trace", "oci-runtime": "none", "oci-hook": "none",
        "container": "docker podman containerd", "plugin": "plugin", "doctor": "none",
        "bench": "none"}


def argument(command, names, value):
    """How the argument of an option is completed: a KINDS value, =WORDS, any, or "" without one."""
    for name in names:
        if (command, name) in VALUES:
            return "=" + VALUES[command, name]
    word = re.match(r"[A-Z]*", value)[0]
    return KINDS.get(word, "any") if value else ""


def subcommands(text, command):
    """`tkit plugin list` in a usage line names a subcommand."""
    found = [re.match(rf"tkit {command} ([a-z]+)\b", usage) for usage in text.usage]
    return [m[1] for m in found if m]


def options(text):
    """Each option of a help text once; the generic --KEY is none."""
    seen = {}
    for names, value, description in text.options():
        if "--KEY" not in names:
            seen.setdefault(names[-1], (names, value, description))
    return list(seen.values())


def check(tkit):
    """The tables above must speak of what there is."""
    for command, name in VALUES:
        if not any(name in names for names, _, _ in options(tkit.command_help[command])):
            sys.exit(f"completion/make.py: VALUES: tkit {command} has no {name}")


def bash(tkit):
    lines = [f"_tkit_commands='{' '.join(tkit.commands)}'", "declare -gA _tkit_options=(",
             f"\t[-]='{' '.join(n for names, _, _ in options(tkit.help) for n in names)}'"]
    arguments = []
    for command, text in tkit.command_help.items():
        every = options(text)
        lines.append(f"\t[{command}]='{' '.join(n for names, _, _ in every for n in names)}'")
        for names, value, _ in every:
            kind = argument(command, names, value)
            arguments += [f"\t[{command} {name}]='{kind}'" for name in names if kind]
    lines += [")", "declare -gA _tkit_arguments=("] + arguments + [")", "declare -gA _tkit_rest=("]
    for command, text in tkit.command_help.items():
        lines.append(f"\t[{command}]='{REST.get(command, 'file')}'")
    lines += [")", "declare -gA _tkit_subcommands=("]
    for command, text in tkit.command_help.items():
        if subcommands(text, command):
            lines.append(f"\t[{command}]='{' '.join(subcommands(text, command))}'")
    return "\n".join(lines + [")"])


ZSH = {"file": "_files", "dir": "_files -/", "pid": "_pids", "backend": " _tkit_spec backend", "sink": " _tkit_spec sink",
       "reporter": " _tkit_spec reporter", "any": " "}


def quoted(text):
    return "'" + text.replace("'", "'\\''") + "'"


def brief(text):
    """The beginning of a description, without what _arguments would take for its own."""
    text = textwrap.shorten(re.split(r"[;.](?: |$)", text)[0], 70, placeholder=" ...")
    return re.sub(r"([\[\]:\\])", r"\\\1", text)


def zsh_option(command, names, value, description):
    kind = argument(command, names, value)
    action = f"({kind[1:]})" if kind.startswith("=") else ZSH.get(kind, " ")
    tail = f"[{brief(description)}]" + (f":{re.match(r'[A-Za-z]*', value)[0] or 'value'}:{action}" if kind else "")
    return [quoted("*" + name + ("=" if kind and name.startswith("--") else "") + tail) for name in names]


def zsh_rest(command, text):
    rest, words = REST.get(command, "file"), subcommands(text, command)
    lines = [quoted(f"1:what:({' '.join(words)})")] if words else []
    actions = {"command": "*::command:_normal", "trace": "*:file:_files", "file": "*:file:_files", "none": "",
               "plugin": "*:plugin: _tkit_plugins"}
    action = actions.get(rest, f"*:what:({rest})")
    return lines + ([quoted(action)] if action else [])


def zsh(tkit):
    lines = ["local -a _tkit_commands=("]
    lines += ["\t" + quoted(f"{name}:{what}") for name, what in tkit.commands.items()]
    lines += [")", "local -a _tkit_global=("]
    for option in options(tkit.help):
        lines += ["\t" + spec for spec in zsh_option("", *option)]
    lines += [")"]
    for command, text in tkit.command_help.items():
        lines.append(f"local -a _tkit_of_{command.replace('-', '_')}=(")
        for option in options(text):
            lines += ["\t" + spec for spec in zsh_option(command, *option)]
        lines += ["\t" + spec for spec in zsh_rest(command, text)] + [")"]
    return "\n".join(lines)


def main():
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    tkit, out = helptext.Tkit(sys.argv[1]), pathlib.Path(sys.argv[2])
    check(tkit)
    out.mkdir(parents=True, exist_ok=True)
    for source, target, tables in (("tkit.bash", "tkit", bash(tkit)), ("_tkit.zsh", "_tkit", zsh(tkit))):
        text = (HERE / source).read_text()
        (out / target).write_text(text.replace("#@TABLES@", tables))


if __name__ == "__main__":
    main()
