#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The dockerfile reporter on real traces: the Dockerfile's text, what it refuses, and an image
# that runs under chroot as the program ran before.
# shellcheck disable=SC2016 # dollars are meant as they stand
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lib/lib.sh
. "$here/../lib/lib.sh"
need_backend ptrace
unset LC_ALL LANG

trace() { # NAME CMD...
	local name=$1
	shift
	"$tkit" run --backend ptrace -o "$work/$name.tkit" -- "$@" >/dev/null
}
image() { # NAME OPTIONS: the folder $work/NAME.image from the trace NAME
	rm -rf "$work/$1.image"
	"$tkit" report --reporter "dockerfile${2:+,$2}" --root / -o "$work/$1.image" "$work/$1.tkit" \
		2>"$work/$1.err"
}
has_line() { # NAME LINE
	grep -qxF -- "$2" "$work/$1.image/Dockerfile" || {
		cat "$work/$1.image/Dockerfile"
		return 1
	}
}
refused() { # NAME OPTIONS TEXT: one line with TEXT, and no folder
	! image "$1" "$2" || return 1
	if [ "$(wc -l <"$work/$1.err")" != 1 ] || ! grep -qF -- "$3" "$work/$1.err"; then
		cat "$work/$1.err"
		return 1
	fi
	[ ! -e "$work/$1.image" ]
}

cd /
trace words env echo 'two words' "\"quoted\" \$x \\" $'new\nline' 'gr\u00fc\u00df'
check "an image from a trace" image words
check "the program by its absolute path" has_line words "ENTRYPOINT [\"$(command -v env)\"]"
check "arguments as JSON" has_line words \
	'CMD ["echo", "two words", "\"quoted\" $x \\", "new\u000aline", "gr\\u00fc\\u00df"]'
check "a PATH" has_line words \
	'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'
cp -r "$work/words.image" "$work/first"
check "the same again" image words
check "has the same bytes" diff -r "$work/first" "$work/words.image"

check "options" image words 'entrypoint=/x,entrypoint=-y,cmd=,workdir=/my $dir,user=7:8,env=A=it "is" $5,env=PATH=/p,expose=53/udp,label=a.b/c=d e,stopsignal=SIGQUIT'
check "ENTRYPOINT" has_line words 'ENTRYPOINT ["/x", "-y"]'
check "no CMD" test "$(grep -c CMD "$work/words.image/Dockerfile")" = 0
check "WORKDIR" has_line words "WORKDIR \"/my \\\$dir\""
check "USER" has_line words 'USER 7:8'
check "ENV" has_line words "ENV A=\"it \\\"is\\\" \\\$5\""
check "PATH as given" has_line words 'ENV PATH=/p'
check "EXPOSE" has_line words 'EXPOSE 53/udp'
check "LABEL" has_line words 'LABEL a.b/c="d e"'
check "STOPSIGNAL" has_line words 'STOPSIGNAL SIGQUIT'

check "an ENV that injects a line is refused" refused words $'env=A=b\nRUN x' 'ENV A'
check "an ENV without value is refused" refused words 'env=A' 'NAME=VALUE'
check "a USER that injects is refused" refused words $'user=a\nRUN x' 'user must be'
check "a port that is none is refused" refused words 'expose=http' 'expose must be'
check "a relative WORKDIR is refused" refused words 'workdir=x' 'absolute'
check "a relative include is refused" refused words 'include=x/*' 'x/*'
trace bytes env echo $'\xff'
check "an argument that is no UTF-8 is refused" refused bytes '' 'UTF-8'
check "unless another is given" image bytes 'entrypoint=/bin/true,cmd='

check "a list with reasons" image words format=list
check "names the program" grep -q "/env	access" "$work/words.image/files.txt"
check "/proc, mounted in this root, is an ordinary directory" eval 'image words format=tar && tar -tvf "$work/words.image/rootfs.tar" | grep -q "^drwxr-xr-x 0/0 .* proc/$"'
check "a list" image words format=list
check "names the ELF interpreter" grep -qE '/ld-[^	]*	(access|interpreter)	' "$work/words.image/files.txt"

