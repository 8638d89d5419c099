#!/bin/busybox sh
# SPDX-License-Identifier: MIT
# shellcheck shell=dash disable=SC2317,SC3045
# Run in a guest, or by tests/e2e/test_container_v2.sh: containers of runc's where there is nothing but cgroup v2.
# usage: container.sh TKIT [BACKEND]...
tkit=$1
shift
[ $# -gt 0 ] || set -- ebpf ptrace fanotify
failed=0
check() { # TEXT CMD...
	text=$1
	shift
	if "$@" >/tmp/check 2>&1; then
		echo "ok: $text"
	else
		echo "FAIL: $text"
		tail -5 /tmp/check
		failed=1
	fi
}

bundle=/tmp/bundle
traces=/tmp/traces
mkdir -p $bundle/rootfs/usr/bin $bundle/rootfs/etc $bundle/rootfs/proc $bundle/rootfs/tmp $bundle/rootfs/lib64
cp /usr/bin/cat /bin/busybox $bundle/rootfs/usr/bin/
ln -s busybox $bundle/rootfs/usr/bin/sh
for file in /lib64/ld-linux-x86-64.so.2 /lib/x86_64-linux-gnu/libc.so.6; do
	mkdir -p "$bundle/rootfs$(dirname $file)"
	cp -L $file "$bundle/rootfs$file"
done
echo 'ID=guest' >$bundle/rootfs/etc/os-release
for file in issue moved unshared neighbour; do echo $file >$bundle/rootfs/etc/$file; done

runc() { "$tkit" oci-runtime --dir $traces --name '{fullid}.tkit' --backend "$backend" --on-failure block \
	--timeout 120s --real /usr/sbin/runc -- "$@"; }
configure() { # ARG...: the bundle's command
	(cd $bundle && rm -f config.json && /usr/sbin/runc spec) && python3 - "$@" <<'EOF'
import json, sys
path = "/tmp/bundle/config.json"
config = json.load(open(path))
config["process"].update(terminal=False, args=sys.argv[1:], env=["PATH=/usr/bin"])
config["root"]["readonly"] = False
for names in config["process"]["capabilities"].values():
    names.append("CAP_SYS_ADMIN")  # to unshare
json.dump(config, open(path, "w"))
EOF
}
written() { # FILE: somebody has it open
	for fd in /proc/[0-9]*/fd/*; do
		[ "$fd" -ef "$1" ] && return 0
	done
	return 1
}
ended() { # ID: it has stopped, its tracer has gone, and has closed the trace
	i=0
	while [ $i -lt 300 ]; do
		/usr/sbin/runc state "$1" 2>/dev/null | grep -q '"status": "running"' ||
			written "$traces/$1.tkit" ||
			! "$tkit" dump --header "$traces/$1.tkit" 2>/dev/null | grep -q '"type":"end"' || return 0
		i=$((i + 1))
		sleep 0.2
	done
	return 1
}
has() { # ID TEXT: a line of the trace
	"$tkit" dump "$traces/$1.tkit" | grep -q -- "$2"
}
# Prints what it has.
hasnt() {
	"$tkit" dump "$traces/$1.tkit" | grep -m 3 -- "$2" && return 1
	return 0
}
complete() {
	"$tkit" dump --header "$traces/$1.tkit" | grep -q '"type":"end".*"complete":true'
}

echo "hierarchies: $(grep -c cgroup /proc/mounts), $(grep cgroup /proc/mounts)"
check "no hierarchy but v2" test "$(grep -c ' cgroup ' /proc/mounts)" = 0
# Somebody of the host's, who reads the same files.
(while :; do /usr/bin/cat $bundle/rootfs/etc/neighbour >/dev/null; busybox sleep 0.1; done) &
neighbour=$!
for backend in "$@"; do
	id=service-$backend
	configure sh -c 'cat /etc/os-release; busybox unshare -m cat /etc/unshared
		while [ ! -e /tmp/moved ]; do busybox sleep 0.1; done; cat /etc/moved
		while [ ! -e /tmp/stop ]; do busybox sleep 0.1; done' || exit 1
	rm -f $bundle/rootfs/tmp/stop $bundle/rootfs/tmp/moved
	runc create -b $bundle $id </dev/null >/dev/null 2>&1
	check "$backend: a service starts" runc start $id
	check "$backend: exec" runc exec $id cat /etc/issue
	init=$(/usr/sbin/runc state $id | sed -n 's/.*"pid": \([0-9]*\).*/\1/p')
	group=/sys/fs/cgroup$(sed -n 's/^0:://p' "/proc/$init/cgroup")
	check "$backend: a group below its own" sh -c 'mkdir "$1/sub" && echo "$2" >"$1/sub/cgroup.procs"' sh "$group" "$init"
	touch $bundle/rootfs/tmp/moved
	busybox sleep 1
	touch $bundle/rootfs/tmp/stop
	check "$backend: it ends, and its tracer" ended $id
	exec='"op":"exec".*"resolved":"/usr/bin/cat"' name=resolved
	# It does not learn what came of a call.
	[ $backend != seccomp_notify ] || exec='"op":"exec".*"path":"[^"]*cat"' name=abs
	check "$backend: the program's exec" has $id "$exec"
	if [ $backend != seccomp_notify ]; then
		check "$backend: its ELF interpreter" has $id '"resolved":"/[^"]*ld-linux-x86-64.so.2"'
		check "$backend: no program is the root directory" hasnt $id '"exe":"/"'
	fi
	check "$backend: libc" has $id "\"$name\":\"/[^\"]*/libc.so.6\""
	check "$backend: what it read" has $id "\"op\":\"open\".*\"$name\":\"/etc/os-release\""
	check "$backend: what exec brought in" has $id "\"$name\":\"/etc/issue\""
	check "$backend: in a mount namespace of its own" has $id "\"$name\":\"/etc/unshared\""
	check "$backend: in a control group below" has $id "\"$name\":\"/etc/moved\""
	# The process that is about to execute the container's program is runc's still.
	[ $backend != seccomp_notify ] && names='exe\|comm' || names='exe\|path'
	check "$backend: nothing of the runtime" hasnt $id "\"\($names\)\":\"[^\"]*\(runc\|tkit\|exec.fifo\)"
	check "$backend: nothing of a neighbour" hasnt $id 'neighbour'
	check "$backend: complete" complete $id
	runc delete -f $id >/dev/null 2>&1
done
kill $neighbour
exit $failed
