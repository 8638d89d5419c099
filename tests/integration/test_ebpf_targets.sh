#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Targets other than a command, other roots, namespaces, several runs at once.
set -euo pipefail
# shellcheck source=tests/lib/lib.sh
. "$(dirname "$0")/../lib/lib.sh"
need jq gcc unshare
need_root
need_backend ebpf

paths() { # TRACE: "op abs errno" lines
	"$tkit" dump "$1" | jq -r 'select(.type == "access" or .type == "exec") | "\(.op) \(.abs) \(.errno)"'
}
has() { # TRACE LINE
	paths "$1" | grep -cxF -- "$2" >/dev/null || {
		echo "not in the trace: $2"
		return 1
	}
}
has_not() { # TRACE PATTERN
	! paths "$1" | grep -E -- "$2"
}
losses() {
	"$tkit" dump "$1" | jq -n '[inputs | select(.type == "loss")] | length'
}

# --- a root file system of static programs
mkdir -p "$work"/root/{bin,etc,dir}
echo x >"$work/root/etc/file"
cat >"$work/look.c" <<'EOC'
/* look PATH...: opens each; "chroot DIR" and "cd DIR" as two arguments do that */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>
int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "chroot"))
			(void)!chroot(argv[++i]);
		else if (!strcmp(argv[i], "cd"))
			(void)!chdir(argv[++i]);
		else
			close(open(argv[i], O_RDONLY));
	}
	return 0;
}
EOC
gcc -O1 -static -o "$work/root/bin/look" "$work/look.c"
mkdir -p "$work/root/inner/etc" "$work/root/inner/bin"
echo y >"$work/root/inner/etc/file"
ln "$work/root/bin/look" "$work/root/inner/bin/look"

run() { # OUT ARG...
	local out=$1
	shift
	"$tkit" run -q --strict --backend ebpf -o "$out" "$@"
}

run "$work/r1" --root "$work/root" -- /bin/look /etc/file cd dir ../etc/file cd .. etc/file
check "--root: exec" has "$work/r1" "exec /bin/look 0"
check "--root: absolute" has "$work/r1" "open /etc/file 0"
check "--root: relative chdir has the old directory" has "$work/r1" "chdir /dir 0"
check "--root: relative, after chdir" has "$work/r1" "open /dir/../etc/file 0"
check "--root: no host paths" has_not "$work/r1" "$work"

run "$work/r2" --root "$work/root" -- /bin/look cd inner chroot . /etc/file etc/file chroot / /etc/none
check "chroot: relative, with the directory before it" has "$work/r2" "chroot /inner 0"
check "chroot: absolute paths are below it" has "$work/r2" "open /inner/etc/file 0"
check "chroot: a failed one too" has "$work/r2" "open /inner/etc/none 2"

run "$work/r3" -- chroot "$work/root/inner" /bin/look /etc/file
check "chroot(1): exec in the new root" has "$work/r3" "exec $work/root/inner/bin/look 0"
check "chroot(1): open in the new root" has "$work/r3" "open $work/root/inner/etc/file 0"

# --- namespaces
unshare -pf --mount-proc "$tkit" run -q --strict --backend ebpf -o "$work/n1" -- \
	"$work/root/bin/look" /etc/passwd
check "tkit inside a pid namespace" has "$work/n1" "open /etc/passwd 0"
check "pids as tkit sees them" [ "$("$tkit" dump "$work/n1" | jq -s 'map(.pid) | max < 100')" = true ]
run "$work/n2" -- unshare -pfm --mount-proc "$work/root/bin/look" /etc/passwd
check "the command makes namespaces" has "$work/n2" "open /etc/passwd 0"
mkdir -p "$work/upper/etc"
cp -a "$work/root/bin" "$work/upper/"
echo z >"$work/upper/etc/only-here"
run "$work/n3" -- unshare -m sh -c "mount --bind $work/upper $work/upper && cd $work/upper && mkdir -p old &&
	pivot_root . old && exec /bin/look /etc/only-here"
check "pivot_root: names are those of the new root, where the old one has it" has "$work/n3" "open $work/upper/etc/only-here 0"
check "pivot_root: they are not taken for the old root's" has_not "$work/n3" "open /etc/only-here"
check "pivot_root: the relative path has the old directory" has "$work/n3" "pivot_root $work/upper 0"