# Packages: a root with a database, of which some packages are in the distribution's own image.
pkg=$work/pkg
mkdir -p "$pkg/usr/bin" "$pkg/var/lib/dpkg/info" "$pkg/etc" "$pkg/opt"
cp "$(command -v busybox)" "$pkg/usr/bin/cat" && cp "$pkg/usr/bin/cat" "$pkg/opt/own"
printf 'ID=debian\nVERSION_CODENAME=bookworm\n' >"$pkg/etc/os-release"
printf 'Package: cats\nStatus: install ok installed\nVersion: 1:2-3\n\nPackage: base\nEssential: yes\nStatus: install ok installed\nVersion: 4\n' >"$pkg/var/lib/dpkg/status"
echo /usr/bin/cat >"$pkg/var/lib/dpkg/info/cats.list"
echo /etc/os-release >"$pkg/var/lib/dpkg/info/base.list"
packages() { # OPTIONS
	rm -rf "$work/packages.image"
	"$tkit" report --reporter "dockerfile,format=packages,include=/usr/bin/cat,include=/etc/os-release,include=/opt/own$1" \
		--root "$pkg" -o "$work/packages.image" "$work/words.tkit" 2>"$work/packages.err"
}
check "a Dockerfile of packages" packages ,from=me/img:1
check "on the distribution's own image" has_line packages 'FROM debian:bookworm-slim'
check "with the package in its version" grep -qx '	cats=1:2-3 \\' "$work/packages.image/Dockerfile"
check "not with what is in there" test "$(grep -c base= "$work/packages.image/Dockerfile")" = 0
check "and what is of no package" grep -q '^"./opt/own"' "$work/packages.image/Dockerfile"
check "from the image" has_line packages 'FROM me/img:1 AS original'
check "and that only" test "$(grep -cE '^"./(opt|opt/own)"' "$work/packages.image/Dockerfile") $(grep -c '^"./' "$work/packages.image/Dockerfile")" = "2 2"
check "or its name" packages ''
check "in a comment" has_line packages '#   /opt/own'

# A root of its own, with what usrmerge, chains of links and empty directories can break.
if [ "$(id -u)" = 0 ]; then
	root=$work/root
	mkdir -p "$root/usr/bin" "$root/usr/lib" "$root/usr/lib64" "$root/proc" "$root/dev" \
		"$root/data/conf.d" "$root/data/empty" "$root/data/mail" "$root/unused"
	for l in bin lib lib64; do ln -s "usr/$l" "$root/$l"; done
	for p in ls cat sh; do
		file=$(readlink -f "$(command -v $p)")
		cp "$file" "$root/usr/bin/$p"
		{ ldd "$file" || true; } | grep -oE '/[^ ]+' | while read -r lib; do
			mkdir -p "$root${lib%/*}"
			cp -L "$lib" "$root$lib"
		done
	done
	printf '#!/bin/sh\ncd /data || exit\nls -lR conf.d empty\ncat current\necho x >mail/new\n' >"$root/start"
	chmod 4755 "$root/start"
	chmod 2770 "$root/data/mail"
	echo one >"$root/data/conf.d/one"
	mkfifo -m 600 "$root/data/conf.d/fifo"
	ln "$root/data/conf.d/one" "$root/data/conf.d/two"
	ln -s /data/link "$root/data/current"
	ln -s conf.d/one "$root/data/link"
	touch -d @1234567890 "$root/data/conf.d" "$root/data/empty"
	"$tkit" run --backend ptrace --root "$root" -o "$work/own.tkit" -- /start >"$work/want"
	check "an image of a script" "$tkit" report --reporter dockerfile,keep-listed=yes --root "$root" \
		-o "$work/own.image" "$work/own.tkit"
	mkdir "$work/unpacked"
	tar -C "$work/unpacked" --numeric-owner -xpf "$work/own.image/rootfs.tar"
	check "what the run made is not in it" test ! -e "$work/unpacked/data/mail/new"
	check "nor what it did not need" test ! -e "$work/unpacked/unused"
	check "setuid stays" test "$(stat -c %a "$work/unpacked/start")" = 4755
	check "a directory's mode stays" test "$(stat -c %a "$work/unpacked/data/mail")" = 2770
	check "hard links stay" test "$(stat -c %h "$work/unpacked/data/conf.d/one")" = 2
	check "it runs, with the same output" diff "$work/want" <(chroot "$work/unpacked" /start)
else
	echo "not root: no image was run under chroot"
fi
# Ended in the middle of writing: the rootfs.tar of a file of 400 GB, of which none takes room.
mkdir -p "$work/big/bin" "$work/place"
truncate -s 400G "$work/big/bin/large"
ended_by() { # SIGNAL: what the shell says of the report's end
	local pid status=0
	"$tkit" report --reporter dockerfile,include=/bin/large --root "$work/big" -o "$work/place/out" \
		"$work/words.tkit" 2>/dev/null &
	pid=$!
	until compgen -G "$work/place/.out.tkit-*/rootfs.tar" >/dev/null || ! kill -0 $pid 2>/dev/null; do
		sleep 0.01
	done
	kill -"$1" $pid
	wait $pid 2>/dev/null || status=$?
	[ $status = $((128 + $(kill -l "$1"))) ]
}
check "SIGTERM in the middle" ended_by TERM
check "nothing stays" test -z "$(ls -A "$work/place")"
check "SIGHUP too" ended_by HUP
check "nothing stays" test -z "$(ls -A "$work/place")"
check "SIGKILL in the middle" ended_by KILL
check "which can clean up nothing" test "$(ls -A "$work/place" | wc -l)" = 1
check "the next report there" "$tkit" report --reporter dockerfile --root / -o "$work/place/out" "$work/words.tkit"
check "does so" test "$(ls -A "$work/place")" = out
done_testing
