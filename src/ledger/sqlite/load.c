/* SPDX-License-Identifier: Apache-2.0 */
/* Loading: one loader at a time, guarded by its number and epoch; keys and contents known
 * before. */
#include <string.h>

#include "base/hash.h"
#include "ledger/sqlite/sqlite.h"

int sq_load_take(struct sq *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char take[] =
		"UPDATE run_step SET loader = ?2, loader_epoch = loader_epoch + 1"
		" WHERE run_id = ?1 AND step = ?3 AND coalesce(loader, ?2) = ?2"
		" AND EXISTS (SELECT 1 FROM run_ AS r WHERE r.id = ?1 AND r.state = 1"
		" AND r.step = ?3)";
	static const char read[] =
		"SELECT r.state, s.loader, s.loader_epoch, s.cursor, r.step FROM run_ AS r"
		" JOIN run_step AS s ON s.run_id = r.id AND s.step = ?2 WHERE r.id = ?1";
	struct lop_load_take *t = &op->u.load_take;
	int32_t step = rule_step(t->step);

	if (!q->is_replay &&
	    sq_change(q, take, SQ_ARGS(SQ_INT(t->run_id), SQ_INT(txn->inc), SQ_INT(step))) < 0)
		return SQ_FAILED;
	sqlite3_stmt *st = sq_query(q, read, SQ_ARGS(SQ_INT(t->run_id), SQ_INT(step)));
	int rc = sq_next(q, st);
	if (rc < 0)
		return rc;
	if (rc == 0)
		return sq_lost(txn, "there is no run %lld to load", (long long)t->run_id);
	t->ret_loader = sqlite3_column_int64(st, 1);
	t->ret_taken = sqlite3_column_int(st, 0) == RUN_LOADING &&
		       sqlite3_column_int(st, 4) == step && t->ret_loader == txn->inc;
	t->ret_epoch = sqlite3_column_int(st, 2);
	t->ret_cursor = sq_column_blob(&txn->arena, st, 3, &t->ret_cursor_len);
	sq_end(st);
	return 0;
}

static int sq_chunk_add(struct sq *q, const struct lop_load_put *p, int64_t first_item,
			const struct ledger_new_chunk *c)
{
	static const char chunk[] =
		"INSERT INTO chunk(run_id, step, first_item, n, tell, started, done, told, n_told)"
		" VALUES (?1, ?5, ?2, ?3, ?4, zeroblob((?3 + 7) / 8), zeroblob((?3 + 7) / 8),"
		" CASE WHEN ?4 THEN zeroblob((?3 + 7) / 8) ELSE stint_full(?3) END,"
		" CASE WHEN ?4 THEN 0 ELSE ?3 END)";
	static const char body[] =
		"INSERT INTO chunk_body(chunk_id, hash, body) VALUES (?1, ?2, ?3)";
	static const char keys[] = "INSERT INTO chunk_keys(chunk_id, keys) VALUES (?1, ?2)";
	static const char sums[] = "INSERT INTO chunk_sums(chunk_id, sums) VALUES (?1, ?2)";
	uint8_t hash[XXH128_BYTES];

	hash_xxh128(c->body, c->body_len, hash);
	if (sq_change(q, chunk,
		      SQ_ARGS(SQ_INT(p->run_id), SQ_INT(first_item), SQ_INT(c->n),
			      SQ_INT(c->tell ? 1 : 0), SQ_INT(rule_step(p->step)))) < 0)
		return SQ_FAILED;
	int64_t id = sqlite3_last_insert_rowid(q->db);
	if (sq_change(q, body,
		      SQ_ARGS(SQ_INT(id), SQ_BLOB(hash, sizeof(hash)),
			      SQ_BLOB(c->body, c->body_len))) < 0)
		return SQ_FAILED;
	if (c->keys != NULL && sq_change(q, keys, SQ_ARGS(SQ_INT(id), SQ_TEXT(c->keys))) < 0)
		return SQ_FAILED;
	return c->sums == NULL ? 0 : sq_change(q, sums, SQ_ARGS(SQ_INT(id), SQ_TEXT(c->sums)));
}

