/* SPDX-License-Identifier: Apache-2.0 */
/* make_csv COUNT: writes a header and COUNT records of some 45 bytes, the same ones each time. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	int64_t count = argc == 2 ? strtoll(argv[1], NULL, 10) : -1;
	if (count < 0) {
		fprintf(stderr, "usage: make_csv COUNT\n");
		return 64;
	}
	static char buffer[1 << 20];
	(void)setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
	printf("id,name,due,total\n");
	uint32_t x = 2463534242U; /* xorshift */
	for (int64_t i = 1; i <= count; i++) {
		x ^= x << 13;
		x ^= x >> 17;
		x ^= x << 5;
		printf("%" PRId64 ",customer %u,2026-%02u-%02u,%u.%02u\n", i, x % 100000,
		       x % 12 + 1, x % 28 + 1, x % 9000 + 1000, x % 100);
	}
	return fflush(stdout) == 0 ? 0 : 1;
}
