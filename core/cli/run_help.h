/* SPDX-License-Identifier: MIT */
/* The text of `tkit run --help`. */
#ifndef CLI_RUN_HELP_H
#define CLI_RUN_HELP_H

#define RUN_HELP                                                                                     \
	"Usage: tkit run [OPTION]... [TARGET] [--] [COMMAND [ARG]...]\n"                             \
	"\n"                                                                                         \
	"Watches COMMAND, or what TARGET names, and stores which files it uses, looks for and\n"     \
	"does not find. The trace goes to trace.tkit; `tkit report` reads it.\n"                     \
	"\n"                                                                                         \
	"COMMAND runs as if tkit were not there: same terminal, environment, descriptors,\n"         \
	"signals and process group. It is held until all is armed, so its first instruction is\n"    \
	"seen, and its exit status is passed through.\n"                                             \
	"\n"                                                                                         \
	"Target:\n"                                                                                  \
	"  COMMAND [ARG]...     run it; it and all its descendants are watched\n"                    \
	"      --root DIR       run COMMAND with DIR as its root directory (needs CAP_SYS_CHROOT)\n" \
	"      --pid PID        a running process and its present and future descendants\n"          \
	"      --cgroup DIR     everything in this control group, a directory below\n"               \
	"                       /sys/fs/cgroup\n"                                                    \
	"      --all            the whole host, tkit left out; the default without COMMAND\n"        \
	"\n"                                                                                         \
	"Options:\n"                                                                                 \
	"  -b, --backend B[,KEY=VALUE]...\n"                                                         \
	"                       what watches; may be repeated. Default: auto, the best one that\n"   \
	"                       can run here; -v says why it was chosen. See `tkit plugin list`\n"   \
	"  -s, --sink S[,KEY=VALUE]...\n"                                                            \
	"                       where events go; may be repeated. Default: file\n"                   \
	"  -o, --output FILE    passed to the first sink. Default of the file sink: trace.tkit\n"    \
	"      --strict         exit 124 when the trace is incomplete and COMMAND succeeded\n"       \
	"      --duration T     stop tracing after T (500ms, 10s, 5m, 2h). COMMAND goes on\n"        \
	"                       untraced, and tkit waits for it\n"                                   \
	"      --until WHEN     tree: trace until COMMAND and all its descendants have ended\n"      \
	"                       (default; a daemon that it leaves behind keeps tkit tracing);\n"     \
	"                       exit: until COMMAND itself has ended. The same for --pid\n"          \
	"  -v, --verbose        more messages (twice: debug)\n"                                      \
	"  -q, --quiet          errors only\n"                                                       \
	"  -h, --help           this text\n"                                                         \
	"\n"                                                                                         \
	"Signals:\n"                                                                                 \
	"  What the terminal sends (Ctrl-C, Ctrl-Z) reaches COMMAND by itself, and tkit lets it\n"   \
	"  decide. When COMMAND stops, tkit stops, and continues it when continued. Signals sent\n"  \
	"  to tkit with kill(1) are forwarded to COMMAND; a second SIGINT or SIGTERM ends tracing\n" \
	"  by force: the trace is finished as it is, COMMAND is left running. When COMMAND has\n"    \
	"  ended, or without one, the first SIGINT or SIGTERM ends the trace cleanly, the second\n"  \
	"  by force. If tkit is killed, COMMAND lives on, unless the backend says otherwise.\n"      \
	"\n"                                                                                         \
	"Exit status:\n"                                                                             \
	"  that of COMMAND; if a signal killed it, tkit dies by the same signal. Without COMMAND\n"  \
	"  0. With --strict 124 for an incomplete trace. 125 when tkit itself failed: COMMAND\n"     \
	"  then was not started, or ran on to its end untraced. 126 when COMMAND cannot be\n"        \
	"  executed, 127 when it is not found, 128+N when signal N ended tracing by force.\n"        \
	"\n"                                                                                         \
	"Examples:\n"                                                                                \
	"  tkit run -- ls /\n"                                                                       \
	"  tkit run --backend ptrace -o build.tkit -- make -j4\n"                                    \
	"  tkit run --sink stdout --sink file -- git status\n"                                       \
	"  tkit run --backend ebpf,ring-size=64M --duration 10m --all\n"                             \
	"  tkit run --root /srv/image --strict -- /usr/sbin/nginx -t\n"

#endif
