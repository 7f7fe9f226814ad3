/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What applications put in, until it is moved into a run.
 *
 * The ids of an inbox are no order of commits: an application's transaction may be open for long,
 * and its rows appear late, below others. So rows are taken out one by one, each by its id, and
 * what appears late is there for whoever looks next. That is a delete for each.
 *
 * A full table goes as a whole, without: the table is closed by letting the sequence jump to the
 * next turn, whose rows go to the other table, at a moment when nobody is inserting, which an
 * insert would show by its lock on `inbox`. That lock is tried, never waited for, so no application
 * waits for us. Nothing is added to a closed table any more, so how far it was moved is one number,
 * inbox_turn.moved_to, and when that is all of it the table is truncated. It is done where there is
 * much of one job and nothing of others; else, and while somebody inserts, rows go one by one.
 */
#include <endian.h>
#include <string.h>

#include "ledger/postgres/postgres.h"

/* Fewer rows than these are not worth a table. */
enum { INBOX_MUCH = 5000 };
/* Binary timestamps count from 2000-01-01. */
#define PL_EPOCH_US INT64_C(946684800000000)

const char *const pl_inbox_functions[] = {
	/* Plans without statistics would sort the whole inbox for each page. */
	"CREATE OR REPLACE FUNCTION inbox_page(of_job text, behind bigint, upto bigint,"
	"  most bigint, bytes bigint, whole bigint, shown bigint)"
	" RETURNS TABLE(id bigint, added_at timestamptz, key text, size bigint, fields text)"
	" LANGUAGE sql STABLE SET enable_sort = off SET enable_bitmapscan = off"
	" SET enable_seqscan = off AS $$"
	" SELECT q.id, q.added_at, q.key, q.size,"
	"  CASE WHEN q.size > whole THEN left(q.fields, shown::int) ELSE q.fields END"
	" FROM (SELECT p.id, p.added_at, p.key, p.fields, octet_length(p.fields)::bigint AS size,"
	"  sum(octet_length(p.fields)) OVER (ORDER BY p.id ROWS UNBOUNDED PRECEDING) AS so_far"
	"  FROM (SELECT i.id, i.added_at, i.key, i.fields::text AS fields FROM stint.inbox AS i"
	"   WHERE i.job = of_job AND i.id > behind AND i.id <= upto ORDER BY i.id LIMIT most)"
	"  AS p) AS q WHERE q.so_far - q.size < bytes ORDER BY q.id $$",
	/* whether the table of a turn has rows of other jobs */
	"CREATE OR REPLACE FUNCTION inbox_is_shared(of_turn bigint, of_job text) RETURNS boolean"
	" LANGUAGE plpgsql SET enable_seqscan = off SET enable_bitmapscan = off AS $$"
	" DECLARE it boolean; BEGIN EXECUTE format('SELECT EXISTS (SELECT 1 FROM stint.inbox_%s"
	" WHERE job < $1) OR EXISTS (SELECT 1 FROM stint.inbox_%1$s WHERE job > $1)',"
	" of_turn & 1) INTO it USING of_job; RETURN it; END $$",
	"CREATE OR REPLACE FUNCTION inbox_clear(of_job text) RETURNS bigint LANGUAGE plpgsql"
	" SET enable_seqscan = off SET enable_bitmapscan = off AS $$"
	" DECLARE t stint.inbox_turn; BEGIN"
	"  SELECT turn, job, moved_to INTO t FROM stint.inbox_turn WHERE job = of_job FOR UPDATE;"
	"  IF NOT FOUND THEN RETURN 0; END IF;"
	"  IF EXISTS (SELECT 1 FROM stint.inbox AS i WHERE i.job = of_job AND i.id > t.moved_to"
	"   AND i.id < (t.turn + 1) << 40) OR stint.inbox_is_shared(t.turn, of_job)"
	"   THEN RETURN 0; END IF;"
	"  BEGIN"
	"   EXECUTE format('LOCK TABLE stint.inbox_%s IN ACCESS EXCLUSIVE MODE NOWAIT',"
	"    t.turn & 1);"
	"   EXECUTE format('TRUNCATE stint.inbox_%s', t.turn & 1);"
	"   DELETE FROM stint.inbox_turn WHERE turn = t.turn;"
	"  EXCEPTION WHEN lock_not_available THEN RETURN 0; END;"
	" RETURN 1; END $$",
	/* the place behind the last row of now; closes the table where that is worth it */
	"CREATE OR REPLACE FUNCTION inbox_begin(of_job text, much bigint) RETURNS bigint"
	" LANGUAGE plpgsql SET enable_seqscan = off SET enable_bitmapscan = off AS $$"
	" DECLARE place bigint; now_turn bigint; n bigint; is_free boolean; BEGIN"
	"  PERFORM stint.inbox_clear(of_job);"
	"  SELECT last_value INTO place FROM stint.inbox_id_seq;"
	"  now_turn := place >> 40;"
	"  SELECT count(*) INTO n FROM (SELECT 1 FROM stint.inbox AS i WHERE i.job = of_job"
	"   AND i.id > now_turn << 40 LIMIT much) AS l;"
	"  IF n < much OR EXISTS (SELECT 1 FROM stint.inbox_turn) THEN RETURN place; END IF;"
	"  EXECUTE format('SELECT NOT EXISTS (SELECT 1 FROM stint.inbox_%s)', (now_turn + 1) & 1)"
	"   INTO is_free;"
	"  IF NOT is_free THEN RETURN place; END IF;"
	"  BEGIN"
	"   LOCK TABLE ONLY stint.inbox IN SHARE MODE NOWAIT;"
	"   IF NOT stint.inbox_is_shared(now_turn, of_job) THEN"
	"    SELECT last_value INTO place FROM stint.inbox_id_seq;"
	"    PERFORM setval('stint.inbox_id_seq', (now_turn + 1) << 40);"
	"    INSERT INTO stint.inbox_turn VALUES (now_turn, of_job, now_turn << 40);"
	"   END IF;"
	"  EXCEPTION WHEN lock_not_available THEN NULL; END;"
	" RETURN place; END $$",
	NULL,
};

