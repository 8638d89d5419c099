// SPDX-License-Identifier: MIT
/* A program that does nothing. Built dynamic, so that it has an ELF interpreter. */
int main(void)
{
	return 0;
}
