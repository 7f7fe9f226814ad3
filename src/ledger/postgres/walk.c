/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger read from end to end, in one snapshot, a page at a time. */
#include "ledger/postgres/postgres.h"

enum { WALK_PAGE = 500 };

static int pl_walk_instances(struct pl *q, struct arena *a, const struct ledger_visitor *v)
{
	static const char sql[] = "SELECT " PL_INSTANCE_COLUMNS
				  " FROM instance_ AS i WHERE i.inc > $1 ORDER BY i.inc LIMIT $2";
	int64_t after = -1;

	for (int n = WALK_PAGE; n == WALK_PAGE;) {
		AUTO(pl_rows)
		PGresult *rows = pl_query(q, sql, PL_ARGS(PL_INT(after), PL_INT(WALK_PAGE)));
		if (rows == NULL)
			return PL_FAILED;
		n = PQntuples(rows);
		for (int i = 0; i < n; i++) {
			struct ledger_instance_row row = {0};
			pl_get_instance(a, rows, i, &row);
			after = row.inc;
			if (v->instance != NULL)
				v->instance(v->arg, &row);
		}
		arena_reset(a);
	}
	return 0;
}

static int pl_walk_chunks(struct pl *q, struct arena *a, int64_t run_id,
			  const struct ledger_visitor *v)
{
	static const char sql[] = "SELECT " PL_CHUNK_COLUMNS ", s.sums FROM chunk AS c"
				  " LEFT JOIN chunk_sums AS s ON s.chunk_id = c.id"
				  " WHERE c.run_id = $1 AND c.first_item > $2"
				  " ORDER BY c.first_item LIMIT $3";
	int64_t after = -1;

	for (int n = WALK_PAGE; n == WALK_PAGE;) {
		AUTO(pl_rows)
		PGresult *rows = pl_query(
			q, sql, PL_ARGS(PL_INT(run_id), PL_INT(after), PL_INT(WALK_PAGE)));
		if (rows == NULL)
			return PL_FAILED;
		n = PQntuples(rows);
		for (int i = 0; i < n; i++) {
			struct ledger_chunk_row row = {0};
			pl_get_chunk(a, rows, i, &row);
			row.sums = pl_text_or_null(a, rows, i, PL_CHUNK_COLUMN_COUNT);
			after = row.first_item;
			v->chunk(v->arg, &row);
		}
		arena_reset(a);
	}
	return 0;
}

static int pl_walk_loose(struct pl *q, struct arena *a, int64_t run_id,
			 const struct ledger_visitor *v)
{
	static const char sql[] =
		"SELECT " PL_LOOSE_COLUMNS ", c.done FROM loose AS l"
		" LEFT JOIN chunk AS c ON c.id = l.chunk_id WHERE l.run_id = $1 AND l.item > $2"
		" ORDER BY l.item LIMIT $3";
	int64_t after = -1;

	for (int n = WALK_PAGE; n == WALK_PAGE;) {
		AUTO(pl_rows)
		PGresult *rows = pl_query(
			q, sql, PL_ARGS(PL_INT(run_id), PL_INT(after), PL_INT(WALK_PAGE)));
		if (rows == NULL)
			return PL_FAILED;
		n = PQntuples(rows);
		for (int i = 0; i < n; i++) {
			struct ledger_loose_row row = {0};
			pl_get_loose(a, rows, i, &row);
			int64_t place = row.item - row.first_item;
			const uint8_t *done = pl_bits(a, rows, i, PL_LOOSE_COLUMN_COUNT,
						      row.chunk_n);
			row.has_done_bit = place >= 0 && place < row.chunk_n &&
					   bits_get(done, (size_t)place);
			after = row.item;
			v->loose(v->arg, &row);
		}
		arena_reset(a);
	}
	return 0;
}

static int pl_walk_runs(struct pl *q, struct arena *a, const struct ledger_visitor *v)
{
	static const char next[] =
		"SELECT " PL_RUN_COLUMNS ", u.sums FROM " PL_RUN_TABLES
		" LEFT JOIN run_sums AS u ON u.run_id = r.id WHERE r.id > $1 ORDER BY r.id LIMIT 1";
	int64_t id = 0;
	int rc = 0;

	while (rc == 0) {
		struct ledger_run_row row = {0};
		AUTO(pl_rows) PGresult *rows = pl_query(q, next, PL_ARGS(PL_INT(id)));
		if (rows == NULL)
			return PL_FAILED;
		if (PQntuples(rows) == 0)
			return 0;
		pl_get_run(a, rows, 0, &row);
		row.sums = pl_text_or_null(a, rows, 0, PL_RUN_COLUMN_COUNT);
		id = row.id;
		if (pl_get_steps(q, a, &row) < 0)
			return PL_FAILED;
		if (v->run != NULL)
			v->run(v->arg, &row);
		arena_reset(a);
		rc = v->chunk == NULL ? 0 : pl_walk_chunks(q, a, id, v);
		if (rc == 0 && v->loose != NULL)
			rc = pl_walk_loose(q, a, id, v);
	}
	return rc;
}

int pl_walk(struct ledger *ledger, const struct ledger_visitor *visitor, struct err *err)
{
	struct pl *q = pl_of(ledger);
	struct arena a = {0};
	int rc = pl_begin(q, false, err);

	if (rc < 0)
		return rc;
	rc = pl_walk_instances(q, &a, visitor);
	if (rc == 0)
		rc = pl_walk_runs(q, &a, visitor);
	arena_done(&a);
	return pl_end(q, rc, err);
}
