#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The oracle's own test: lines as strace writes them, and what they must be read as."""

import errno
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lib"))
import strace  # noqa: E402


def facts(text):
    return list(strace.Reader("/home").facts(text.splitlines()))


def read(text):
    return [(f.op, f.abs, f.errno) for f in facts(text)]


class StraceReader(unittest.TestCase):
    def test_plain(self):
        self.assertEqual(read('10 openat(AT_FDCWD</home>, "a,b", O_RDONLY|O_CLOEXEC) = 3</home/a,b>'),
                         [("open", b"/home/a,b", 0)])
        self.assertEqual(read('10    access("x", R_OK)   = -1 ENOENT (No such file or directory)'),
                         [("access", b"/home/x", errno.ENOENT)])

    def test_dirfd(self):
        self.assertEqual(read('1 newfstatat(7</d>, "./x/../y", 0x7ffd, AT_SYMLINK_NOFOLLOW) = 0'),
                         [("stat", b"/d/x/../y", 0)])
        self.assertEqual(read('1 openat(99, "x", O_RDONLY) = -1 EBADF (Bad file descriptor)'),
                         [("open", None, errno.EBADF)])
        self.assertEqual(read('1 access(NULL, F_OK) = -1 EFAULT (Bad address)'),
                         [("access", None, errno.EFAULT)])

    def test_what_was_asked_for_and_opened(self):
        fact, = facts('1 openat(AT_FDCWD</home>, "a>b", O_RDONLY|O_PATH) = 3</x/a\\76b>')
        self.assertEqual((fact.requested, fact.opened, fact.flags), (b"a>b", b"/x/a>b", "O_RDONLY|O_PATH"))
        fact, = facts('1 utimensat(3</f>, NULL, [UTIME_NOW, UTIME_NOW], 0) = 0')
        self.assertEqual((fact.op, fact.requested, fact.abs), ("utime", None, b"/f"))

    def test_threads_share_a_directory(self):
        self.assertEqual(read('\n'.join((
            '1 clone3({flags=CLONE_VM|CLONE_FS|CLONE_THREAD, stack_size=1} => {parent_tid=[2]}, 88) = 2',
            '2 chdir("/else") = 0',
            '1 access("x", F_OK) = 0'))),
            [("chdir", b"/else", 0), ("access", b"/else/x", 0)])

    def test_empty_path(self):
        self.assertEqual(read('1 newfstatat(3</d/f>, "", {st_mode=S_IFREG|0644, ...}, AT_EMPTY_PATH) = 0'),
                         [("stat", b"/d/f", 0)])
        self.assertEqual(read('1 newfstatat(1<pipe:[55]>, "", {st_mode=S_IFIFO|0600, ...}, AT_EMPTY_PATH) = 0'),
                         [])
        self.assertEqual(read('1 openat(AT_FDCWD</home>, "", O_RDONLY) = -1 ENOENT (No such file or directory)'),
                         [("open", None, errno.ENOENT)])

    def test_escapes(self):
        self.assertEqual(read(r'1 openat(AT_FDCWD</home>, "/n\n\377\"q\\ \33[\t)", O_RDONLY) = 3</n\12>'),
                         [("open", b'/n\n\xff"q\\ \x1b[\t)', 0)])

    def test_unfinished(self):
        self.assertEqual(read('\n'.join((
            '1 openat(AT_FDCWD</home>, "slow", O_RDONLY <unfinished ...>',
            '2 stat("/fast", {st_mode=S_IFREG|0644, ...}) = 0',
            '1 <... openat resumed>) = 3</home/slow>',
            '2 openat(AT_FDCWD</home>, "fifo", O_RDONLY) = ? ERESTARTSYS (To be restarted if SA_RESTART is set)',
            '2 --- SIGUSR1 {si_signo=SIGUSR1} ---',
            '2 +++ exited with 0 +++'))),
            [("stat", b"/fast", 0), ("open", b"/home/slow", 0)])

    def test_working_directory(self):
        self.assertEqual(read('\n'.join((
            '1 chdir("sub") = 0',
            '1 vfork( <unfinished ...>',
            '2 access("child", F_OK) = 0',
            '2 chdir("/else") = 0',
            '2 access("there", F_OK) = 0',
            '1 <... vfork resumed>) = 2',
            '1 access("parent", F_OK) = 0'))),
            [("chdir", b"/home/sub", 0), ("access", b"/home/sub/child", 0),
             ("chdir", b"/else", 0), ("access", b"/else/there", 0),
             ("access", b"/home/sub/parent", 0)])

    def test_two_names(self):
        self.assertEqual(read('1 renameat(3</a>, "x", AT_FDCWD</b>, "y") = 0'),
                         [("rename_from", b"/a/x", 0), ("rename_to", b"/b/y", 0)])
        self.assertEqual(read('1 unlinkat(3</a>, "d", AT_REMOVEDIR) = 0'), [("unlink", b"/a/d", 0)])

    def test_sockets(self):
        self.assertEqual(
            read('1 connect(3<socket:[1]>, {sa_family=AF_UNIX, sun_path="/run/s"}, 110) = -1 '
                 'ENOENT (No such file or directory)'), [("connect", b"/run/s", errno.ENOENT)])
        self.assertEqual(read('1 connect(3<socket:[1]>, {sa_family=AF_UNIX, sun_path=@"abc"}, 6) = 0'), [])

    def test_exec(self):
        self.assertEqual(read('1 execve("/bin/ls", ["ls", "a, b", "\\")"], 0x7ffe /* 3 vars */) = 0'),
                         [("exec", b"/bin/ls", 0)])

    def test_unknown_call(self):
        with self.assertRaises(strace.ParseError):
            read('1 newcall("/x") = 0')


if __name__ == "__main__":
    unittest.main()
