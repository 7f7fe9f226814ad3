/* SPDX-License-Identifier: Apache-2.0 */
#include "work/key.h"

#include <assert.h>
#include <string.h>

#include "base/buf.h"

enum {
	UUID_BYTES = 16,
	HEAD_BYTES = 6 + UUID_BYTES,
	TAIL_BYTES = 2 * sizeof(uint32_t),
	PLACE_BYTES = 2 * sizeof(uint64_t),
};

static const char KEY_DOMAIN[] = "stint1";

static uint8_t *put_be(uint8_t *at, uint64_t value, size_t bytes)
{
	for (size_t i = bytes; i-- > 0;)
		*at++ = (uint8_t)(value >> (8 * i));
	return at;
}

static void put_text(struct buf *b, const char *text, size_t len)
{
	uint8_t length[sizeof(uint32_t)];

	(void)put_be(length, len, sizeof(length));
	buf_put(b, length, sizeof(length));
	buf_put(b, text, len);
}

/* By run and item: of a fixed size, and made for every item, so nothing is allocated. */
static void digest_of_place(const struct work_key *k, const uint8_t *head, const uint8_t *tail,
			    uint8_t *digest)
{
	uint8_t all[HEAD_BYTES + PLACE_BYTES + TAIL_BYTES];
	uint8_t *at = all + HEAD_BYTES;

	memcpy(all, head, HEAD_BYTES);
	at = put_be(at, (uint64_t)k->run_id, sizeof(uint64_t));
	at = put_be(at, (uint64_t)k->item, sizeof(uint64_t));
	memcpy(at, tail, TAIL_BYTES);
	hash_sha256(all, sizeof(all), digest);
}

static void digest_of_key(const struct work_key *k, const uint8_t *head, const uint8_t *tail,
			  uint8_t *digest)
{
	size_t job_len = strlen(k->job);
	AUTO(buf)
	struct buf b = BUF_INIT(HEAD_BYTES + PLACE_BYTES + TAIL_BYTES + job_len + k->key_len);

	buf_put(&b, head, HEAD_BYTES);
	put_text(&b, k->job, job_len);
	put_text(&b, k->key, k->key_len);
	buf_put(&b, tail, TAIL_BYTES);
	assert(!b.failed);
	hash_sha256(b.data, b.len, digest);
}

void work_key_format(const struct work_key *k, char out[ITEM_KEY_CHARS + 1])
{
	assert(k != NULL && k->ledger_uuid != NULL && out != NULL);
	assert(k->job == NULL || k->key != NULL);
	uint8_t head[HEAD_BYTES];
	uint8_t tail[TAIL_BYTES];
	uint8_t digest[SHA256_BYTES] = {0};

	memcpy(head, KEY_DOMAIN, HEAD_BYTES - UUID_BYTES);
	memcpy(head + HEAD_BYTES - UUID_BYTES, k->ledger_uuid, UUID_BYTES);
	(void)put_be(put_be(tail, k->effect, sizeof(uint32_t)), (uint32_t)k->redo,
		     sizeof(uint32_t));
	if (k->job != NULL)
		digest_of_key(k, head, tail, digest);
	else
		digest_of_place(k, head, tail, digest);
	hash_base32_160(digest, out);
}
