/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger read from end to end, in one snapshot. */
#include "ledger/sqlite/sqlite.h"

static int sq_walk_instances(struct sq *q, struct arena *a, const struct ledger_visitor *v)
{
	static const char sql[] = "SELECT " SQ_INSTANCE_COLUMNS
				  " FROM instance_ AS i ORDER BY i.inc";
	sqlite3_stmt *st = sq_query(q, sql, SQ_NO_ARGS);
	int rc = 0;

	while ((rc = sq_next(q, st)) == 1) {
		struct ledger_instance_row row = {0};
		sq_get_instance(q, a, st, &row);
		if (v->instance != NULL)
			v->instance(v->arg, &row);
		arena_reset(a);
	}
	return rc;
}

static int sq_walk_chunks(struct sq *q, struct arena *a, int64_t run_id,
			  const struct ledger_visitor *v)
{
	static const char sql[] = "SELECT " SQ_CHUNK_COLUMNS ", s.sums FROM chunk AS c"
				  " LEFT JOIN chunk_sums AS s ON s.chunk_id = c.id"
				  " WHERE c.run_id = ?1 ORDER BY c.first_item";
	sqlite3_stmt *st = sq_query(q, sql, SQ_ARGS(SQ_INT(run_id)));
	int rc = 0;

	while ((rc = sq_next(q, st)) == 1) {
		struct ledger_chunk_row row = {0};
		sq_get_chunk(a, st, &row);
		row.sums = sq_column_text_or_null(a, st, SQ_CHUNK_COLUMN_COUNT);
		v->chunk(v->arg, &row);
		arena_reset(a);
	}
	return rc;
}

static int sq_walk_loose(struct sq *q, struct arena *a, int64_t run_id,
			 const struct ledger_visitor *v)
{
	static const char sql[] =
		"SELECT " SQ_LOOSE_COLUMNS ", c.done FROM loose AS l"
		" LEFT JOIN chunk AS c ON c.id = l.chunk_id WHERE l.run_id = ?1 ORDER BY l.item";
	sqlite3_stmt *st = sq_query(q, sql, SQ_ARGS(SQ_INT(run_id)));
	int rc = 0;

	while ((rc = sq_next(q, st)) == 1) {
		struct ledger_loose_row row = {0};
		sq_get_loose(a, st, &row);
		int64_t place = row.item - row.first_item;
		const uint8_t *done = sq_column_bits(a, st, SQ_LOOSE_COLUMN_COUNT, row.chunk_n);
		row.has_done_bit = place >= 0 && place < row.chunk_n &&
				   bits_get(done, (size_t)place);
		v->loose(v->arg, &row);
		arena_reset(a);
	}
	return rc;
}

static int sq_walk_runs(struct sq *q, struct arena *a, const struct ledger_visitor *v)
{
	static const char next[] =
		"SELECT " SQ_RUN_COLUMNS ", u.sums FROM " SQ_RUN_TABLES
		" LEFT JOIN run_sums AS u ON u.run_id = r.id WHERE r.id > ?1 ORDER BY r.id LIMIT 1";
	int64_t id = 0;
	int rc = 0;

	while (rc == 0) {
		struct ledger_run_row row = {0};
		sqlite3_stmt *st = sq_query(q, next, SQ_ARGS(SQ_INT(id)));
		rc = sq_next(q, st);
		if (rc != 1)
			return rc;
		sq_get_run(a, st, &row);
		row.sums = sq_column_text_or_null(a, st, SQ_RUN_COLUMN_COUNT);
		sq_end(st);
		id = row.id;
		if (sq_get_steps(q, a, &row) < 0)
			return SQ_FAILED;
		if (v->run != NULL)
			v->run(v->arg, &row);
		arena_reset(a);
		rc = v->chunk == NULL ? 0 : sq_walk_chunks(q, a, id, v);
		if (rc == 0 && v->loose != NULL)
			rc = sq_walk_loose(q, a, id, v);
	}
	return rc;
}

int sq_walk(struct ledger *ledger, const struct ledger_visitor *visitor, struct err *err)
{
	struct sq *q = sq_of(ledger);
	struct arena a = {0};
	int rc = sq_exec(q, "BEGIN");

	if (rc == 0)
		rc = sq_walk_instances(q, &a, visitor);
	if (rc == 0)
		rc = sq_walk_runs(q, &a, visitor);
	if (rc < 0)
		rc = sq_err(q, err);
	sq_rollback(q); /* nothing was written */
	arena_done(&a);
	return rc;
}
