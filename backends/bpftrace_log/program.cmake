# SPDX-License-Identifier: MIT
# cmake -DARCH=... -DTABLE=syscalls.def -DIN=tkit.bt.in -DOUT=tkit.bt -P program.cmake
#
# Writes the bpftrace program: the table of system calls becomes the assignments that it begins with,
#   @want[number] = path | path2 << 4 | dirfd << 8 | dirfd2 << 12    (argument index + 1, 0 = none)
#                   | 0x10000 flags are in struct open_how | 0x20000 exec | 0x40000 (never 0)
# with 0x10000 added to the numbers of 32-bit calls. Calls that name a file by a socket address or a
# handle are left out.
file(STRINGS ${TABLE} rows REGEX "^S\\(")
set(table "")
foreach(row IN LISTS rows)
  if(row MATCHES "SOCKADDR|NOPATH")
    continue()
  endif()
  string(REGEX REPLACE "^S\\((.*)\\)$" "\\1" row "${row}")
  string(REPLACE ", " ";" columns "${row}")
  list(LENGTH columns count)
  if(NOT count EQUAL 13)
    message(FATAL_ERROR "not understood: ${row}")
  endif()
  list(GET columns 0 1 2 3 4 5 6 8 11 12 columns)
  list(POP_FRONT columns name native compat arm64 op path dirfd flags path2 dirfd2)
  if(ARCH STREQUAL "aarch64")
    set(native ${arm64})
    set(compat -1)
  endif()
  set(how 0)
  set(exec 0)
  if(flags STREQUAL "HOW")
    set(how 0x10000)
  endif()
  if(op STREQUAL "EXEC")
    set(exec 0x20000)
  endif()
  math(EXPR shape "(${path}+1) | (${path2}+1) << 4 | (${dirfd}+1) << 8 | (${dirfd2}+1) << 12 | ${how} | ${exec} | 0x40000")
  if(native GREATER -1)
    string(APPEND table "\t@want[(uint64)${native}] = (uint64)${shape};\n")
  endif()
  if(compat GREATER -1)
    math(EXPR compat "${compat} + 0x10000")
    string(APPEND table "\t@want[(uint64)${compat}] = (uint64)${shape};\n")
  endif()
endforeach()

if(ARCH STREQUAL "aarch64")
  set(compat "(uint64)\$task->thread_info.flags & 0x400000")
else()
  set(compat "(uint64)\$task->thread_info.status & 2")
endif()

# A piece ends the name if it holds a NUL: 15 words of 8 bytes and one that ends with byte 126.
set(piece [[
	$go = 1;
	$k = 0;
	while ($go && $k < 33) {
		printf("KIND %llx %x %s\n", nsecs, tid, str(uptr($at)));
		@told[cpu]++;
		$go = 0;
		if (*(uint8 *)uptr($at + 126)) {
			$v = *(uint64 *)uptr($at + 119);
			$nul = ($v - 0x0101010101010101) & ~$v & 0x8080808080808080;
			$w = $at;
			unroll(15) {
				$v = *(uint64 *)uptr($w);
				$nul = $nul | (($v - 0x0101010101010101) & ~$v & 0x8080808080808080);
				$w = $w + 8;
			}
			if ($nul == 0) {
				$go = 1;
				$at = $at + 127;
			}
		}
		$k = $k + 1;
	}
]])
file(READ ${IN} text)
foreach(kind p q)
  string(REPLACE "KIND" ${kind} expanded "${piece}")
  string(REPLACE "PIECES(${kind})" "${expanded}" text "${text}")
endforeach()
string(REPLACE "COMPAT(\$task)" "${compat}" text "${text}")
string(REPLACE "\tTABLE\n" "${table}" text "${text}")
string(REPLACE "tkit 1 ARCH" "tkit 1 ${ARCH}" text "${text}")
file(WRITE ${OUT} "${text}")
