/* SPDX-License-Identifier: Apache-2.0 */
/* Keys that are open or were done, and contents that were read before. */
#include <string.h>

#include "base/buf.h"
#include "base/hash.h"
#include "base/json.h"
#include "base/mem.h"
#include "ledger/postgres/postgres.h"

/* The first half of the SHA-256: nobody can make two keys that look alike. */
enum { SEEN_HASH_BYTES = 16, KEYS_JSON_MAX = 64 << 20, SIEVE_BITS = 8192 };

static void pl_seen_hash(const char *key, int32_t step, uint8_t out[SEEN_HASH_BYTES])
{
	uint8_t digest[SHA256_BYTES];
	uint8_t of_step[SHA256_BYTES + 1];

	hash_sha256(key, strlen(key), digest);
	if (step > 1) { /* done in one step is not done in another */
		memcpy(of_step, digest, SHA256_BYTES);
		of_step[SHA256_BYTES] = (uint8_t)step;
		hash_sha256(of_step, sizeof(of_step), digest);
	}
	memcpy(out, digest, SEEN_HASH_BYTES);
}

int pl_seen_put(struct pl *q, const struct pl_seen *seen, int64_t now_ms)
{
	static const char sql[] =
		"INSERT INTO seen_key(job, hash, at) SELECT job, $2, $3 FROM run_ WHERE id = $1"
		" ON CONFLICT (job, hash) DO UPDATE SET at = excluded.at";
	uint8_t hash[SEEN_HASH_BYTES];

	pl_seen_hash(seen->key, seen->step, hash);
	return pl_send(q, sql,
		       PL_ARGS(PL_INT(seen->run_id), PL_BLOB(hash, sizeof(hash)), PL_INT(now_ms)));
}

/* ---- which keys are open ---- */

/* Which keys may be open in earlier runs. Hardly any are, as a rule, and then those of a million
 * items need not be looked for one by one. */
struct pl_sieve {
	int n; /* of all open keys in the ledger that were looked at */
	bool is_empty;
	uint8_t bits[BITS_BYTES(SIEVE_BITS)];
};

static size_t pl_sieve_place(const char *key)
{
	return (size_t)(hash_xxh64(key, strlen(key)) % SIEVE_BITS);
}

static int pl_sieve_fill(struct pl *q, struct arena *a, const struct lop_keys_find *f,
			 struct pl_sieve *sieve)
{
	static const char sql[] =
		"SELECT l.key, r.job = $1 AND r.id < $2 AND l.step = $4"
		" FROM (SELECT key, run_id, step FROM loose"
		" WHERE key IS NOT NULL AND state IN (1, 2, 3, 7, 8) LIMIT $3) AS l"
		" JOIN run_ AS r ON r.id = l.run_id";
	AUTO(pl_rows)
	PGresult *rows = pl_query(q, sql,
				  PL_ARGS(PL_TEXT(f->job), PL_INT(f->run_id),
					  PL_INT(LEDGER_FEW_OPEN + 1), PL_INT(rule_step(f->step))));

	if (rows == NULL)
		return PL_FAILED;
	sieve->is_empty = true;
	sieve->n = PQntuples(rows);
	for (int i = 0; i < sieve->n; i++) {
		if (pl_int(rows, i, 1) == 0)
			continue;
		sieve->is_empty = false;
		bits_set(sieve->bits, pl_sieve_place(pl_text(a, rows, i, 0)));
	}
	return 0;
}

static bool pl_sieve_is_complete(const struct pl_sieve *sieve)
{
	return sieve->n <= LEDGER_FEW_OPEN;
}

/* The keys that fall through the sieve, as JSON, and where they stand in the list. */
static size_t pl_sieve_pass(const struct pl_sieve *sieve, const struct lop_keys_find *f,
			    size_t *places, struct buf *json)
{
	size_t n = 0;

	for (size_t i = 0; i < f->n; i++) {
		if (pl_sieve_is_complete(sieve) &&
		    !bits_get(sieve->bits, pl_sieve_place(f->keys[i])))
			continue;
		buf_putc(json, n == 0 ? '[' : ',');
		json_put_string(json, f->keys[i], strlen(f->keys[i]));
		places[n++] = i;
	}
	buf_putc(json, ']');
	return n;
}

