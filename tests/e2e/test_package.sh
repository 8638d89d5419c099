#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The Debian packages: built, looked at, installed on a Debian that has nothing but what they
# depend on, used there, removed and purged.
set -euo pipefail
# shellcheck source=../lib/images.sh
. "$(dirname "$0")/../lib/images.sh"
need_root
need cmake ninja cpack dpkg-shlibdeps dpkg-deb chroot unshare

# A build tree of its own, kept for the next time: what is packed has the prefix /usr.
tree=$build/package
cmake -S "$top" -B "$tree" -G Ninja -DCMAKE_INSTALL_PREFIX=/usr -DTKIT_TESTS=OFF \
	-DCMAKE_C_COMPILER="$(sed -n 's/^CMAKE_C_COMPILER:[A-Z]*=//p' "$build/CMakeCache.txt")" >"$work/log" 2>&1 &&
	nice cmake --build "$tree" >>"$work/log" 2>&1 || { tail -20 "$work/log"; die "building for /usr"; }
(cd "$tree" && umask 022 && cpack -B "$work" --config CPackConfig.cmake) >"$work/log" 2>&1 || {
	cat "$work/log"
	die "cpack"
}
tkit_deb=$(ls "$work"/tkit_*.deb) dev_deb=$(ls "$work"/libtkit-dev_*.deb)

field() { dpkg-deb -f "$1" "$2"; }
has_field() { # DEB FIELD TEXT
	field "$1" "$2" | grep -qF -- "$3" || { echo "$2: $(field "$1" "$2")"; return 1; }
}
check "depends on the libraries it uses" has_field "$tkit_deb" Depends libarchive13
check "depends on libc" has_field "$tkit_deb" Depends libc6
check "dev depends on this very version" has_field "$dev_deb" Depends "tkit (= $(field "$tkit_deb" Version))"
check "dev depends on what its conformance kit uses" has_field "$dev_deb" Depends python3
if command -v lintian >/dev/null; then
	# The library is for plugins of tkit; package databases of other root file systems are read as
	# files; cpack writes a postinst that calls ldconfig beside our trigger.
	accepted=package-name-doesnt-match-sonames,uses-dpkg-database-directly,maintscript-calls-ldconfig
	accepted+=,package-contains-vcs-control-file # of a new plugin
	# The conformance kit executes static programs, too, and loads a library that needs nothing.
	accepted+=,statically-linked-binary,shared-library-lacks-prerequisites
	lint() {
		lintian --allow-root --tag-display-limit 0 --fail-on error,warning --suppress-tags "$accepted" "$@" >"$work/lint" 2>&1 || {
			cat "$work/lint"
			return 1
		}
	}
	check "lintian: tkit" lint "$tkit_deb"
	check "lintian: libtkit-dev" lint "$dev_deb"
fi

# A Debian with the dependencies; what they are is in the package.
mapfile -t needs < <({ field "$tkit_deb" Depends && field "$dev_deb" Depends; } | tr ',' '\n' |
	sed 's/(.*//; s/|.*//; s/ //g' | grep -vx tkit | sort -u)
base=$(root_with "${needs[@]}") || die "no root file system with ${needs[*]}"
root=$work/root
copy_root "$base" "$root"
inside() { # CMD...: in the root, as packages' scripts expect it, with processes of its own
	unshare -mpf --propagation private sh -c '
		root=$1
		shift
		mount -t proc proc "$root/proc" && mount -t sysfs sysfs "$root/sys" && mount -t tmpfs tmp "$root/tmp" || exit
		[ -e "$root/dev/null" ] || mknod -m 666 "$root/dev/null" c 1 3
		exec env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/tmp chroot "$root" "$@"' sh "$root" "$@"
}
paths() { # all that is there, without dpkg's own records
	(cd "$root" && find . -xdev \( -path ./var/lib/dpkg -o -path ./var/log -o -path ./dev \) -prune -o -print) | sort
}
install_debs() {
	mkdir -p "$root/debs" && cp "$tkit_deb" "$dev_deb" "$root/debs" &&
		inside sh -c 'dpkg -i /debs/*.deb' >"$work/dpkg" 2>&1 || { cat "$work/dpkg"; return 1; }
	rm -r "$root/debs"
}
paths >"$work/before"
check "installed" install_debs
check "files are as packed" inside dpkg --verify tkit libtkit-dev

