// SPDX-License-Identifier: MIT
/* Opens "file", and "dirfile" relative to descriptor 7. Built static. */
#include <fcntl.h>

int main(void)
{
	return open("file", O_RDONLY) < 0 || openat(7, "dirfile", O_RDONLY) < 0;
}
