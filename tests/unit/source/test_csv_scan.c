/* SPDX-License-Identifier: Apache-2.0 */
/* The scanner: by blocks, by words and by bytes it finds the same records, however the input is
 * cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "source/csv_record.h"
#include "source/csv_scan.h"

enum { MARKS = 4096, TEXT_MAX = 4096, ROUNDS = 60000 };

struct found {
	struct csv_mark marks[MARKS]; /* ends from the start of the text */
	size_t n;
	bool is_open;
	uint64_t lines; /* of what is unfinished */
};

/* xorshift64, seeded alike in every run. */
static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

typedef size_t (*scan_fn)(struct csv_scan *s, const char *data, size_t len, struct csv_mark *marks,
			  size_t max, size_t *ret_used);

/* How a text is scanned: in pieces of at most so many bytes, so many marks at a time. */
struct way {
	struct csv_scan scan;
	scan_fn fn;
	size_t piece;
	size_t max;
};

static void scan(struct found *f, const struct way *way, const char *text, size_t len)
{
	struct csv_scan s = way->scan;
	size_t at = 0;

	*f = (struct found){0};
	while (at < len) {
		size_t used = 0;
		size_t n_bytes = len - at < way->piece ? len - at : way->piece;
		/* Exactly so large, so that a sanitizer sees a byte too many. */
		char *copy = malloc(n_bytes);
		assert_non_null(copy);
		memcpy(copy, text + at, n_bytes);
		size_t n = way->fn(&s, copy, n_bytes, f->marks + f->n, way->max, &used);
		free(copy);
		assert_true(n <= way->max && used <= n_bytes);
		for (size_t i = 0; i < n; i++)
			f->marks[f->n + i].end += (uint32_t)at;
		f->n += n;
		at += used;
	}
	f->is_open = csv_scan_is_open(&s);
	f->lines = s.lines;
}

static void assert_same(const struct found *a, const struct found *b)
{
	assert_int_equal(a->n, b->n);
	for (size_t i = 0; i < a->n; i++) {
		assert_int_equal(a->marks[i].end, b->marks[i].end);
		assert_int_equal(a->marks[i].lines, b->marks[i].lines);
	}
	assert_int_equal(a->is_open, b->is_open);
	assert_int_equal(a->lines, b->lines);
}

static struct csv_scan plain(char delimiter, char quote)
{
	struct csv_scan s;

	csv_scan_init(&s, delimiter, quote);
	s.is_plain = true;
	return s;
}

static struct csv_scan quick(char delimiter, char quote)
{
	struct csv_scan s;

	csv_scan_init(&s, delimiter, quote);
	return s;
}

/* What a job file may say: any two ASCII characters that are no line end; '\0' is no quote. */
static struct csv_form make_form(uint64_t *seed)
{
	struct csv_form form = {.delimiter = ',', .quote = '"'};

	if (next_random(seed) % 2 == 0)
		return form;
	do {
		form.delimiter = (char)(next_random(seed) % 128);
		form.quote = (char)(next_random(seed) % 8 == 0 ? 0 : next_random(seed) % 128);
	} while (form.delimiter == '\0' || form.delimiter == '\n' || form.quote == '\n' ||
		 form.delimiter == form.quote);
	return form;
}

/* The same text with another delimiter and quote. */
static void translate(char *text, size_t len, const struct csv_form *form)
{
	for (size_t i = 0; i < len; i++) {
		if (text[i] == ',')
			text[i] = form->delimiter;
		else if (text[i] == '"')
			text[i] = form->quote;
	}
}

/* Quotes and line ends where blocks meet. */
static void put_at_borders(char *text, size_t len, const struct csv_form *form, uint64_t *seed)
{
	const char some[] = {form->quote, form->delimiter, '\n', '\r', (char)0x80, 'x'};

	for (size_t at = 64; at + 2 < len; at += 64) {
		for (size_t i = at - 2; i < at + 2; i++)
			text[i] = some[next_random(seed) % sizeof(some)];
	}
}

static size_t make_text(char *text, size_t max, uint64_t *seed, unsigned flavour)
{
	static const char *const alphabets[] = {"ab,\n", "ab,\"\n", "abcdefghijklmnop,,\"\"\n",
						"\"\n", "abc,\"\r\n\n"};
	const char *alphabet = alphabets[flavour % 5];
	size_t n = strlen(alphabet);
	size_t len = next_random(seed) % max;

	for (size_t i = 0; i < len; i++)
		text[i] = alphabet[next_random(seed) % n];
	return len;
}