# --- attach to what runs already
"$work/root/bin/look" /etc/hostname
sh -c 'while :; do cat /etc/hostname >/dev/null; sleep 0.05; done' &
loop=$!
at_exit kill "$loop"
run "$work/p1" --no-snapshot --pid "$loop" --duration 1s
check "--pid: a future child" has "$work/p1" "open /etc/hostname 0"
check "--pid: a fork event for what was there" [ "$("$tkit" dump "$work/p1" |
	jq -s --argjson pid $loop '[.[] | select(.type == "fork" and .pid == $pid)] | length')" = 1 ]
check "--pid: the process goes on" kill -0 "$loop"
run "$work/a1" --no-snapshot --all --duration 1s
check "--all: sees it" has "$work/a1" "open /etc/hostname 0"

# Every kind of hierarchy that is mounted: v2, v1 with a controller, v1 with just a name.
cgroup_dirs() {
	awk '$3 == "cgroup2" && !n++ {print $2}' /proc/mounts
	awk '$3 == "cgroup" && $4 !~ /name=/ && !n++ {print $2}' /proc/mounts
	awk '$3 == "cgroup" && $4 ~ /name=/ && !n++ {print $2}' /proc/mounts
}
mkfifo "$work/armed"
for cg in $(cgroup_dirs); do
	mkdir -p "$cg/tkit-test.$$/below" 2>/dev/null || continue
	at_exit rmdir "$cg/tkit-test.$$"
	at_exit rmdir "$cg/tkit-test.$$/below"
	(
		echo 0 >"$cg/tkit-test.$$/below/cgroup.procs"
		for ((i = 0; i < 200; i++)); do
			"$work/root/bin/look" /etc/host.conf
			sleep 0.05
		done
	) &
	in=$!
	(
		read -r _ <"$work/armed"
		echo 0 >"$cg/tkit-test.$$/cgroup.procs"
		exec "$work/root/bin/look" /etc/moved-in
	) &
	moved=$!
	sleep 0.2
	run "$work/c1" --no-snapshot --ready-fd 9 --cgroup "$cg/tkit-test.$$" --duration 1s 9>"$work/armed"
	check "--cgroup $cg: a process in a cgroup below" has "$work/c1" "open /etc/host.conf 0"
	check "--cgroup $cg: one that moves in later" has "$work/c1" "open /etc/moved-in 2"
	check "--cgroup $cg: nobody else" has_not "$work/c1" "/etc/hostname"
	wait "$in" "$moved"
done

# --- several at once
for i in 1 2 3; do
	run "$work/m$i" -- "$work/root/bin/look" "/etc/one-$i" &
	pids[i]=$!
done
for i in 1 2 3; do
	wait "${pids[i]}"
	check "at once: run $i has its own" has "$work/m$i" "open /etc/one-$i 2"
	check "at once: run $i has nothing else" has_not "$work/m$i" "/etc/one-[^$i]"
done
"$tkit" run -q --strict --backend ebpf --backend ebpf,ring-size=1M -o "$work/two" -- "$work/root/bin/look" /etc/twice
check "two instances in one run" [ "$("$tkit" dump "$work/two" |
	jq -s '[.[] | select(.path == "/etc/twice")] | length')" = 2 ]

# --- tkit is killed: the command goes on
"$tkit" run -q --backend ebpf -o "$work/k" -- sh -c "echo >$work/started; sleep 1; echo done >$work/after; cat $work/after >/dev/null" &
victim=$!
for ((i = 0; i < 200; i++)); do
	[ ! -s "$work/started" ] || break
	sleep 0.1
done
kill -9 $victim
wait $victim 2>/dev/null || :
for ((i = 0; i < 50; i++)); do
	[ ! -s "$work/after" ] || break
	sleep 0.1
done
check "tkit killed with -9: the command goes on" [ -s "$work/after" ]
check "exit status is passed through" sh -c "$tkit run -q --backend ebpf --sink null -- sh -c 'exit 7'; [ \$? = 7 ]"

# --- cannot run: one line that says why
if command -v setpriv >/dev/null; then
	out=$(setpriv --reuid 65534 --regid 65534 --clear-groups --bounding-set -all \
		"$tkit" run --backend ebpf --sink null -- /bin/true 2>&1) && status=0 || status=$?
	check "no privilege: 125" [ "$status" = 125 ]
	# shellcheck disable=SC2016 # the inner shell expands
	check "no privilege: one line that helps" sh -c '[ "$(echo "$1" | wc -l)" = 1 ] &&
		echo "$1" | grep -q "CAP_BPF.*--backend ptrace"' - "$out"
fi
check "ring-size is checked" sh -c "! $tkit run --backend ebpf,ring-size=5000 --sink null -- /bin/true 2>/dev/null"
done_testing
