/* SPDX-License-Identifier: Apache-2.0 */
/* R: what an instance that is dead has left behind. */
#include "ledger/postgres/postgres.h"

/* Loose rows that the dead one held. What it only asked about is in doubt as it was: asking has no
 * effect that could still come. */
static int64_t pl_reap_loose(struct pl *q, int64_t dead, int64_t not_before_ms, int64_t now_ms)
{
	static const char probing[] = "UPDATE loose SET state = 3, owner = NULL, token = NULL,"
				      " updated = $2 WHERE owner = $1 AND state = 7";
	static const char sql[] =
		"UPDATE loose SET state = 3, owner = NULL, token = NULL, not_before = $2,"
		" quiet_until = $2, nos = 0, unclear = 0,"
		" err_class = $3, err = $4, fingerprint = '', updated = $5 WHERE owner = $1";

	if (pl_send(q, probing, PL_ARGS(PL_INT(dead), PL_INT(now_ms))) < 0)
		return PL_FAILED;
	return pl_change(q, sql,
			 PL_ARGS(PL_INT(dead), PL_INT(not_before_ms), PL_TEXT(RULE_OWNER_LOST),
				 PL_TEXT(RULE_OWNER_LOST_TEXT), PL_INT(now_ms)));
}

static int pl_reap_chunks(struct pl *q, struct ledger_txn *txn, const struct pl_burial *burial,
			  int64_t *ret_doubtful)
{
	static const char held[] =
		"SELECT c.id, s.effect FROM chunk AS c"
		" JOIN run_step AS s ON s.run_id = c.run_id AND s.step = c.step"
		" WHERE c.state = 1 AND c.owner = $1 ORDER BY c.id FOR UPDATE OF c";
	AUTO(pl_rows) PGresult *rows = pl_query(q, held, PL_ARGS(PL_INT(burial->dead)));

	if (rows == NULL)
		return PL_FAILED;
	for (int i = 0; i < PQntuples(rows); i++) {
		enum effect_class effect = (enum effect_class)pl_int(rows, i, 1);
		const struct pl_doubt doubt = {
			.chunk_id = pl_int(rows, i, 0),
			.only_started = rule_only_started(effect, burial->quarantine_us == 0),
			.not_before_ms = rule_ms_up(txn->now + burial->quarantine_us),
			.err_class = RULE_OWNER_LOST,
			.err = RULE_OWNER_LOST_TEXT,
			.now_ms = rule_ms(txn->now),
		};
		if (pl_doubt_chunk(q, &txn->arena, &doubt, ret_doubtful) < 0)
			return PL_FAILED;
	}
	return 0;
}

int pl_reap_now(struct pl *q, struct ledger_txn *txn, const struct pl_burial *burial,
		int64_t *ret_doubtful)
{
	static const char reaped[] = "UPDATE instance_ SET state = 4, ended_at = $2, reaped_by = $3"
				     " WHERE inc = $1 AND state IN (1, 2)";
	int64_t now_ms = rule_ms(txn->now);
	int64_t not_before_ms = rule_ms_up(txn->now + burial->quarantine_us);

	*ret_doubtful = 0;
	if (pl_reap_chunks(q, txn, burial, ret_doubtful) < 0)
		return PL_FAILED;
	int64_t loose = pl_reap_loose(q, burial->dead, not_before_ms, now_ms);
	if (loose < 0)
		return PL_FAILED;
	*ret_doubtful += loose;
	if (pl_instance_leave(q, burial->dead, not_before_ms) < 0 ||
	    pl_requests_lapse(q, 0, burial->dead, now_ms) < 0 ||
	    pl_send(q, reaped,
		    PL_ARGS(PL_INT(burial->dead), PL_INT(now_ms), PL_INT_OR_NULL(txn->inc))) < 0)
		return PL_FAILED;
	return pl_requests_settle(q, txn);
}

static int pl_reap_again(struct pl *q, const struct ledger_txn *txn, struct lop_reap *r)
{
	static const char sql[] =
		"SELECT 1 FROM instance_ WHERE inc = $1 AND state = 4 AND reaped_by = $2";
	int64_t one = 0;
	int rc = pl_number(q, sql, PL_ARGS(PL_INT(r->dead), PL_INT(txn->inc)), &one);

	r->ret_done = rc == 1;
	return rc < 0 ? PL_FAILED : 0;
}

/* Whatever an instance that hangs has open is ended, and with it the locks that it holds. */
static int pl_reap_sessions(struct pl *q, int64_t dead)
{
	static const char sql[] = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
				  " WHERE datname = current_database() AND pid <> pg_backend_pid()"
				  " AND application_name = 'stint/' || $1::bigint";

	return pl_send(q, sql, PL_ARGS(PL_INT(dead)));
}

int pl_reap(struct pl *q, struct ledger_txn *txn, struct ledger_op *op)
{
	/* Safety: FOR UPDATE waits for whatever the instance has under way, whose fence holds KEY
	 * SHARE; after it nothing of it passes. */
	static const char alive[] =
		"SELECT 1 FROM instance_ WHERE inc = $1 AND state IN (1, 2) AND beat = $2"
		" FOR UPDATE";
	static const char lock[] =
		"SELECT pg_try_advisory_xact_lock(1937010292, ($1::bigint)::int)::int";
	struct lop_reap *r = &op->u.reap;
	int64_t number = 0;

	if (q->is_replay)
		return pl_reap_again(q, txn, r);
	if (r->dead == txn->inc)
		return 0;
	if (r->is_hung && pl_reap_sessions(q, r->dead) < 0)
		return PL_FAILED;
	int rc = pl_number(q, alive, PL_ARGS(PL_INT(r->dead), PL_INT(r->beat)), &number);
	if (rc == 1 && !r->is_hung) {
		rc = pl_number(q, lock, PL_ARGS(PL_INT(r->dead)), &number);
		rc = rc == 1 ? (int)number : rc;
	}
	if (rc != 1)
		return rc < 0 ? PL_FAILED : 0;
	const struct pl_burial burial = {r->dead, r->quarantine_us};
	rc = pl_reap_now(q, txn, &burial, &r->ret_doubtful);
	r->ret_done = rc == 0;
	return rc;
}
