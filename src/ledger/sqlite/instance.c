/* SPDX-License-Identifier: Apache-2.0 */
/* Instances and their lanes. */
#include <errno.h>
#include <string.h>

#include "ledger/sqlite/sqlite.h"

/* More numbers than this in use by somebody else is no accident. */
enum { NUMBERS_TRIED = 1000 };

/* A free number whose byte of the lock file is ours from now on. After a restore from backup a
 * number that is free in the table may be somebody's life: the byte decides. */
static int sq_instance_number(struct sq *q, struct ledger_txn *txn, int64_t *ret_inc)
{
	static const char sql[] = "SELECT coalesce(max(inc), 0) + 1 FROM instance_";
	int64_t inc = 0;

	if (sq_number(q, sql, SQ_NO_ARGS, &inc) < 0)
		return SQ_FAILED;
	for (int i = 0; i < NUMBERS_TRIED; i++, inc++) {
		int rc = sq_life_take(&q->locks, inc);
		if (rc == 0) {
			*ret_inc = inc;
			return 0;
		}
		if (rc < 0) {
			q->rc = SQLITE_IOERR_LOCK;
			q->os_errno = errno;
			(void)sqlite3_snprintf((int)sizeof(q->text), q->text,
					       "its lock file cannot be locked");
			return SQ_FAILED;
		}
	}
	return sq_lost(txn, "every number for a new instance is in use");
}

int sq_instance_begin(struct sq *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char known[] = "SELECT inc FROM instance_ WHERE nonce = ?1";
	static const char insert[] =
		"INSERT INTO instance_(inc, nonce, name, host, boot_id, pid, state, started_at,"
		" quarantine_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, 1, ?7, ?8)";
	static const char batch[] = "INSERT INTO instance_batch(inc, batch) VALUES (?1, 0)";
	struct lop_instance_begin *b = &op->u.instance_begin;
	const struct sq_value nonce = SQ_BLOB(b->nonce, sizeof(b->nonce));
	int64_t inc = 0;
	int rc = sq_number(q, known, &nonce, 1, &inc);

	if (rc < 0)
		return rc;
	if (rc == 0) {
		rc = sq_instance_number(q, txn, &inc);
		if (rc != 0)
			return rc;
		q->new_inc = inc;
		if (sq_change(q, insert,
			      SQ_ARGS(SQ_INT(inc), nonce, SQ_TEXT(b->name == NULL ? "" : b->name),
				      SQ_TEXT(b->host == NULL ? "" : b->host),
				      SQ_TEXT(b->boot_id == NULL ? "" : b->boot_id), SQ_INT(b->pid),
				      SQ_INT(rule_ms(txn->now)),
				      SQ_INT(rule_ms_up(b->quarantine_us)))) < 0 ||
		    sq_change(q, batch, SQ_ARGS(SQ_INT(inc))) < 0)
			return SQ_FAILED;
	}
	b->ret_inc = txn->inc = inc;
	memcpy(txn->nonce, b->nonce, sizeof(b->nonce));
	return 0;
}

int sq_instance_list(struct sq *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char sql[] = "SELECT " SQ_INSTANCE_COLUMNS
				  " FROM instance_ AS i INDEXED BY instance_alive"
				  " WHERE i.state IN (1, 2) AND i.inc <> ?1 ORDER BY i.inc";
	struct lop_instance_list *l = &op->u.instance_list;
	struct sq_rows rows = {.arena = &txn->arena, .size = sizeof(struct ledger_instance_row)};
	sqlite3_stmt *st = sq_query(q, sql, SQ_ARGS(SQ_INT(txn->inc)));
	int rc = 0;

	while ((rc = sq_next(q, st)) == 1) {
		struct ledger_instance_row *row = sq_rows_add(&rows);
		sq_get_instance(q, &txn->arena, st, row);
	}
	struct ledger_instance_row *found = (struct ledger_instance_row *)(void *)rows.at;
	if (rc == 0)
		rc = sq_get_lanes(q, &txn->arena, found, rows.n);
	l->ret_rows = found;
	l->ret_n = rows.n;
	return rc;
}

int sq_instance_quarantine(struct sq *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char sql[] =
		"UPDATE instance_ SET quarantine_ms = ?2 WHERE inc = ?1 AND quarantine_ms < ?2";
	int64_t ms = rule_ms_up(op->u.instance_quarantine.quarantine_us);

	return sq_change(q, sql, SQ_ARGS(SQ_INT(txn->inc), SQ_INT(ms))) < 0 ? SQ_FAILED : 0;
}