static int sq_reject_add(struct sq *q, const struct lop_load_put *p, const struct ledger_reject *r)
{
	static const char sql[] =
		"INSERT INTO reject_(run_id, step, path, line, column_, offset, reason, key,"
		" is_cut, raw) VALUES (?1, ?10, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";

	return sq_change(q, sql,
			 SQ_ARGS(SQ_INT(p->run_id), SQ_TEXT(r->path == NULL ? "" : r->path),
				 SQ_INT(r->line), SQ_INT(r->column), SQ_INT(r->offset),
				 SQ_TEXT(r->reason == NULL ? "" : r->reason), SQ_TEXT(r->key),
				 SQ_INT(r->is_cut ? 1 : 0), SQ_BLOB(r->raw, r->raw_len),
				 SQ_INT(rule_step(p->step))));
}

/* Guards by loader and epoch, moves cursor and counters; gives the number of the first new item. */
static int sq_load_guard(struct sq *q, struct ledger_txn *txn, const struct lop_load_put *p,
			 int64_t n_items, int64_t *ret_first)
{
	static const char sql[] =
		"UPDATE run_step SET n_items = n_items + ?4, n_read = n_read + ?5,"
		" n_filtered = n_filtered + ?6, n_rejected = n_rejected + ?7,"
		" n_held_back = n_held_back + ?8, cursor = ?9"
		" WHERE run_id = ?1 AND step = ?10 AND state = 1 AND loader = ?2"
		" AND loader_epoch = ?3 RETURNING first_item + n_items - ?4";
	static const char sum[] =
		"UPDATE run_ SET n_items = n_items + ?2, n_read = n_read + ?3,"
		" n_filtered = n_filtered + ?4, n_rejected = n_rejected + ?5,"
		" n_held_back = n_held_back + ?6 WHERE id = ?1 AND state IN (1, 2)";
	int rc = sq_number(q, sql,
			   SQ_ARGS(SQ_INT(p->run_id), SQ_INT(txn->inc), SQ_INT(p->epoch),
				   SQ_INT(n_items), SQ_INT(p->add_read), SQ_INT(p->add_filtered),
				   SQ_INT((int64_t)p->n_rejects), SQ_INT(p->add_held_back),
				   SQ_BLOB(p->cursor, p->cursor_len), SQ_INT(rule_step(p->step))),
			   ret_first);
	if (rc == 1)
		rc = sq_change(q, sum,
			       SQ_ARGS(SQ_INT(p->run_id), SQ_INT(n_items), SQ_INT(p->add_read),
				       SQ_INT(p->add_filtered), SQ_INT((int64_t)p->n_rejects),
				       SQ_INT(p->add_held_back)));

	if (rc == 0)
		return sq_lost(txn, "run %lld is not loaded by instance %lld any more",
			       (long long)p->run_id, (long long)txn->inc);
	return rc < 0 ? rc : 0;
}

int sq_load_put(struct sq *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char run_sums[] = "INSERT INTO run_sums(run_id, sums) VALUES (?1, ?2)"
				       " ON CONFLICT (run_id) DO UPDATE SET sums = excluded.sums";
	const struct lop_load_put *p = &op->u.load_put;
	int64_t n_items = 0;
	int64_t first = 0;

	for (size_t i = 0; i < p->n_chunks; i++)
		n_items += p->chunks[i].n;
	int rc = sq_load_guard(q, txn, p, n_items, &first);
	if (rc != 0)
		return rc;
	for (size_t i = 0; i < p->n_chunks; i++) {
		if (sq_chunk_add(q, p, first, &p->chunks[i]) < 0)
			return SQ_FAILED;
		first += p->chunks[i].n;
	}
	for (size_t i = 0; i < p->n_rejects; i++)
		if (sq_reject_add(q, p, &p->rejects[i]) < 0)
			return SQ_FAILED;
	if (p->sums != NULL &&
	    sq_change(q, run_sums, SQ_ARGS(SQ_INT(p->run_id), SQ_TEXT(p->sums))) < 0)
		return SQ_FAILED;
	return sq_inbox_take(q, txn, &p->inbox);
}

