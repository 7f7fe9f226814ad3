/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Digests. SHA-256 (FIPS 180-4, by nettle) where a key or a content is named for good; XXH3-128 (by
 * libxxhash) where a change must be noticed fast and nobody attacks.
 */
#ifndef STINT_BASE_HASH_H
#define STINT_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

enum { SHA256_BYTES = 32, XXH128_BYTES = 16, ITEM_KEY_CHARS = 32 };

void hash_sha256(const void *data, size_t len, uint8_t out[SHA256_BYTES]);
void hash_xxh128(const void *data, size_t len, uint8_t out[XXH128_BYTES]);
uint64_t hash_xxh64(const void *data, size_t len);

/* A digest over data that comes in pieces. hash_new() gives, hash_free() frees. */
struct hash128;
struct hash128 *hash128_new(void);
void hash128_add(struct hash128 *h, const void *data, size_t len);
void hash128_end(struct hash128 *h, uint8_t out[XXH128_BYTES]);
void hash128_free(struct hash128 *h);

/* The same for SHA-256. hash256_new() gives, hash256_free() frees. */
struct hash256;
struct hash256 *hash256_new(void);
void hash256_copy(struct hash256 *h, const struct hash256 *from);
void hash256_add(struct hash256 *h, const void *data, size_t len);
void hash256_end(struct hash256 *h, uint8_t out[SHA256_BYTES]);
void hash256_free(struct hash256 *h);

/* Lower-case hexadecimal, `2 * len` characters and a '\0'. */
void hash_hex(const uint8_t *digest, size_t len, char *out);

/* RFC 4648 base32, lower case, without padding, of the first 20 bytes of a SHA-256: 32 characters
 * and a '\0'. What an item's idempotency key is made of. */
void hash_base32_160(const uint8_t digest[SHA256_BYTES], char out[ITEM_KEY_CHARS + 1]);

#endif
