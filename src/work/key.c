/* SPDX-License-Identifier: Apache-2.0 */
#include "work/key.h"

#include <assert.h>
#include <string.h>

#include "base/buf.h"

enum { UUID_BYTES = 16, FIXED_BYTES = 64 /* more than everything but the two texts */ };

static const char KEY_DOMAIN[] = "stint1";

static void put_be(struct buf *b, uint64_t value, size_t bytes)
{
	for (size_t i = bytes; i-- > 0;)
		buf_put_u8(b, (uint8_t)(value >> (8 * i)));
}

static void put_text(struct buf *b, const char *text, size_t len)
{
	put_be(b, len, sizeof(uint32_t));
	buf_put(b, text, len);
}

void work_key_format(const struct work_key *k, char out[ITEM_KEY_CHARS + 1])
{
	assert(k != NULL && k->ledger_uuid != NULL && out != NULL);
	assert(k->job == NULL || k->key != NULL);
	size_t job_len = k->job == NULL ? 0 : strlen(k->job);
	AUTO(buf) struct buf b = BUF_INIT(FIXED_BYTES + job_len + k->key_len);
	uint8_t digest[SHA256_BYTES] = {0};

	buf_put(&b, KEY_DOMAIN, sizeof(KEY_DOMAIN) - 1);
	buf_put(&b, k->ledger_uuid, UUID_BYTES);
	if (k->job != NULL) {
		put_text(&b, k->job, job_len);
		put_text(&b, k->key, k->key_len);
	} else {
		put_be(&b, (uint64_t)k->run_id, sizeof(uint64_t));
		put_be(&b, (uint64_t)k->item, sizeof(uint64_t));
	}
	put_be(&b, 0, sizeof(uint32_t)); /* effect */
	put_be(&b, (uint32_t)k->redo, sizeof(uint32_t));
	assert(!b.failed);
	hash_sha256(b.data, b.len, digest);
	hash_base32_160(digest, out);
}
