// SPDX-License-Identifier: MIT
/* The program: all of it is in libtkit. */
int tkit_cli_main(int argc, char **argv);

int main(int argc, char **argv)
{
	return tkit_cli_main(argc, argv);
}