int sq_instance_stopping(struct sq *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char sql[] = "UPDATE instance_ SET state = 2 WHERE inc = ?1 AND state = 1";

	(void)op;
	return sq_change(q, sql, SQ_ARGS(SQ_INT(txn->inc))) < 0 ? SQ_FAILED : 0;
}

/* The instance is on no run any more, loads none, has no lanes, and probes nothing. What it was to
 * do at the end of a run nobody begins before `not_before_ms`. */
static int sq_instance_leave(struct sq *q, int64_t inc, int64_t not_before_ms)
{
	static const char runs[] = "DELETE FROM run_instance WHERE inc = ?1";
	static const char loads[] = "UPDATE run_step SET loader = NULL WHERE loader = ?1";
	static const char lanes[] = "DELETE FROM lane WHERE inc = ?1";
	static const char probes[] = "UPDATE breaker_ SET probe = NULL, probe_until = 0,"
				     " probe_for = 0, version = version + 1 WHERE probe = ?1";

	if (sq_change(q, probes, SQ_ARGS(SQ_INT(inc))) < 0 ||
	    sq_change(q, loads, SQ_ARGS(SQ_INT(inc))) < 0 ||
	    sq_endings_free(q, 0, inc, not_before_ms) < 0 ||
	    sq_change(q, runs, SQ_ARGS(SQ_INT(inc))) < 0 ||
	    sq_change(q, lanes, SQ_ARGS(SQ_INT(inc))) < 0)
		return SQ_FAILED;
	return 0;
}

int sq_instance_end(struct sq *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char holds[] =
		"SELECT EXISTS (SELECT 1 FROM chunk WHERE state = 1 AND owner = ?1)"
		" OR EXISTS (SELECT 1 FROM loose WHERE owner = ?1)";
	static const char end[] = "UPDATE instance_ SET state = 3, ended_at = ?2 WHERE inc = ?1";
	int64_t n = 0;

	(void)op;
	if (sq_number(q, holds, SQ_ARGS(SQ_INT(txn->inc)), &n) < 0)
		return SQ_FAILED;
	if (n != 0)
		return sq_lost(txn, "instance %lld still holds work", (long long)txn->inc);
	if (sq_instance_leave(q, txn->inc, 0) < 0 ||
	    sq_requests_lapse(q, 0, txn->inc, rule_ms(txn->now)) < 0)
		return SQ_FAILED;
	return sq_change(q, end, SQ_ARGS(SQ_INT(txn->inc), SQ_INT(rule_ms(txn->now)))) < 0
		       ? SQ_FAILED
		       : 0;
}

int sq_lane_put(struct sq *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char sql[] = "INSERT INTO lane(inc, pid, start_time) VALUES (?1, ?2, ?3)"
				  " ON CONFLICT DO NOTHING";
	const struct lop_lane_put *p = &op->u.lane_put;
	int rc = sq_change(q, sql,
			   SQ_ARGS(SQ_INT(txn->inc), SQ_INT(p->pid), SQ_INT(p->start_time)));

	return rc < 0 ? SQ_FAILED : 0;
}

int sq_lane_drop(struct sq *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char sql[] =
		"DELETE FROM lane WHERE inc = ?1 AND pid = ?2 AND start_time = ?3";
	const struct lop_lane_drop *d = &op->u.lane_drop;
	int rc = sq_change(q, sql,
			   SQ_ARGS(SQ_INT(txn->inc), SQ_INT(d->pid), SQ_INT(d->start_time)));

	return rc < 0 ? SQ_FAILED : 0;
}

/* ---- R ---- */

/* Loose rows that the dead one held. What it only asked about is in doubt as it was: asking has no
 * effect that could still come. */
static int sq_reap_loose(struct sq *q, int64_t dead, int64_t not_before_ms, int64_t now_ms)
{
	static const char probing[] = "UPDATE loose SET state = 3, owner = NULL, token = NULL,"
				      " updated = ?2 WHERE owner = ?1 AND state = 7";
	static const char sql[] =
		"UPDATE loose SET state = 3, owner = NULL, token = NULL, not_before = ?2,"
		" quiet_until = ?2, nos = 0, unclear = 0,"
		" err_class = ?3, err = ?4, fingerprint = '', updated = ?5 WHERE owner = ?1";

	if (sq_change(q, probing, SQ_ARGS(SQ_INT(dead), SQ_INT(now_ms))) < 0)
		return SQ_FAILED;
	return sq_change(q, sql,
			 SQ_ARGS(SQ_INT(dead), SQ_INT(not_before_ms), SQ_TEXT(RULE_OWNER_LOST),
				 SQ_TEXT(RULE_OWNER_LOST_TEXT), SQ_INT(now_ms)));
}

