# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034 # read by test_services.sh
command=(/usr/sbin/nginx -g 'daemon off;')
floor=9800000
user=www-data
writable=(/run /var/lib/nginx /var/log/nginx)

prepare() { # ROOT
	# The default site listens on IPv6, too, which a network without any may not have.
	sed -i '/\[::\]/d' "$1/etc/nginx/sites-available/default"
}

client() { # PID: a page that is there, and one that is not
	in_network_of "$1" curl -sS --max-time 5 http://127.0.0.1/ || return 1
	in_network_of "$1" curl -sS --max-time 5 -o /dev/null -w '%{http_code}\n' http://127.0.0.1/none
}
