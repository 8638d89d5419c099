#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# The report on an unbound in a container: one command runs it, a second one tells what it needs. And what is
# loaded lazily is in it: OpenSSL's own modules and zlib's kind.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=../lib/containers.sh
. "$here/../lib/containers.sh"
need_root
need docker dockerd debootstrap jq
need_backend ebpf
start_docker "$(runtimes 'tkit=, "--backend", "ebpf"')" || skip "$docker_problem"
root=$(root_with unbound) || die "unbound cannot be installed"
import_root "$root" unbound
cat >"$work/unbound.conf" <<'EOF'
server:
    interface: 127.0.0.1
    do-ip6: no
    use-syslog: no
    chroot: ""
    username: unbound
    local-data: "box.test. A 192.0.2.1"
EOF

# 1. run it
docker run --runtime tkit -d --name resolver --network none -v "$work/unbound.conf:/etc/unbound/unbound.conf:ro" \
	unbound unbound -d >/dev/null
at_exit remove_container resolver
serves() { docker logs resolver 2>&1 | grep -q 'start of service'; }
eventually serves || die "unbound does not serve: $(docker logs resolver 2>&1 | tail -3)"
docker stop -t 10 resolver >/dev/null
trace=$(trace_of resolver) || die "no trace"

# 2. the report
"$tkit" report --root docker:unbound "$trace" >"$work/report"
check "it is complete" grep -qx 'Complete: nothing was lost' "$work/report"
for file in /usr/sbin/unbound /etc/passwd; do
	check "it has $file" grep -q "^OK $file\b" "$work/report"
done
check "the libraries" grep -qE '^OK .*/libcrypto\.so\.3' "$work/report"
check "the configuration, and that it is the host's" grep -qE "^OK /etc/unbound/unbound.conf +.*\(on the host's $work/unbound.conf at /etc/unbound/unbound.conf\)" "$work/report"
check "what was sought and is not there" grep -q '^-- ' "$work/report"
check "what OpenSSL reads by itself" grep -qE '^(OK|--) .*openssl\.cnf' "$work/report"

# The minimal image serves as the whole one did.
"$tkit" report --reporter dockerfile --root docker:unbound -o "$work/slim" "$trace" 2>"$work/log" || die "$(cat "$work/log")"
build_image "$work/slim" unbound-slim
docker rm -f resolver >/dev/null
docker run -d --name resolver --network none -v "$work/unbound.conf:/etc/unbound/unbound.conf:ro" unbound-slim unbound -d >/dev/null
check "the minimal image serves" eventually serves
echo "unbound: $(megabytes "$(image_size unbound)") as installed, $(megabytes "$(image_size unbound-slim)") of what it needs"
[ -z "${TKIT_SHOW:-}" ] || cat "$work/report"
done_testing