int sq_load_open(struct sq *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char sql[] =
		"UPDATE run_step SET state = 2, loader = NULL WHERE run_id = ?1 AND step = ?4"
		" AND state = 1 AND loader = ?2 AND loader_epoch = ?3";
	static const char run[] =
		"UPDATE run_ SET state = CASE WHEN step = ?2 THEN 2 ELSE state END, was_open = 1"
		" WHERE id = ?1 AND state IN (1, 2)";
	const struct lop_load_open *o = &op->u.load_open;
	int32_t step = rule_step(o->step);
	int rc = sq_change(
		q, sql,
		SQ_ARGS(SQ_INT(o->run_id), SQ_INT(txn->inc), SQ_INT(o->epoch), SQ_INT(step)));

	if (rc == 1)
		rc = sq_change(q, run, SQ_ARGS(SQ_INT(o->run_id), SQ_INT(step)));

	if (rc == 0)
		return sq_lost(txn, "run %lld is not loaded by instance %lld any more",
			       (long long)o->run_id, (long long)txn->inc);
	return rc < 0 ? rc : 0;
}

/* ---- keys ---- */

/* The first half of the SHA-256: nobody can make two keys that look alike. */
enum { SEEN_HASH_BYTES = 16 };

static struct sq_value sq_seen_hash(const char *key, int32_t step, uint8_t digest[SHA256_BYTES])
{
	uint8_t of_step[SHA256_BYTES + 1];

	hash_sha256(key, strlen(key), digest);
	if (step > 1) { /* done in one step is not done in another */
		memcpy(of_step, digest, SHA256_BYTES);
		of_step[SHA256_BYTES] = (uint8_t)step;
		hash_sha256(of_step, sizeof(of_step), digest);
	}
	return SQ_BLOB(digest, SEEN_HASH_BYTES);
}

int sq_seen_put(struct sq *q, const struct sq_seen *seen, int64_t now_ms)
{
	static const char sql[] =
		"INSERT INTO seen_key(job, hash, at) SELECT job, ?2, ?3 FROM run_ WHERE id = ?1"
		" ON CONFLICT (job, hash) DO UPDATE SET at = excluded.at";
	uint8_t digest[SHA256_BYTES];
	const struct sq_value hash = sq_seen_hash(seen->key, seen->step, digest);

	return sq_change(q, sql, SQ_ARGS(SQ_INT(seen->run_id), hash, SQ_INT(now_ms))) < 0
		       ? SQ_FAILED
		       : 0;
}

/* Which keys may be open in earlier runs. Hardly any are, as a rule, and then those of a million
 * items need not be looked for one by one. */
enum { SIEVE_BITS = 8192 };

struct sq_sieve {
	int n; /* of all open keys in the ledger that were looked at */
	bool is_empty;
	uint8_t bits[BITS_BYTES(SIEVE_BITS)];
};

static size_t sq_sieve_place(const char *key)
{
	return (size_t)(hash_xxh64(key, strlen(key)) % SIEVE_BITS);
}

static int sq_sieve_fill(struct sq *q, const struct lop_keys_find *f, struct sq_sieve *sieve)
{
	static const char sql[] = "SELECT l.key, r.job = ?1 AND r.id < ?2 AND l.step = ?4"
				  " FROM (SELECT key, run_id, step FROM loose INDEXED BY loose_open"
				  " WHERE key IS NOT NULL AND state IN (1, 2, 3, 7, 8)"
				  " LIMIT ?3) AS l CROSS JOIN run_ AS r WHERE r.id = l.run_id";
	sqlite3_stmt *st = sq_query(q, sql,
				    SQ_ARGS(SQ_TEXT(f->job), SQ_INT(f->run_id),
					    SQ_INT(LEDGER_FEW_OPEN + 1),
					    SQ_INT(rule_step(f->step))));
	int rc = 0;

	sieve->is_empty = true;
	for (; (rc = sq_next(q, st)) == 1; sieve->n++) {
		const char *key = (const char *)sqlite3_column_text(st, 0);
		if (sqlite3_column_int(st, 1) == 0)
			continue;
		if (key == NULL) {
			sq_end(st);
			return sq_fail(q, SQLITE_NOMEM);
		}
		sieve->is_empty = false;
		bits_set(sieve->bits, sq_sieve_place(key));
	}
	return rc;
}

