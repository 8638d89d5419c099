/* SPDX-License-Identifier: MIT */
#ifndef CLI_REPORT_HELP_H
#define CLI_REPORT_HELP_H

static const char report_help[] =
	"Usage: tkit report [OPTION]... [--reporter R[,KEY=VALUE]...]... [FILE]...\n"
	"\n"
	"Reads one or more traces (default: trace.tkit; - is standard input), merges them and\n"
	"hands them to reporters. The same run given twice counts once.\n"
	"\n"
	"Options:\n"
	"  -r, --reporter R[,KEY=VALUE]...  what to make (default: deps); may be repeated\n"
	"      --KEY[=VALUE]                the same as KEY=VALUE behind the reporter's name\n"
	"      --root DIR                   the root file system that belongs to the traces;\n"
	"                                   default, where one is needed: the traced process's\n"
	"  -o, --output OUT                 file or folder for the --reporter before it\n"
	"                                   (default: standard output)\n"
	"      --force                      replace a folder of plain files\n"
	"      --allow-incomplete           make an image from an incomplete trace, too\n"
	"      --json                       short for --format=json\n"
	"  -h, --help                       this text\n"
	"\n"
	"`tkit plugin list` names the reporters, `tkit plugin show NAME` their options.\n"
	"\n"
	"A file or folder appears under its name only when it is whole.\n"
	"\n"
	"Exit status: that of the report (0 for most; see the reporter's own text); 125 when\n"
	"it could not be made.\n"
	"\n"
	"Examples:\n"
	"  tkit report\n"
	"  tkit report --show-ignored --json -o deps.json monday.tkit tuesday.tkit\n"
	"  tkit report --reporter dockerfile --root /srv/rootfs -o image trace.tkit\n";

#endif
