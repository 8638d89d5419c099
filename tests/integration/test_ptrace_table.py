#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Does the ptrace backend stop each system call of the table, in both ABIs, filter or not?

Makes every call of core/event/syscalls.def with arguments that fail without doing anything: bad
pointers for paths. Each must be in the trace.
"""

import os
import re
import shutil
import subprocess
import sys

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
sys.path.insert(0, os.path.join(TOP, "tests", "lib"))
from tkittest import TempDir, TestError, Tkit, run_main, skip  # noqa: E402

PROGRAM = r"""
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
struct row { int nr; long a[6]; };
int main(void)
{
	struct sockaddr_un un = {.sun_family = AF_UNIX, .sun_path = "/nosuch/x"};
	char *name = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	memcpy(name, &un, 16);
	dup2(open("/", O_RDONLY | O_DIRECTORY), 30);
	dup2(socket(AF_UNIX, SOCK_DGRAM, 0), 31);
	struct row native[] = {@NATIVE@};
	for (unsigned i = 0; i < sizeof(native) / sizeof(*native); i++) {
		long *a = native[i].a;
		syscall(native[i].nr, a[0], a[1], a[2], a[3], a[4], a[5]);
	}
#ifdef __x86_64__
	struct row compat[] = {@COMPAT@};
	for (unsigned i = 0; i < sizeof(compat) / sizeof(*compat); i++) {
		long *a = compat[i].a, ret;
		register long last __asm__("r8") = a[5];
		__asm__ volatile("push %%rbp; mov %%r8, %%rbp; int $0x80; pop %%rbp"
				 : "=a"(ret) : "0"((long)compat[i].nr), "b"(a[0]), "c"(a[1]),
				   "d"(a[2]), "S"(a[3]), "D"(a[4]), "r"(last) : "memory");
	}
#endif
	return 0;
}
"""


def rows(column):
    """(number, arguments as C text, name) of each call of one architecture."""
    for line in open(os.path.join(TOP, "core/event/syscalls.def"), encoding="ascii"):
        m = re.match(r"S\((.*)\)\s*$", line)
        if not m:
            continue
        f = [x.strip() for x in m[1].split(",")]
        name, nr, path, dirfd, bits, path2 = f[0], int(f[column]), int(f[5]), int(f[6]), f[9], int(f[11])
        if nr < 0 or "NOPATH" in bits:
            continue
        a = ["0"] * 6
        for arg in (path, path2):
            if arg >= 0:
                a[arg] = "8"
        if dirfd >= 0:
            a[dirfd] = "30" if "(FD)" in bits else "-100"
        if "SOCKADDR" in bits:
            a[0], a[path], a[path + 1] = "31", "(long)name", "16"
        yield nr, ", ".join(a), name


def initializer(table):
    return ", ".join(f"{{{nr}, {{{args}}}}}" for nr, args, _ in table)


def check(tkit, options, program, trace, wanted):
    done, events = tkit.trace("ptrace" + options, [program], trace, timeout=60)
    if done.returncode:
        raise TestError(f"ended with {done.returncode}: {done.stderr.decode().strip()}")
    seen = {(e.get("via"), e.get("syscall")) for e in events}
    missing = sorted(f"{name} ({via})" for via, name in wanted - seen)
    print(f"ptrace{options}: {len(wanted)} calls, {len(missing)} missing {' '.join(missing)}")
    return not missing


def main():
    tkit = Tkit(os.environ.get("TKIT_BUILD", os.path.join(TOP, "build", "dev")))
    tkit.backend("ptrace")
    if not shutil.which("cc"):
        skip("no C compiler")
    machine = os.uname().machine
    if machine not in ("x86_64", "aarch64"):
        skip(f"no table for {machine}")
    native = list(rows(1 if machine == "x86_64" else 3))
    compat = list(rows(2)) if machine == "x86_64" else []
    wanted = {("syscall", r[2]) for r in native} | {("compat32", r[2]) for r in compat}
    with TempDir() as work:
        source, program = os.path.join(work, "calls.c"), os.path.join(work, "calls")
        with open(source, "w", encoding="ascii") as f:
            f.write(PROGRAM.replace("@NATIVE@", initializer(native))
                    .replace("@COMPAT@", initializer(compat)))
        subprocess.run(["cc", "-D_GNU_SOURCE", "-w", "-o", program, source], check=True)
        if compat and subprocess.run([program]).returncode:
            print("no 32-bit system calls here")
            wanted = {w for w in wanted if w[0] == "syscall"}
        good = [check(tkit, options, program, os.path.join(work, "t.tkit"), wanted)
                for options in ("", ",seccomp=no")]
    sys.exit(0 if all(good) else 1)


if __name__ == "__main__":
    run_main(main)
