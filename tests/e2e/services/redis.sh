# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034 # read by test_services.sh
command=(/usr/bin/redis-server --dir /var/lib/redis)
floor=17560000
user=redis
writable=(/var/lib/redis)

client() { # PID
	in_network_of "$1" redis-cli set key "a value" || return 1
	in_network_of "$1" redis-cli get key || return 1
	in_network_of "$1" redis-cli save
}
