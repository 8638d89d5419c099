#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The package database of a minimal image, made from this machine's own packages: exactly those of
# which a file is kept, in words that dpkg understands, with sums that are right. Scanners that are
# installed here have a look, too.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tests/lib/lib.sh
. "$here/../lib/lib.sh"
need_backend ptrace
command -v dpkg-query >/dev/null && [ -s /var/lib/dpkg/status ] || skip "no Debian package database"

cd /
"$tkit" -q run --backend ptrace -o "$work/t.tkit" -- /bin/sh -c 'ls -l /etc/passwd; date; sort /etc/hosts' >/dev/null
"$tkit" report --reporter dockerfile,format=tar,include=/usr/share/doc/coreutils/copyright --root / -o "$work/image" "$work/t.tkit" 2>"$work/err"
mkdir "$work/root"
tar -C "$work/root" -xf "$work/image/rootfs.tar" 2>/dev/null || true # device nodes, without root
cd "$work/root"
db=var/lib/dpkg/status.d

# What dpkg says of each file and link that is kept. It knows them by the names of before /usr was merged, too; what
# is of several packages (/lib, a folder to most of them) is of none.
# What is kept for scanners only does not count.
find . ! -type d ! -path "./$db/*" ! -name os-release ! -name debian_version -printf '/%P\n' >"$work/kept"
sed -nE 'p; s#^/usr/(bin|sbin|lib|lib64)/#/\1/#p' "$work/kept" |
	{ xargs -d '\n' dpkg-query --search -- 2>/dev/null || true; } |
	sed '/^diversion by/d; /, .*: \//d; s/:.*//' | sort -u >"$work/want"
find $db -type f ! -name '*.md5sums' -printf '%f\n' | sort >"$work/have"
check "there are some" test -s "$work/want"
check "a file for each package of which something is kept" diff "$work/want" "$work/have"
check "no status beside it" test ! -e var/lib/dpkg/status
check "the distribution's name" test -s etc/os-release

# As dpkg reads it, and what this machine's own database says of the same packages.
mkdir -p "$work/admin/info" "$work/admin/updates"
for file in $(cat "$work/have"); do
	cat "$db/$file"
	echo
done >"$work/admin/status"
: >"$work/admin/available"
list() { dpkg-query "$@" -W -f '${Package} ${Version} ${Architecture} ${db:Status-Status}\n'; }
list --admindir="$work/admin" | sort >"$work/image.list"
list | awk 'NR == FNR { want[$1]; next } $1 in want' "$work/have" - | sort >"$work/machine.list"
check "dpkg-query lists exactly them" diff "$work/machine.list" "$work/image.list"

# Sums of the files that are kept, and of no others; conffiles have none.
cat $db/*.md5sums >"$work/sums"
check "the sums are those of the files" md5sum --quiet -c "$work/sums"
check "none for what is left out" test -z "$(sed 's/^[0-9a-f]*  //' "$work/sums" | while read -r file; do [ -e "$file" ] || echo "$file"; done)"
check "one for the document that was asked for" grep -q '  usr/share/doc/coreutils/copyright$' "$work/sums"

# Distroless images: a paragraph a file, named after the package.
paragraphs() {
	local file
	for file in $(cat "$work/have"); do
		[ "$(grep -c '^Package: ' "$db/$file")" = 1 ] && grep -qx "Package: $file" "$db/$file" &&
			grep -q '^Version: ' "$db/$file" && grep -q '^Architecture: ' "$db/$file" || { echo "$file"; return 1; }
	done
}
check "as distroless images have it" paragraphs

if command -v debsums >/dev/null; then
	# debsums wants the sums as info/PACKAGE.md5sums, in a folder named from the root.
	for file in "$db"/*.md5sums; do cp "$file" "$work/admin/info/"; done
	while read -r package; do
		[ -e "$work/admin/info/$package.md5sums" ] && sed 's|^[0-9a-f]*  |/|' "$work/admin/info/$package.md5sums" >"$work/admin/info/$package.list"
	done <"$work/have" || true
	look() { debsums --silent --root="$work/root" --admindir=/../admin 2>/dev/null; }
	check "debsums finds nothing changed" look
	echo more >>usr/share/doc/coreutils/copyright
	check "and would" test "$(look >/dev/null && echo nothing)" = ""
else
	echo "no debsums here"
fi
for scanner in trivy syft grype; do
	command -v $scanner >/dev/null || { echo "no $scanner here"; continue; }
	case $scanner in
	trivy) trivy -q rootfs --offline-scan --skip-db-update --list-all-pkgs --format json . ;;
	syft) syft -q -o json dir:. ;;
	grype) grype -q -o json dir:. ;;
	esac >"$work/scan" 2>"$work/scan.err" || { echo "$scanner does not run here: $(tail -1 "$work/scan.err")"; continue; }
	check "$scanner sees a package" grep -q '"coreutils"' "$work/scan"
done
done_testing
