# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034 # read by test_services.sh
command=(/usr/sbin/unbound -d)
floor=22160000
user=unbound
writable=(/run)

prepare() { # ROOT
	# Without the root's trust anchor, which comes over the network; with a name that nobody need be asked for.
	rm "$1/etc/unbound/unbound.conf.d/root-auto-trust-anchor-file.conf"
	cat >"$1/etc/unbound/unbound.conf.d/local.conf" <<'CONF'
server:
  interface: 127.0.0.1
  use-syslog: no
  local-zone: "test." static
  local-data: "www.test. A 192.0.2.7"
CONF
}

client() { # PID: a name that is there, and one that is not
	in_network_of "$1" dig +short +time=2 +tries=1 @127.0.0.1 www.test || return 1
	in_network_of "$1" dig +noall +comments +time=2 +tries=1 @127.0.0.1 none.test | grep -o 'status: [A-Z]*'
}
