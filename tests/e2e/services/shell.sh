# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034 # read by test_services.sh
command=(/usr/local/bin/tools)
writable=(/tmp)

prepare() { # ROOT
	cat >"$1/usr/local/bin/tools" <<'SH'
#!/bin/sh
set -e
dir=$(mktemp -d /tmp/tools.XXXXXX)
trap 'rm -r "$dir"' EXIT
printf '%s\n' pear apple fig apple >"$dir/fruit"
sort -u "$dir/fruit" | tr a-z A-Z | sed 's/^/- /' | head -2
grep -c apple "$dir/fruit"
awk '{ n[$1]++ } END { print n["apple"] }' "$dir/fruit"
cut -c1-2 "$dir/fruit" | tail -1
wc -l <"$dir/fruit"
find "$dir" -type f -exec basename {} \;
tar -C "$dir" -cf - fruit | gzip -n | gzip -d | tar -tf -
date -u -d @0 +%Y-%m-%d
sha256sum "$dir/fruit" | cut -d' ' -f1
[ -e /etc/debian_version ] && cat /etc/debian_version
ls -ld /etc/passwd
cmp -s "$dir/fruit" /etc/debian_version || echo differs
SH
	chmod 755 "$1/usr/local/bin/tools"
}
