/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program. It only hands over to cli/; until that exists it can tell its version.
 */
#include <stdio.h>

int main(void)
{
	return printf("stint %s\n", STINT_VERSION) < 0;
}
