// SPDX-License-Identifier: MIT
/* A shared library with nothing in it but a name. */
int tkit_library_answer(void);

int tkit_library_answer(void)
{
	return 42;
}
