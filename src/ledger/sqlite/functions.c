/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SQL functions over bitmaps, on our own connections only: nothing in the schema may need them, or
 * people's shells could not read the views.
 */
#include <assert.h>
#include <string.h>

#include "base/attr.h"
#include "ledger/sqlite/sqlite.h"

enum { BITMAP_BYTES_MAX = BITS_BYTES(CHUNK_ITEMS_MAX) };

/* stint_or(a, b): a null or empty second one changes nothing; other lengths are an error. */
static void fn_or(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
	uint8_t bits[BITMAP_BYTES_MAX];

	assert(argc == 2);
	const uint8_t *a = sqlite3_value_blob(argv[0]);
	const uint8_t *b = sqlite3_value_blob(argv[1]);
	size_t len = (size_t)sqlite3_value_bytes(argv[0]);
	size_t len_b = (size_t)sqlite3_value_bytes(argv[1]);
	if (len > sizeof(bits) || a == NULL || (len_b != 0 && len_b != len)) {
		sqlite3_result_error(ctx, "stint_or: bitmaps of different length", -1);
		return;
	}
	memcpy(bits, a, len);
	if (len_b != 0)
		bits_or(bits, b, 8 * len);
	sqlite3_result_blob(ctx, bits, (int)len, SQLITE_TRANSIENT);
}

/* stint_popcount(bits) */
static void fn_popcount(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
	assert(argc == 1);
	const uint8_t *bits = sqlite3_value_blob(argv[0]);
	size_t len = (size_t)sqlite3_value_bytes(argv[0]);
	sqlite3_result_int64(ctx, bits == NULL ? 0 : (int64_t)bits_count(bits, 8 * len));
}

/* stint_running(started, done): how many are started and not done. */
static void fn_running(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
	int64_t n = 0;

	assert(argc == 2);
	const uint8_t *started = sqlite3_value_blob(argv[0]);
	const uint8_t *done = sqlite3_value_blob(argv[1]);
	int len = sqlite3_value_bytes(argv[0]);
	if (started == NULL || done == NULL || sqlite3_value_bytes(argv[1]) != len) {
		sqlite3_result_int64(ctx, 0);
		return;
	}
	for (int i = 0; i < len; i++) {
		uint8_t running = (uint8_t)(started[i] & ~done[i]);
		n += (int64_t)bits_count(&running, 8);
	}
	sqlite3_result_int64(ctx, n);
}

/* stint_full(n): n bits that are set. */
static void fn_full(sqlite3_context *ctx, int argc, sqlite3_value **argv)
{
	uint8_t bits[BITMAP_BYTES_MAX] = {0};

	assert(argc == 1);
	int64_t n = sqlite3_value_int64(argv[0]);
	if (n < 0 || n > CHUNK_ITEMS_MAX) {
		sqlite3_result_error(ctx, "stint_full: more than a chunk", -1);
		return;
	}
	bits_fill(bits, 0, (size_t)n);
	sqlite3_result_blob(ctx, bits, (int)BITS_BYTES(n), SQLITE_TRANSIENT);
}

int sq_functions_add(sqlite3 *db)
{
	static const struct {
		const char *name;
		int arguments;
		void (*fn)(sqlite3_context *, int, sqlite3_value **);
	} functions[] = {
		{"stint_or", 2, fn_or},
		{"stint_popcount", 1, fn_popcount},
		{"stint_running", 2, fn_running},
		{"stint_full", 1, fn_full},
	};

	for (size_t i = 0; i < ARRAY_LEN(functions); i++) {
		int rc = sqlite3_create_function_v2(db, functions[i].name, functions[i].arguments,
						    SQLITE_UTF8 | SQLITE_DETERMINISTIC |
							    SQLITE_INNOCUOUS,
						    NULL, functions[i].fn, NULL, NULL, NULL);
		if (rc != SQLITE_OK)
			return rc;
	}
	return SQLITE_OK;
}
