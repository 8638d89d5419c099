# SPDX-License-Identifier: MIT
"""The real programs that test_oracle.py traces, each with what prepares its directory.

A program runs in a fresh directory, which is its working directory and its HOME. Its standard output
must be the same from run to run.
"""

import os
import shutil
import socket
import subprocess
from collections import namedtuple

ENV = {
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "LC_ALL": "C",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.org", "GIT_AUTHOR_DATE": "@1000000000 +0000",
    "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@example.org",
    "GIT_COMMITTER_DATE": "@1000000000 +0000",
}

# tools: what must be installed; prepare: makes the files; least: facts that strace must see at least;
# timing: a pattern of paths whose accesses depend on who was faster. They are left out when two runs
# are compared, never when one run is compared with itself. root: needs root.
Program = namedtuple("Program", "tools argv prepare least timing root", defaults=(None, False))
PROGRAMS = {}


def program(name, tools, command, prepare=None, least=50, **more):
    argv = ["sh", "-c", command] if isinstance(command, str) else command
    PROGRAMS[name] = Program(tools.split(), argv, prepare, least, **more)


def write(path, text, mode=0o644):
    with open(path, "w", encoding="ascii") as f:
        f.write(text)
    os.chmod(path, mode)


def run(*argv):
    subprocess.run(argv, check=True, env=dict(ENV, HOME=os.getcwd()), stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL)


def make_tree():
    """Files, links of all kinds, an empty and a deep directory."""
    for n in range(5):
        write(f"file{n}", f"text {n}\n" * (n + 1))
    os.symlink("file0", "link")
    os.symlink("link", "link-to-link")
    os.symlink("nowhere", "broken")
    os.link("file1", "hard")
    os.makedirs("directory/a/b/c")
    os.symlink("a/b", "directory/short")
    write("directory/a/b/c/deep", "deep\n")
    os.mkdir("empty")


def make_words():
    write("words", "".join(f"word{n % 7} and\n" for n in range(200)))


def make_repository():
    make_tree()
    # Older than the index, or git reads the files again to be sure.
    for where, folders, files in os.walk("."):
        for name in folders + files:
            os.utime(os.path.join(where, name), (1000000000, 1000000000), follow_symlinks=False)
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "one"]):
        run("git", *command)
    write("file1", "changed\n")
    write("new", "")


def make_source():
    write("header.h", "#define VALUE 0\nint other(void);\nint third(void);\n")
    write("main.c", '#include <stdio.h>\n#include "header.h"\n'
          'int main(void) { printf("%d\\n", other() + third()); return VALUE; }\n')
    write("other.c", '#include "header.h"\n#include <string.h>\n'
          'int other(void) { return (int)strlen("text"); }\n')
    write("third.c", '#include "header.h"\n#include <math.h>\n'
          'int third(void) { return (int)floor(VALUE + 2.5); }\n')


def make_project():
    make_source()
    write("Makefile", "OBJS := main.o other.o third.o\nvpath %.h . nowhere\n"
          "prog: $(OBJS)\n\tcc -o $@ $^ -lm\n%.o: %.c header.h\n\tcc -c -o $@ $<\n"
          "-include missing.d\ncheck: prog\n\t./prog\n")


def make_cmake():
    make_source()
    write("CMakeLists.txt", "cmake_minimum_required(VERSION 3.20)\nproject(p C)\n"
          "find_package(Threads REQUIRED)\ninclude(CheckIncludeFile)\n"
          "check_include_file(nosuch.h HAVE_NOSUCH)\nconfigure_file(conf.in conf.h)\n"
          "add_executable(prog main.c other.c third.c)\n")
    write("conf.in", "#cmakedefine HAVE_NOSUCH\n")


