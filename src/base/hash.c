/* SPDX-License-Identifier: Apache-2.0 */
#include "base/hash.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include <nettle/sha2.h>
#include <xxhash.h>

#include "base/mem.h"

enum { BASE32_GROUP_BYTES = 5, BASE32_GROUP_CHARS = 8, KEY_DIGEST_BYTES = 20 };

static_assert(SHA256_BYTES == SHA256_DIGEST_SIZE, "nettle and hash.h agree");
static_assert(XXH128_BYTES == sizeof(XXH128_canonical_t), "xxhash and hash.h agree");
static_assert(KEY_DIGEST_BYTES * 8 == ITEM_KEY_CHARS * 5, "a key has no padding");

struct hash128 {
	XXH3_state_t *state;
};

struct hash256 {
	struct sha256_ctx ctx;
};

/* The digest in its canonical, big-endian form: the same on every machine. */
static void hash_store128(XXH128_hash_t hash, uint8_t out[XXH128_BYTES])
{
	XXH128_canonical_t canonical;

	XXH128_canonicalFromHash(&canonical, hash);
	memcpy(out, canonical.digest, XXH128_BYTES);
}

void hash_sha256(const void *data, size_t len, uint8_t out[SHA256_BYTES])
{
	struct sha256_ctx ctx;

	assert(data != NULL || len == 0);
	sha256_init(&ctx);
	sha256_update(&ctx, len, data);
	sha256_digest(&ctx, SHA256_BYTES, out);
}

void hash_xxh128(const void *data, size_t len, uint8_t out[XXH128_BYTES])
{
	assert(data != NULL || len == 0);
	hash_store128(XXH3_128bits(data, len), out);
}

uint64_t hash_xxh64(const void *data, size_t len)
{
	assert(data != NULL || len == 0);
	return XXH3_64bits(data, len);
}

struct hash128 *hash128_new(void)
{
	struct hash128 *h = xnew(struct hash128);

	h->state = XXH3_createState();
	assert(h->state != NULL); /* half a kilobyte; as xcalloc */
	XXH_errorcode rc = XXH3_128bits_reset(h->state);
	assert(rc == XXH_OK);
	return h;
}

void hash128_add(struct hash128 *h, const void *data, size_t len)
{
	assert(h != NULL && (data != NULL || len == 0));
	if (len == 0)
		return;
	XXH_errorcode rc = XXH3_128bits_update(h->state, data, len);
	assert(rc == XXH_OK);
}

void hash128_end(struct hash128 *h, uint8_t out[XXH128_BYTES])
{
	assert(h != NULL);
	hash_store128(XXH3_128bits_digest(h->state), out);
}

void hash128_free(struct hash128 *h)
{
	if (h == NULL)
		return;
	(void)XXH3_freeState(h->state); /* always XXH_OK */
	free(h);
}

struct hash256 *hash256_new(void)
{
	struct hash256 *h = xnew(struct hash256);

	sha256_init(&h->ctx);
	return h;
}

void hash256_copy(struct hash256 *h, const struct hash256 *from)
{
	assert(h != NULL && from != NULL);
	*h = *from;
}

void hash256_add(struct hash256 *h, const void *data, size_t len)
{
	assert(h != NULL && (data != NULL || len == 0));
	sha256_update(&h->ctx, len, data);
}

void hash256_end(struct hash256 *h, uint8_t out[SHA256_BYTES])
{
	assert(h != NULL);
	sha256_digest(&h->ctx, SHA256_BYTES, out);
}

void hash256_free(struct hash256 *h)
{
	free(h);
}

void hash_hex(const uint8_t *digest, size_t len, char *out)
{
	static const char digits[] = "0123456789abcdef";

	assert(digest != NULL && out != NULL);
	for (size_t i = 0; i < len; i++) {
		out[2 * i] = digits[digest[i] >> 4];
		out[2 * i + 1] = digits[digest[i] & 15];
	}
	out[2 * len] = '\0';
}

void hash_base32_160(const uint8_t digest[SHA256_BYTES], char out[ITEM_KEY_CHARS + 1])
{
	static const char alphabet[] = "abcdefghijklmnopqrstuvwxyz234567";

	assert(digest != NULL && out != NULL);
	for (size_t group = 0; group < KEY_DIGEST_BYTES / BASE32_GROUP_BYTES; group++) {
		uint64_t bits = 0;
		for (size_t i = 0; i < BASE32_GROUP_BYTES; i++)
			bits = bits << 8 | digest[group * BASE32_GROUP_BYTES + i];
		for (size_t i = 0; i < BASE32_GROUP_CHARS; i++)
			out[group * BASE32_GROUP_CHARS + i] = alphabet[(bits >> (35 - 5 * i)) & 31];
	}
	out[ITEM_KEY_CHARS] = '\0';
}
