#!/bin/busybox sh
# SPDX-License-Identifier: MIT
# shellcheck shell=dash disable=SC2317,SC3045
# Run in a guest: the ebpf backend uses what this kernel has, and its results do not depend on
# which way it finds paths. load.sh TKIT FACILITIES
tkit=$1
expected=$2
failed=0
check() { # TEXT CMD...
	text=$1
	shift
	if "$@" >/tmp/check 2>&1; then
		echo "ok: $text"
	else
		echo "FAIL: $text"
		tail -25 /tmp/check
		failed=1
	fi
}

# An open that fails after the kernel has looked at the file leaves its old name behind; O_PATH does not look.
export refused='import os, time
for i in range(8):
    os.mkfifo("/tmp/load-refused")
    try:
        os.open("/tmp/load-refused", os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        pass
    os.rename("/tmp/load-refused", "/tmp/load-renamed")
    time.sleep(0.1) # the kernel frees the file later
    os.close(os.open("/tmp/load-renamed", os.O_PATH))
    os.unlink("/tmp/load-renamed")'
trace() { # RESOLVE: opens relative, through a link, below a mount and in a chroot
	# shellcheck disable=SC2016 # the inner shell expands it
	"$tkit" -v -v run --strict --backend "ebpf,dedup=off,resolve=$1" -o /tmp/load.tkit -- sh -c '
		cd /etc && cat passwd ../etc/group >/dev/null
		ln -sf /etc/passwd /tmp/load-link && cat /tmp/load-link >/dev/null
		mount -t tmpfs load /mnt && cp /etc/passwd /mnt/passwd && cat /mnt/passwd >/dev/null
		umount /mnt
		python3 -S -c "$refused"' 2>/tmp/load.err || return 1
	"$tkit" dump /tmp/load.tkit | sed -n 's/.*"op":"\([a-z]*\)".*"resolved":"\([^"]*\)".*/\1 \2/p' |
		sed 's,/proc/[0-9]*,/proc/PID,' | sort >"/tmp/load.$1"
}
same() {
	trace walk && trace d_path && grep -q 'open /mnt/passwd' /tmp/load.walk && diff /tmp/load.walk /tmp/load.d_path
}
used() { # that many paths by bpf_d_path()
	trace d_path && count=$(sed -n 's/.*paths by d_path=//p' /tmp/load.err) && [ "$count" -ge 10 ]
}
facilities() {
	"$tkit" run --backend ebpf,dedup=off -o /tmp/load.tkit -- true || {
		"$tkit" -v -v run --backend ebpf,dedup=off -o /tmp/load.tkit -- true
		return 1
	}
		"$tkit" dump --header /tmp/load.tkit >/tmp/load.json && grep -o '"facilities":"[^"]*"' /tmp/load.json &&
		grep -q "\"facilities\":\"$expected\"" /tmp/load.json && "$tkit" doctor | grep -q "$expected"
}
# A low limit on locked memory neither keeps the ring from being made nor is it changed for the command.
limit() {
	(ulimit -l 64 && [ "$("$tkit" run -q --backend auto -o /tmp/load.tkit -- sh -c 'ulimit -l')" = 64 ])
}

mkdir -p /mnt
check "facilities: $expected" facilities
check "the same paths by a walk and by bpf_d_path()" same
check "bpf_d_path() was used" used
check "the command keeps its limit of locked memory" limit
exit $failed
