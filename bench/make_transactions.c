/* SPDX-License-Identifier: Apache-2.0 */
/*
 * make_transactions COUNT: writes a header and COUNT transactions, the same ones each time, by the
 * rules of the public benchmark of spring-batch-rs.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static uint32_t state = 2463534242U; /* xorshift */

static uint32_t next(uint32_t below)
{
	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return state % below;
}

int main(int argc, char **argv)
{
	static const char *const currencies[] = {"USD", "EUR", "GBP"};
	static const char *const statuses[] = {"PENDING", "COMPLETED", "FAILED", "CANCELLED"};
	int64_t count = argc == 2 ? strtoll(argv[1], NULL, 10) : -1;

	if (count < 0) {
		fprintf(stderr, "usage: make_transactions COUNT\n");
		return 64;
	}
	static char buffer[1 << 20];
	(void)setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
	printf("transaction_id,amount,currency,timestamp,account_from,account_to,status\n");
	for (int64_t i = 1; i <= count; i++) {
		printf("TXN-%010" PRId64 ",%u.%02u,%s,", i, next(10000) + 1, next(100),
		       currencies[next(3)]);
		printf("2024-%02u-%02uT%02u:%02u:%02uZ,", next(12) + 1, next(28) + 1, next(24),
		       next(60), next(60));
		printf("ACC-%08u,ACC-%08u,%s\n", next(100000000), next(100000000),
		       statuses[next(4)]);
	}
	return fflush(stdout) == 0 ? 0 : 1;
}