int pl_inbox_add(struct pl *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char sql[] = "INSERT INTO inbox(job, key, fields) VALUES ($1, $2, $3::json)";
	const struct lop_inbox_add *add = &op->u.inbox_add;

	for (size_t i = 0; i < add->n; i++) {
		const char *fields = arena_text(&txn->arena, add->rows[i].fields, add->rows[i].len);
		if (pl_send(q, sql,
			    PL_ARGS(PL_TEXT(add->job), PL_TEXT(add->rows[i].key),
				    PL_TEXT(fields))) < 0)
			return PL_FAILED;
	}
	return 0;
}

int pl_inbox_begin(struct pl *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char lock[] = "SELECT pg_advisory_xact_lock(1937010292, -3)::text";
	static const char others[] =
		"SELECT r.name FROM run_step AS s JOIN run_ AS r ON r.id = s.run_id"
		" WHERE s.loader IS NOT NULL AND s.inbox_epoch = s.loader_epoch AND r.job = $1"
		" AND NOT (s.run_id = $2 AND s.step = $3) LIMIT 1";
	static const char begin[] =
		"UPDATE run_step SET inbox_epoch = loader_epoch WHERE run_id = $1 AND step = $2"
		" AND loader = $3 AND loader_epoch = $4";
	static const char end[] = "SELECT inbox_begin($1, $2)";
	static const char end_again[] = "SELECT last_value FROM inbox_id_seq";
	struct lop_inbox_begin *b = &op->u.inbox_begin;
	int32_t step = rule_step(b->step);

	/* Two runs that begin at the same time must not both find that nobody reads. */
	if (!q->is_replay && pl_send(q, lock, PL_NO_ARGS) < 0)
		return PL_FAILED;
	AUTO(pl_rows)
	PGresult *rows = pl_query(q, others,
				  PL_ARGS(PL_TEXT(b->job), PL_INT(b->run_id), PL_INT(step)));
	if (rows == NULL)
		return PL_FAILED;
	if (PQntuples(rows) == 1) {
		b->ret_other = pl_text(&txn->arena, rows, 0, 0);
		return 0;
	}
	if (q->is_replay)
		return pl_number(q, end_again, PL_NO_ARGS, &b->ret_upto) < 0 ? PL_FAILED : 0;
	int64_t n = pl_change(
		q, begin,
		PL_ARGS(PL_INT(b->run_id), PL_INT(step), PL_INT(txn->inc), PL_INT(b->epoch)));
	if (n == 0)
		return pl_lost(txn, "run %lld is not loaded by instance %lld any more",
			       (long long)b->run_id, (long long)txn->inc);
	if (n < 0)
		return PL_FAILED;
	return pl_number(q, end, PL_ARGS(PL_TEXT(b->job), PL_INT(INBOX_MUCH)), &b->ret_upto) < 0
		       ? PL_FAILED
		       : 0;
}