/* Well-formed records with quoted columns, doubled quotes and line ends within. */
static size_t make_good(char *text, size_t max, uint64_t *seed)
{
	size_t len = 0;

	while (len + 40 < max) {
		uint64_t r = next_random(seed);
		size_t letters = r % 20;
		bool is_quoted = (r >> 8) % 3 == 0;
		if (is_quoted)
			text[len++] = '"';
		for (size_t i = 0; i < letters; i++) {
			text[len++] = 'x';
			if (is_quoted && (r >> (i % 40)) % 7 == 0) {
				text[len++] = (r >> 9) % 2 == 0 ? '\n' : ',';
			} else if (is_quoted && (r >> (i % 40)) % 11 == 0) {
				memcpy(text + len, "\"\"", 2);
				len += 2;
			}
			if (len + 45 > max)
				break;
		}
		if (is_quoted)
			text[len++] = '"';
		text[len++] = (r >> 20) % 4 == 0 ? '\n' : ',';
	}
	return len;
}

static void all_three_scanners_agree_on_anything(void **state)
{
	static char text[TEXT_MAX];
	static struct found slow;
	static struct found other;
	uint64_t seed = 20261123;

	for (unsigned round = 0; round < ROUNDS; round++) {
		size_t max = round % 8 == 0 ? TEXT_MAX : 300;
		size_t len = round % 3 == 0 ? make_good(text, max, &seed)
					    : make_text(text, max, &seed, round);
		const struct csv_form form = make_form(&seed);
		translate(text, len, &form);
		if (round % 4 == 1)
			put_at_borders(text, len, &form, &seed);
		size_t piece = 1 + next_random(&seed) % 200;
		size_t marks = 1 + next_random(&seed) % 9;
		const struct csv_scan by_blocks = quick(form.delimiter, form.quote);
		const struct csv_scan by_words = plain(form.delimiter, form.quote);
		const struct way ways[] = {
			{by_blocks, csv_scan_run, TEXT_MAX, MARKS / 2},
			{by_words, csv_scan_run, TEXT_MAX, MARKS / 2},
			{by_blocks, csv_scan_run, piece, 400},
			{by_words, csv_scan_run, piece, 400},
			{by_blocks, csv_scan_run, TEXT_MAX, marks},
			{by_blocks, csv_scan_slowly, TEXT_MAX, marks},
		};
		const struct way yardstick = {by_blocks, csv_scan_slowly, TEXT_MAX, MARKS};
		scan(&slow, &yardstick, text, len);
		for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
			scan(&other, &ways[i], text, len);
			assert_same(&slow, &other);
		}
	}
}

static void without_a_quote_records_are_lines(void **state)
{
	static const char text[] = "a\"b\n\"c\nd";
	struct found f;
	const struct way way = {quick(',', '\0'), csv_scan_run, 100, 100};

	scan(&f, &way, text, sizeof(text) - 1);
	assert_int_equal(f.n, 2);
	assert_int_equal(f.marks[0].end, 4);
	assert_int_equal(f.marks[1].end, 7);
	assert_false(f.is_open);
}

static void a_quote_opens_only_at_the_start_of_a_column(void **state)
{
	static const char text[] = "5\" pipe,1\n3\" pipe,2\n";
	struct found f;
	const struct way way = {quick(',', '"'), csv_scan_run, 100, 100};

	scan(&f, &way, text, sizeof(text) - 1);
	assert_int_equal(f.n, 2);
	assert_int_equal(f.marks[0].end, 10);
}

static void text_behind_a_closing_quote_does_not_open_it_again(void **state)
{
	static const char text[] = "\"a\"b\"c,d\ne\n";
	struct found f;
	const struct way way = {quick(',', '"'), csv_scan_run, 100, 100};

	scan(&f, &way, text, sizeof(text) - 1);
	assert_int_equal(f.n, 2);
	assert_int_equal(f.marks[0].end, 9);
}

static void line_ends_within_quotes_count_as_lines_of_the_record(void **state)
{
	static const char text[] = "a,\"b\n\nc\"\nd\n\"e\n";
	struct found f;
	const struct way way = {quick(',', '"'), csv_scan_run, 100, 100};

	scan(&f, &way, text, sizeof(text) - 1);
	assert_int_equal(f.n, 2);
	assert_int_equal(f.marks[0].end, 9);
	assert_int_equal(f.marks[0].lines, 3);
	assert_int_equal(f.marks[1].lines, 1);
	assert_true(f.is_open);
	assert_int_equal(f.lines, 1);
}

static void delimiter_and_quote_are_what_the_job_says(void **state)
{
	static const char text[] = "a;'b\nc';d\ne,\"f\ng\"\n";
	struct found f;
	const struct way way = {quick(';', '\''), csv_scan_run, 100, 100};

	scan(&f, &way, text, sizeof(text) - 1);
	assert_int_equal(f.n, 3);
	assert_int_equal(f.marks[0].end, 10);
	assert_int_equal(f.marks[1].end, 15);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_three_scanners_agree_on_anything),
		cmocka_unit_test(without_a_quote_records_are_lines),
		cmocka_unit_test(a_quote_opens_only_at_the_start_of_a_column),
		cmocka_unit_test(text_behind_a_closing_quote_does_not_open_it_again),
		cmocka_unit_test(line_ends_within_quotes_count_as_lines_of_the_record),
		cmocka_unit_test(delimiter_and_quote_are_what_the_job_says),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
