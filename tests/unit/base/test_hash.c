/* SPDX-License-Identifier: Apache-2.0 */
/* The expected digests are from sha256sum, Python's base64 and xxhsum. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/hash.h"

static const char *sha256_hex(const char *text)
{
	static char hex[2 * SHA256_BYTES + 1];
	uint8_t digest[SHA256_BYTES];

	hash_sha256(text, strlen(text), digest);
	hash_hex(digest, sizeof(digest), hex);
	return hex;
}

static void sha256_is_that_of_the_standard(void **state)
{
	assert_string_equal(sha256_hex(""),
			    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	assert_string_equal(sha256_hex("abc"),
			    "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void key_is_base32_of_the_first_160_bits(void **state)
{
	uint8_t digest[SHA256_BYTES];
	char key[ITEM_KEY_CHARS + 1];

	hash_sha256("abc", 3, digest);
	hash_base32_160(digest, key);
	assert_string_equal(key, "xj4bnp4pahh6uqkbidpf3lrceoyagynd");
	memset(digest, 0xff, sizeof(digest));
	hash_base32_160(digest, key);
	assert_string_equal(key, "77777777777777777777777777777777");
	memset(digest, 0, sizeof(digest));
	hash_base32_160(digest, key);
	assert_string_equal(key, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa");
}

static void xxh_is_the_canonical_one(void **state)
{
	uint8_t digest[XXH128_BYTES];
	char hex[2 * XXH128_BYTES + 1];

	hash_xxh128("", 0, digest);
	hash_hex(digest, sizeof(digest), hex);
	assert_string_equal(hex, "99aa06d3014798d86001c324468d497f");
	assert_true(hash_xxh64("", 0) == UINT64_C(0x2d06800538d394c2));
}

static void pieces_give_the_digest_of_the_whole(void **state)
{
	char data[3000];
	uint8_t whole[XXH128_BYTES];
	uint8_t pieces[XXH128_BYTES];

	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (char)(i * 7);
	hash_xxh128(data, sizeof(data), whole);
	for (size_t step = 1; step < sizeof(data); step = step * 2 + 1) {
		struct hash128 *h = hash128_new();
		hash128_add(h, NULL, 0);
		for (size_t i = 0; i < sizeof(data); i += step) {
			size_t rest = sizeof(data) - i;
			hash128_add(h, data + i, rest < step ? rest : step);
		}
		hash128_end(h, pieces);
		hash128_free(h);
		assert_memory_equal(pieces, whole, XXH128_BYTES);
	}
	hash128_free(NULL);
}

static void expect_digest(struct hash256 *h, const char *data)
{
	uint8_t whole[SHA256_BYTES];
	uint8_t pieces[SHA256_BYTES];

	hash_sha256(data, strlen(data), whole);
	hash256_end(h, pieces);
	assert_memory_equal(pieces, whole, SHA256_BYTES);
}

static void a_copy_goes_on_by_itself_from_where_it_was_taken(void **state)
{
	struct hash256 *h = hash256_new();
	struct hash256 *kept = hash256_new();

	hash256_add(kept, "what it was before", 18);
	hash256_add(h, "one,", 4);
	hash256_copy(kept, h);
	hash256_add(h, "two", 3);
	expect_digest(h, "one,two");
	/* The original is put back to where the copy is, as often as it is wanted. */
	hash256_copy(h, kept);
	hash256_add(h, "three", 5);
	expect_digest(h, "one,three");
	hash256_copy(h, kept);
	expect_digest(h, "one,");
	hash256_add(kept, "four", 4);
	expect_digest(kept, "one,four");
	hash256_free(h);
	hash256_free(kept);
	hash256_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sha256_is_that_of_the_standard),
		cmocka_unit_test(key_is_base32_of_the_first_160_bits),
		cmocka_unit_test(xxh_is_the_canonical_one),
		cmocka_unit_test(pieces_give_the_digest_of_the_whole),
		cmocka_unit_test(a_copy_goes_on_by_itself_from_where_it_was_taken),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
