/* SPDX-License-Identifier: Apache-2.0 */
/*
 * make_csv COUNT [quoted]: writes a header and COUNT records of some 45 bytes, the same ones each
 * time; `quoted`: with quotes around the name, a comma in it, doubled quotes in every eighth and a
 * line end in every sixteenth.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int main(int argc, char **argv)
{
	int64_t count = argc >= 2 ? strtoll(argv[1], NULL, 10) : -1;
	bool is_quoted = argc == 3 && strcmp(argv[2], "quoted") == 0;
	if (count < 0 || argc > 3 || (argc == 3 && !is_quoted)) {
		fprintf(stderr, "usage: make_csv COUNT [quoted]\n");
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
		printf("%" PRId64 ",", i);
		if (is_quoted)
			printf("\"%s, %u%s\"", i % 8 == 0 ? "\"\"customer\"\"" : "customer",
			       x % 100000, i % 16 == 3 ? "\nabroad" : "");
		else
			printf("customer %u", x % 100000);
		printf(",2026-%02u-%02u,%u.%02u\n", x % 12 + 1, x % 28 + 1, x % 9000 + 1000,
		       x % 100);
	}
	return fflush(stdout) == 0 ? 0 : 1;
}
