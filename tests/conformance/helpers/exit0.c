// SPDX-License-Identifier: MIT
/* A program that does nothing. Built static. */
int main(void)
{
	return 0;
}