static void pl_inbox_get(struct arena *a, const PGresult *rows, int i, struct ledger_inbox_row *row)
{
	*row = (struct ledger_inbox_row){
		.id = pl_int(rows, i, 0),
		.added_at = pl_int(rows, i, 1) + PL_EPOCH_US,
		.key = pl_text_or_null(a, rows, i, 2),
		.size = pl_int(rows, i, 3),
	};
	row->fields = pl_blob(a, rows, i, 4, &row->len);
}

static int pl_inbox_place(struct pl *q, struct lop_inbox_read *r)
{
	static const char sql[] = "SELECT moved_to, ((turn + 1) << 40) - 1 FROM inbox_turn"
				  " WHERE job = $1";
	AUTO(pl_rows) PGresult *rows = pl_query(q, sql, PL_ARGS(PL_TEXT(r->job)));

	if (rows == NULL)
		return PL_FAILED;
	r->ret_from = r->after;
	r->ret_whole_to = 0;
	if (PQntuples(rows) == 0)
		return 0;
	int64_t moved_to = pl_int(rows, 0, 0);
	r->ret_whole_to = pl_int(rows, 0, 1);
	if (moved_to > r->after)
		r->ret_from = moved_to;
	return 0;
}

int pl_inbox_read(struct pl *q, struct ledger_txn *txn, struct ledger_op *op)
{
	static const char sql[] =
		"SELECT id, added_at, key, size, fields FROM inbox_page($1, $2, $3, $4, $5, $6,"
		" $7)";
	struct lop_inbox_read *r = &op->u.inbox_read;

	if (pl_inbox_place(q, r) < 0)
		return PL_FAILED;
	AUTO(pl_rows)
	PGresult *rows = pl_query(q, sql,
				  PL_ARGS(PL_TEXT(r->job), PL_INT(r->ret_from), PL_INT(r->upto),
					  PL_INT(r->max), PL_INT(r->max_bytes),
					  PL_INT(LEDGER_INBOX_ITEM_MAX),
					  PL_INT(LEDGER_INBOX_SHOWN_MAX)));
	if (rows == NULL)
		return PL_FAILED;
	r->ret_n = (size_t)PQntuples(rows);
	struct ledger_inbox_row *all = arena_alloc(&txn->arena, r->ret_n * sizeof(*all));
	for (int i = 0; i < (int)r->ret_n; i++)
		pl_inbox_get(&txn->arena, rows, i, &all[i]);
	r->ret_rows = all;
	return 0;
}

int pl_inbox_take(struct pl *q, const struct ledger_inbox_taken *taken)
{
	static const char whole[] =
		"WITH g AS (UPDATE inbox_turn SET moved_to = $3 WHERE job = $1 AND moved_to = $2"
		" AND turn = $3 >> 40 RETURNING 1) SELECT 1 / count(*) FROM g";
	static const char left[] =
		"INSERT INTO inbox(job, key, fields, added_at) SELECT job, key, fields, added_at"
		" FROM inbox WHERE job = $1 AND id = ANY($2) ORDER BY id";
	static const char single[] =
		"WITH d AS (DELETE FROM inbox WHERE job = $1 AND id = ANY($2) RETURNING 1)"
		" SELECT 1 / (count(*) = $3)::int FROM d";

	if (taken->to > taken->from &&
	    pl_send(q, whole,
		    PL_ARGS(PL_TEXT(taken->job), PL_INT(taken->from), PL_INT(taken->to))) < 0)
		return PL_FAILED;
	if (taken->n_left > 0 &&
	    pl_send(q, left,
		    PL_ARGS(PL_TEXT(taken->job), PL_INTS(taken->left, (int64_t)taken->n_left))) < 0)
		return PL_FAILED;
	if (taken->n == 0)
		return 0;
	return pl_send(q, single,
		       PL_ARGS(PL_TEXT(taken->job), PL_INTS(taken->ids, (int64_t)taken->n),
			       PL_INT((int64_t)taken->n)));
}

int pl_inbox_clear(struct pl *q, int64_t run_id, int32_t step)
{
	static const char sql[] =
		"SELECT inbox_clear(r.job) FROM run_ AS r JOIN run_step AS s ON s.run_id = r.id"
		" WHERE r.id = $1 AND s.step = $2 AND s.inbox_epoch > 0";

	return pl_send(q, sql, PL_ARGS(PL_INT(run_id), PL_INT(step)));
}