def make_web():
    os.mkdir("www")
    write("www/index.html", "hello\n")
    write("www/big", "0123456789abcdef" * 8192)
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    write("port", str(port))
    write("nginx.conf", f"daemon off;\npid nginx.pid;\nerror_log error.log;\nworker_processes 2;\n"
          "events {}\nhttp {\n access_log access.log;\n sendfile on;\n"
          + "".join(f" {kind}_temp_path tmp-{kind};\n"
                    for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
          + f" server {{\n  listen 127.0.0.1:{port};\n  root {os.getcwd()}/www;\n }}\n}}\n")


def make_scripts():
    make_tree()
    write("inner", "#!/usr/bin/perl\nprint 'inner ', join(' ', @ARGV), qq(\\n);\n", 0o755)
    write("outer", f"#!{os.getcwd()}/awkward --x\n", 0o755)
    write("awkward", "#!/bin/sh\necho awkward $(basename $1) $(basename $2) \"$3\"\nexec ./inner \"$3\"\n", 0o755)
    shutil.copy("/bin/true", "copy-of-true")


program("ls", "ls", ["ls", "-lR", "--time-style=+%Y", ".", "/etc/apt", "/nonexistent"], make_tree, 60)
program("pipeline", "awk", "cat words | sort | uniq -c | sort -rn | awk '{ print $2 }' | tr a-z A-Z |"
        " sed s/W/w/ | cut -c1-4 | rev | paste -s | fold -w 20 | head -3", make_words, 60)
program("python", "/usr/bin/python3",
        ["/usr/bin/python3", "-c", "import ssl, sqlite3, json, os, subprocess, threading\n"
         "db = sqlite3.connect('t.db'); db.execute('create table t(x)'); db.commit()\n"
         "print(json.dumps(sorted(os.listdir('.'))), len(ssl.create_default_context().get_ca_certs()) >= 0)\n"
         "ts = [threading.Thread(target=os.stat, args=('file%d' % n,)) for n in range(5)]\n"
         "[t.start() for t in ts]; [t.join() for t in ts]\n"
         "print(subprocess.run(['cat', 'file1'], cwd='directory', capture_output=True).returncode)\n"],
        make_tree, 200)
program("git", "git", "git status; git add -A; git commit -q -m two; git log --oneline --stat;"
        " git checkout -q -b other HEAD~1; git merge -q --no-edit master 2>&1; git gc -q; git fsck",
        make_repository, 150)
program("gcc", "gcc", "gcc -O1 -g -o prog main.c other.c third.c -lm && ./prog", make_source, 250)
program("make", "make cc", "make -s -j2 check", make_project, 300)
program("cmake", "cmake ninja", "cmake -G Ninja -S . -B b >/dev/null && ninja -C b -n | tail -1",
        make_cmake, 500)
program("tar", "tar zstd gzip bzip2 xz", "tar -cf t.tar file* directory && tar -cz -f t.gz file? && zstd -q t.tar &&"
        " xz -k t.tar && bzip2 -k t.tar && mkdir out && tar -C out -I zstd -xf t.tar.zst && ls out;"
        " tar -tzf t.gz; tar -cf /dev/null --exclude=a -h directory link", make_tree, 150)
program("find", "find", "find -L . -newer file0 -o -name 'f*' -printf '%p %Y %l\\n' | sort;"
        " find . -type l -exec readlink -f {} + ; find . -empty -delete; find -H link -maxdepth 0", make_tree, 60)
program("perl", "perl", ["perl", "-MPOSIX", "-MFile::Find", "-MFile::Temp=tempdir", "-MData::Dumper",
                         "-MDigest::SHA=sha1_hex", "-MStorable", "-e",
                         "my $n = 0; find(sub { $n++ if -f }, '.'); print \"$n \", sha1_hex('x'), \"\\n\";"
                         "store({a => 1}, 'stored'); print retrieve('stored')->{a}, `cat file1`;"
                         "rename 'file2', 'file9'; print -e 'file2' ? 'yes' : 'no', \"\\n\""], make_tree, 90)
program("redis", "redis-server redis-cli",
        "redis-server --port 0 --unixsocket $PWD/s --save '' --dir . --daemonize no >log 2>&1 & p=$!\n"
        "sleep 0.05; until redis-cli -s s ping >/dev/null 2>&1; do sleep 0.05; done\n"
        "redis-cli -s s set a 1; redis-cli -s s get a; redis-cli -s s save; redis-cli -s s bgsave >/dev/null\n"
        "redis-cli -s s shutdown nosave; wait $p; ls dump.rdb", None, 90,
        timing=rb"/s$|/temp-|/dump.rdb$|^/proc/|^/sys/")
program("nginx", "nginx curl",
        "nginx -p . -c nginx.conf 2>/dev/null & p=$!; u=http://127.0.0.1:$(cat port)\n"
        "sleep 0.05; until curl -s -o /dev/null $u/; do sleep 0.05; done\n"
        "curl -s $u/; curl -s $u/big | cksum; curl -s -o /dev/null -w '%{http_code}\\n' $u/none\n"
        "kill -QUIT $p; wait $p", make_web, 200, root=True)
program("openssl", "openssl",
        "openssl req -x509 -newkey rsa:2048 -nodes -keyout k -out c -subj /CN=x -days 2 2>/dev/null\n"
        "openssl s_server -unix s -cert c -key k -naccept 1 -quiet -rev >/dev/null 2>&1 & p=$!\n"
        "sleep 0.05; until [ -S s ]; do sleep 0.05; done\n"
        "(echo abc; sleep 0.5) | openssl s_client -unix s -CAfile c -verify_return_error -brief 2>/dev/null\n"
        "wait $p; openssl x509 -in c -noout -subject", None, 60, timing=rb"/s$")
program("sqlite3", "sqlite3",
        "sqlite3 t.db 'pragma journal_mode=wal; create table t(a); insert into t values(1),(2);"
        " create index i on t(a); vacuum; select sum(a) from t; attach \"u.db\" as u; create table u.v(b);"
        " pragma integrity_check'; sqlite3 t.db .dump | sqlite3 copy.db; ls", None, 60)
program("ssh-keygen", "ssh-keygen",
        "ssh-keygen -q -t ed25519 -N '' -C x -f key && ssh-keygen -q -t rsa -b 2048 -N '' -f rsa &&"
        " ssh-keygen -y -f key >again; ssh-keygen -l -f none; ls", None, 60)
program("busybox", "busybox",
        "exec busybox sh -c 'for i in *; do [ -d $i ] && echo dir $i; done; busybox find . -name \"f*\" |"
        " busybox sort | busybox head -2; busybox cp -a directory copy; busybox ls copy;"
        " busybox tar -cf - copy | busybox tar -tf - | busybox wc -l; busybox vi -h 2>/dev/null; cd directory/short;"
        " busybox cat c/deep ../../none'", make_tree, 50)
program("awk-sed", "awk sed grep",
        "awk '{ n += $2; print > (\"out\" NR) } END { while ((\"cat file3\" | getline l) > 0) m++; print n, m }' file2;"
        " sed -i.bak -e 's/text/TEXT/w written' -e 'r file0' file4; grep -rn TEXT . | sort; diff -r empty directory;"
        " sort -o file4 file4; patch --version >/dev/null; cmp file0 file1; install -D -m 600 file0 x/y/z;"
        " mv x X; cp -rl directory twin; touch -r file0 X; chmod -R o-r twin; rm -rf twin; ln -sf file3 link", make_tree, 60)
program("vim", "vim", ["vim", "-es", "-u", "NONE", "-i", "NONE", "-c", "normal Ihello ", "-c", "w! written",
                       "-c", "r directory/a/b/c/deep", "-c", "wq", "file0"], make_tree, 50)
program("dpkg", "dpkg-query dpkg",
        "dpkg-query -W -f='${Package}\\n' libc6 coreutils bash; dpkg -L base-files | tail -3;"
        " dpkg -S /usr/bin/env; apt-config dump | wc -l; apt-cache --version | cut -c1-3", None, 100)
program("date", "date",
        "TZ=Europe/Berlin date -d @0; TZ=:America/New_York date -d @1000000000; LC_ALL=C.UTF-8 date -d @0 -u;"
        " LC_ALL=de_DE.UTF-8 date -d @0; locale -a | wc -l; LC_ALL=nosuch locale 2>/dev/null | wc -l", None, 60)
program("su", "su", "su -s /bin/sh nobody -c 'id -un; cat file0; test -w file0 || echo protected; umask'",
        make_tree, 80, root=True)
program("scripts", "perl sh bash",
        "./outer 'a b'; ./inner; ./copy-of-true; cd directory/short && ../../../file0; cd ..; pwd;"
        " bash -c 'cat <<< x; . ../file9; (cd short/c; cat deep); shopt -s globstar; echo **; "
        "exec -a other ../copy-of-true'; env -i ../inner last", make_scripts, 90)
program("gdb", "gdb", ["gdb", "-batch", "-nx", "-ex", "info functions nosuch", "-ex", "info sharedlibrary", "/bin/true"],
        None, 200)
