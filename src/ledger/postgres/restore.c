/* SPDX-License-Identifier: Apache-2.0 */
/* `ledger restored`: the database was put back to an earlier moment. */
#include "ledger/postgres/postgres.h"

/* The ids that were given out after the backup are never given out again: idempotency keys are made
 * of them, and a target would take new items for old ones. */
static int pl_skip_ids(struct pl *q)
{
	static const char runs[] =
		"SELECT setval(pg_get_serial_sequence('stint.run_', 'id'), 1000000 +"
		" nextval(pg_get_serial_sequence('stint.run_', 'id')))";
	static const char chunks[] =
		"SELECT setval(pg_get_serial_sequence('stint.chunk', 'id'), 1000000 +"
		" nextval(pg_get_serial_sequence('stint.chunk', 'id')))";
	static const char instances[] =
		"SELECT setval('stint.inc_seq', 1000000 + nextval('stint.inc_seq'))";
	static const char generation[] =
		"UPDATE meta SET value = (value::bigint + 1)::text WHERE name = 'generation'";

	if (pl_send(q, runs, PL_NO_ARGS) < 0 || pl_send(q, chunks, PL_NO_ARGS) < 0 ||
	    pl_send(q, instances, PL_NO_ARGS) < 0)
		return PL_FAILED;
	return pl_send(q, generation, PL_NO_ARGS);
}

/* Instances that were alive when the backup was made are dead in this ledger. */
static int pl_restore_instances(struct pl *q, struct ledger_txn *txn, int64_t *doubtful)
{
	static const char alive[] =
		"SELECT inc FROM instance_ WHERE state IN (1, 2) ORDER BY inc FOR UPDATE";
	AUTO(pl_rows) PGresult *rows = pl_query(q, alive, PL_NO_ARGS);

	if (rows == NULL)
		return PL_FAILED;
	for (int i = 0; i < PQntuples(rows); i++) {
		const struct pl_burial burial = {.dead = pl_int(rows, i, 0)};
		int64_t more = 0;
		if (pl_reap_now(q, txn, &burial, &more) < 0)
			return PL_FAILED;
		*doubtful += more;
	}
	return 0;
}

static int pl_restore_chunk(struct pl *q, int64_t chunk_id, int64_t now_ms, int64_t *doubtful)
{
	const struct pl_doubt doubt = {
		.chunk_id = chunk_id,
		.not_before_ms = now_ms,
		.err_class = "restored",
		.err = RULE_RESTORED_TEXT,
		.now_ms = now_ms,
	};
	struct arena a = {0};
	int rc = pl_doubt_chunk(q, &a, &doubt, doubtful);

	arena_done(&a);
	return rc;
}

/* What a once run may have done since the backup goes into doubt: retries, and all that is open in
 * chunks. A run that was loading may have gone on with items that the ledger has never seen: it is
 * given up. */
static int pl_restore_runs(struct pl *q, struct ledger_txn *txn, int64_t *doubtful)
{
	static const char loading[] =
		"UPDATE run_ SET state = 5, reason = $1, ended_at = $2"
		" WHERE state IN (1, 2, 3, 6) AND EXISTS (SELECT 1 FROM run_step AS s"
		" WHERE s.run_id = run_.id AND s.step = run_.step AND s.effect = 4"
		" AND s.state = 1)";
	static const char retries[] =
		"UPDATE loose SET state = 3, not_before = $1, quiet_until = $1, updated = $1,"
		" err_class = 'restored', err = $2 WHERE state = 1 AND (run_id, step) IN"
		" (SELECT r.id, s.step FROM run_ AS r JOIN run_step AS s ON s.run_id = r.id"
		" WHERE s.effect = 4 AND r.state IN (1, 2, 3, 6))";
	static const char chunks[] =
		"SELECT c.id FROM chunk AS c JOIN run_ AS r ON r.id = c.run_id"
		" JOIN run_step AS s ON s.run_id = r.id AND s.step = c.step"
		" WHERE s.effect = 4 AND r.state IN (1, 2, 3, 6) AND c.state <> 2 ORDER BY c.id"
		" FOR UPDATE OF c";
	int64_t now_ms = rule_ms(txn->now);

	if (pl_send(q, loading, PL_ARGS(PL_TEXT(RULE_RESTORED_LOADING), PL_INT(now_ms))) < 0)
		return PL_FAILED;
	int64_t n = pl_change(q, retries, PL_ARGS(PL_INT(now_ms), PL_TEXT(RULE_RESTORED_TEXT)));
	AUTO(pl_rows) PGresult *rows = n < 0 ? NULL : pl_query(q, chunks, PL_NO_ARGS);
	if (rows == NULL)
		return PL_FAILED;
	*doubtful += n;
	for (int i = 0; i < PQntuples(rows); i++)
		if (pl_restore_chunk(q, pl_int(rows, i, 0), now_ms, doubtful) < 0)
			return PL_FAILED;
	return 0;
}

/* Nobody may be at work on the database that was put in place. */
static int pl_check_alone(struct pl *q, struct err *err)
{
	static const char sql[] = "SELECT " PL_INSTANCE_COLUMNS
				  " FROM instance_ AS i WHERE i.state IN (1, 2) ORDER BY i.inc";
	struct arena a = {0};
	int64_t alive = 0;
	AUTO(pl_rows) PGresult *rows = pl_query(q, sql, PL_NO_ARGS);

	if (rows == NULL)
		return PL_FAILED;
	for (int i = 0; i < PQntuples(rows) && alive == 0; i++) {
		struct ledger_instance_row row = {0};
		pl_get_instance(&a, rows, i, &row);
		alive = row.is_lock_free ? 0 : row.inc;
	}
	arena_done(&a);
	if (alive == 0)
		return 0;
	return ERR(err, ERR_TEMP, "instance %lld is still running: stop it first",
		   (long long)alive);
}

int pl_restored(struct ledger *ledger, utime now, int64_t *ret_doubtful, struct err *err)
{
	struct pl *q = pl_of(ledger);
	int64_t doubtful = 0;
	int rc = pl_begin(q, true, err);

	if (rc < 0)
		return rc;
	struct ledger_txn *txn = ledger_txn_new(); /* for its arena and time */
	txn->now = now;
	rc = pl_check_alone(q, err);
	if (rc == 0)
		rc = pl_restore_instances(q, txn, &doubtful);
	if (rc == 0)
		rc = pl_restore_runs(q, txn, &doubtful);
	if (rc == 0)
		rc = pl_skip_ids(q);
	rc = pl_end(q, rc, err);
	ledger_txn_free(txn);
	if (rc == 0)
		*ret_doubtful = doubtful;
	return rc;
}
