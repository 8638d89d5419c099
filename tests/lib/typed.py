# SPDX-License-Identifier: MIT
"""Runs a shell at a terminal of 33 lines and 101 columns, and types: typed.py TEXT... -- CMD...

Each TEXT is typed when the shell has prompted ("READY>", which is what the first one should set). "^C" is that key.
Prints what came from the terminal, and the exit status.
"""
import fcntl
import os
import pty
import select
import struct
import sys
import termios
import time

split = sys.argv.index("--")
texts, command = sys.argv[1:split], sys.argv[split + 1:]
pid, fd = pty.fork()
if pid == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 33, 101, 0, 0))
    os.execvp(command[0], command)
seen, prompts, end = b"", 0, time.monotonic() + 60
while time.monotonic() < end:
    ready, _, _ = select.select([fd], [], [], 0.5)
    try:
        more = os.read(fd, 65536) if ready else None
    except OSError:  # nobody has the terminal open any more
        more = b""
    if more == b"":
        break
    seen += more or b""
    # The first shell prompts as it likes, with the last word "# ".
    if texts and (seen.count(b"\nREADY>") > prompts or (prompts == 0 and seen.endswith(b"# "))):
        prompts = seen.count(b"\nREADY>")
        text = texts.pop(0)
        os.write(fd, b"\x03" if text == "^C" else text.encode() + b"\n")
else:
    os.kill(pid, 9)
sys.stdout.write(seen.decode(errors="replace").replace("\r", ""))
status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
print(f"\nstatus {status}")