struct sq_held {
	int64_t id;
	enum effect_class effect;
};

static int sq_held_by(struct sq *q, struct arena *a, int64_t inc, struct sq_rows *ret_held)
{
	static const char sql[] = "SELECT c.id, s.effect FROM chunk AS c INDEXED BY chunk_held"
				  " JOIN run_step AS s ON s.run_id = c.run_id AND s.step = c.step"
				  " WHERE c.state = 1 AND c.owner = ?1 ORDER BY c.id";
	sqlite3_stmt *st = sq_query(q, sql, SQ_ARGS(SQ_INT(inc)));
	int rc = 0;

	*ret_held = (struct sq_rows){.arena = a, .size = sizeof(struct sq_held)};
	while ((rc = sq_next(q, st)) == 1) {
		struct sq_held *held = sq_rows_add(ret_held);
		*held = (struct sq_held){sqlite3_column_int64(st, 0),
					 (enum effect_class)sqlite3_column_int(st, 1)};
	}
	return rc;
}

int sq_reap_now(struct sq *q, struct ledger_txn *txn, int64_t dead, int64_t quarantine_us,
		int64_t *ret_doubtful)
{
	static const char reaped[] = "UPDATE instance_ SET state = 4, ended_at = ?2, reaped_by = ?3"
				     " WHERE inc = ?1 AND state IN (1, 2)";
	int64_t now_ms = rule_ms(txn->now);
	int64_t not_before_ms = rule_ms_up(txn->now + quarantine_us);
	struct sq_rows rows = {0};
	int loose = sq_reap_loose(q, dead, not_before_ms, now_ms);

	if (loose < 0 || sq_held_by(q, &txn->arena, dead, &rows) < 0)
		return SQ_FAILED;
	*ret_doubtful = loose;
	const struct sq_held *held = (const struct sq_held *)(const void *)rows.at;
	for (size_t i = 0; i < rows.n; i++) {
		const struct sq_doubt doubt = {
			.chunk_id = held[i].id,
			.only_started = rule_only_started(held[i].effect, quarantine_us == 0),
			.not_before_ms = not_before_ms,
			.err_class = RULE_OWNER_LOST,
			.err = RULE_OWNER_LOST_TEXT,
			.now_ms = now_ms,
		};
		if (sq_doubt_chunk(q, &txn->arena, &doubt, ret_doubtful) < 0)
			return SQ_FAILED;
	}
	if (sq_instance_leave(q, dead, not_before_ms) < 0 ||
	    sq_requests_lapse(q, 0, dead, now_ms) < 0 ||
	    sq_change(q, reaped, SQ_ARGS(SQ_INT(dead), SQ_INT(now_ms), SQ_INT_OR_NULL(txn->inc))) <
		    0)
		return SQ_FAILED;
	return sq_requests_settle(q, txn);
}

static int sq_reap_again(struct sq *q, const struct ledger_txn *txn, struct lop_reap *r)
{
	static const char sql[] =
		"SELECT 1 FROM instance_ WHERE inc = ?1 AND state = 4 AND reaped_by = ?2";
	int64_t one = 0;
	int rc = sq_number(q, sql, SQ_ARGS(SQ_INT(r->dead), SQ_INT(txn->inc)), &one);

	r->ret_done = rc == 1;
	return rc < 0 ? SQ_FAILED : 0;
}

int sq_reap(struct sq *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char alive[] = "SELECT 1 FROM instance_ WHERE inc = ?1 AND state IN (1, 2)";
	struct lop_reap *r = &op->u.reap;
	int64_t one = 0;

	if (q->is_replay)
		return sq_reap_again(q, txn, r);
	if (r->dead == txn->inc)
		return 0;
	int rc = sq_number(q, alive, SQ_ARGS(SQ_INT(r->dead)), &one);
	/* Safety: the byte is held until after the commit, so that nobody can come to life with
	 * it. */
	if (rc != 1 || !sq_dead_take(&q->locks, r->dead))
		return rc < 0 ? SQ_FAILED : 0;
	rc = sq_reap_now(q, txn, r->dead, r->quarantine_us, &r->ret_doubtful);
	r->ret_done = rc == 0;
	return rc;
}
