/* SPDX-License-Identifier: Apache-2.0 */
/*
 * make_rows COUNT [malformed|refused]: writes a header and COUNT records of some 110 bytes for a
 * table (id bigint, email text, amount numeric(12,2), ts timestamptz, note text), the same ones
 * each time. Some notes are quoted, with commas, quotes and line ends in them.
 *
 * malformed: one record in 1,000 that a reader can recognise: a bad number, a missing column, a bad
 *            timestamp, bytes that are no UTF-8, in turn.
 * refused:   one in 10,000 that only the server refuses: the id of the record before it, an amount
 *            that a check constraint (amount < 2000000) forbids, in turn.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EVERY_MALFORMED = 1000, EVERY_REFUSED = 10000 };

static const char *const words[] = {
	"alpha", "bravo",  "charlie", "delta", "echo", "foxtrot",  "golf",  "hotel",
	"india", "juliet", "kilo",    "lima",  "mike", "november", "oscar", "papa",
};

static uint32_t state = 2463534242U; /* xorshift */

static uint32_t next(uint32_t below)
{
	state ^= state << 13;
	state ^= state >> 17;
	state ^= state << 5;
	return state % below;
}

static const char *word(void)
{
	return words[next(sizeof words / sizeof *words)];
}

static void put_note(bool is_broken)
{
	uint32_t kind = next(100);

	if (is_broken)
		printf("bad \xff\xfe bytes here, in the note\n");
	else if (kind < 5)
		printf("\"%s \"\"%s\"\" %s %s\"\n", word(), word(), word(), word());
	else if (kind < 12)
		printf("\"%s %s, %s %s %s\"\n", word(), word(), word(), word(), word());
	else if (kind < 14)
		printf("\"%s %s\n%s %s\"\n", word(), word(), word(), word());
	else
		printf("%s %s %s %s %s %s\n", word(), word(), word(), word(), word(), word());
}

int main(int argc, char **argv)
{
	int64_t count = argc >= 2 ? strtoll(argv[1], NULL, 10) : -1;
	bool malformed = argc == 3 && strcmp(argv[2], "malformed") == 0;
	bool refused = argc == 3 && strcmp(argv[2], "refused") == 0;

	if (count < 0 || argc > 3 || (argc == 3 && !malformed && !refused)) {
		fprintf(stderr, "usage: make_rows COUNT [malformed|refused]\n");
		return 64;
	}
	static char buffer[1 << 20];
	(void)setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
	printf("id,email,amount,ts,note\n");
	for (int64_t i = 1; i <= count; i++) {
		int wrong = -1; /* which way it is wrong */
		if (malformed && i % EVERY_MALFORMED == EVERY_MALFORMED / 2)
			wrong = (int)(i / EVERY_MALFORMED % 4);
		if (refused && i % EVERY_REFUSED == EVERY_REFUSED / 2)
			wrong = (int)(i / EVERY_REFUSED % 2);
		printf("%" PRId64 ",%s.%s%" PRId64 "@example.org,",
		       refused && wrong == 0 ? i - 1 : i, word(), word(), i % 100000);
		if (malformed && wrong == 0)
			printf("12x.%02u,", next(100));
		else if (!malformed || wrong != 1)
			printf("%u.%02u,", refused && wrong == 1 ? 5000000 : next(1000000),
			       next(100));
		printf("2025-%02u-%02u %02u:%02u:%02u+00,",
		       malformed && wrong == 2 ? 13 : next(12) + 1, next(28) + 1, next(24),
		       next(60), next(60));
		put_note(malformed && wrong == 3);
	}
	return fflush(stdout) == 0 ? 0 : 1;
}