says() { # TEXT CMD...
	local text=$1 out
	shift
	out=$("$@" 2>&1) || { echo "$out"; return 1; }
	grep -qF -- "$text" <<<"$out" || { echo "no '$text' in:" "$out"; return 1; }
}
check "tkit runs" says "tkit $(field "$tkit_deb" Version)" inside tkit --version
check "tkit-runc is there" inside test -x /usr/bin/tkit-runc
good_plugins() { # every plugin loads
	inside tkit plugin list >"$work/list" && [ "$(wc -l <"$work/list")" -gt 10 ] && ! grep -iE 'cannot|error' "$work/list"
}
check "plugins load" good_plugins
# The base is a root file system of its own: used as a user would, by root and by nobody.
check "run and report" says "OK /etc/debian_version" inside sh -c '
	cd /tmp && tkit run --backend ptrace -- cat /etc/debian_version && tkit report'
check "by nobody" says "OK /etc/debian_version" inside sh -c '
	chmod 1777 /tmp && cd /tmp && setpriv --reuid 65534 --regid 65534 --clear-groups sh -c "
		tkit run --backend ptrace -- cat /etc/debian_version && tkit report"'
if [ -z "$(backend_problem ebpf)" ]; then
	check "with eBPF" says "OK /etc/debian_version" inside sh -c '
		cd /tmp && tkit run --backend ebpf -- cat /etc/debian_version && tkit report'
fi
check "an image" inside sh -c '
	cd /tmp && tkit run --backend ptrace -- ls / >/dev/null && tkit report --reporter dockerfile --root / -o image && test -s image/rootfs.tar'
check "man pages" inside test -e /usr/share/man/man1/tkit-run.1.gz
check "completions" inside bash -c '. /usr/share/bash-completion/completions/tkit && complete -p tkit >/dev/null'

# A plugin, built against libtkit-dev as it lies in the root.
export PKG_CONFIG_SYSROOT_DIR=$root
PKG_CONFIG_LIBDIR=$(dirname "$(find "$root/usr/lib" -name tkit.pc)")
export PKG_CONFIG_LIBDIR
plugin() {
	sed 's/"null"/"other"/' "$top/sinks/null/null.c" >"$work/other.c"
	# shellcheck disable=SC2046 # words
	cc -shared -fPIC -Wl,-z,defs -o "$root/tmp/other.so" "$work/other.c" $(pkg-config --cflags --libs tkit) || return
	install -m 644 "$root/tmp/other.so" "$root/$(PKG_CONFIG_SYSROOT_DIR='' pkg-config --variable=pluginsdir tkit)/sink-other.so" &&
		printf 'plugin: {kind: sink, name: other, module: plugins/sink-other.so}\n' >"$root/etc/tkit/plugins.d/50-other.yaml" &&
		rm "$root/tmp/other.so" &&
		says "events dropped" inside tkit run -v --backend null,count=10 --sink other
}
check "a plugin, with a conf of the administrator" plugin

# What else an author of plugins gets, with nothing of the tree in reach.
check "plugin new" says "Makefile" inside sh -c 'cd /tmp && tkit plugin new backend mine >&2 && ls backend-mine'
modules=$(PKG_CONFIG_SYSROOT_DIR='' pkg-config --variable=pluginsdir tkit)
check "plugin check" says "backend-ptrace.so: ok" inside tkit plugin check "$modules/backend-ptrace.so"
conformance() { # every workload of the tree is there, and most can be run in a chroot
	inside tkit plugin conformance "$modules/backend-ptrace.so" --json >"$work/kit" || [ $? = 1 ] || return
	python3 - "$work/kit" "$top/tests/conformance/workloads" <<-'PY'
		import json, os, sys
		told = {w["name"]: w["status"] for w in json.load(open(sys.argv[1]))["workloads"]}
		want = {f[:-2] for f in os.listdir(sys.argv[2]) if f.endswith(".c")}
		bad = sorted(n for n in want if told.get(n) not in ("ok", "skip", "known"))
		ok = sum(s == "ok" for s in told.values())
		print(f"{ok} of {len(want)} ok; not ok: {bad}")
		sys.exit(bool(bad) or ok < 0.8 * len(want))
	PY
}
check "plugin conformance" conformance
rm -f "$root"/usr/lib/*/tkit/plugins/sink-other.so "$root/etc/tkit/plugins.d/50-other.yaml"

# An edited conffile outlives removal, not purging.
echo "# edited" >>"$root/etc/tkit/plugins.d/README"
mkdir -p "$root/var/lib/tkit/traces"
check "removed" inside dpkg -r libtkit-dev tkit
left() {
	paths | comm -13 "$work/before" - >"$work/left"
	[ "$(grep -cvE '^\./(etc/tkit(/plugins\.d(/README)?)?|var/lib/tkit(/traces)?)$' "$work/left")" = 0 ] || { cat "$work/left"; return 1; }
	[ -e "$root/etc/tkit/plugins.d/README" ]
}
check "  only conffiles and traces are left" left
check "purged" inside dpkg -P libtkit-dev tkit
nothing_left() {
	paths | diff "$work/before" -
}
check "  nothing is left" nothing_left
done_testing
