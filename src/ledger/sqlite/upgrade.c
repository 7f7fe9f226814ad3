/* SPDX-License-Identifier: Apache-2.0 */
/* `ledger upgrade` and `ledger restored`. */
#include "ledger/sqlite/sqlite.h"

int sq_upgrade(struct ledger *ledger, int *ret_from, int *ret_to, struct err *err)
{
	struct sq *q = sq_of(ledger);
	int from = 0;
	int rc = sq_schema_find(q, &from, err);

	if (rc == 0)
		rc = sq_gate_take(&q->locks, err);
	if (rc < 0)
		return rc;
	rc = sq_schema_upgrade(q, &sq_schema, err);
	sq_gate_give(&q->locks);
	if (rc < 0)
		return rc;
	*ret_from = from;
	*ret_to = q->base.schema_version = sq_schema_newest(&sq_schema);
	return 0;
}

/* ---- restored ---- */

/* The ids that were given out after the backup are never given out again: idempotency keys are made
 * of them, and a target would take new items for old ones. */
static int sq_skip_ids(struct sq *q)
{
	static const char ids[] = "UPDATE sqlite_sequence SET seq = seq + 1000000";
	static const char generation[] =
		"UPDATE meta SET value = value + 1 WHERE name = 'generation'";

	return sq_change(q, ids, SQ_NO_ARGS) < 0 || sq_change(q, generation, SQ_NO_ARGS) < 0
		       ? SQ_FAILED
		       : 0;
}

static int sq_ids(struct sq *q, const char *sql, const struct sq_value *values, size_t n,
		  struct sq_rows *ids)
{
	sqlite3_stmt *st = sq_query(q, sql, values, n);
	int rc = 0;

	while ((rc = sq_next(q, st)) == 1) {
		int64_t *id = sq_rows_add(ids);
		*id = sqlite3_column_int64(st, 0);
	}
	return rc;
}

/* Instances that were alive when the backup was made are dead in this ledger. */
static int sq_restore_instances(struct sq *q, struct ledger_txn *txn, int64_t *doubtful)
{
	static const char alive[] = "SELECT inc FROM instance_ WHERE state IN (1, 2) ORDER BY inc";
	struct sq_rows ids = {.arena = &txn->arena, .size = sizeof(int64_t)};
	int rc = sq_ids(q, alive, SQ_NO_ARGS, &ids);
	const int64_t *incs = (const int64_t *)(const void *)ids.at;

	for (size_t i = 0; i < ids.n && rc == 0; i++) {
		int64_t more = 0;
		rc = sq_reap_now(q, txn, incs[i], 0, &more);
		*doubtful += more;
	}
	return rc;
}

/* What a once run may have done since the backup goes into doubt: retries, and all that is open in
 * chunks. A run that was loading may have gone on with items that the ledger has never seen: it is
 * given up. */
static int sq_restore_runs(struct sq *q, struct ledger_txn *txn, int64_t *doubtful)
{
	static const char loading[] =
		"UPDATE run_ SET state = 5, reason = ?1, ended_at = ?2"
		" WHERE state IN (1, 2, 3, 6) AND EXISTS (SELECT 1 FROM run_step AS s"
		" WHERE s.run_id = run_.id AND s.step = run_.step AND s.effect = 4"
		" AND s.state = 1)";
	static const char retries[] =
		"UPDATE loose SET state = 3, not_before = ?1, quiet_until = ?1, updated = ?1,"
		" err_class = 'restored',"
		" err = ?2 WHERE state = 1 AND (run_id, step) IN"
		" (SELECT r.id, s.step FROM run_ AS r JOIN run_step AS s ON s.run_id = r.id"
		" WHERE s.effect = 4 AND r.state IN (1, 2, 3, 6))";
	static const char chunks[] =
		"SELECT c.id FROM chunk AS c JOIN run_ AS r ON r.id = c.run_id"
		" JOIN run_step AS s ON s.run_id = r.id AND s.step = c.step "
		" WHERE s.effect = 4 AND r.state IN (1, 2, 3, 6) AND c.state <> 2 ORDER BY c.id";
	int64_t now_ms = rule_ms(txn->now);
	struct sq_rows ids = {.arena = &txn->arena, .size = sizeof(int64_t)};

	if (sq_change(q, loading, SQ_ARGS(SQ_TEXT(RULE_RESTORED_LOADING), SQ_INT(now_ms))) < 0)
		return SQ_FAILED;
	int rc = sq_change(q, retries, SQ_ARGS(SQ_INT(now_ms), SQ_TEXT(RULE_RESTORED_TEXT)));
	if (rc < 0 || sq_ids(q, chunks, SQ_NO_ARGS, &ids) < 0)
		return SQ_FAILED;
	*doubtful += rc;
	for (size_t i = 0; i < ids.n; i++) {
		const struct sq_doubt doubt = {
			.chunk_id = ((const int64_t *)(const void *)ids.at)[i],
			.not_before_ms = now_ms,
			.err_class = "restored",
			.err = RULE_RESTORED_TEXT,
			.now_ms = now_ms,
		};
		struct arena a = {0};
		rc = sq_doubt_chunk(q, &a, &doubt, doubtful);
		arena_done(&a);
		if (rc < 0)
			return SQ_FAILED;
	}
	return 0;
}

/* Nobody may be at work on the file that was put in place. */
static int sq_check_alone(struct sq *q, struct ledger_txn *txn, struct err *err)
{
	static const char alive[] = "SELECT inc FROM instance_ WHERE state IN (1, 2) ORDER BY inc";
	struct sq_rows ids = {.arena = &txn->arena, .size = sizeof(int64_t)};

	if (sq_ids(q, alive, SQ_NO_ARGS, &ids) < 0)
		return sq_err(q, err);
	const int64_t *incs = (const int64_t *)(const void *)ids.at;
	for (size_t i = 0; i < ids.n; i++)
		if (!sq_is_gone(&q->locks, incs[i]))
			return ERR(err, ERR_TEMP, "instance %lld is still running: stop it first",
				   (long long)incs[i]);
	return 0;
}

static int sq_restore(struct sq *q, struct ledger_txn *txn, int64_t *doubtful, struct err *err)
{
	int rc = sq_check_alone(q, txn, err);

	if (rc < 0)
		return rc;
	if (sq_restore_instances(q, txn, doubtful) < 0 || sq_restore_runs(q, txn, doubtful) < 0 ||
	    sq_skip_ids(q) < 0)
		return sq_err(q, err);
	return 0;
}

int sq_restored(struct ledger *ledger, utime now, int64_t *ret_doubtful, struct err *err)
{
	struct sq *q = sq_of(ledger);
	int64_t doubtful = 0;
	int rc = sq_begin(q, err);

	if (rc < 0)
		return rc;
	struct ledger_txn *txn = ledger_txn_new(); /* for its arena and time */
	txn->now = now;
	rc = sq_restore(q, txn, &doubtful, err);
	ledger_txn_free(txn);
	if (rc < 0) {
		sq_rollback(q);
		sq_gate_give(&q->locks);
		return rc;
	}
	rc = sq_commit(q, err);
	if (rc == 0)
		*ret_doubtful = doubtful;
	return rc;
}