static bool sq_sieve_is_complete(const struct sq_sieve *sieve)
{
	return sieve->n <= LEDGER_FEW_OPEN;
}

static bool sq_sieve_may_have(const struct sq_sieve *sieve, const char *key)
{
	return !sq_sieve_is_complete(sieve) || bits_get(sieve->bits, sq_sieve_place(key));
}

int sq_keys_find(struct sq *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char is_open[] =
		"SELECT 1 FROM loose AS l INDEXED BY loose_open JOIN run_ AS r ON r.id = l.run_id"
		" WHERE l.key = ?1 AND l.state IN (1, 2, 3, 7, 8) AND l.run_id < ?2 AND r.job = ?3"
		" AND l.step = ?4 LIMIT 1";
	static const char was_seen[] =
		"SELECT 1 FROM seen_key WHERE job = ?1 AND hash = ?2 AND at >= ?3";
	struct lop_keys_find *f = &op->u.keys_find;
	uint8_t *open = arena_alloc(&txn->arena, BITS_BYTES(f->n));
	uint8_t *seen = arena_alloc(&txn->arena, BITS_BYTES(f->n));
	struct sq_sieve sieve = {0};
	int64_t one = 0;
	int rc = sq_sieve_fill(q, f, &sieve);

	for (size_t i = 0; i < f->n && rc >= 0; i++) {
		uint8_t digest[SHA256_BYTES];
		rc = 0;
		if (sq_sieve_may_have(&sieve, f->keys[i]))
			rc = sq_number(q, is_open,
				       SQ_ARGS(SQ_TEXT(f->keys[i]), SQ_INT(f->run_id),
					       SQ_TEXT(f->job), SQ_INT(rule_step(f->step))),
				       &one);
		if (rc == 1)
			bits_set(open, i);
		if (rc < 0 || !f->seen)
			continue;
		const struct sq_value hash = sq_seen_hash(f->keys[i], rule_step(f->step), digest);
		rc = sq_number(q, was_seen,
			       SQ_ARGS(SQ_TEXT(f->job), hash, SQ_INT(rule_ms(f->seen_since))),
			       &one);
		if (rc == 1)
			bits_set(seen, i);
	}
	f->ret_open = open;
	f->ret_seen = seen;
	f->ret_none_open = sieve.is_empty && sq_sieve_is_complete(&sieve);
	return rc < 0 ? rc : 0;
}

int sq_content_find(struct sq *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char find[] =
		"SELECT r.name FROM content AS c JOIN run_ AS r ON r.id = c.run_id"
		" WHERE c.job = ?1 AND c.digest = ?2 AND c.run_id <> ?3 AND r.state <> 5"
		" AND (r.state <> 6 OR r.was_open) ORDER BY c.run_id LIMIT 1";
	static const char remember[] =
		"INSERT INTO content(job, digest, run_id, path)"
		" SELECT job, ?1, id, ?3 FROM run_ WHERE id = ?2 ON CONFLICT DO NOTHING";
	struct lop_content_find *f = &op->u.content_find;
	const struct sq_value digest = SQ_BLOB(f->digest, f->digest_len);
	enum run_state state = RUN_LOADING;
	int rc = sq_run_state(q, f->run_id, &state);

	if (rc == 0)
		return sq_lost(txn, "there is no run %lld to read for", (long long)f->run_id);
	if (rc < 0)
		return rc;
	sqlite3_stmt *st = sq_query(q, find, SQ_ARGS(SQ_TEXT(f->job), digest, SQ_INT(f->run_id)));
	rc = sq_next(q, st);
	if (rc < 0)
		return rc;
	if (rc == 1) {
		f->ret_run = sq_column_text(&txn->arena, st, 0);
		sq_end(st);
	}
	if (q->is_replay)
		return 0;
	return sq_change(q, remember,
			 SQ_ARGS(digest, SQ_INT(f->run_id),
				 SQ_TEXT(f->path == NULL ? "" : f->path))) < 0
		       ? SQ_FAILED
		       : 0;
}