static int pl_find_open(struct pl *q, struct arena *a, const struct lop_keys_find *f,
			const struct pl_sieve *sieve, uint8_t *open)
{
	static const char sql[] =
		"SELECT k.i - 1 FROM json_array_elements_text($1::json) WITH ORDINALITY"
		" AS k(key, i) WHERE EXISTS (SELECT 1 FROM loose AS l"
		" JOIN run_ AS r ON r.id = l.run_id WHERE l.key = k.key"
		" AND l.state IN (1, 2, 3, 7, 8) AND l.run_id < $2 AND r.job = $3"
		" AND l.step = $4)";
	AUTO(buf) struct buf json = BUF_INIT(KEYS_JSON_MAX);
	size_t *places = arena_alloc(a, f->n * sizeof(*places));
	size_t n = pl_sieve_pass(sieve, f, places, &json);

	if (n == 0)
		return 0;
	if (json.failed)
		return pl_fail_text(q, "54000", "too many keys are looked for at once");
	AUTO(pl_rows)
	PGresult *rows = pl_query(q, sql,
				  PL_ARGS(PL_TEXT(buf_str(&json)), PL_INT(f->run_id),
					  PL_TEXT(f->job), PL_INT(rule_step(f->step))));
	if (rows == NULL)
		return PL_FAILED;
	for (int i = 0; i < PQntuples(rows); i++)
		bits_set(open, places[pl_int(rows, i, 0)]);
	return 0;
}

static int pl_find_seen(struct pl *q, struct arena *a, const struct lop_keys_find *f, uint8_t *seen)
{
	static const char sql[] =
		"SELECT i FROM generate_series(0, $2 - 1) AS i WHERE EXISTS (SELECT 1 FROM seen_key"
		" WHERE job = $3 AND hash = substr($1, (i * 16 + 1)::int, 16) AND at >= $4)";
	uint8_t *hashes = arena_alloc(a, f->n * SEEN_HASH_BYTES + 1);

	for (size_t i = 0; i < f->n; i++)
		pl_seen_hash(f->keys[i], rule_step(f->step), hashes + i * SEEN_HASH_BYTES);
	AUTO(pl_rows)
	PGresult *rows = pl_query(q, sql,
				  PL_ARGS(PL_BLOB(hashes, f->n * SEEN_HASH_BYTES),
					  PL_INT((int64_t)f->n), PL_TEXT(f->job),
					  PL_INT(rule_ms(f->seen_since))));
	if (rows == NULL)
		return PL_FAILED;
	for (int i = 0; i < PQntuples(rows); i++)
		bits_set(seen, (size_t)pl_int(rows, i, 0));
	return 0;
}

int pl_keys_find(struct pl *q, struct ledger_txn *txn, struct ledger_op *op)
{
	struct lop_keys_find *f = &op->u.keys_find;
	uint8_t *open = arena_alloc(&txn->arena, BITS_BYTES(f->n));
	uint8_t *seen = arena_alloc(&txn->arena, BITS_BYTES(f->n));
	struct pl_sieve sieve = {0};

	if (pl_sieve_fill(q, &txn->arena, f, &sieve) < 0 ||
	    pl_find_open(q, &txn->arena, f, &sieve, open) < 0)
		return PL_FAILED;
	if (f->seen && pl_find_seen(q, &txn->arena, f, seen) < 0)
		return PL_FAILED;
	f->ret_open = open;
	f->ret_seen = seen;
	f->ret_none_open = sieve.is_empty && pl_sieve_is_complete(&sieve);
	return 0;
}

/* ---- contents ---- */

int pl_content_find(struct pl *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char lock[] = "SELECT pg_advisory_xact_lock(1937010292, -2)::text";
	static const char find[] =
		"SELECT r.name FROM content AS c JOIN run_ AS r ON r.id = c.run_id"
		" WHERE c.job = $1 AND c.digest = $2 AND c.run_id <> $3 AND r.state <> 5"
		" AND (r.state <> 6 OR r.was_open <> 0) ORDER BY c.run_id LIMIT 1";
	static const char remember[] =
		"INSERT INTO content(job, digest, run_id, path)"
		" SELECT job, $1, id, $3 FROM run_ WHERE id = $2 ON CONFLICT DO NOTHING";
	struct lop_content_find *f = &op->u.content_find;
	const struct pl_value digest = PL_BLOB(f->digest, f->digest_len);
	enum run_state state = RUN_LOADING;
	int rc = pl_run_state(q, f->run_id, &state);

	if (rc == 0)
		return pl_lost(txn, "there is no run %lld to read for", (long long)f->run_id);
	if (rc < 0)
		return PL_FAILED;
	/* Two runs that load the same file at the same time must not both find it new. */
	if (!q->is_replay && pl_send(q, lock, PL_NO_ARGS) < 0)
		return PL_FAILED;
	AUTO(pl_rows)
	PGresult *rows = pl_query(q, find, PL_ARGS(PL_TEXT(f->job), digest, PL_INT(f->run_id)));
	if (rows == NULL)
		return PL_FAILED;
	if (PQntuples(rows) == 1)
		f->ret_run = pl_text(&txn->arena, rows, 0, 0);
	if (q->is_replay)
		return 0;
	return pl_send(q, remember,
		       PL_ARGS(digest, PL_INT(f->run_id), PL_TEXT(pl_or_empty(f->path))));
}
