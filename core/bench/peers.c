// SPDX-License-Identifier: MIT
/* Other people's tracers, each in its cheapest form that tells the names of files. */
#include "bench/tracer.h"

#define BPFTRACE_OPEN "tracepoint:syscalls:sys_enter_open,tracepoint:syscalls:sys_enter_openat"
#define BPFTRACE_NAME                                                                   \
	"tracepoint:syscalls:sys_enter_newstat,tracepoint:syscalls:sys_enter_newlstat," \
	"tracepoint:syscalls:sys_enter_newfstatat,tracepoint:syscalls:sys_enter_statx," \
	"tracepoint:syscalls:sys_enter_access,tracepoint:syscalls:sys_enter_faccessat," \
	"tracepoint:syscalls:sys_enter_faccessat2,tracepoint:syscalls:sys_enter_execve"

#define PERF_CALLS \
	"open,openat,stat,lstat,newfstatat,statx,access,faccessat,faccessat2,readlink,execve"

const struct peer peers[] = {
	{.name = "strace-seccomp",
	 .program = "strace",
	 .argv = {"strace", "-f", "--seccomp-bpf", "-e", "trace=%file", "-o", "{out}", "{cmd}"},
	 .watch = BENCH_ALL,
	 .line = tally_strace,
	 .text = "strace -f --seccomp-bpf -e trace=%file"},
	{.name = "strace",
	 .program = "strace",
	 .argv = {"strace", "-f", "-e", "trace=%file", "-o", "{out}", "{cmd}"},
	 .watch = BENCH_ALL,
	 .line = tally_strace,
	 .text = "strace -f -e trace=%file"},
	{.name = "perf-trace",
	 .program = "perf",
	 .argv = {"perf", "trace", "-o", "{out}", "-e", PERF_CALLS, "--", "{cmd}"},
	 .tells_loss = true,
	 .watch = BENCH_ALL,
	 .line = tally_perf,
	 .text = "perf trace -e CALLS; names are shown only where its BPF helper is there"},
	{.name = "bpftrace",
	 .program = "bpftrace",
	 .argv = {"bpftrace", "-o", "{out}", "-e",
		  BPFTRACE_OPEN " { printf(\"o %s\\n\", str(args->filename)); } " BPFTRACE_NAME
				" { printf(\"m %s\\n\", str(args->filename)); }",
		  "-c", "{line}"},
	 .whole = true,
	 .tells_loss = true,
	 .watch = BENCH_ALL,
	 .line = tally_bpftrace,
	 .text = "a program of one line that prints the names of ten calls at their entry"},
	{.name = "opensnoop",
	 .program = "opensnoop",
	 .argv = {"opensnoop"},
	 .attaches = true,
	 .tells_loss = true,
	 .watch = BENCH_OPENS,
	 .line = tally_opensnoop,
	 .text = "opensnoop of libbpf-tools"},
	{.name = "fatrace",
	 .program = "fatrace",
	 .argv = {"fatrace", "-f", "O", "-o", "{out}"},
	 .attaches = true,
	 .watch = BENCH_OPENED,
	 .line = tally_fatrace,
	 .text = "fatrace -f O; the kernel merges what is alike"},
};
const size_t peer_count = sizeof(peers) / sizeof(*peers);
